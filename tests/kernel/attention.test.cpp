// SPDX-License-Identifier: Apache-2.0
// Attention of every target against the definition in double; what a text's result may depend on.
#include <tests/kernel/support/close.hpp>
#include <tests/kernel/support/targets.hpp>
#include <tests/support/catch.hpp>

#include <tessera/dispatch.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <ranges>
#include <vector>

using namespace tessera_test;
namespace tk = tessera::kernel;
using tk::attention_shape;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

/// q, k and v of packed texts, each with rows wider than needed.
struct attention_case {
  attention_shape shape;
  std::vector<std::uint32_t> offsets = {0};    // of keys and values
  std::vector<std::uint32_t> q_offsets = {0};  // the same, unless a test has other numbers of queries
  std::vector<float> q = {}, k = {}, v = {};
  tk::attention_bias bias = {};
  double largest_bias = 0.0;

  attention_case(const attention_shape& wanted, const std::vector<std::size_t>& lengths, float spread, std::uint32_t seed)
      : attention_case(wanted, lengths, lengths, spread, seed) {}

  attention_case(const attention_shape& wanted, const std::vector<std::size_t>& queries, const std::vector<std::size_t>& lengths,
                 float spread, std::uint32_t seed)
      : shape(wanted) {
    for (const std::size_t length : lengths) offsets.push_back(offsets.back() + static_cast<std::uint32_t>(length));
    for (const std::size_t length : queries) q_offsets.push_back(q_offsets.back() + static_cast<std::uint32_t>(length));
    random_source random(seed);
    // No padding behind the last row: it ends where the memory may end.
    auto rows = [&](std::size_t count, std::size_t stride, std::size_t width) {
      std::vector<float> values = random.floats(count == 0 ? 0 : (count - 1) * stride + width);
      for (float& x : values) x *= spread;
      return values;
    };
    q = rows(queries_in_all(), q_stride(), shape.heads * shape.head_width);
    k = rows(offsets.back(), kv_stride(), shape.kv_heads * shape.head_width);
    v = rows(offsets.back(), kv_stride(), shape.kv_heads * shape.head_width);
  }

  [[nodiscard]] std::size_t texts() const { return offsets.size() - 1; }
  [[nodiscard]] std::size_t queries_in_all() const { return q_offsets.back(); }
  [[nodiscard]] std::size_t q_stride() const { return shape.heads * shape.head_width + 3; }
  [[nodiscard]] std::size_t kv_stride() const { return shape.kv_heads * shape.head_width + 1; }
  [[nodiscard]] std::size_t out_stride() const { return shape.heads * shape.head_width + 5; }
  [[nodiscard]] std::size_t longest() const {
    std::size_t most = 0;
    for (std::size_t t = 0; t < texts(); ++t) most = std::max<std::size_t>(most, offsets[t + 1] - offsets[t]);
    return most;
  }

  [[nodiscard]] std::vector<float> truth() const {
    std::vector<float> out(queries_in_all() * out_stride(), 77.0f);
    tk::scalar::attention_f32(shape, bias, q.data(), q_stride(), q_offsets.data(), k.data(), kv_stride(), v.data(), kv_stride(),
                              offsets.data(), texts(), out.data(), out_stride());
    return out;
  }

  /// Scratch begins as NaN and ends at an unreadable page.
  [[nodiscard]] std::vector<float> run(const kernel_table& table) const {
    std::vector<float> out(queries_in_all() * out_stride(), 77.0f);
    const guarded<float> gq(q), gk(k), gv(v);
    guarded<float> scratch(std::vector<float>(table.attention.attention_scratch_f32(shape, longest()), nan_value));
    table.attention.attention_f32(shape, bias, gq.data(), q_stride(), q_offsets.data(), gk.data(), kv_stride(), gv.data(),
                                  kv_stride(), offsets.data(), texts(), out.data(), out_stride(), scratch.data());
    return out;
  }

