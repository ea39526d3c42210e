// SPDX-License-Identifier: Apache-2.0
// Weights in narrower precisions: how near the vectors are to the reference's, and that their bits depend on nothing but the text.
#include <tests/model/support.hpp>

#include <tessera/model/minilm.hpp>

#include <random>

using namespace tessera_tests;

static_assert(std::is_same_v<ts::minilm_l6<ts::bf16>::space, ts::minilm_l6<>::space>);
static_assert(std::is_same_v<ts::minilm_l6<ts::i4>::space, ts::minilm_l6<>::space>);
static_assert(std::is_same_v<ts::minilm_l6<ts::i8>::space, ts::minilm_l6<>::space>);
static_assert(ts::minilm_l6<ts::bf16>::parameter_count == ts::minilm_l6<>::parameter_count);

namespace {

/// Cosines and nearest neighbours of vectors against the reference's, [texts, width] each.
struct fidelity {
  double least_cosine = 2.0;
  double mean_cosine = 0.0;
  /// Share of texts whose nearest other text is nearest in the reference too. Texts of the same tokens are equally near; which of
  /// them comes first in the reference is the rounding of its own f32 (2.6e-7 a component), so a cosine within 1e-6 of the largest counts.
  double same_nearest = 0.0;
  /// Share of all (text, two others) of which the same is nearer as in the reference: for few texts, where a change of 1e-6 in the token
  /// table decides whether the nearest of one of them is another.
  double same_order = 0.0;

  fidelity(std::span<const float> found, std::span<const float> wanted, std::size_t width) {
    REQUIRE(found.size() == wanted.size());
    const std::size_t texts = found.size() / width;
    const auto cosine = [width](std::span<const float> a, std::size_t i, std::span<const float> b, std::size_t j) {
      double product = 0.0, square_a = 0.0, square_b = 0.0;
      for (std::size_t l = 0; l < width; ++l) {
        const double x = static_cast<double>(a[i * width + l]), y = static_cast<double>(b[j * width + l]);
        product += x * y, square_a += x * x, square_b += y * y;
      }
      return product / std::sqrt(square_a * square_b);
    };
    std::vector<double> here(texts * texts), there(texts * texts);  // cosines of every two texts; -2 of a text with itself
    for (std::size_t i = 0; i < texts; ++i)
      for (std::size_t j = 0; j < texts; ++j) {
        here[i * texts + j] = i == j ? -2.0 : cosine(found, i, found, j);
        there[i * texts + j] = i == j ? -2.0 : cosine(wanted, i, wanted, j);
      }
    const auto nearest = [&](const std::vector<double>& rows, std::size_t i) {
      const auto row = rows.begin() + static_cast<std::ptrdiff_t>(i * texts);
      return static_cast<std::size_t>(std::max_element(row, row + static_cast<std::ptrdiff_t>(texts)) - row);
    };
    std::size_t same = 0;
    constexpr double tie = 1e-6;
    for (std::size_t i = 0; i < texts; ++i) {
      const double own = cosine(found, i, wanted, i);
      least_cosine = std::fmin(least_cosine, own);
      mean_cosine += own / static_cast<double>(texts);
      same += there[i * texts + nearest(here, i)] >= there[i * texts + nearest(there, i)] - tie;
    }
    same_nearest = static_cast<double>(same) / static_cast<double>(texts);
    std::size_t agreed = 0, all = 0;
    for (std::size_t i = 0; i < texts; ++i)
      for (std::size_t j = 0; j < texts; ++j)
        for (std::size_t k = j + 1; k < texts; ++k) {
          const double apart = i == j || i == k ? 0.0 : there[i * texts + j] - there[i * texts + k];
          if (std::abs(apart) <= tie) continue;
          ++all;
          agreed += (here[i * texts + j] > here[i * texts + k]) == (apart > 0.0);
        }
    same_order = all == 0 ? 1.0 : static_cast<double>(agreed) / static_cast<double>(all);
  }
};

/// The bounds that each precision promises for a published model of this size; four bits keep less of the test models' random weights.
template <class Precision>
struct bounds {
  static constexpr double least_cosine = 0.86, mean_cosine = 0.95, same_nearest = 0.8, toy_cosine = 0.7, toy_order = 0.7;
};
template <>
struct bounds<ts::bf16> {
  static constexpr double least_cosine = 0.9999, mean_cosine = 0.9999, same_nearest = 0.97, toy_cosine = least_cosine, toy_order = 0.99;
};
template <>
struct bounds<ts::i8> {
  static constexpr double least_cosine = 0.998, mean_cosine = 0.998, same_nearest = 0.95, toy_cosine = least_cosine, toy_order = 0.97;
};

template <class Model>
void check_bits(const Model& model, const std::vector<std::string>& texts) {
  const auto together = value_of(model.encode(texts));
  for (std::size_t i = 0; i < texts.size(); ++i)
    REQUIRE(same_bits(value_of(model.encode(texts[i])).values(), together.row(i).values()));
  std::vector<std::string> shuffled = texts;
  std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937(7));
  std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937(8));
  ts::thread_pool pool(2);
  const auto others = value_of(model.encode(shuffled, {.threads = &pool}));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto place = static_cast<std::size_t>(std::ranges::find(shuffled, texts[i]) - shuffled.begin());
    REQUIRE(same_bits(others.row(place).values(), together.row(i).values()));
  }
}

}  // namespace

