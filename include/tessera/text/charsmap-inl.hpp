// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/charsmap.hpp.
#pragma once

#include <tessera/io/bytes.hpp>
#include <tessera/text/charsmap.hpp>
#include <tessera/text/pattern_class.hpp>
#include <tessera/text/transform.hpp>

#include <utf8proc.h>

#include <algorithm>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// A unit of Darts-clone's double array.
struct darts_unit {
  std::uint32_t bits;
  [[nodiscard]] constexpr bool has_leaf() const noexcept { return (bits >> 8U & 1U) != 0; }
  [[nodiscard]] constexpr std::uint32_t value() const noexcept { return bits & 0x7fffffffU; }
  [[nodiscard]] constexpr std::uint32_t label() const noexcept { return bits & 0x800000ffU; }
  [[nodiscard]] constexpr std::uint32_t offset() const noexcept { return bits >> 10U << ((bits & 0x200U) >> 6U); }
};

TESSERA_INLINE std::size_t grapheme_end(std::string_view text, std::size_t at) noexcept {
  auto before = static_cast<utf8proc_int32_t>(decode_utf8(text, at));
  utf8proc_int32_t state = 0;
  while (at < text.size()) {
    std::size_t next = at;
    const auto c = static_cast<utf8proc_int32_t>(decode_utf8(text, next));
    if (utf8proc_grapheme_break_stateful(before, c, &state)) break;
    before = c;
    at = next;
  }
  return at;
}

}  // namespace detail

TESSERA_INLINE result<charsmap> charsmap::make(std::string_view bytes) {
  const auto malformed = [](std::string wanted) {
    return fail({.code = error_code::malformed, .thing = "character map", .wanted = std::move(wanted)});
  };
  const auto word = [&](std::size_t at) {
    return detail::load<std::endian::little, std::uint32_t>(reinterpret_cast<const std::byte*>(bytes.data() + at));
  };
  if (bytes.size() < 4) return malformed("the size of its array");
  const std::size_t size = word(0);
  if (size > bytes.size() - 4 || size % 4 != 0 || size == 0) return malformed("an array that fits into its bytes");
  auto made = std::make_shared<contents>();
  made->units.resize(size / 4);
  for (std::size_t i = 0; i < made->units.size(); ++i) made->units[i] = word(4 + i * 4);
  made->texts = bytes.substr(4 + size);
  if (find_invalid_utf8(made->texts)) return malformed("texts in UTF-8");
  charsmap map;
  map.contents_ = made;
  for (unsigned b = 0; b < 128; ++b) {
    const char c = static_cast<char>(b);
    made->same[b] = !map.shortest({&c, 1});
  }
  return map;
}

TESSERA_INLINE result<charsmap> charsmap::from_base64(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  unsigned held = 0;
  std::size_t padding = 0;
  for (const char c : text) {
    const int value = c >= 'A' && c <= 'Z'   ? c - 'A'
                      : c >= 'a' && c <= 'z' ? c - 'a' + 26
                      : c >= '0' && c <= '9' ? c - '0' + 52
                      : c == '+'             ? 62
                      : c == '/'             ? 63
                                             : -1;
    if (c == '=') {
      ++padding;
      continue;
    }
    if (value < 0 || padding != 0)
      return fail({.code = error_code::malformed, .thing = "character map", .wanted = "base64"});
    bits = bits << 6U | static_cast<std::uint32_t>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes += static_cast<char>(static_cast<unsigned char>(bits >> held & 0xffU));
    }
  }
  if (text.size() % 4 != 0 || padding > 2)
    return fail({.code = error_code::malformed, .thing = "character map", .wanted = "base64 of a multiple of 4 characters"});
  return make(bytes);
}

