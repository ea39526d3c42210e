// SPDX-License-Identifier: Apache-2.0
/// A loaded model behind virtual functions: what the program knows of a type that is compiled after it.
#pragma once

#include <tessera/base/aligned.hpp>
#include <tessera/graph/batch.hpp>
#include <tessera/graph/text_cache.hpp>
#include <tessera/model/embed_options.hpp>
#include <tessera/model/loader.hpp>

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace programs {

namespace ts = tessera;

class any_model {
 public:
  any_model() = default;
  any_model(const any_model&) = delete;
  any_model& operator=(const any_model&) = delete;
  virtual ~any_model() = default;

  [[nodiscard]] virtual std::size_t token_width() const noexcept = 0;
  [[nodiscard]] virtual std::size_t dimension() const noexcept = 0;
  [[nodiscard]] virtual const ts::text_settings& settings() const noexcept = 0;
  /// The last hidden state of ready tokens, [tokens, token_width].
  [[nodiscard]] virtual ts::result<ts::aligned_buffer<float>> hidden_states(const ts::token_batch& batch) const = 0;
  /// The vectors of ready tokens, [texts, dimension].
  [[nodiscard]] virtual ts::result<> encode_tokens(const ts::token_batch& batch, std::span<float> rows) const = 0;
  /// A text read piece by piece, where the model is causal; nothing else.
  [[nodiscard]] virtual ts::result<ts::text_cache> start(std::size_t capacity) const = 0;
  [[nodiscard]] virtual ts::result<ts::aligned_buffer<float>> extend(ts::text_cache& text, std::span<const std::uint32_t> ids) const = 0;
  /// True for a reranker, whose `encode_tokens` gives logits: one a text, or those of yes and no.
  [[nodiscard]] virtual bool reranks() const noexcept { return false; }
  /// Logits and probabilities of pairs.
  [[nodiscard]] virtual ts::result<> score(std::span<const std::string> queries, std::span<const std::string> texts,
                                           const ts::embed_options& options, std::span<float> logits, std::span<float> scores) const = 0;
  /// The vectors of texts, [texts, dimension].
  [[nodiscard]] virtual ts::result<> encode(std::span<const std::string_view> texts, const ts::embed_options& options,
                                            std::span<float> rows) const = 0;
};

using loaded_model = ts::result<std::unique_ptr<any_model>>;
/// What the compiled type exports: loads `directory` into `made`.
using load_function = void(std::string_view directory, const ts::load_options& options, loaded_model& made);
inline constexpr char load_symbol[] = "tessera_load_model";

}  // namespace programs