  /// The same by attention_bf16.
  [[nodiscard]] std::vector<float> run_bf16(const kernel_table& table) const {
    std::vector<float> out(queries_in_all() * out_stride(), 77.0f);
    const guarded<float> gq(q), gk(k), gv(v);
    guarded<float> scratch(std::vector<float>(table.attention.attention_scratch_bf16(shape, longest()), nan_value));
    CHECK(scratch.size() <= tk::attention_scratch_bound(shape, longest()));
    table.attention.attention_bf16(shape, gq.data(), q_stride(), q_offsets.data(), gk.data(), kv_stride(), gv.data(), kv_stride(),
                                   offsets.data(), texts(), out.data(), out_stride(), scratch.data());
    return out;
  }

  /// The only text in pieces: each piece's keys into the cache, then its rows.
  [[nodiscard]] std::vector<float> run_cached(const kernel_table& table, const std::vector<std::size_t>& pieces,
                                              std::size_t capacity) const {
    std::vector<float> out(queries_in_all() * out_stride(), 77.0f);
    const guarded<float> gk(k), gv(v);
    guarded<float> cache(std::vector<float>(table.attention.cache_size_f32(shape, capacity), nan_value));
    guarded<float> scratch(std::vector<float>(table.attention.attention_scratch_f32(shape, longest()), nan_value));
    std::size_t length = 0;
    for (const std::size_t piece : pieces) {
      table.attention.extend_f32(shape, gk.data() + length * kv_stride(), kv_stride(), gv.data() + length * kv_stride(),
                                 kv_stride(), length, piece, capacity, cache.data());
      length += piece;
      tk::attention_bias here = bias;
      if (here.pairwise != nullptr) here.pairwise += (length - piece) * here.row_stride;
      table.attention.attend_f32(shape, here, q.data() + (length - piece) * q_stride(), q_stride(), piece, length, capacity,
                                 cache.data(), out.data() + (length - piece) * out_stride(), out_stride(), scratch.data());
    }
    return out;
  }

  /// The bound of kernel/attention.hpp, with the largest products and values of the whole case.
  [[nodiscard]] double stated_error(std::size_t keys) const {
    double values = 0.0;
    for (const float x : v) values = std::max(values, std::fabs(static_cast<double>(x)));
    double query = 0.0;
    for (const float x : q) query = std::max(query, std::fabs(static_cast<double>(x)));
    double key = 0.0;
    for (const float x : k) key = std::max(key, std::fabs(static_cast<double>(x)));
    const double width = static_cast<double>(shape.head_width);
    const double count = static_cast<double>(keys);
    const double scores = 2.0 * (width + 4.0) * unit_roundoff * static_cast<double>(shape.scale) * width * query * key;
    return (scores + 8.0 * unit_roundoff * largest_bias + (count + count / 16.0 + 16.0) * unit_roundoff) * values;
  }

  /// The bound of attention_bf16, of the products and values that row `row` of text t and head h really has.
  [[nodiscard]] double stated_error_bf16(std::size_t t, std::size_t row, std::size_t h) const {
    const std::size_t width = shape.head_width;
    const std::size_t kv = h / (shape.heads / shape.kv_heads) * width;
    const std::size_t length = offsets[t + 1] - offsets[t];
    const tk::key_range keys = tk::keys_of(shape, row + length - q_offsets[t + 1], length);
    double products = 0.0, values = 0.0;
    for (std::size_t j = keys.first; j < keys.last; ++j) {
      const std::size_t at = (offsets[t] + j) * kv_stride() + kv;
      double sum = 0.0;
      for (std::size_t c = 0; c < width; ++c) {
        sum += std::fabs(static_cast<double>(q[row * q_stride() + h * width + c]) * static_cast<double>(k[at + c]));
        values = std::max(values, std::fabs(static_cast<double>(v[at + c])));
      }
      products = std::max(products, sum);
    }
    constexpr double e = 0x1p-8;
    const double score = (2.1 * e + static_cast<double>(width) * unit_roundoff) * static_cast<double>(shape.scale) * products;
    return (std::exp(2.0 * score + 2.2 * e + static_cast<double>(length) * unit_roundoff) * (1.0 + e) - 1.0) * values;
  }
  /// The largest part of the bound of attention_bf16 that any number of `out` is off.
  [[nodiscard]] double worst_bf16(const std::vector<float>& out, const std::vector<float>& right) const {
    double worst = 0.0;
    for (std::size_t t = 0; t < texts(); ++t)
      for (std::size_t i = q_offsets[t]; i < q_offsets[t + 1]; ++i)
        for (std::size_t h = 0; h < shape.heads; ++h) {
          const double bound = stated_error_bf16(t, i, h);
          for (std::size_t c = 0; c < shape.head_width; ++c) {
            const std::size_t at = i * out_stride() + h * shape.head_width + c;
            const double off = std::fabs(static_cast<double>(out[at]) - static_cast<double>(right[at]));
            if (!(off <= worst * bound)) worst = bound == 0.0 ? (off == 0.0 ? worst : HUGE_VAL) : off / bound;
          }
        }
    return worst;
  }
};

