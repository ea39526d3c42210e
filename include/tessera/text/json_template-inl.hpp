// SPDX-License-Identifier: Apache-2.0
/// Post-processors of a tokenizer.json: what stands around texts, and whether blanks are trimmed from offsets.
///
/// Included by text/tokenizer_json-inl.hpp alone.
#pragma once

#include <tessera/text/json_components-inl.hpp>
#include <tessera/text/post_processor.hpp>

#include <algorithm>

namespace tessera::inline TESSERA_ABI::detail {

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

/// The special token and its id of BertProcessing and RobertaProcessing: ["[CLS]", 101].
[[nodiscard]] inline result<token_id> read_named_id(const json_value& from, std::string_view key) {
  TESSERA_TRY(const json_value entry, from.at(key));
  TESSERA_TRY(const json_elements both, entry.elements());
  if (both.size() != 2) return fail(entry.mismatch("a token and its id", std::to_string(both.size()) + " elements"));
  return (*++both.begin()).get<token_id>();
}

[[nodiscard]] inline result<> read_template_processing(const json_value& from, template_processor& made) {
  using kind = template_piece::kind;
  TESSERA_CHECK(expect_members(from, {"type", "single", "pair", "special_tokens"}));
  TESSERA_TRY(const json_value special, from.at("special_tokens"));
  TESSERA_TRY(const json_members definitions, special.members());
  for (const auto& [key, definition] : definitions) {
    TESSERA_CHECK(expect_members(definition, {"id", "ids", "tokens"}));
    TESSERA_TRY(const json_value ids, definition.at("ids"));
    TESSERA_TRY(const json_value tokens, definition.at("tokens"));
    if (ids.size() != tokens.size())
      return fail(definition.mismatch("as many ids as tokens",
                                      std::to_string(ids.size()) + " and " + std::to_string(tokens.size())));
  }
  TESSERA_TRY(const json_value single, from.at("single"));
  TESSERA_TRY(const json_value pair, from.at("pair"));
  TESSERA_TRY(made.single, read_template(single, special));
  TESSERA_TRY(made.pair, read_template(pair, special));
  for (const template_piece& piece : made.single)
    if (piece.what == kind::second) return fail(single.mismatch("a template of the text A alone", "the text B"));
  return {};
}

/// Adds what one post-processor does to `made`; `placed` says that a template has been read.
[[nodiscard]] inline result<> read_processor(const json_value& from, template_processor& made, bool& placed) {
  using kind = template_piece::kind;
  TESSERA_TRY(const auto type, from.get<std::string_view>("type"));
  if (type == "Sequence") {
    TESSERA_CHECK(expect_members(from, {"type", "processors"}));
    TESSERA_TRY(const json_value list, from.at("processors"));
    TESSERA_TRY(const json_elements processors, list.elements());
    for (const json_value processor : processors) TESSERA_CHECK(read_processor(processor, made, placed));
    return {};
  }
  if (type == "ByteLevel" || type == "RobertaProcessing") {
    const bool roberta = type == "RobertaProcessing";
    TESSERA_CHECK(roberta ? expect_members(from, {"type", "sep", "cls", "trim_offsets", "add_prefix_space"})
                          : expect_members(from, {"type", "add_prefix_space", "trim_offsets", "use_regex"}));
    TESSERA_TRY(const bool trims, from.get<bool>("trim_offsets"));
    TESSERA_TRY(const bool prefixed, from.get<bool>("add_prefix_space"));
    if (trims && placed)
      return fail(json_error(error_code::unsupported, from, "trimmed offsets before the special tokens", "after them"));
    if (trims) made.trims_blanks = prefixed ? template_processor::trim::all_but_prefix : template_processor::trim::all;
    if (!roberta) return {};
  }
  if (placed)
    return fail(json_error(error_code::unsupported, from, "one template", "another " + tessera::quoted(type)));
  placed = true;
  if (type == "TemplateProcessing") return read_template_processing(from, made);
  if (type != "BertProcessing" && type != "RobertaProcessing")
    return unsupported_type(from, type,
                            "a post_processor that this library has (TemplateProcessing, BertProcessing, "
                            "RobertaProcessing, ByteLevel, Sequence)");
  if (type == "BertProcessing") TESSERA_CHECK(expect_members(from, {"type", "sep", "cls"}));
  TESSERA_TRY(const token_id cls, read_named_id(from, "cls"));
  TESSERA_TRY(const token_id sep, read_named_id(from, "sep"));
  made.single = {{kind::special, 0, {cls}}, {kind::first, 0, {}}, {kind::special, 0, {sep}}};
  made.pair = made.single;
  const std::uint32_t second = type == "BertProcessing" ? 1 : 0;  // RoBERTa has one type only
  if (type == "RobertaProcessing") made.pair.push_back({kind::special, 0, {sep}});
  made.pair.push_back({kind::second, second, {}});
  made.pair.push_back({kind::special, second, {sep}});
  return {};
}

[[nodiscard]] inline result<template_processor> read_post_processor(const std::optional<json_value>& from) {
  template_processor made;
  bool placed = false;
  if (!from || from->is_null()) return made;
  TESSERA_CHECK(read_processor(*from, made, placed));
  return made;
}

}  // namespace tessera::inline TESSERA_ABI::detail
