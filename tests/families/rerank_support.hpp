// SPDX-License-Identifier: Apache-2.0
/// Rerankers against the reference's logits and scores.
#pragma once

#include <tests/model/support.hpp>

#include <tessera/model/batching_engine.hpp>
#include <tessera/model/reranker.hpp>

namespace tessera_tests {

template <class Judge>
void check_scores(const std::string& folder, double tolerance) {
  const Judge judge = load_for_tokens<Judge>(folder);
  const ts::safetensors expected = value_of(ts::safetensors::open(folder + "/expected.safetensors"));
  const id_batch batch(expected);
  const auto found = value_of(judge.scores(batch.packed.view()));
  const auto rows = value_of(judge.logits(batch.packed.view()));
  std::vector<float> scores, logits, yes, no;
  for (std::size_t i = 0; i < found.size(); ++i) {
    scores.push_back(found[i].score);
    logits.push_back(found[i].logit);
    if (Judge::outputs == 2) yes.push_back(rows[2 * i]), no.push_back(rows[2 * i + 1]);
  }
  CHECK(distance(scores, floats(expected, expected.find("scores") ? "scores" : "sigmoid")) <= tolerance);
  if (Judge::outputs == 2) {
    CHECK(distance(yes, floats(expected, "yes_logit")) <= tolerance);
    CHECK(distance(no, floats(expected, "no_logit")) <= tolerance);
  } else {
    CHECK(distance(logits, floats(expected, "logits")) <= tolerance);
  }
  CHECK(Judge::description().rerank == value_of(ts::describe(value_of(ts::model_directory::read(folder)))).rerank);
}

template <class Judge>
void check_pairs(const std::string& folder, double tolerance) {
  const Judge judge = value_of(ts::load<Judge>(folder));
  const ts::safetensors expected = value_of(ts::safetensors::open(folder + "/expected_texts.safetensors"));
  const std::string all = read_file(folder + "/texts.jsonl");
  std::vector<std::pair<std::string, std::string>> lines;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find('\n', at), all.size());
    const auto line = value_of(ts::parse_json(std::string_view(all).substr(at, end - at), folder));
    lines.emplace_back(value_of(line.root().get<std::string>("query")), value_of(line.root().get<std::string>("text")));
    at = end + 1;
  }
  std::vector<ts::text_pair> pairs;
  for (const auto& [query, text] : lines) pairs.push_back({query, text});
  const auto found = value_of(judge.scores(pairs));
  std::vector<float> logits, scores;
  for (const ts::relevance& each : found) logits.push_back(each.logit), scores.push_back(each.score);
  CHECK(distance(logits, floats(expected, "logits")) <= tolerance);
  CHECK(distance(scores, floats(expected, "scores")) <= tolerance);

  // One alone has the same bits; a ranking is in order, above its threshold, and by the same scores.
  const ts::relevance alone = value_of(judge.score(pairs[1].query, pairs[1].text));
  CHECK(same_bits(std::span(&alone.logit, 1), std::span(&logits[1], 1)));
  const auto engine = value_of(ts::batching_engine<Judge>::start(judge));
  const ts::relevance batched = value_of(engine.score(pairs[1].query, pairs[1].text));
  CHECK(same_bits(std::span(&batched.logit, 1), std::span(&logits[1], 1)));
  std::vector<std::string> texts;
  for (const auto& [query, text] : lines) texts.push_back(text);
  const auto ranked = value_of(judge.rank(pairs[1].query, texts, {.least = 0.3f, .top = 5}));
  REQUIRE(ranked.size() <= 5);
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    CHECK(ranked[i].score >= 0.3f);
    if (i > 0) CHECK(ranked[i - 1].score >= ranked[i].score);
    CHECK(ranked[i].score == value_of(judge.score(pairs[1].query, texts[ranked[i].index])).score);
  }
  for (const float least : {-0.1f, 1.1f, std::numeric_limits<float>::quiet_NaN()}) {
    const auto refused = judge.rank("q", texts, {.least = least});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ts::error_code::invalid_argument);
  }
}

}  // namespace tessera_tests
