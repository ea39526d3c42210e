// SPDX-License-Identifier: Apache-2.0
/// A family's shape as settings under config.json's names and as C++, field by field.
///
///     shape_facts facts;
///     facts.size("hidden_size", "width", shape.width, plain.width);   // {"hidden_size", "384"}, and .width = 384 unless that is plain
///     facts.into(made, "bert_shape");
#pragma once

#include <tessera/model/description.hpp>

#include <charconv>

namespace tessera::inline TESSERA_ABI {

/// A description that knows the sizes which every shape has, and token types and adapters where it has them.
template <class Shape>
[[nodiscard]] encoder_description described_by(const Shape& shape) {
  encoder_description made;
  made.vocabulary = shape.vocabulary;
  made.positions = shape.positions;
  made.width = shape.width;
  if constexpr (requires { shape.types; }) made.types = shape.types;
  if constexpr (requires { shape.adapters; }) made.adapters = shape.adapters;
  return made;
}

class shape_facts {
 public:
  void size(std::string_view key, std::string_view field, std::size_t value, std::size_t plain) {
    add(key, field, value == plain, std::to_string(value), std::to_string(value));
  }
  /// The sizes that every encoder of BERT's spelling has, and those of grouped heads, in the order of a shape's members: as C++ wants
  /// them named.
  template <class Shape>
  void encoder_sizes(const Shape& shape, const Shape& plain) {
    size("vocab_size", "vocabulary", shape.vocabulary, plain.vocabulary);
    size("num_hidden_layers", "layers", shape.layers, plain.layers);
    size("hidden_size", "width", shape.width, plain.width);
    size("num_attention_heads", "heads", shape.heads, plain.heads);
    if constexpr (requires { shape.kv_heads; }) {
      size("num_key_value_heads", "kv_heads", shape.kv_heads, plain.kv_heads);
      size("head_dim", "head_width", shape.head_width, plain.head_width);
    }
    size("intermediate_size", "inner", shape.inner, plain.inner);
    size("max_position_embeddings", "positions", shape.positions, plain.positions);
  }
  /// A size that is in no config.json: C++ only.
  void spelled(std::string_view field, std::size_t value) {
    fields_ += (fields_.empty() ? "." : ", .") + std::string(field) + " = " + std::to_string(value);
  }
  void number(std::string_view key, std::string_view field, double value, double plain) {
    std::string text = shortest(value);
    std::string spelled = text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
    add(key, field, value == plain, std::move(text), std::move(spelled));
  }
  void flag(std::string_view key, std::string_view field, bool value, bool plain) {
    add(key, field, value == plain, value ? "true" : "false", value ? "true" : "false");
  }
  void activation(std::string_view key, std::string_view field, kernel::activation value, kernel::activation plain) {
    const std::string name(to_string(value));
    add(key, field, value == plain, name, "tessera::" + name + "::kernel");
  }
  /// Settings and spelling of what was added.
  void into(encoder_description& made, std::string_view type) && {
    made.settings = std::move(settings_);
    made.shape = "tessera::" + std::string(type) + "{" + fields_ + "}";
  }

  /// The shortest text that reads back as this number: "1e-12".
  [[nodiscard]] static std::string shortest(double value) {
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, value);
    return std::string(text, end.ptr);
  }

 private:
  void add(std::string_view key, std::string_view field, bool plain, std::string value, std::string spelled) {
    settings_.push_back({key, std::move(value)});
    if (!plain) fields_ += (fields_.empty() ? "." : ", .") + std::string(field) + " = " + std::move(spelled);
  }

  std::vector<model_setting> settings_;
  std::string fields_;
};

}  // namespace tessera::inline TESSERA_ABI
