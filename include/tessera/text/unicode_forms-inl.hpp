// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/unicode_forms.hpp over utf8proc.
#pragma once

#include <tessera/text/pattern_class.hpp>
#include <tessera/text/transform.hpp>
#include <tessera/text/unicode_forms.hpp>
#include <tessera/text/unicode_ranges.hpp>

#include <utf8proc.h>

#include <algorithm>

namespace tessera::inline TESSERA_ABI {

namespace detail {

TESSERA_INLINE std::size_t decompose_compatible(code_point c, std::span<code_point, longest_compatible> out) noexcept {
  if (c < 0xa0 || in_ranges(c, recent_compatible_ranges)) {
    out[0] = c;
    return 1;
  }
  utf8proc_int32_t parts[longest_compatible];
  int boundary = 0;
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
  const auto length = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts, longest_compatible, options,
                                              &boundary);
  TESSERA_ASSERT(length >= 1 && static_cast<std::size_t>(length) <= longest_compatible);
  if (length == 1 && static_cast<code_point>(parts[0]) == c) {
    out[0] = c;
    return 1;
  }
  if (c >= 0x10000) {  // a canonical decomposition that Unicode 9 does not have
    std::array<code_point, longest_decomposition> canonical{};
    const auto plain = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts, longest_compatible,
                                               UTF8PROC_DECOMPOSE, &boundary);
    const bool is_canonical = plain > 1 || static_cast<code_point>(parts[0]) != c;
    if (is_canonical && decompose(c, canonical) == 1 && canonical[0] == c) {
      out[0] = c;
      return 1;
    }
    utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts, longest_compatible, options, &boundary);
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(length); ++i) out[i] = static_cast<code_point>(parts[i]);
  return static_cast<std::size_t>(length);
}

TESSERA_INLINE code_point compose_pair(code_point first, code_point second) noexcept {
  if (first < 0x3c || second < 0x300) return 0;
  utf8proc_int32_t pair[3] = {static_cast<utf8proc_int32_t>(first), static_cast<utf8proc_int32_t>(second), 0};
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
  if (utf8proc_normalize_utf32(pair, 2, options) != 1) return 0;
  const auto composed = static_cast<code_point>(pair[0]);
  return composed < 0x10000 || in_ranges(composed, supplementary_decomposition_ranges) ? composed : 0;
}

/// The decomposed and ordered text, and its composition, written as changes.
class form_pass {
 public:
  form_pass(unicode_form::kind form, const normalized_view& from, normalized_text& to, normalizer_scratch& scratch)
      : compatible_(form == unicode_form::nfkc || form == unicode_form::nfkd),
        composes_(form == unicode_form::nfc || form == unicode_form::nfkc),
        text_(from.text),
        out_(from, to),
        parts_(scratch.parts) {}

  void run() {
    parts_.clear();
    for (std::size_t at = 0; at < text_.size();) {
      append(decode_utf8(text_, at));
      // What stands before a starter is complete, but for the starter that it may compose with.
      if (parts_.size() > 64 && parts_.back().combining == 0 && !parts_.back().added) write(parts_.size() - 1);
    }
    order(parts_.size());
    write(parts_.size());
    if (has_starter_) out_.put(starter_, starter_change_);
    put_waiting();
    out_.finish();
  }

 private:
  void append(code_point c) {
    std::array<code_point, longest_compatible> parts{};
    std::array<code_point, longest_decomposition> canonical{};
    std::size_t n = 0;
    if (compatible_) {
      n = decompose_compatible(c, parts);
    } else {
      n = decompose(c, canonical);
      std::copy_n(canonical.begin(), n, parts.begin());
    }
    for (std::size_t i = 0; i < n; ++i) {
      const std::uint8_t combining = combining_class(parts[i]);
      if (combining == 0) order(parts_.size());
      parts_.push_back({parts[i], static_cast<std::uint32_t>(parts_.size()), combining, i != 0});
      if (combining == 0) ordered_ = parts_.size();
    }
  }
  /// Orders the marks since the last starter; stable, without the memory that stable_sort takes.
  void order(std::size_t end) {
    const auto first = parts_.begin() + static_cast<std::ptrdiff_t>(ordered_);
    const auto last = parts_.begin() + static_cast<std::ptrdiff_t>(end);
    const auto before = [](const auto& a, const auto& b) {
      return a.combining != b.combining ? a.combining < b.combining : a.position < b.position;
    };
    if (!std::is_sorted(first, last, before)) std::sort(first, last, before);
    ordered_ = end;
  }
  void write(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto& part = parts_[i];
      const std::ptrdiff_t change = part.added ? 1 : 0;
      composes_ ? compose(part.c, part.combining, change) : out_.put(part.c, change);
    }
    parts_.erase(parts_.begin(), parts_.begin() + static_cast<std::ptrdiff_t>(count));
    ordered_ -= std::min(ordered_, count);
    for (auto& part : parts_) part.position -= static_cast<std::uint32_t>(count);
  }
  /// One step of composition: a starter waits for what may compose with it, behind it wait the marks that did not.
  void compose(code_point c, std::uint8_t combining, std::ptrdiff_t change) {
    if (!has_starter_) {
      if (combining != 0) return out_.put(c, change);
      has_starter_ = true;
      starter_ = c;
      starter_change_ = change;
      return;
    }
    const bool blocked = !waiting_.empty() && waiting_.back().combining >= combining;
    if (!blocked) {
      if (const code_point whole = compose_pair(starter_, c); whole != 0) {
        starter_ = whole;
        starter_change_ += change - 1;
        return;
      }
    }
    if (combining != 0) {
      waiting_.push_back({c, combining, change});
      return;
    }
    out_.put(starter_, starter_change_);
    put_waiting();
    starter_ = c;
    starter_change_ = change;
  }
  void put_waiting() {
    for (const mark& m : waiting_) out_.put(m.c, m.change);
    waiting_.clear();
  }

  struct mark {
    code_point c;
    std::uint8_t combining;
    std::ptrdiff_t change;
  };

  bool compatible_, composes_;
  std::string_view text_;
  text_rewriter out_;
  std::vector<normalizer_scratch::part>& parts_;
  std::size_t ordered_ = 0;
  std::vector<mark> waiting_;
  code_point starter_ = 0;
  std::ptrdiff_t starter_change_ = 0;
  bool has_starter_ = false;
};

/// Whether the text is certainly its own form.
[[nodiscard]] inline bool is_in_form(std::string_view text, unicode_form::kind form) noexcept {
  const auto& classes = pattern_table();
  for (std::size_t at = ascii_prefix(text); at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      ++at;
      continue;
    }
    const code_point c = decode_utf8(text, at);
    if (form != unicode_form::nfc && c >= 0xa0) return false;
    if (c < 0x300) continue;
    const unsigned bits = c < pattern_table_size ? classes[c] : compute_pattern_class(c);
    if ((bits & pattern_class::not_nfc) != 0) return false;
  }
  return true;
}

}  // namespace detail

TESSERA_INLINE normalized_view unicode_form::normalize(const normalized_view& from, normalized_text& to,
                                                       normalizer_scratch& scratch) const {
  if (detail::is_in_form(from.text, form)) return from;
  detail::form_pass(form, from, to, scratch).run();
  return to.view();
}

}  // namespace tessera::inline TESSERA_ABI
