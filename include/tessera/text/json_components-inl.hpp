// SPDX-License-Identifier: Apache-2.0
/// Normalisers and pre-tokenisers of a tokenizer.json, each strict about the settings it knows.
///
/// Included by the readers of tokenizer.json alone.
#pragma once

#include <tessera/io/json.hpp>
#include <tessera/io/quoted.hpp>
#include <tessera/text/normalizer.hpp>
#include <tessera/text/pre_tokenizer.hpp>

#include <algorithm>
#include <initializer_list>

namespace tessera::inline TESSERA_ABI::detail {

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

/// The error of making a thing out of `at`, placed there.
[[nodiscard]] inline std::unexpected<error> placed_at(const json_value& at, error inner) {
  inner.thing = at.key_path() + (inner.thing.empty() ? "" : ": " + inner.thing);
  return fail(std::move(inner).in(at.path()));
}

/// {"String": "..."} or {"Regex": "..."}.
[[nodiscard]] inline result<text_pattern> read_pattern(const json_value& owner) {
  TESSERA_TRY(const json_value from, owner.at("pattern"));
  TESSERA_CHECK(expect_members(from, {"String", "Regex"}));
  if (from.size() != 1) return fail(from.mismatch("one of String and Regex", std::to_string(from.size())));
  if (from.find("String")) {
    TESSERA_TRY(auto text, from.get<std::string>("String"));
    return text_pattern::literal(std::move(text));
  }
  TESSERA_TRY(const auto expression, from.get<std::string_view>("Regex"));
  auto made = text_pattern::expression(expression);
  if (!made) return placed_at(from, std::move(made).error());
  return *std::move(made);
}

[[nodiscard]] inline result<> read_normalizer_steps(const json_value& from, std::vector<normalizer_step>& steps) {
  TESSERA_TRY(const auto type, from.get<std::string_view>("type"));
  if (type == "Sequence") {
    TESSERA_CHECK(expect_members(from, {"type", "normalizers"}));
    TESSERA_TRY(const json_value list, from.at("normalizers"));
    TESSERA_TRY(const json_elements elements, list.elements());
    for (const json_value element : elements) TESSERA_CHECK(read_normalizer_steps(element, steps));
    return {};
  }
  if (type == "BertNormalizer") {
    TESSERA_CHECK(expect_members(from, {"type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase"}));
    bert_normalizer bert;
    TESSERA_TRY(bert.clean_text, from.get<bool>("clean_text"));
    TESSERA_TRY(bert.handle_chinese_chars, from.get<bool>("handle_chinese_chars"));
    TESSERA_TRY(bert.strip_accents, from.get_optional<bool>("strip_accents"));
    TESSERA_TRY(bert.lowercase, from.get<bool>("lowercase"));
    steps.emplace_back(bert);
    return {};
  }
  if (type == "Precompiled") {
    TESSERA_CHECK(expect_members(from, {"type", "precompiled_charsmap"}));
    TESSERA_TRY(const json_value text, from.at("precompiled_charsmap"));
    if (text.is_null()) return {};
    TESSERA_TRY(const auto base64, text.get<std::string_view>());
    auto map = charsmap::from_base64(base64);
    if (!map) return placed_at(text, std::move(map).error());
    steps.emplace_back(*std::move(map));
    return {};
  }
  if (type == "Strip") {
    TESSERA_CHECK(expect_members(from, {"type", "strip_left", "strip_right"}));
    strip_ends strip;
    TESSERA_TRY(strip.left, from.get<bool>("strip_left"));
    TESSERA_TRY(strip.right, from.get<bool>("strip_right"));
    steps.emplace_back(strip);
    return {};
  }
  if (type == "Prepend") {
    TESSERA_CHECK(expect_members(from, {"type", "prepend"}));
    TESSERA_TRY(auto prefix, from.get<std::string>("prepend"));
    steps.emplace_back(prepend_text{std::move(prefix)});
    return {};
  }
  if (type == "Replace") {
    TESSERA_CHECK(expect_members(from, {"type", "pattern", "content"}));
    TESSERA_TRY(auto pattern, read_pattern(from));
    TESSERA_TRY(auto content, from.get<std::string>("content"));
    steps.emplace_back(replace_pattern{std::move(pattern), std::move(content)});
    return {};
  }
  TESSERA_CHECK(expect_members(from, {"type"}));
  if (type == "NFC") steps.emplace_back(unicode_form{unicode_form::nfc});
  else if (type == "NFD") steps.emplace_back(unicode_form{unicode_form::nfd});
  else if (type == "NFKC") steps.emplace_back(unicode_form{unicode_form::nfkc});
  else if (type == "NFKD") steps.emplace_back(unicode_form{unicode_form::nfkd});
  else if (type == "Lowercase") steps.emplace_back(lowercase{});
  else if (type == "StripAccents") steps.emplace_back(strip_accents{});
  else if (type == "Nmt") steps.emplace_back(nmt_cleaning{});
  else if (type == "ByteLevel") steps.emplace_back(byte_characters{});
  else
    return unsupported_type(from, type,
                            "a normalizer that this library has (BertNormalizer, ByteLevel, Lowercase, NFC, NFD, NFKC, "
                            "NFKD, Nmt, Precompiled, Prepend, Replace, Sequence, Strip, StripAccents)");
  return {};
}

[[nodiscard]] inline result<normalizer> read_normalizer(const std::optional<json_value>& from) {
  normalizer made;
  if (from && !from->is_null()) TESSERA_CHECK(read_normalizer_steps(*from, made.steps));
  return made;
}

[[nodiscard]] inline result<split_behavior> read_behavior(const json_value& from, split_behavior otherwise) {
  TESSERA_TRY(const auto name, from.get_optional<std::string_view>("behavior"));
  if (!name) return otherwise;
  if (*name == "Removed") return split_behavior::removed;
  if (*name == "Isolated") return split_behavior::isolated;
  if (*name == "Contiguous") return split_behavior::contiguous;
  if (*name == "MergedWithPrevious") return split_behavior::merged_with_previous;
  if (*name == "MergedWithNext") return split_behavior::merged_with_next;
  return fail(json_error(error_code::malformed, *from.find("behavior"),
                         "Removed, Isolated, Contiguous, MergedWithPrevious or MergedWithNext", tessera::quoted(*name)));
}

[[nodiscard]] inline result<metaspace> read_metaspace(const json_value& from) {
  TESSERA_CHECK(
      expect_members(from, {"type", "replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"}));
  metaspace made;
  TESSERA_TRY(made.replacement, from.get<std::string>("replacement"));
  if (made.replacement.empty() || utf8_size(made.replacement.front()) != made.replacement.size())
    return fail(from.find("replacement")->mismatch("one character", tessera::quoted(made.replacement)));
  TESSERA_TRY(made.split, from.get_or<bool>("split", true));
  TESSERA_TRY(const auto scheme, from.get_or<std::string_view>("prepend_scheme", "always"));
  if (scheme == "first") made.prepend = metaspace::scheme::first;
  else if (scheme == "never") made.prepend = metaspace::scheme::never;
  else if (scheme != "always")
    return fail(from.find("prepend_scheme")->mismatch("always, first or never", tessera::quoted(scheme)));
  // The older spelling.
  TESSERA_TRY(const auto prefix, from.get_optional<bool>("add_prefix_space"));
  if (prefix && !*prefix) {
    if (from.find("prepend_scheme") && scheme != "never")
      return fail(from.find("add_prefix_space")->mismatch("what prepend_scheme says", "false"));
    made.prepend = metaspace::scheme::never;
  }
  return made;
}

[[nodiscard]] inline result<> read_split_steps(const json_value& from, std::vector<pre_tokenizer_step>& steps) {
  TESSERA_TRY(const auto type, from.get<std::string_view>("type"));
  if (type == "Sequence") {
    TESSERA_CHECK(expect_members(from, {"type", "pretokenizers"}));
    TESSERA_TRY(const json_value list, from.at("pretokenizers"));
    TESSERA_TRY(const json_elements elements, list.elements());
    for (const json_value element : elements) TESSERA_CHECK(read_split_steps(element, steps));
  } else if (type == "Split") {
    TESSERA_CHECK(expect_members(from, {"type", "pattern", "behavior", "invert"}));
    pattern_split made;
    TESSERA_TRY(made.pattern, read_pattern(from));
    TESSERA_TRY(const json_value behavior, from.at("behavior"));
    TESSERA_CHECK(behavior.expect(json_kind::string));
    TESSERA_TRY(made.behavior, read_behavior(from, split_behavior::isolated));
    TESSERA_TRY(made.invert, from.get<bool>("invert"));
    steps.emplace_back(std::move(made));
  } else if (type == "ByteLevel") {
    TESSERA_CHECK(expect_members(from, {"type", "add_prefix_space", "trim_offsets", "use_regex"}));
    TESSERA_TRY(const bool prefix, from.get<bool>("add_prefix_space"));
    TESSERA_TRY(const bool regex, from.get_or<bool>("use_regex", true));
    if (prefix) steps.emplace_back(prefix_space{});
    if (regex) {
      TESSERA_TRY(auto pattern, text_pattern::expression(gpt2_expression));
      steps.emplace_back(pattern_split{.pattern = std::move(pattern)});
    }
    steps.emplace_back(byte_characters{});
  } else if (type == "Metaspace") {
    TESSERA_TRY(auto made, read_metaspace(from));
    steps.emplace_back(std::move(made));
  } else if (type == "Punctuation") {
    TESSERA_CHECK(expect_members(from, {"type", "behavior"}));
    TESSERA_TRY(const auto behavior, read_behavior(from, split_behavior::isolated));
    steps.emplace_back(punctuation_split{behavior});
  } else if (type == "Digits") {
    TESSERA_CHECK(expect_members(from, {"type", "individual_digits"}));
    TESSERA_TRY(const bool individual, from.get<bool>("individual_digits"));
    steps.emplace_back(digit_split{individual});
  } else if (type == "CharDelimiterSplit") {
    TESSERA_CHECK(expect_members(from, {"type", "delimiter"}));
    TESSERA_TRY(const auto text, from.get<std::string_view>("delimiter"));
    std::size_t at = 0;
    if (text.empty() || utf8_size(text.front()) != text.size())
      return fail(from.find("delimiter")->mismatch("one character", tessera::quoted(text)));
    steps.emplace_back(delimiter_split{decode_utf8(text, at)});
  } else if (type == "FixedLength") {
    TESSERA_CHECK(expect_members(from, {"type", "length"}));
    TESSERA_TRY(const auto length, from.get_or<std::size_t>("length", 5));
    if (length == 0) return fail(from.find("length")->mismatch("at least 1", "0"));
    steps.emplace_back(length_split{length});
  } else {
    TESSERA_CHECK(expect_members(from, {"type"}));
    if (type == "BertPreTokenizer") steps.emplace_back(bert_pre_tokenizer{});
    else if (type == "WhitespaceSplit") steps.emplace_back(whitespace_split{});
    else if (type == "Whitespace") steps.emplace_back(word_split{});
    else if (type == "UnicodeScripts") steps.emplace_back(script_split{});
    else
      return unsupported_type(from, type,
                              "a pre_tokenizer that this library has (BertPreTokenizer, ByteLevel, CharDelimiterSplit, "
                              "Digits, FixedLength, Metaspace, Punctuation, Sequence, Split, UnicodeScripts, Whitespace, WhitespaceSplit)");
  }
  return {};
}

[[nodiscard]] inline result<pre_tokenizer> read_pre_tokenizer(const std::optional<json_value>& from) {
  pre_tokenizer made;
  if (from && !from->is_null()) TESSERA_CHECK(read_split_steps(*from, made.steps));
  return made;
}

}  // namespace tessera::inline TESSERA_ABI::detail