/// Rows [first, last) of the case's first text.
std::vector<float> rows_of(const attention_case& source, const std::vector<float>& out, std::size_t first,
                           std::size_t last) {
  std::vector<float> rows;
  for (std::size_t i = first; i < last; ++i)
    rows.insert(rows.end(), out.begin() + static_cast<std::ptrdiff_t>(i * source.out_stride()),
                out.begin() + static_cast<std::ptrdiff_t>(i * source.out_stride() +
                                                          source.shape.heads * source.shape.head_width));
  return rows;
}

bool same(const std::vector<float>& a, const std::vector<float>& b) { return std::ranges::equal(a, b, same_bits); }

/// Every head, order and window over texts of these lengths; `check` gets the case, the truth, a target and what `run` made there.
template <class Check>
void for_each_form(std::initializer_list<std::size_t> windows, const std::vector<std::size_t>& lengths, std::initializer_list<float> spreads,
                   std::uint32_t seed, std::vector<float> (attention_case::*run)(const kernel_table&) const, const Check& check) {
  struct heads {
    std::size_t q, kv, width;
  };
  for (const auto [q, kv, width] : {heads{3, 3, 32}, heads{2, 2, 64}, heads{4, 2, 12}, heads{6, 1, 20}, heads{1, 1, 1},
                                    heads{2, 1, 96}, heads{1, 1, 128}, heads{2, 2, 33}}) {
    for (const bool causal : {false, true}) {
      for (const std::size_t window : windows) {
        const attention_shape shape = {.heads = q,
                                       .kv_heads = kv,
                                       .head_width = width,
                                       .scale = 1.0f / std::sqrt(static_cast<float>(width)),
                                       .causal = causal,
                                       .window = window};
        const float spread = spreads.begin()[++seed % spreads.size()];
        const attention_case texts(shape, lengths, spread, seed);
        const std::vector<float> truth = texts.truth();
        for_each_target([&](const kernel_table& table) {
          const std::vector<float> out = (texts.*run)(table);
          INFO("heads " << q << "/" << kv << " of " << width << ", causal " << causal << ", window " << window);
          check(texts, truth, table, out);
          // The columns between rows stay as they were.
          bool outside = true;
          for (std::size_t i = 0; i < out.size(); ++i)
            outside = outside && (i % texts.out_stride() < q * width || same_bits(out[i], 77.0f));
          CHECK(outside);
        });
      }
    }
  }
}

}  // namespace

TEST_CASE("attention keeps its stated error for every mask, head and length", "[kernel][attention]") {
  for_each_form({0, 1, 2, 5, 40, 1000}, {0, 1, 2, 0, 7, 14, 15, 33, 64, 65, 100, 0}, {4.0f}, 1, &attention_case::run,
                [](const attention_case& texts, const std::vector<float>& truth, const kernel_table&, const std::vector<float>& out) {
                  const double bound = texts.stated_error(100);
                  CHECK(worst_ratio(out, truth, [&](std::size_t) { return bound; }) <= 1.0);
                });
}

