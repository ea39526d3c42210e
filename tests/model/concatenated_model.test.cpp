// SPDX-License-Identifier: Apache-2.0
// Two models as one against concat of what each makes alone.
#include <tests/families/toys.hpp>

#include <tessera/model/concatenated_model.hpp>
#include <tessera/model/stella.hpp>

using namespace tessera_tests;

namespace {

using stella_toy = toy::stella<96>;
using both = ts::concatenated_model<bert_mean, stella_toy>;
using swapped = ts::concatenated_model<stella_toy, bert_mean>;

static_assert(both::dimension == 144);
static_assert(std::is_same_v<both::space, ts::concatenated<bert_mean_space, stella_toy::space>>);
static_assert(!std::is_same_v<both::space, swapped::space> && !both::space::unit_length);
static_assert(ts::concatenated_model<bert_mean, bert_mean>::space::unit_length);
static_assert(both::parameter_count == bert_mean::parameter_count + stella_toy::parameter_count);

struct folders {
  std::string bert = fixture("text/bert_mean").string();
  std::string stella = fixture("text/stella_new_ntk").string();
};

}  // namespace

TEST_CASE("two models as one give concat of their vectors, bit by bit", "[model]") {
  const folders at;
  const both model = value_of(both::load(at.bert, at.stella));
  const bert_mean& first = model.part<0>();
  const stella_toy& second = model.part<1>();
  CHECK(both::memory_bytes() == bert_mean::memory_bytes() + stella_toy::memory_bytes());

  const std::vector<std::string> texts = texts_of(at.bert + "/texts.jsonl");
  const ts::embed_options prompted{.prompt = ts::stella_prompt::s2p_query};
  const auto rows = value_of(model.encode(texts, {}, prompted));
  REQUIRE(rows.rows() == texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto wanted = ts::concat(value_of(first.encode(texts[i])), value_of(second.encode(texts[i], prompted)));
    CHECK(same_bits(rows.row(i).values(), wanted.values()));
    CHECK(rows.made_by() == wanted.made_by());
    const both::vector alone = value_of(model.encode(texts[i], {}, prompted));
    CHECK(same_bits(alone.values(), wanted.values()));
    CHECK(alone.made_by() == wanted.made_by());
  }
  CHECK(model.made_by() == rows.made_by());
  CHECK(bool(model.made_by()));

  // The same options for all, threads too; copies share what is loaded; the other order is another space and fingerprint.
  ts::thread_pool threads(2);
  const both copy = model;
  const auto threaded = value_of(copy.encode(texts, {.threads = &threads}));
  const auto wanted = ts::concat(value_of(first.encode(texts[3])), value_of(second.encode(texts[3])));
  CHECK(same_bits(threaded.row(3).values(), wanted.values()));
  CHECK(same_bits(value_of(model.encode({texts[3], texts[4]}))[0].values(), wanted.values()));
  CHECK(swapped(second, first).made_by() != model.made_by());
  CHECK(value_of(model.encode(std::vector<std::string>())).empty());
}

TEST_CASE("what goes wrong in one of two models is said with its directory", "[model]") {
  const folders at;
  const auto says = [](const std::string& message, const std::string& place) { return message.find(place) != std::string::npos; };
  CHECK(says(message_of(both::load(at.bert, "/nowhere")), "/nowhere"));
  CHECK(says(message_of(both::load("/nowhere", at.stella)), "/nowhere"));
  CHECK(says(message_of(both::load(at.stella, at.bert)), at.stella));
  CHECK(says(message_of(both::load(at.bert, at.stella, {}, {.memory_budget = 1000})), at.stella));

  const both model = value_of(both::load(at.bert, at.stella));
  for (const std::string& message : {message_of(model.encode("text", {}, {.prompt = "unknown"})),
                                     message_of(model.encode({"a", "b"}, {}, {.prompt = "unknown"}))}) {
    CHECK(says(message, at.stella));
    CHECK(says(message, "\"s2s_query\""));
  }
  CHECK(says(message_of(model.encode("text", {.prompt = "s2p_query"})), at.bert));
  CHECK(says(message_of(model.encode({"a", ""}, {.empty = ts::on_empty::refuse})), at.bert));
  CHECK(says(message_of(model.encode({"a", "b", "c"}, {}, {.max_texts = 2})), at.stella));

  // Loaded for ready tokens only, it has no texts to encode.
  const both silent = value_of(both::load(at.bert, at.stella, {}, {.tokens_only = true}));
  CHECK(says(message_of(silent.encode("text")), at.stella));
}