TEMPLATE_TEST_CASE("precision: toy models stay near the reference and keep their bits", "[model]", ts::bf16, ts::i8, ts::i4, ts::weights_only<ts::i4>) {
  const std::string folder = fixture("text/bert_mean").string();
  const auto model = value_of(ts::load<ts::bert<bert_mean_space, bert_mean_shape, TestType>>(folder));
  const auto texts = texts_of(folder + "/texts.jsonl");
  const ts::safetensors expected = value_of(ts::safetensors::open(folder + "/expected_texts.safetensors"));
  const fidelity found(flat_values(value_of(model.encode(texts))), floats(expected, "embeddings"), 48);
  CHECK(found.least_cosine >= bounds<TestType>::toy_cosine);
  CHECK(found.same_order >= bounds<TestType>::toy_order);
  check_bits(model, texts);
}

TEMPLATE_TEST_CASE("precision: weights from files of any kind, at the stated memory", "[model]", ts::bf16, ts::i8, ts::i4, ts::weights_only<ts::i4>) {
  using narrow = ts::bert<bert_mean_space, bert_mean_shape, TestType>;
  CHECK(narrow::memory_bytes() < bert_mean::memory_bytes());
  CHECK(ts::minilm_l6<TestType>::memory_bytes() < ts::minilm_l6<>::memory_bytes() * 8 / 10);
  const auto from = [](const char* name) { return value_of(ts::load<narrow>(fixture(name).string())); };
  const auto wide = from("text/bert_mean"), sharded = from("text/bert_mean_sharded");
  CHECK(same_bits(value_of(wide.encode("one text")).values(), value_of(sharded.encode("one text")).values()));
  const auto budget = ts::load<narrow>(fixture("text/bert_mean").string(), {.memory_budget = narrow::memory_bytes() / 2});
  REQUIRE_FALSE(budget);
  CHECK(budget.error().code == ts::error_code::over_budget);
}

TEMPLATE_TEST_CASE("precision: minilm against the reference's vectors of 200 texts", "[model]", ts::bf16, ts::i8, ts::i4, ts::weights_only<ts::i4>) {
  const std::string golden = fixture("text/minilm_golden").string();
  const auto folder = source_tree() / "models/all-MiniLM-L6-v2";
  if (!std::filesystem::exists(folder / "model.safetensors")) SKIP("no models/all-MiniLM-L6-v2 (tools/get-model all-MiniLM-L6-v2)");
  const auto model = value_of(ts::load<ts::minilm_l6<TestType>>(folder.string()));
  const auto texts = texts_of(golden + "/texts.jsonl");
  const ts::safetensors expected = value_of(ts::safetensors::open(golden + "/expected.safetensors"));
  const fidelity found(flat_values(value_of(model.encode(texts))), floats(expected, "embeddings"), 384);
  INFO("least cosine " << found.least_cosine << ", mean " << found.mean_cosine << ", same nearest " << found.same_nearest);
  CHECK(found.least_cosine >= bounds<TestType>::least_cosine);
  CHECK(found.mean_cosine >= bounds<TestType>::mean_cosine);
  CHECK(found.same_nearest >= bounds<TestType>::same_nearest);
  check_bits(model, texts);
}
