// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/decoder.hpp.
#pragma once

#include <tessera/text/byte_alphabet.hpp>
#include <tessera/text/decoder.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace tessera::inline TESSERA_ABI {

namespace detail {

inline constexpr std::string_view replacement_character = "\xef\xbf\xbd";

/// Appends bytes as UTF-8: U+FFFD for every longest part of an ill-formed sequence that could have begun a character
/// (the Unicode standard's recommendation).
inline void append_lossy(std::string_view bytes, std::string& out) {
  for (std::size_t at = 0; at < bytes.size();) {
    if (const std::size_t good = ascii_prefix(bytes.substr(at)); good != 0) {
      out += bytes.substr(at, good);
      at += good;
      continue;
    }
    const std::size_t length = utf8_sequence(bytes, at);
    if (length != 0) {
      out += bytes.substr(at, length);
      at += length;
      continue;
    }
    // The sequence completed with the highest and lowest continuations tells how much of it could stand.
    std::size_t part = 1;
    for (std::size_t tried = 2; tried <= 3 && at + tried <= bytes.size(); ++tried) {
      const auto could = [&](char filler) {
        std::string whole(bytes.substr(at, tried));
        for (std::size_t more = 1; more <= 2; ++more) {
          whole += filler;
          if (utf8_sequence(whole, 0) == whole.size()) return true;
        }
        return false;
      };
      if (!could('\x80') && !could('\xbf')) break;
      part = tried;
    }
    out += replacement_character;
    at += part;
  }
}

[[nodiscard]] inline std::optional<std::uint8_t> fallback_byte(std::string_view token) noexcept {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  unsigned value = 0;
  for (const char c : token.substr(3, 2)) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return std::nullopt;
    value = value * 16 + static_cast<unsigned>(digit);
  }
  return static_cast<std::uint8_t>(value);
}

inline void replace_all(std::string& text, std::string_view from, std::string_view to) {
  if (from.empty()) return;
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

/// Undoes, from `begin` on, the blanks that splitting put before punctuation and contractions: the reference's
/// replacements, in this order.
inline void clean_up(std::string& text, std::size_t begin) {
  static constexpr std::pair<std::string_view, std::string_view> replacements[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  if (text.find(' ', begin) == std::string::npos) return;
  for (const auto& [from, to] : replacements)
    for (std::size_t at = text.find(from, begin); at != std::string::npos; at = text.find(from, at + to.size()))
      text.replace(at, from.size(), to);
}

struct decoder_pass {
  std::vector<std::string>& tokens;

  void operator()(const space_decoder&) const {
    for (std::size_t i = 1; i < tokens.size(); ++i) tokens[i].insert(0, 1, ' ');
  }
  void operator()(const wordpiece_decoder& how) const {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      std::string text;
      how.append(text, tokens[i], i == 0);
      tokens[i] = std::move(text);
    }
  }
  void operator()(const byte_level_decoder&) const {
    std::string bytes;
    for (const std::string& token : tokens)
      if (!byte_alphabet::append_bytes(token, bytes)) bytes += token;
    std::string text;
    append_lossy(bytes, text);
    tokens.assign(1, std::move(text));
  }
  void operator()(const byte_fallback_decoder&) const {
    std::vector<std::string> out;
    std::string bytes;
    const auto flush = [&] {
      if (bytes.empty()) return;
      if (find_invalid_utf8(bytes)) out.insert(out.end(), bytes.size(), std::string(replacement_character));
      else out.push_back(bytes);
      bytes.clear();
    };
    for (std::string& token : tokens) {
      if (const auto byte = fallback_byte(token)) {
        bytes += static_cast<char>(*byte);
        continue;
      }
      flush();
      out.push_back(std::move(token));
    }
    flush();
    tokens = std::move(out);
  }
  void operator()(const metaspace_decoder& how) const {
    for (std::size_t i = 0; i < tokens.size(); ++i)
      replace_all(tokens[i], how.replacement, i == 0 && how.drops_first ? "" : " ");
  }
  void operator()(const replace_decoder& how) const {
    match_memory memory;
    for (std::string& token : tokens) {
      std::string out;
      std::size_t done = 0;
      const bool finished = how.pattern.for_each_match(token, memory, [&](std::size_t begin, std::size_t end) {
        out.append(token, done, begin - done) += how.content;
        done = end;
      });
      if (!finished || done == 0) continue;
      token = std::move(out.append(token, done));
    }
  }
  void operator()(const strip_decoder& how) const {
    for (std::string& token : tokens) {
      for (std::size_t i = 0; i < how.start && token.starts_with(how.content); ++i) token.erase(0, how.content.size());
      for (std::size_t i = 0; i < how.stop && token.ends_with(how.content); ++i)
        token.resize(token.size() - how.content.size());
    }
  }
  void operator()(const fuse_decoder&) const {
    std::string all;
    for (const std::string& token : tokens) all += token;
    tokens.assign(1, std::move(all));
  }
  void operator()(const ctc_decoder& how) const {
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    for (std::string& token : tokens) {
      replace_all(token, how.pad_token, "");
      if (!how.cleanup) continue;
      clean_up(token, 0);
      replace_all(token, how.word_delimiter, " ");
    }
    std::erase(tokens, std::string());
  }
  void operator()(const suffix_decoder& how) const {
    for (std::size_t i = 0; i < tokens.size(); ++i) replace_all(tokens[i], how.suffix, i + 1 == tokens.size() ? "" : " ");
  }
};

}  // namespace detail

TESSERA_INLINE void wordpiece_decoder::append(std::string& text, std::string_view token, bool is_first) const {
  const std::size_t begin = text.size();
  if (!is_first) {
    if (token.starts_with(prefix)) token.remove_prefix(prefix.size());
    else text += ' ';
  }
  text += token;
  if (cleanup) detail::clean_up(text, begin);
}

TESSERA_INLINE std::string decoder::decode(std::vector<std::string> tokens) const {
  for (const decoder_step& step : steps) std::visit(detail::decoder_pass{tokens}, step);
  std::string text;
  for (const std::string& token : tokens) text += token;
  return text;
}

}  // namespace tessera::inline TESSERA_ABI
