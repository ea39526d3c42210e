// SPDX-License-Identifier: Apache-2.0
/// What is known of published RoBERTa or XLM-RoBERTa files: the numbers of their config.json as one value, and the names of their tensors.
#pragma once

#include <tessera/graph/encoder_layer.hpp>
#include <tessera/io/json.hpp>
#include <tessera/model/bert_family.hpp>
#include <tessera/model/description.hpp>

namespace tessera::inline TESSERA_ABI {

/// What a RoBERTa is, as a value; defaults are those of xlm-roberta-base. Positions count from `padding` + 1, so that the longest text has
/// positions - padding - 1 tokens.
struct roberta_shape {
  std::size_t vocabulary = 250002;
  std::size_t layers = 12;
  std::size_t width = 768;
  std::size_t heads = 12;
  std::size_t inner = 3072;
  std::size_t positions = 514;
  std::size_t types = 1;
  std::size_t padding = 1;
  kernel::activation activation = kernel::activation::gelu_erf;
  double epsilon = 1e-5;

  [[nodiscard]] constexpr bool operator==(const roberta_shape&) const = default;
};

/// The family's knowledge of files; what `published_by` names.
struct roberta_family {
  using shape = roberta_shape;
  static constexpr std::string_view label = "roberta";

  static constexpr auto names = detail::bert_names("classifier.dense.", "classifier.out_proj.");
  static constexpr auto prefixes = std::to_array<std::string_view>({"", "roberta."});
  static constexpr auto gguf = gguf_names::roberta;

  [[nodiscard]] static bool reads(std::string_view model_type) noexcept {
    return model_type == "roberta" || model_type == "xlm-roberta";
  }
  /// Error: mismatch or unsupported, whose causes are all fields that are missing, of the wrong kind, impossible or not implemented.
  [[nodiscard]] static result<roberta_shape> read(json_value config);
  [[nodiscard]] static encoder_description facts(const roberta_shape& shape);

  template <class Sink>
  static constexpr void describe(const roberta_shape& shape, Sink sink) {
    detail::describe_bert(shape, sink);
  }
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/roberta_family-inl.hpp>
#endif