/// Calls `each(length, value)` for every key that `text` begins with, the shortest first, until it returns false. Every
/// step is checked: an array from a file may point anywhere.
template <class Each>
void charsmap::for_each_key(std::string_view text, Each&& each) const noexcept {
  const auto& units = contents_->units;
  std::uint32_t at = detail::darts_unit{units[0]}.offset();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
    if (byte == 0) return;
    at ^= byte;
    if (at >= units.size()) return;
    const detail::darts_unit unit{units[at]};
    if (unit.label() != byte) return;
    at ^= unit.offset();
    if (!unit.has_leaf()) continue;
    if (at >= units.size() || !each(i + 1, detail::darts_unit{units[at]}.value())) return;
  }
}

TESSERA_INLINE std::string_view charsmap::text_at(std::uint32_t at) const noexcept {
  const std::string_view texts = contents_->texts;
  if (at >= texts.size()) return {};
  while (at != 0 && (static_cast<unsigned char>(texts[at]) & 0xc0U) == 0x80U) --at;  // never within a character
  return texts.substr(at, std::min(texts.find('\0', at), texts.size()) - at);
}

TESSERA_INLINE std::optional<std::string_view> charsmap::shortest(std::string_view text) const noexcept {
  std::optional<std::string_view> found;
  for_each_key(text, [&](std::size_t, std::uint32_t value) {
    found = text_at(value);
    return false;
  });
  return found;
}

TESSERA_INLINE charsmap::match charsmap::longest(std::string_view text) const noexcept {
  match best;
  for_each_key(text, [&](std::size_t length, std::uint32_t value) {
    best = {length, text_at(value)};
    return true;
  });
  return best;
}

TESSERA_INLINE normalized_view charsmap::normalize(const normalized_view& from, normalized_text& to) const {
  const std::string_view text = from.text;
  const auto& same = contents_->same;
  std::size_t plain = 0;  // bytes in front that certainly stay
  while (plain < text.size() && static_cast<unsigned char>(text[plain]) < 0x80 &&
         same[static_cast<unsigned char>(text[plain])] && text[plain] != '\r')
    ++plain;
  if (plain == text.size()) return from;

  detail::text_rewriter out(from, to);
  bool changed = false;
  const auto count = [](std::string_view part) {
    return static_cast<std::ptrdiff_t>(
        std::ranges::count_if(part, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
  };
  const auto replace = [&](std::string_view part, std::string_view with) {
    changed = true;
    const std::ptrdiff_t surplus = count(with) - count(part);
    std::ptrdiff_t left = count(with);
    for (std::size_t at = 0; at < with.size(); --left) out.put(decode_utf8(with, at), left <= surplus ? 1 : 0);
    if (surplus < 0) out.change_last(surplus);
  };
  const auto& classes = detail::pattern_table();
  const auto joins = [&](code_point c) {
    const unsigned bits = c < detail::pattern_table_size ? classes[c] : detail::compute_pattern_class(c);
    return (bits & pattern_class::joins) != 0;
  };
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    const code_point c = decode_utf8(text, end);
    if (end < text.size()) {
      const auto byte = static_cast<unsigned char>(text[end]);
      bool alone = true;
      if (byte < 0x80) alone = c != '\r' || byte != '\n';
      else if (std::size_t next = end; joins(decode_utf8(text, next))) alone = false;
      if (c >= 0x80 && joins(c)) alone = false;
      if (!alone) end = detail::grapheme_end(text, at);
    }
    const std::string_view grapheme = text.substr(at, end - at);
    constexpr std::size_t longest_whole = 5;  // longer graphemes are looked up character by character only
    if (grapheme.size() == 1 && same[static_cast<unsigned char>(grapheme[0])]) {
      out.put(c, 0);
      at = end;
      continue;
    }
    if (grapheme.size() <= longest_whole) {
      if (const auto becomes = shortest(grapheme)) {
        replace(grapheme, *becomes);
        at = end;
        continue;
      }
    }
    while (at < end) {
      const std::size_t length = utf8_size(text[at]);
      const std::string_view part = text.substr(at, length);
      if (const auto becomes = shortest(part)) {
        replace(part, *becomes);
        at += length;
      } else {
        out.put(decode_utf8(text, at), 0);
      }
    }
  }
  if (!changed) return from;
  out.finish();
  return to.view();
}

}  // namespace tessera::inline TESSERA_ABI