TEST_CASE("attention over a long text", "[kernel][attention]") {
  for (const std::size_t window : {0u, 300u}) {
    const attention_shape shape = {
        .heads = 1, .kv_heads = 1, .head_width = 32, .scale = 0.17677670f, .causal = false, .window = window};
    const attention_case text(shape, {2500}, 3.0f, 91);
    const std::vector<float> truth = text.truth();
    const double bound = text.stated_error(2500);
    for_each_target([&](const kernel_table& table) {
      const std::vector<float> out = text.run(table);
      CHECK(worst_ratio(out, truth, [&](std::size_t) { return bound; }) <= 1.0);
      // Linear: far from one float for each pair of rows.
      CHECK(table.attention.attention_scratch_f32(shape, 8000) < 8000 * 150);
    });
  }
}

TEST_CASE("a text's result has the same bits alone and beside others", "[kernel][attention]") {
  for (const bool causal : {false, true}) {
    for (const std::size_t window : {0u, 9u}) {
      const attention_shape shape = {
          .heads = 4, .kv_heads = 2, .head_width = 32, .scale = 0.2f, .causal = causal, .window = window};
      const attention_case batch(shape, {37, 5, 64, 1, 90}, 2.0f, 17);
      for_each_target([&](const kernel_table& table) {
        const std::vector<float> together = batch.run(table);
        for (std::size_t t = 0; t < batch.texts(); ++t) {
          const std::size_t first = batch.offsets[t];
          const std::size_t last = batch.offsets[t + 1];
          attention_case alone(shape, {last - first}, 1.0f, 1);
          auto slice = [&](const std::vector<float>& from, std::vector<float>& to, std::size_t stride) {
            std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(first * stride), to.size(), to.begin());
          };
          slice(batch.q, alone.q, batch.q_stride());
          slice(batch.k, alone.k, batch.kv_stride());
          slice(batch.v, alone.v, batch.kv_stride());
          CHECK(same(rows_of(batch, together, first, last), rows_of(alone, alone.run(table), 0, last - first)));
        }
      });
    }
  }
}

TEST_CASE("a row's result depends on its query and the keys it sees, and on nothing else", "[kernel][attention]") {
  for (const bool causal : {false, true}) {
    for (const std::size_t window : {0u, 1u, 6u, 30u}) {
      const attention_shape shape = {
          .heads = 2, .kv_heads = 1, .head_width = 20, .scale = 0.3f, .causal = causal, .window = window};
      constexpr std::size_t length = 75;
      const attention_case text(shape, {length}, 2.0f, 23);
      for_each_target([&](const kernel_table& table) {
        const std::vector<float> clean = text.run(table);
        for (const std::size_t place : {0u, 31u, 40u, 74u}) {
          for (const float bad : {nan_value, infinity}) {
            attention_case spoiled = text;
            for (std::size_t c = 0; c < 40; ++c) spoiled.q[place * text.q_stride() + c] = bad;
            for (std::size_t c = 0; c < 20; ++c) spoiled.k[place * text.kv_stride() + c] = bad;
            for (std::size_t c = 0; c < 20; ++c) spoiled.v[place * text.kv_stride() + c] = bad;
            const std::vector<float> out = spoiled.run(table);
            for (std::size_t i = 0; i < length; ++i) {
              const tk::key_range keys = tk::keys_of(shape, i, length);
              const bool sees = place >= keys.first && place < keys.last;
              INFO("causal " << causal << ", window " << window << ", row " << i << ", spoiled " << place);
              const std::vector<float> row = rows_of(spoiled, out, i, i + 1);
              if (sees) CHECK(std::ranges::all_of(row, [](float x) { return std::isnan(x); }));
              else CHECK(same(row, rows_of(text, clean, i, i + 1)));
            }
          }
        }
      });
    }
  }
}

TEST_CASE("the keys that a row sees", "[kernel][attention]") {
  for (const bool causal : {false, true}) {
    for (std::size_t window = 0; window < 12; ++window) {
      for (std::size_t length = 1; length < 10; ++length) {
        for (std::size_t i = 0; i < length; ++i) {
          const tk::key_range keys = tk::keys_of(
              {.heads = 1, .kv_heads = 1, .head_width = 1, .scale = 1.0f, .causal = causal, .window = window}, i,
              length);
          for (std::size_t j = 0; j < length; ++j) {
            const std::size_t apart = i > j ? i - j : j - i;
            const bool sees = (!causal || j <= i) && (window == 0 || (causal ? apart < window : apart <= window));
            CHECK(sees == (j >= keys.first && j < keys.last));
          }
        }
      }
    }
  }
}

