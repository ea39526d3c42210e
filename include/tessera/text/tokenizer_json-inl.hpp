// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/tokenizer_json.hpp: one function a component, each strict about the settings it knows.
#pragma once

#include <tessera/io/quoted.hpp>
#include <tessera/text/tokenizer_json.hpp>

#include <algorithm>
#include <initializer_list>

namespace tessera::inline TESSERA_ABI {

namespace detail {

[[nodiscard]] inline error json_error(error_code code, const json_value& at, std::string wanted, std::string found) {
  return {.code = code,
          .thing = at.key_path(),
          .wanted = std::move(wanted),
          .found = std::move(found),
          .path = std::string(at.path())};
}

/// `unsupported` for the first member that is not among `known`.
[[nodiscard]] inline result<> expect_members(const json_value& object, std::initializer_list<std::string_view> known) {
  TESSERA_TRY(const json_members members, object.members());
  for (const auto& [key, value] : members)
    if (std::ranges::find(known, key) == known.end())
      return fail(
          json_error(error_code::unsupported, value, "a setting that this library knows", tessera::quoted(key)));
  return {};
}

/// The type of a component, or nothing where the file says null or nothing.
[[nodiscard]] inline result<std::optional<std::string_view>> component_type(
    const std::optional<json_value>& component) {
  if (!component || component->is_null()) return std::optional<std::string_view>();
  TESSERA_TRY(const auto type, component->get<std::string_view>("type"));
  return std::optional(type);
}

[[nodiscard]] inline std::unexpected<error> unsupported_type(const json_value& component, std::string_view type,
                                                             std::string wanted) {
  return fail(json_error(error_code::unsupported, component.find("type").value_or(component), std::move(wanted),
                         tessera::quoted(type)));
}

[[nodiscard]] inline result<normalizer> read_normalizer(const std::optional<json_value>& from) {
  TESSERA_TRY(const auto type, component_type(from));
  if (!type) return normalizer(no_normalizer{});
  if (*type != "BertNormalizer")
    return unsupported_type(*from, *type, "a normalizer that this library has (BertNormalizer)");
  TESSERA_CHECK(expect_members(*from, {"type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase"}));
  bert_normalizer bert;
  TESSERA_TRY(bert.clean_text, from->get<bool>("clean_text"));
  TESSERA_TRY(bert.handle_chinese_chars, from->get<bool>("handle_chinese_chars"));
  TESSERA_TRY(bert.strip_accents, from->get_optional<bool>("strip_accents"));
  TESSERA_TRY(bert.lowercase, from->get<bool>("lowercase"));
  return normalizer(bert);
}

[[nodiscard]] inline result<pre_tokenizer> read_pre_tokenizer(const std::optional<json_value>& from) {
  TESSERA_TRY(const auto type, component_type(from));
  if (!type) return pre_tokenizer(no_pre_tokenizer{});
  if (*type != "BertPreTokenizer")
    return unsupported_type(*from, *type, "a pre_tokenizer that this library has (BertPreTokenizer)");
  TESSERA_CHECK(expect_members(*from, {"type"}));
  return pre_tokenizer(bert_pre_tokenizer{});
}

[[nodiscard]] inline result<decoder> read_decoder(const std::optional<json_value>& from) {
  TESSERA_TRY(const auto type, component_type(from));
  if (!type) return decoder(space_decoder{});
  if (*type != "WordPiece") return unsupported_type(*from, *type, "a decoder that this library has (WordPiece)");
  TESSERA_CHECK(expect_members(*from, {"type", "prefix", "cleanup"}));
  wordpiece_decoder made;
  TESSERA_TRY(made.prefix, from->get<std::string>("prefix"));
  TESSERA_TRY(made.cleanup, from->get<bool>("cleanup"));
  return decoder(std::move(made));
}

[[nodiscard]] inline result<token_model> read_model(const json_value& from) {
  std::string_view type = "WordPiece";  // files from before the type was written are told by their settings
  if (const auto named = from.find("type")) {
    TESSERA_TRY(type, named->get<std::string_view>());
  } else if (!from.find("max_input_chars_per_word")) {
    return fail(json_error(error_code::not_found, from, "a type", "none"));
  }
  if (type != "WordPiece") return unsupported_type(from, type, "a model that this library has (WordPiece)");
  TESSERA_CHECK(
      expect_members(from, {"type", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab"}));
  wordpiece_settings settings;
  TESSERA_TRY(settings.unknown_token, from.get<std::string>("unk_token"));
  TESSERA_TRY(settings.continuing_prefix, from.get<std::string>("continuing_subword_prefix"));
  TESSERA_TRY(settings.longest_word, from.get<std::size_t>("max_input_chars_per_word"));
  TESSERA_TRY(const json_value words, from.at("vocab"));
  TESSERA_TRY(const json_members members, words.members());
  std::vector<vocabulary::entry> entries;
  entries.reserve(members.size());
  for (const auto& [key, value] : members) {
    TESSERA_TRY(const token_id id, value.get<token_id>());
    entries.push_back({key, id});
  }
  const auto located = [&](error inner) {
    return fail([&] {
      inner.thing = words.key_path() + ": " + inner.thing;
      return std::move(inner).in(from.path());
    }());
  };
  auto made = vocabulary::make(entries);
  if (!made) return located(std::move(made).error());
  auto model = wordpiece::make(std::make_shared<const vocabulary>(*std::move(made)), std::move(settings));
  if (!model) return located(std::move(model).error());
  return token_model(*std::move(model));
}

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

[[nodiscard]] inline result<std::vector<template_piece>> read_template(const json_value& from,
                                                                       const json_value& special) {
  std::vector<template_piece> pieces;
  TESSERA_TRY(const json_elements elements, from.elements());
  for (const json_value element : elements) {
    TESSERA_CHECK(expect_members(element, {"Sequence", "SpecialToken"}));
    if (element.size() != 1)
      return fail(element.mismatch("one of Sequence and SpecialToken", std::to_string(element.size())));
    template_piece piece;
    const bool is_text = element.find("Sequence").has_value();
    TESSERA_TRY(const json_value body, element.at(is_text ? "Sequence" : "SpecialToken"));
    TESSERA_CHECK(expect_members(body, {"id", "type_id"}));
    TESSERA_TRY(const auto id, body.get<std::string_view>("id"));
    TESSERA_TRY(piece.type_id, body.get<std::uint32_t>("type_id"));
    if (is_text) {
      if (id != "A" && id != "B") return fail(body.mismatch("the text A or B", tessera::quoted(id)));
      piece.what = id == "A" ? template_piece::kind::first : template_piece::kind::second;
    } else {
      piece.what = template_piece::kind::special;
      const auto definition = special.find(id);
      if (!definition)
        return fail(
            json_error(error_code::not_found, body, "a token that special_tokens defines", tessera::quoted(id)));
      TESSERA_TRY(const json_value ids, definition->at("ids"));
      TESSERA_TRY(const json_elements numbers, ids.elements());
      for (const json_value number : numbers) {
        TESSERA_TRY(const token_id one, number.get<token_id>());
        piece.ids.push_back(one);
      }
    }
    if (is_text && std::ranges::find(pieces, piece.what, &template_piece::what) != pieces.end())
      return fail(json_error(error_code::unsupported, body, "each text once", tessera::quoted(id) + " again"));
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

[[nodiscard]] inline result<template_processor> read_post_processor(const std::optional<json_value>& from) {
  using kind = template_piece::kind;
  TESSERA_TRY(const auto type, component_type(from));
  if (!type) return template_processor{};
  template_processor made;
  if (*type == "BertProcessing") {
    TESSERA_CHECK(expect_members(*from, {"type", "sep", "cls"}));
    const auto token = [&](std::string_view key) -> result<token_id> {
      TESSERA_TRY(const json_value entry, from->at(key));
      TESSERA_TRY(const json_elements both, entry.elements());
      if (both.size() != 2)
        return fail(entry.mismatch("a token and its id", std::to_string(both.size()) + " elements"));
      return (*++both.begin()).get<token_id>();
    };
    TESSERA_TRY(const token_id cls, token("cls"));
    TESSERA_TRY(const token_id sep, token("sep"));
    made.single = {{kind::special, 0, {cls}}, {kind::first, 0, {}}, {kind::special, 0, {sep}}};
    made.pair = made.single;
    made.pair.push_back({kind::second, 1, {}});
    made.pair.push_back({kind::special, 1, {sep}});
    return made;
  }
  if (*type != "TemplateProcessing")
    return unsupported_type(*from, *type,
                            "a post_processor that this library has (TemplateProcessing, BertProcessing)");
  TESSERA_CHECK(expect_members(*from, {"type", "single", "pair", "special_tokens"}));
  TESSERA_TRY(const json_value special, from->at("special_tokens"));
  TESSERA_TRY(const json_members definitions, special.members());
  for (const auto& [key, definition] : definitions) {
    TESSERA_CHECK(expect_members(definition, {"id", "ids", "tokens"}));
    TESSERA_TRY(const json_value ids, definition.at("ids"));
    TESSERA_TRY(const json_value tokens, definition.at("tokens"));
    if (ids.size() != tokens.size())
      return fail(definition.mismatch("as many ids as tokens",
                                      std::to_string(ids.size()) + " and " + std::to_string(tokens.size())));
  }
  TESSERA_TRY(const json_value single, from->at("single"));
  TESSERA_TRY(const json_value pair, from->at("pair"));
  TESSERA_TRY(made.single, read_template(single, special));
  TESSERA_TRY(made.pair, read_template(pair, special));
  for (const template_piece& piece : made.single)
    if (piece.what == kind::second) return fail(single.mismatch("a template of the text A alone", "the text B"));
  return made;
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
  TESSERA_TRY(parts.model, detail::read_model(model));
  TESSERA_TRY(parts.normalize, detail::read_normalizer(root.find("normalizer")));
  TESSERA_TRY(parts.split, detail::read_pre_tokenizer(root.find("pre_tokenizer")));
  TESSERA_TRY(parts.process, detail::read_post_processor(root.find("post_processor")));
  TESSERA_TRY(parts.join, detail::read_decoder(root.find("decoder")));
  TESSERA_TRY(parts.added, detail::read_added_tokens(root.find("added_tokens")));
  TESSERA_TRY(parts.truncation, detail::read_truncation(root.find("truncation")));
  TESSERA_TRY(parts.padding, detail::read_padding(root.find("padding")));
  return parts;
}

}  // namespace tessera::inline TESSERA_ABI
