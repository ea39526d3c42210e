// SPDX-License-Identifier: Apache-2.0
/// How a causal model is asked whether a text answers a query: the question that Qwen3-Reranker was trained on, and the ids of its
/// answers.
#pragma once

#include <tessera/model/published.hpp>
#include <tessera/text/tokenizer.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

inline constexpr std::string_view default_rerank_instruction =
    "Given a web search query, retrieve relevant passages that answer the query";

/// The whole conversation up to where the model answers "yes" or "no" (model card of Qwen3-Reranker).
[[nodiscard]] std::string yes_no_question(std::string_view query, std::string_view text,
                                          std::string_view instruction = default_rerank_instruction);

/// What every such conversation begins with, up to the query.
[[nodiscard]] std::string yes_no_beginning(std::string_view instruction = default_rerank_instruction);

/// Reads "answers.weight" as two rows of the output table (lm_head, or the token table where the two are tied), all else as it stands.
class answer_reader final : public weight_reader {
 public:
  /// The ids are those of reranker.json in the directory, or of the tokenizer's tokens "yes" and "no". Errors: not_found, mismatch.
  [[nodiscard]] static result<answer_reader> of(published_reader& reader, const published_tensors& tensors, std::string_view directory,
                                                const std::optional<tokenizer>& tokens);
  [[nodiscard]] result<> read(std::string_view name, std::span<float> values) override;
  [[nodiscard]] result<> read_f16(std::string_view name, std::span<std::uint16_t> values) override {
    return reader_->read_f16(name, values);
  }
  [[nodiscard]] result<mapped_numbers> map(std::string_view name, std::size_t count, bool in_f16) override {
    return reader_->map(name, count, in_f16);
  }

 private:
  answer_reader(published_reader& reader, published_tensor yes, published_tensor no) noexcept
      : weight_reader(reader.threads(), reader.token_storage()), reader_(&reader), yes_(yes), no_(no) {}

  published_reader* reader_;
  published_tensor yes_;
  published_tensor no_;
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/rerank_text-inl.hpp>
#endif
