// SPDX-License-Identifier: Apache-2.0
/// What rerankers write: logits, probabilities, and the logits of all tokens where they are asked for.
#pragma once

#include <tessera/dispatch.hpp>
#include <tessera/io/weights.hpp>
#include <tools/programs/jsonl.hpp>
#include <tools/programs/run-model/any_model.hpp>
#include <tools/programs/run-model/outputs.hpp>

#include <cmath>
#include <optional>

namespace programs {

[[nodiscard]] inline float probability(float logit) {
  return static_cast<float>(1.0 / (1.0 + std::exp(-static_cast<double>(logit))));
}

/// `logits`, `sigmoid` and `scores`; of a model that answers yes or no `yes_logit`, `no_logit` and `scores`.
inline void add_scores(const std::string& prefix, std::size_t rows, std::size_t count, const std::vector<float>& logits, outputs& into) {
  std::vector<float>& scores = into.add(prefix + "scores", {rows});
  if (count == 1) {
    into.add(prefix + "logits", {rows, 1}) = logits;
    for (std::size_t i = 0; i < rows; ++i) scores[i] = probability(logits[i]);
    into.add(prefix + "sigmoid", {rows, 1}) = scores;
    return;
  }
  std::vector<float>& yes = into.add(prefix + "yes_logit", {rows});
  std::vector<float>& no = into.add(prefix + "no_logit", {rows});
  for (std::size_t i = 0; i < rows; ++i) {
    yes[i] = logits[2 * i], no[i] = logits[2 * i + 1];
    scores[i] = probability(yes[i] - no[i]);
  }
}

/// The output table of a causal model: lm_head, or the token table where the two are tied.
class logit_table {
 public:
  /// Nothing where the files have neither under a known name.
  [[nodiscard]] static ts::result<std::optional<logit_table>> find(const ts::model_directory& directory, const std::string& weights_path,
                                                                   std::size_t width) {
    TESSERA_TRY(const ts::weights file, ts::weights::open(weights_path.empty() ? directory.encoder_file("") : weights_path));
    for (const std::string_view name : {"lm_head.weight", "model.embed_tokens.weight", "embed_tokens.weight"}) {
      const ts::tensor_view* tensor = file.find(name);
      if (tensor == nullptr || tensor->shape.size() != 2 || tensor->shape[1] != width) continue;
      logit_table made;
      made.tokens_ = tensor->shape[0];
      made.rows_.resize(ts::element_count(*tensor));
      TESSERA_CHECK(ts::read_f32(*tensor, made.rows_));
      return made;
    }
    return std::nullopt;
  }
  /// The logits of every token for each row, under those of `names` that ask for them.
  [[nodiscard]] ts::result<> add_logits(const std::vector<std::string>& names, const std::string& prefix, std::size_t rows,
                                        std::size_t width, const std::vector<float>& states, outputs& into) const {
    for (const std::string_view name : {"last_token_logits", "logits_last"}) {
      if (std::ranges::find(names, name) == names.end()) continue;
      std::vector<float>& made = into.add(prefix + std::string(name), {rows, tokens_});
      for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t t = 0; t < tokens_; ++t)
          made[i * tokens_ + t] = ts::kernel::kernels().distance.dot_f32(states.data() + i * width, rows_.data() + t * width, width);
    }
    return {};
  }

 private:
  std::size_t tokens_ = 0;
  std::vector<float> rows_;
};

/// `logits` and `scores` of the lines {"query", "text"} of a file, in their order.
[[nodiscard]] inline ts::result<> run_pairs(const any_model& model, const std::string& path, ts::thread_pool& threads, outputs& into) {
  std::vector<std::string> queries, texts;
  TESSERA_CHECK(for_each_line(path, [&](ts::json_value line, const std::string&) -> ts::result<> {
    TESSERA_TRY(std::string query, line.get<std::string>("query"));
    TESSERA_TRY(std::string text, line.get<std::string>("text"));
    queries.push_back(std::move(query));
    texts.push_back(std::move(text));
    return {};
  }));
  std::vector<float>& logits = into.add("logits", {texts.size(), 1});
  std::vector<float>& scores = into.add("scores", {texts.size()});
  return model.score(queries, texts, {.threads = &threads}, logits, scores);
}

}  // namespace programs
