// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/tokenizer_json.hpp: added tokens, the templates of special tokens, truncation and padding, and
/// the whole file.
#pragma once

#include <tessera/io/quoted.hpp>
#include <tessera/text/json_components-inl.hpp>
#include <tessera/text/json_decoder-inl.hpp>
#include <tessera/text/json_model-inl.hpp>
#include <tessera/text/json_template-inl.hpp>
#include <tessera/text/tokenizer_json.hpp>

#include <algorithm>

namespace tessera::inline TESSERA_ABI {

namespace detail {

[[nodiscard]] inline result<std::vector<added_token>> read_added_tokens(const std::optional<json_value>& from) {
  std::vector<added_token> tokens;
  if (!from || from->is_null()) return tokens;
  TESSERA_TRY(const json_elements elements, from->elements());
  for (const json_value element : elements) {
    TESSERA_CHECK(
        expect_members(element, {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"}));
    added_token token;
    TESSERA_TRY(token.id, element.get<token_id>("id"));
    TESSERA_TRY(token.content, element.get<std::string>("content"));
    TESSERA_TRY(token.single_word, element.get<bool>("single_word"));
    TESSERA_TRY(token.lstrip, element.get<bool>("lstrip"));
    TESSERA_TRY(token.rstrip, element.get<bool>("rstrip"));
    TESSERA_TRY(token.normalized, element.get<bool>("normalized"));
    TESSERA_TRY(token.special, element.get<bool>("special"));
    if (token.content.empty()) continue;  // stands for nothing in any text; the reference drops it too
    tokens.push_back(std::move(token));
  }
  return tokens;
}

[[nodiscard]] inline result<text_side> read_side(const json_value& object, std::string_view key, text_side otherwise) {
  TESSERA_TRY(const auto name, object.get_optional<std::string_view>(key));
  if (!name) return otherwise;
  if (*name == "Left") return text_side::left;
  if (*name == "Right") return text_side::right;
  return fail(json_error(error_code::malformed, *object.find(key), "Left or Right", tessera::quoted(*name)));
}

[[nodiscard]] inline result<std::optional<truncation_settings>> read_truncation(const std::optional<json_value>& from) {
  if (!from || from->is_null()) return std::optional<truncation_settings>();
  TESSERA_CHECK(expect_members(*from, {"direction", "max_length", "strategy", "stride"}));
  truncation_settings made;
  TESSERA_TRY(made.direction, read_side(*from, "direction", text_side::right));
  TESSERA_TRY(made.max_length, from->get<std::size_t>("max_length"));
  TESSERA_TRY(made.stride, from->get<std::size_t>("stride"));
  TESSERA_TRY(const auto name, from->get<std::string_view>("strategy"));
  if (name == "LongestFirst") made.strategy = truncation_strategy::longest_first;
  else if (name == "OnlyFirst") made.strategy = truncation_strategy::only_first;
  else if (name == "OnlySecond") made.strategy = truncation_strategy::only_second;
  else
    return fail(json_error(error_code::malformed, *from->find("strategy"), "LongestFirst, OnlyFirst or OnlySecond",
                           tessera::quoted(name)));
  return std::optional(made);
}

[[nodiscard]] inline result<std::optional<padding_settings>> read_padding(const std::optional<json_value>& from) {
  if (!from || from->is_null()) return std::optional<padding_settings>();
  TESSERA_CHECK(
      expect_members(*from, {"strategy", "direction", "pad_to_multiple_of", "pad_id", "pad_type_id", "pad_token"}));
  padding_settings made;
  TESSERA_TRY(const json_value strategy, from->at("strategy"));
  if (strategy.is_object()) {
    TESSERA_CHECK(expect_members(strategy, {"Fixed"}));
    TESSERA_TRY(made.length, strategy.get<std::size_t>("Fixed"));
  } else {
    TESSERA_TRY(const auto name, strategy.get<std::string_view>());
    if (name != "BatchLongest")
      return fail(json_error(error_code::malformed, strategy, "BatchLongest or Fixed", tessera::quoted(name)));
  }
  TESSERA_TRY(made.direction, read_side(*from, "direction", text_side::right));
  TESSERA_TRY(made.multiple_of, from->get_or<std::size_t>("pad_to_multiple_of", 0));
  TESSERA_TRY(made.pad_id, from->get<token_id>("pad_id"));
  TESSERA_TRY(made.pad_type_id, from->get<std::uint32_t>("pad_type_id"));
  TESSERA_TRY(made.pad_token, from->get<std::string>("pad_token"));
  return std::optional(std::move(made));
}

}  // namespace detail

TESSERA_INLINE result<tokenizer_parts> read_tokenizer_json(const json& file) {
  const json_value root = file.root();
  TESSERA_CHECK(detail::expect_members(root, {"version", "truncation", "padding", "added_tokens", "normalizer",
                                              "pre_tokenizer", "post_processor", "decoder", "model"}));
  if (root.find("version")) {
    TESSERA_TRY(const auto version, root.get<std::string_view>("version"));
    if (version != "1.0")
      return fail(detail::json_error(error_code::unsupported, *root.find("version"), "1.0", tessera::quoted(version)));
  }
  tokenizer_parts parts;
  TESSERA_TRY(const json_value model, root.at("model"));
  TESSERA_TRY(parts.normalize, detail::read_normalizer(root.find("normalizer")));
  TESSERA_TRY(parts.split, detail::read_pre_tokenizer(root.find("pre_tokenizer")));
  TESSERA_TRY(parts.model, detail::read_model(model, parts.split));
  TESSERA_TRY(parts.process, detail::read_post_processor(root.find("post_processor")));
  TESSERA_TRY(parts.join, detail::read_decoder(root.find("decoder")));
  TESSERA_TRY(parts.added, detail::read_added_tokens(root.find("added_tokens")));
  TESSERA_TRY(parts.truncation, detail::read_truncation(root.find("truncation")));
  TESSERA_TRY(parts.padding, detail::read_padding(root.find("padding")));
  return parts;
}

}  // namespace tessera::inline TESSERA_ABI
