// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/normalizer.hpp: the steps one after the other, each in the reference's bookkeeping of changes.
#pragma once

#include <tessera/text/bert_normalizer-inl.hpp>
#include <tessera/text/byte_alphabet.hpp>
#include <tessera/text/normalizer.hpp>
#include <tessera/text/transform.hpp>
#include <tessera/text/unicode_ranges.hpp>

#include <utf8proc.h>

namespace tessera::inline TESSERA_ABI {

namespace detail {

[[nodiscard]] inline bool is_accent(code_point c) noexcept {
  if (c < 0x300) return false;
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  const bool mark = category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC ||
                    category == UTF8PROC_CATEGORY_ME || c == 0x1cf2 || c == 0x1cf3;  // letters since Unicode 12
  return mark && !in_ranges(c, recent_mark_ranges);
}

/// Keeps the characters that `keep` wants, each with what `map` makes of it. What is dropped goes with the character
/// before it, or at the front with none.
template <class Keep>
[[nodiscard]] normalized_view filter_characters(const normalized_view& from, normalized_text& to, Keep keep) {
  text_rewriter out(from, to);
  std::size_t front = 0;
  bool started = false, any = false;
  for (std::size_t at = 0; at < from.text.size();) {
    const code_point c = decode_utf8(from.text, at);
    if (keep(c)) {
      if (!started) out.skip(front);
      started = true;
      out.put(c, 0);
      continue;
    }
    any = true;
    ++front;
    if (started) out.change_last(-1);
  }
  if (!any) return from;
  out.finish();
  return to.view();
}

struct normalizer_pass {
  normalizer_scratch& scratch;
  unsigned next = 0;  // the buffer that the next step writes

  [[nodiscard]] normalized_text& buffer() noexcept { return scratch.text[next]; }

  normalized_view operator()(const bert_normalizer& how, const normalized_view& from) {
    how.normalize(from, buffer(), scratch);
    return buffer().view();
  }
  normalized_view operator()(const unicode_form& how, const normalized_view& from) {
    return how.normalize(from, buffer(), scratch);
  }
  normalized_view operator()(const charsmap& how, const normalized_view& from) {
    return how.normalize(from, buffer());
  }
  normalized_view operator()(const piece_normalizer& how, const normalized_view& from) {
    how.normalize(from, buffer());
    return buffer().view();
  }
  normalized_view operator()(const lowercase&, const normalized_view& from) {
    const auto& classes = class_table();
    const auto changes = [&](code_point c) {
      return ((c < class_table_size ? classes[c] : compute_class(c)) & char_class::cased) != 0;
    };
    bool any = false;
    for (std::size_t at = 0; at < from.text.size() && !any;) any = changes(decode_utf8(from.text, at));
    if (!any) return from;
    text_rewriter out(from, buffer());
    for (std::size_t at = 0; at < from.text.size();) {
      const code_point c = decode_utf8(from.text, at);
      if (!changes(c)) {
        out.put(c, 0);
        continue;
      }
      std::array<code_point, longest_lower_case> lower{};
      const std::size_t n = lower_case(c, lower);
      for (std::size_t i = 0; i < n; ++i) out.put(lower[i], i == 0 ? 0 : 1);
    }
    out.finish();
    return buffer().view();
  }
  normalized_view operator()(const strip_ends& how, const normalized_view& from) const noexcept {
    const auto blank = [&](std::size_t at) {
      return (char_class_of(decode_utf8(from.text, at)) & char_class::space) != 0;
    };
    std::size_t begin = 0, end = from.text.size();
    while (how.left && begin < end && blank(begin)) begin += utf8_size(from.text[begin]);
    while (how.right && end > begin) {
      std::size_t last = end;
      if ((char_class_of(decode_utf8_before(from.text, last)) & char_class::space) == 0) break;
      end = last;
    }
    return from.slice(begin, end);
  }
  normalized_view operator()(const strip_accents&, const normalized_view& from) {
    return filter_characters(from, buffer(), [](code_point c) { return !is_accent(c); });
  }
  normalized_view operator()(const nmt_cleaning&, const normalized_view& from) {
    const normalized_view kept = filter_characters(from, buffer(), [](code_point c) {
      return !((c >= 1 && c <= 8) || c == 0xb || (c >= 0xe && c <= 0x1f) || c == 0x7f || c == 0x8f || c == 0x9f);
    });
    const auto blank = [](code_point c) {
      return c == 9 || c == 0xa || c == 0xc || c == 0xd || c == 0x1680 || (c >= 0x200b && c <= 0x200f) ||
             c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xfeff || c == 0xfffd;
    };
    if (kept.text.data() == buffer().bytes.data()) next ^= 1U;
    text_rewriter out(kept, buffer());
    for (std::size_t at = 0; at < kept.text.size();) {
      const code_point c = decode_utf8(kept.text, at);
      out.put(blank(c) ? U' ' : c, 0);
    }
    out.finish();
    return buffer().view();
  }
  normalized_view operator()(const prepend_text& how, const normalized_view& from) {
    if (from.text.empty()) return from;
    normalized_text& out = buffer();
    out.begin_aligned();
    out.make_room(how.prefix.size() + from.text.size());
    out.push(how.prefix, from.character_origin(0));
    out.append(from, 0, from.text.size());
    return out.view();
  }
  normalized_view operator()(const replace_pattern& how, const normalized_view& from) {
    normalized_text& out = buffer();
    bool any = false;
    std::size_t done = 0;
    const bool finished = how.pattern.for_each_match(from.text, scratch.memory, [&](std::size_t begin, std::size_t end) {
      if (!any) out.begin_aligned();
      any = true;
      out.append(from, done, begin);
      out.make_room(how.content.size());
      // What is put in stands where the last byte before its end stood.
      byte_range origin = from.character_origin(end == 0 ? 0 : end - 1);
      if (end == 0) origin.end = origin.begin;
      out.push(how.content, origin);
      done = end;
    });
    scratch.gave_up = scratch.gave_up || !finished;
    if (!any) return from;
    out.append(from, done, from.text.size());
    return out.view();
  }
  normalized_view operator()(const byte_characters&, const normalized_view& from) {
    normalized_text& out = buffer();
    out.begin_aligned();
    out.make_room(from.text.size() * 2);
    for (std::size_t at = 0; at < from.text.size(); ++at) {
      char utf8[4];
      const std::size_t n = encode_utf8(byte_alphabet::character(static_cast<std::uint8_t>(from.text[at])), utf8);
      out.push(std::string_view(utf8, n), from.character_origin(at));
    }
    return out.view();
  }
};

}  // namespace detail

TESSERA_INLINE normalized_view normalize(const normalizer& how, const normalized_view& from,
                                         normalizer_scratch& scratch) {
  normalized_view text = from;
  detail::normalizer_pass pass{scratch};
  for (const normalizer_step& step : how.steps) {
    text = std::visit([&](const auto& one) { return pass(one, text); }, step);
    const auto in_buffer = [&](const normalized_text& buffer) {
      const std::less_equal<> before;
      return before(buffer.bytes.data(), text.text.data()) &&
             before(text.text.data(), buffer.bytes.data() + buffer.bytes.size());
    };
    // A view of a part is still a view of its buffer: the next step must not write there.
    if (!pass.buffer().bytes.empty() && in_buffer(pass.buffer())) pass.next ^= 1U;
  }
  return text;
}

}  // namespace tessera::inline TESSERA_ABI
