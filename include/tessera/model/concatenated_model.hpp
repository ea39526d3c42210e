// SPDX-License-Identifier: Apache-2.0
/// Several loaded models as one: a text goes to each, and what they make stands side by side, as concat (op/combine.hpp) does it.
///
///     using both = ts::concatenated_model<ts::qodo_embed_1_5b<>, ts::jina_v3<>>;    // both::dimension == 2560, a space of its own
///     auto encoder = both::load("models/Qodo-Embed-1-1.5B", "models/jina-embeddings-v3");
///     auto vector = encoder->encode(text, {}, {.task = ts::jina_v3_task::retrieval_passage});   // options of each, in order
///     auto rows = encoder->encode(texts, {.threads = &pool});                                   // the same options for all
///
/// Each part is scaled by 1/sqrt(parts), so unit length stays unit length; of parts without it the longer weighs more. Errors name the
/// directory of the model that they came from. Copies share the loaded models; const calls are safe from any number of threads.
#pragma once

#include <tessera/model/model.hpp>
#include <tessera/op/combine.hpp>

#include <cmath>
#include <initializer_list>
#include <span>
#include <tuple>

namespace tessera::inline TESSERA_ABI {

namespace detail {
/// One T for each model of a pack.
template <class Model, class T>
using of_each = T;
}  // namespace detail

template <class... Models>
  requires(sizeof...(Models) >= 2)
class concatenated_model {
 public:
  using space = concatenated<typename Models::space...>;
  using vector = embedding<space>;
  using matrix = embedding_matrix<space>;
  static constexpr std::size_t dimension = space::dimension;
  static constexpr std::size_t parameter_count = (Models::parameter_count + ...);
  /// Bytes of memory that the loaded weights of all hold on this processor, with the same storage of token vectors.
  [[nodiscard]] static std::size_t memory_bytes(table_storage tokens = table_storage::copied) noexcept {
    return (Models::memory_bytes(tokens) + ...);
  }

  /// Of models that are loaded already.
  explicit concatenated_model(Models... parts) noexcept : parts_(std::move(parts)...) {}

  /// Reads one directory for each model, in order. Errors: see model/loader.hpp.
  [[nodiscard]] static result<concatenated_model> load(const detail::of_each<Models, std::string_view>&... directories) {
    return load(directories..., detail::of_each<Models, load_options>()...);
  }
  [[nodiscard]] static result<concatenated_model> load(const detail::of_each<Models, std::string_view>&... directories,
                                                       const detail::of_each<Models, load_options>&... options) {
    std::tuple<std::optional<Models>...> loaded;
    error failure;
    const auto read = [&](auto& into, std::string_view directory, const load_options& option) {
      auto model = std::remove_reference_t<decltype(*into)>::load(directory, option);
      if (model) into = *std::move(model);
      else failure = std::move(model).error().in(directory);
      return into.has_value();
    };
    const bool all = std::apply([&](auto&... into) { return (read(into, directories, options) && ...); }, loaded);
    if (!all) return fail(std::move(failure));
    return std::apply([](auto&... part) { return concatenated_model(*std::move(part)...); }, loaded);
  }

  /// The vector of one text, with the same options for every model or with those of each. Errors: see embed_texts.
  [[nodiscard]] result<vector> encode(std::string_view text, const embed_options& all = {}) const {
    return encode(text, detail::of_each<Models, const embed_options&>(all)...);
  }
  [[nodiscard]] result<vector> encode(std::string_view text, const detail::of_each<Models, embed_options>&... each) const {
    TESSERA_TRY(const matrix rows, encode_list(std::span<const std::string_view>(&text, 1), {&each...}));
    return vector(rows[0].values(), {}, rows.made_by());
  }
  /// The vectors of many, in their order.
  [[nodiscard]] result<matrix> encode(std::span<const std::string_view> texts, const embed_options& all = {}) const {
    return encode_list(texts, {detail::of_each<Models, const embed_options*>(&all)...});
  }
  [[nodiscard]] result<matrix> encode(std::span<const std::string> texts, const embed_options& all = {}) const {
    return encode_list(texts, {detail::of_each<Models, const embed_options*>(&all)...});
  }
  [[nodiscard]] result<matrix> encode(std::initializer_list<std::string_view> texts, const embed_options& all = {}) const {
    return encode(std::span<const std::string_view>(texts.begin(), texts.size()), all);
  }
  [[nodiscard]] result<matrix> encode(std::span<const std::string_view> texts,
                                      const detail::of_each<Models, embed_options>&... each) const {
    return encode_list(texts, {&each...});
  }
  [[nodiscard]] result<matrix> encode(std::span<const std::string> texts, const detail::of_each<Models, embed_options>&... each) const {
    return encode_list(texts, {&each...});
  }
  [[nodiscard]] result<matrix> encode(std::initializer_list<std::string_view> texts,
                                      const detail::of_each<Models, embed_options>&... each) const {
    return encode_list(std::span<const std::string_view>(texts.begin(), texts.size()), {&each...});
  }

  /// Bytes of weight files that token vectors are read from.
  [[nodiscard]] std::size_t mapped_bytes() const noexcept {
    return std::apply([](const auto&... part) { return (part.mapped_bytes() + ...); }, parts_);
  }
  /// One of the models.
  template <std::size_t Index>
  [[nodiscard]] const auto& part() const noexcept {
    return std::get<Index>(parts_);
  }
  /// Tells vectors of these models from those of others; concat gives its results the same.
  [[nodiscard]] fingerprint made_by() const noexcept {
    return std::apply([](const auto&... part) { return concatenated_fingerprint(part.made_by()...); }, parts_);
  }

 private:
  using options_of_all = std::array<const embed_options*, sizeof...(Models)>;

  template <class Text>
  [[nodiscard]] result<matrix> encode_list(std::span<const Text> texts, const options_of_all& options) const {
    matrix made;
    const float scale = 1.0f / std::sqrt(static_cast<float>(sizeof...(Models)));
    std::size_t at = 0;
    auto next = options.begin();
    const auto place = [&](const auto& model) -> result<> {
      const auto rows = model.encode(texts, **next++);
      if (!rows) return fail(error(rows.error()).in(model.directory()));
      if (at == 0) {
        TESSERA_TRY(made, matrix::make(rows->rows()));
      }
      for (std::size_t i = 0; i < rows->rows(); ++i) {
        float* out = made.values(i).data() + at;
        for (const float value : rows->row(i).values()) *out++ = value * scale;
      }
      at += rows->dimension;
      return {};
    };
    result<> outcome;
    const auto placed = [&](const auto& model) { return (outcome = place(model)).has_value(); };
    if (!std::apply([&](const auto&... model) { return (placed(model) && ...); }, parts_)) return fail(std::move(outcome).error());
    made.set_made_by(made_by());
    return made;
  }

  std::tuple<Models...> parts_;
};

}  // namespace tessera::inline TESSERA_ABI