TEST_CASE("attention adds a bias by distance and by pair", "[kernel][attention]") {
  struct heads {
    std::size_t q, kv, width;
  };
  std::uint32_t seed = 300;
  for (const auto [q, kv, width] : {heads{4, 2, 32}, heads{3, 1, 20}}) {
    for (const bool causal : {false, true}) {
      for (const std::size_t window : {0u, 7u}) {
        for (const std::size_t reach : {0u, 1u, 8u, 200u}) {
          const attention_shape shape = {
              .heads = q, .kv_heads = kv, .head_width = width, .scale = 0.2f, .causal = causal, .window = window};
          attention_case texts(shape, {1, 0, 2, 13, 33, 70}, 2.0f, ++seed);
          random_source random(seed);
          std::vector<float> relative = random.floats(q * (2 * reach + 1));
          const std::size_t stride = texts.longest() + 3;
          std::vector<float> pairwise = random.floats(q * texts.queries_in_all() * stride);
          // Some pairs are masked; the whole of row 5 of head 0 is.
          for (std::size_t i = 0; i < pairwise.size(); i += 11) pairwise[i] = -infinity;
          for (std::size_t j = 0; j < stride; ++j) pairwise[5 * stride + j] = -infinity;
          texts.largest_bias = 2.0;
          for (const int which : {1, 2, 3}) {
            texts.bias = {};
            if ((which & 1) != 0) texts.bias.relative = relative.data(), texts.bias.reach = reach;
            if ((which & 2) != 0) {
              texts.bias.pairwise = pairwise.data();
              texts.bias.row_stride = stride;
              texts.bias.head_stride = which == 3 ? texts.queries_in_all() * stride : 0;
            }
            const std::vector<float> truth = texts.truth();
            const double bound = texts.stated_error(70);
            for_each_target([&](const kernel_table& table) {
              const std::vector<float> out = texts.run(table);
              INFO("causal " << causal << ", window " << window << ", reach " << reach << ", bias " << which);
              CHECK(worst_ratio(out, truth, [&](std::size_t) { return bound; }) <= 1.0);
              if (which != 1) CHECK(std::ranges::all_of(rows_of(texts, out, 5, 6) | std::views::take(width), [](float x) { return x == 0.0f; }));
            });
          }
        }
      }
    }
  }
}

TEST_CASE("attention of the last rows of longer texts, and across texts", "[kernel][attention]") {
  for (const bool causal : {false, true}) {
    for (const std::size_t window : {0u, 5u}) {
      const attention_shape shape = {
          .heads = 6, .kv_heads = 2, .head_width = 24, .scale = 0.2f, .causal = causal, .window = window};
      const attention_case texts(shape, {1, 3, 0, 16, 40}, {9, 3, 5, 64, 77}, 2.0f, 5);
      const std::vector<float> truth = texts.truth();
      const double bound = texts.stated_error(77);
      for_each_target([&](const kernel_table& table) {
        CHECK(worst_ratio(texts.run(table), truth, [&](std::size_t) { return bound; }) <= 1.0);
      });
    }
  }
  // More queries than keys: neither order nor distance means anything. A text without keys gives zeros.
  const attention_case across({.heads = 2, .kv_heads = 2, .head_width = 32, .scale = 0.2f}, {30, 4, 2}, {7, 1, 0}, 2.0f, 6);
  std::vector<float> truth = across.truth();
  for_each_target([&](const kernel_table& table) {
    const std::vector<float> out = across.run(table);
    CHECK(worst_ratio(out, truth, [bound = across.stated_error(7)](std::size_t) { return bound; }) <= 1.0);
    CHECK(std::ranges::all_of(rows_of(across, out, 34, 36), [](float x) { return x == 0.0f; }));
  });
}

