// SPDX-License-Identifier: Apache-2.0
/// Definition of BertNormalizer, of text/normalizer.hpp.
#pragma once

#include <tessera/text/normalizer.hpp>

#include <algorithm>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// What cleaning and lowering make of an ASCII byte; `dropped` where cleaning removes it.
inline constexpr std::uint8_t dropped = 0x80;
template <bool Clean, bool Lower>
inline constexpr auto ascii_map = [] {
  std::array<std::uint8_t, 128> map{};
  for (unsigned c = 0; c < 128; ++c) {
    const bool blank = c == 9 || c == 10 || c == 13;
    unsigned to = Lower && c >= 'A' && c <= 'Z' ? c + 32 : c;
    if (Clean && blank) to = ' ';
    if (Clean && !blank && (c < 32 || c == 127)) to = dropped;
    map[c] = static_cast<std::uint8_t>(to);
  }
  return map;
}();

/// One pass over a text under BertNormalizer's settings, all of its steps fused character by character.
class bert_pass {
 public:
  bert_pass(const bert_normalizer& how, const normalized_view& from, normalized_text& to, normalizer_scratch& scratch)
      : how_(how),
        strip_(how.strips_accents()),
        from_(from),
        to_(to),
        scratch_(scratch),
        classes_(class_table()),
        fold_(how.lowercase ? folds().lower.data() : folds().same_case.data()),
        map_((how.clean_text  ? how.lowercase ? ascii_map<true, true> : ascii_map<true, false>
               : how.lowercase ? ascii_map<false, true>
                              : ascii_map<false, false>)
                 .data()) {}

