// SPDX-License-Identifier: Apache-2.0
/// The decoder of a tokenizer.json, strict about the settings it knows.
///
/// Included by text/tokenizer_json-inl.hpp alone.
#pragma once

#include <tessera/text/decoder.hpp>
#include <tessera/text/json_components-inl.hpp>

namespace tessera::inline TESSERA_ABI::detail {

[[nodiscard]] inline result<> read_decoder_steps(const json_value& from, std::vector<decoder_step>& steps) {
  TESSERA_TRY(const auto type, from.get<std::string_view>("type"));
  if (type == "Sequence") {
    TESSERA_CHECK(expect_members(from, {"type", "decoders"}));
    TESSERA_TRY(const json_value list, from.at("decoders"));
    TESSERA_TRY(const json_elements elements, list.elements());
    for (const json_value element : elements) TESSERA_CHECK(read_decoder_steps(element, steps));
  } else if (type == "WordPiece") {
    TESSERA_CHECK(expect_members(from, {"type", "prefix", "cleanup"}));
    wordpiece_decoder made;
    TESSERA_TRY(made.prefix, from.get<std::string>("prefix"));
    TESSERA_TRY(made.cleanup, from.get<bool>("cleanup"));
    steps.emplace_back(std::move(made));
  } else if (type == "ByteLevel") {
    TESSERA_CHECK(expect_members(from, {"type", "add_prefix_space", "trim_offsets", "use_regex"}));
    steps.emplace_back(byte_level_decoder{});
  } else if (type == "Metaspace") {
    TESSERA_TRY(const auto made, read_metaspace(from));
    steps.emplace_back(metaspace_decoder{made.replacement, made.prepend != metaspace::scheme::never});
  } else if (type == "Replace") {
    TESSERA_CHECK(expect_members(from, {"type", "pattern", "content"}));
    replace_decoder made;
    TESSERA_TRY(made.pattern, read_pattern(from));
    TESSERA_TRY(made.content, from.get<std::string>("content"));
    steps.emplace_back(std::move(made));
  } else if (type == "Strip") {
    TESSERA_CHECK(expect_members(from, {"type", "content", "start", "stop"}));
    strip_decoder made;
    TESSERA_TRY(made.content, from.get<std::string>("content"));
    TESSERA_TRY(made.start, from.get<std::size_t>("start"));
    TESSERA_TRY(made.stop, from.get<std::size_t>("stop"));
    if (made.content.empty() || utf8_size(made.content.front()) != made.content.size())
      return fail(from.find("content")->mismatch("one character", tessera::quoted(made.content)));
    steps.emplace_back(std::move(made));
  } else if (type == "BPEDecoder") {
    TESSERA_CHECK(expect_members(from, {"type", "suffix"}));
    TESSERA_TRY(auto suffix, from.get<std::string>("suffix"));
    steps.emplace_back(suffix_decoder{std::move(suffix)});
  } else if (type == "CTC") {
    TESSERA_CHECK(expect_members(from, {"type", "pad_token", "word_delimiter_token", "cleanup"}));
    ctc_decoder made;
    TESSERA_TRY(made.pad_token, from.get<std::string>("pad_token"));
    TESSERA_TRY(made.word_delimiter, from.get<std::string>("word_delimiter_token"));
    TESSERA_TRY(made.cleanup, from.get<bool>("cleanup"));
    steps.emplace_back(std::move(made));
  } else {
    TESSERA_CHECK(expect_members(from, {"type"}));
    if (type == "ByteFallback") steps.emplace_back(byte_fallback_decoder{});
    else if (type == "Fuse") steps.emplace_back(fuse_decoder{});
    else
      return unsupported_type(from, type,
                              "a decoder that this library has (BPEDecoder, ByteFallback, ByteLevel, CTC, Fuse, "
                              "Metaspace, Replace, Sequence, Strip, WordPiece)");
  }
  return {};
}

[[nodiscard]] inline result<decoder> read_decoder(const std::optional<json_value>& from) {
  if (!from || from->is_null()) return decoder(space_decoder{});
  decoder made;
  TESSERA_CHECK(read_decoder_steps(*from, made.steps));
  return made;
}

}  // namespace tessera::inline TESSERA_ABI::detail