TEST_CASE("attention from a cache has the bits of attention without one", "[kernel][attention]") {
  struct heads {
    std::size_t q, kv, width;
  };
  constexpr std::size_t length = 83;
  const std::vector<std::vector<std::size_t>> ways = {
      {length}, std::vector<std::size_t>(length, 1), {1, 31, 32, 0, 3, 16}, {64, 1, 1, 1, 5, 11}, {40, 43}};
  for (const auto [q, kv, width] : {heads{12, 2, 32}, heads{2, 2, 64}, heads{16, 1, 20}, heads{5, 1, 33}}) {
    for (const std::size_t window : {0u, 6u}) {
      const attention_shape shape = {.heads = q, .kv_heads = kv, .head_width = width, .scale = 0.2f, .causal = true, .window = window};
      attention_case text(shape, {length}, 2.0f, 77);
      random_source random(78);
      const std::vector<float> relative = random.floats(q * 41);
      const std::vector<float> pairwise = random.floats(length * length);
      text.bias = {.relative = relative.data(), .reach = 20, .pairwise = pairwise.data(), .row_stride = length};
      for_each_target([&](const kernel_table& table) {
        const std::vector<float> whole = text.run(table);
        for (const auto& way : ways)
          for (const std::size_t capacity : {length, std::size_t{100}, std::size_t{128}})
            CHECK(same(whole, text.run_cached(table, way, capacity)));
      });
    }
  }
}

TEST_CASE("attention behind a shared beginning has the bits of whole texts", "[kernel][attention]") {
  struct heads {
    std::size_t q, kv, width;
  };
  const std::vector<std::size_t> lengths = {83, 40, 33, 100, 34};
  for (const auto [q, kv, width] : {heads{12, 2, 32}, heads{2, 2, 64}, heads{5, 1, 33}}) {
    for (const std::size_t window : {0u, 6u}) {
      const attention_shape shape = {.heads = q, .kv_heads = kv, .head_width = width, .scale = 0.2f, .causal = true, .window = window};
      attention_case texts(shape, lengths, 2.0f, 79);
      const std::size_t stride = texts.kv_stride();
      constexpr std::size_t alike = 33;
      const std::size_t cells = shape.kv_heads * shape.head_width;
      for (std::size_t t = 1; t < texts.texts(); ++t)
        for (std::size_t j = 0; j < alike; ++j)
          for (auto* rows : {&texts.k, &texts.v})
            std::copy_n(rows->data() + j * stride, cells, rows->data() + (texts.offsets[t] + j) * stride);

      for_each_target([&](const kernel_table& table) {
        const std::vector<float> whole = texts.run(table);
        for (const std::size_t shared : {1u, 16u, 31u, 32u, 33u})
          for (const std::size_t capacity : {alike, std::size_t{70}}) {
            // The cache may hold more of the beginning than is used.
            guarded<float> cache(std::vector<float>(table.attention.cache_size_f32(shape, capacity), nan_value));
            table.attention.extend_f32(shape, texts.k.data(), stride, texts.v.data(), stride, 0, alike, capacity, cache.data());
            attention_case own(shape, std::vector<std::size_t>{}, 1.0f, 1);
            const auto take = [&](std::vector<float>& into, const std::vector<float>& from, std::size_t row_stride) {
              for (std::size_t t = 0; t < texts.texts(); ++t) {
                const std::size_t end = std::min(from.size(), texts.offsets[t + 1] * row_stride);
                into.insert(into.end(), from.begin() + static_cast<std::ptrdiff_t>((texts.offsets[t] + shared) * row_stride),
                            from.begin() + static_cast<std::ptrdiff_t>(end));
              }
            };
            take(own.q, texts.q, texts.q_stride());
            take(own.k, texts.k, stride);
            take(own.v, texts.v, stride);
            for (const std::size_t length : lengths) own.offsets.push_back(own.offsets.back() + static_cast<std::uint32_t>(length - shared));
            std::vector<float> out(own.offsets.back() * texts.out_stride(), 77.0f);
            guarded<float> scratch(std::vector<float>(table.attention.attention_scratch_f32(shape, texts.longest()), nan_value));
            table.attention.attend_behind_f32(shape, {}, own.q.data(), texts.q_stride(), own.k.data(), stride, own.v.data(), stride,
                                              own.offsets.data(), texts.texts(), shared, capacity, cache.data(), out.data(),
                                              texts.out_stride(), scratch.data());
            for (std::size_t t = 0; t < texts.texts(); ++t)
              CHECK(same(rows_of(texts, whole, texts.offsets[t] + shared, texts.offsets[t + 1]),
                         rows_of(texts, out, own.offsets[t], own.offsets[t + 1])));
          }
      });
    }
  }
}