  void run() {
    to_.clear();
    to_.shift = from_.shift;
    if (from_.source.empty() && plain_ascii()) return;
    to_.aligned = true;
    to_.bytes.clear();
    // No character's normal form exceeds 3 times its bytes and two spaces; room is made for a block at a time.
    constexpr std::size_t block = 1024;
    const std::string_view text = from_.text;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t stop = std::min(text.size(), at + block);
      to_.make_room(6 * block);
      while (at < stop) {
        at = ascii_run(at, stop);
        while (at < stop && static_cast<unsigned char>(text[at]) >= 0x80) at = character(at);
      }
    }
  }

 private:
  /// The whole text where it is ASCII without anything to drop: every byte stands for itself. False, undecided,
  /// otherwise.
  bool plain_ascii() {
    const std::string_view text = from_.text;
    to_.bytes.make_room(text.size());
    to_.bytes.resize_within_room(text.size());
    char* out = to_.bytes.data();
    const bool lower = how_.lowercase;
    const bool clean = how_.clean_text;
    unsigned bad = 0;
    constexpr std::size_t block = 256;  // so that other text is noticed early, and the inner loop has no exit
    for (std::size_t begin = 0; begin < text.size() && bad == 0; begin += block) {
      const std::size_t end = std::min(text.size(), begin + block);
      for (std::size_t i = begin; i < end; ++i) {
        const unsigned c = static_cast<unsigned char>(text[i]);
        const bool blank = c == 9 || c == 10 || c == 13;
        const bool control = (c < 32 && !blank) || c == 127;
        bad |= (c & 0x80U) | static_cast<unsigned>(clean && control);
        const unsigned lowered = c + (static_cast<unsigned>(lower && c - 'A' < 26U) << 5U);
        out[i] = static_cast<char>(static_cast<unsigned char>(clean && blank ? 32U : lowered));
      }
    }
    return bad == 0;
  }

  /// Handles the ASCII bytes from `at` on; returns where they end.
  std::size_t ascii_run(std::size_t at, std::size_t stop) noexcept {
    const std::uint8_t* map = map_;
    for (; at < stop; ++at) {
      const auto byte = static_cast<unsigned char>(from_.text[at]);
      if (byte >= 0x80) break;
      if (map[byte] != dropped) to_.push(static_cast<char>(map[byte]), from_.origin(at, at + 1));
    }
    return at;
  }

  /// Whether the character at `at` has no part in the ordering of marks before it.
  [[nodiscard]] bool ends_ordering(std::size_t at) const noexcept {
    if (at == from_.text.size()) return true;
    const unsigned bits = class_of(decode_utf8(from_.text, at));
    return (bits & char_class::decomposes) == 0 && !(how_.clean_text && (bits & char_class::removed) != 0);
  }

  /// Handles the character, or the run under canonical ordering, at `at`; returns where the next one starts.
  std::size_t character(std::size_t at) {
    std::size_t next = at;
    const code_point c = decode_utf8(from_.text, next);
    const unsigned bits = class_of(c);
    if (bits == 0) {
      push(c, from_.origin(at, next));
      return next;
    }
    if (how_.clean_text) {
      if (bits & char_class::removed) return next;
      if (bits & char_class::space) {
        to_.push(' ', from_.origin(at, next));
        return next;
      }
    }
    if ((bits & char_class::ideograph) != 0 && how_.handle_chinese_chars) {
      const byte_range origin = from_.origin(at, next);
      to_.push(' ', origin);
      if (strip_ && (bits & char_class::decomposes) != 0) ordered_run(at, next);
      else finish(c, bits, origin);
      to_.push(' ', origin);
      return next;
    }
    if (strip_ && (bits & char_class::decomposes) != 0) {
      // Letters that only lose marks, Hangul syllables and a mark alone need no ordering: what they leave stays in
      // place.
      const byte_range origin = from_.origin(at, next);
      if (c < fold_table_size && fold_[c] != 0) {
        push(fold_[c], origin);
      } else if (c >= 0xac00 && c <= 0xd7a3) {
        std::array<code_point, longest_decomposition> jamo{};
        const std::size_t n = decompose(c, jamo);
        for (std::size_t i = 0; i < n; ++i) push(jamo[i], origin);
      } else if ((bits & char_class::mark) == 0 || !ends_ordering(next)) {
        return ordered_run(at, from_.text.size());
      }
      return next;
    }
    finish(c, bits, from_.origin(at, next));
    return next;
  }

  /// Decomposes the character at `at` and the non-starters after it, orders them by combining class (UAX 15), and
  /// writes what remains. The k-th character of the run stands for the k-th source character, whatever was ordered
  /// before it, and what a decomposition added stands where the character before it stands: the reference's rule.
  std::size_t ordered_run(std::size_t at, std::size_t stop) {
    auto& parts = scratch_.parts;
    auto& sources = scratch_.sources;
    parts.clear();
    sources.clear();
    std::array<code_point, longest_decomposition> decomposed{};
    while (at < stop) {
      std::size_t next = at;
      const code_point c = decode_utf8(from_.text, next);
      const unsigned bits = class_of(c);
      if (how_.clean_text && (bits & char_class::removed) != 0) {
        at = next;
        continue;
      }
      if ((bits & char_class::decomposes) == 0 || (how_.clean_text && (bits & char_class::space) != 0)) break;
      const std::size_t n = decompose(c, decomposed);
      if (!sources.empty() && combining_class(decomposed[0]) == 0) break;
      for (std::size_t i = 0; i < n; ++i)
        parts.push_back(
            {decomposed[i], static_cast<std::uint32_t>(parts.size()), combining_class(decomposed[i]), i != 0});
      sources.push_back(from_.origin(at, next));
      at = next;
    }
    order(parts);
    to_.make_room(parts.size() * 8 + 8 * 1024);
    std::size_t source = 0;
    for (const auto& part : parts) {
      if (!part.added) ++source;
      finish(part.c, class_of(part.c), sources[source - 1]);
    }
    return at;
  }

  static void order(std::vector<normalizer_scratch::part>& parts) {
    for (auto first = parts.begin(); first != parts.end();) {
      if (first->combining == 0) {
        ++first;
        continue;
      }
      const auto last = std::find_if(first, parts.end(), [](const auto& part) { return part.combining == 0; });
      const auto before = [](const auto& a, const auto& b) {  // stable, without the memory that stable_sort takes
        return a.combining != b.combining ? a.combining < b.combining : a.position < b.position;
      };
      if (!std::is_sorted(first, last, before)) std::sort(first, last, before);
      first = last;
    }
  }

  /// Strips and lowers one character that is decomposed already.
  void finish(code_point c, unsigned bits, byte_range origin) {
    if (strip_ && (bits & char_class::mark) != 0) return;
    if (!how_.lowercase || (bits & char_class::cased) == 0) {
      push(c, origin);
      return;
    }
    std::array<code_point, longest_lower_case> lower{};
    const std::size_t n = lower_case(c, lower);
    for (std::size_t i = 0; i < n; ++i) push(lower[i], origin);
  }

  void push(code_point c, byte_range origin) noexcept {
    char bytes[4];
    const std::size_t n = encode_utf8(c, bytes);
    for (std::size_t i = 0; i < n; ++i) to_.push(bytes[i], origin);
  }

  [[nodiscard]] unsigned class_of(code_point c) const noexcept {
    return c < class_table_size ? classes_[c] : compute_class(c);
  }

  const bert_normalizer& how_;
  bool strip_;
  normalized_view from_;
  normalized_text& to_;
  normalizer_scratch& scratch_;
  const std::array<std::uint8_t, class_table_size>& classes_;
  const std::uint16_t* fold_;
  const std::uint8_t* map_;
};

}  // namespace detail

TESSERA_INLINE void bert_normalizer::normalize(const normalized_view& from, normalized_text& to,
                                               normalizer_scratch& scratch) const {
  detail::bert_pass(*this, from, to, scratch).run();
}

}  // namespace tessera::inline TESSERA_ABI