TEST_CASE("attention in bf16 keeps its stated error, and is attention_f32 where the processor has no such products", "[kernel][attention]") {
  for_each_form({0, 1, 6, 40}, {0, 1, 2, 0, 7, 14, 15, 16, 17, 31, 33, 65, 0}, {0.5f, 4.0f}, 500, &attention_case::run_bf16,
                [](const attention_case& texts, const std::vector<float>& truth, const kernel_table& table, const std::vector<float>& out) {
                  CHECK(texts.worst_bf16(out, truth) <= 1.0);
                  if (texts.shape.causal || !table.name.starts_with("AVX3_")) CHECK(same(out, texts.run(table)));
                });
  const attention_case across({.heads = 2, .kv_heads = 2, .head_width = 32, .scale = 0.2f}, {30, 4, 2}, {7, 1, 0}, 2.0f, 6);
  const std::vector<float> truth = across.truth();
  for_each_target([&](const kernel_table& table) {
    const std::vector<float> out = across.run_bf16(table);
    CHECK(across.worst_bf16(out, truth) <= 1.0);
    CHECK(std::ranges::all_of(rows_of(across, out, 34, 36), [](float x) { return x == 0.0f; }));
  });
}

TEST_CASE("attention in bf16: a row's bits depend on its query and the keys it sees", "[kernel][attention]") {
  for (const std::size_t window : {0u, 1u, 6u, 30u}) {
    const attention_shape shape = {.heads = 4, .kv_heads = 2, .head_width = 32, .scale = 0.2f, .window = window};
    const attention_case batch(shape, {37, 5, 64, 1, 90}, 2.0f, 17);
    for_each_target([&](const kernel_table& table) {
      const std::vector<float> together = batch.run_bf16(table);
      for (std::size_t t = 0; t < batch.texts(); ++t) {
        const std::size_t first = batch.offsets[t];
        const std::size_t last = batch.offsets[t + 1];
        // The text alone, and its last rows alone, which fill other lanes and blocks.
        for (const std::size_t rows : {last - first, (last - first + 1) / 2, std::size_t{1}}) {
          attention_case alone(shape, {rows}, {last - first}, 1.0f, 1);
          const auto slice = [](const std::vector<float>& from, std::size_t begin, std::vector<float>& to, std::size_t stride) {
            std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(begin * stride), to.size(), to.begin());
          };
          slice(batch.q, last - rows, alone.q, batch.q_stride());
          slice(batch.k, first, alone.k, batch.kv_stride());
          slice(batch.v, first, alone.v, batch.kv_stride());
          CHECK(same(rows_of(batch, together, last - rows, last), rows_of(alone, alone.run_bf16(table), 0, rows)));
        }
      }
      if (window == 0) return;
      // Keys that a row does not see may hold any numbers.
      attention_case changed = batch;
      const std::size_t place = batch.offsets[2] + 40;
      for (std::size_t c = 0; c < 64; ++c) {
        changed.k[place * batch.kv_stride() + c] = 1e6f;
        changed.v[place * batch.kv_stride() + c] = -1e20f;
      }
      const std::vector<float> out = changed.run_bf16(table);
      for (std::size_t i = 0; i < 64; ++i) {
        const std::size_t row = batch.offsets[2] + i;
        const bool sees = (i > 40 ? i - 40 : 40 - i) <= window;
        CHECK(same(rows_of(batch, together, row, row + 1), rows_of(changed, out, row, row + 1)) != sees);
      }
    });
  }
}
