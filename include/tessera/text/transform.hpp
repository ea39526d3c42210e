// SPDX-License-Identifier: Apache-2.0
/// Rewriting a text character by character while every byte keeps the place it came from.
///
///     ts::detail::text_rewriter out(from, to);
///     out.put(U'T', 0);          // stands for the next character of `from`
///     out.put(U'M', 1);          // a further one: stands where the one before it stood
///     out.finish();
///
/// The reference describes a rewriting by one number a character: 0 replaces the next old character, 1 is inserted, -n
/// replaces one and swallows the n after it. Offsets are the result of that bookkeeping, its oddities included, so it
/// is kept as it is.
#pragma once

#include <tessera/text/normalized.hpp>
#include <tessera/text/utf8.hpp>

namespace tessera::inline TESSERA_ABI::detail {

class text_rewriter {
 public:
  text_rewriter(const normalized_view& from, normalized_text& to) : from_(from), to_(to) {
    to.begin_aligned();
    to.make_room(from.text.size() + from.text.size() / 8);
  }

  void put(code_point c, std::ptrdiff_t change) {
    flush();
    last_ = c;
    change_ = change;
    waits_ = true;
  }
  /// Adds to the change of the character put last; nothing happens where there is none.
  void change_last(std::ptrdiff_t by) noexcept {
    if (waits_) change_ += by;
  }
  /// The next old character, unchanged.
  void keep() {
    std::size_t at = at_ + (waits_ ? consumed() : 0);
    put(decode_utf8(from_.text, at), 0);
  }
  /// Passes old characters that stand before everything that is put.
  void skip(std::size_t count) noexcept { pass(count); }
  void finish() { flush(); }

 private:
  /// Bytes of the old text that the waiting character uses up.
  [[nodiscard]] std::size_t consumed() const noexcept {
    std::size_t end = at_;
    for (std::ptrdiff_t i = change_; i <= 0 && end < from_.text.size(); ++i) end += utf8_size(from_.text[end]);
    return end - at_;
  }
  void pass(std::size_t count) noexcept {
    for (; count != 0 && at_ < from_.text.size(); --count) at_ += utf8_size(from_.text[at_]);
  }
  void flush() {
    if (!waits_) return;
    waits_ = false;
    byte_range origin;
    if (change_ > 0 && at_ == 0) {
      origin = from_.text.empty() ? byte_range{from_.shift, from_.shift} : from_.character_origin(0);
      origin.end = origin.begin;
    } else {
      const std::size_t at = change_ > 0 ? at_ - 1 : at_;
      origin = from_.character_origin(at < from_.text.size() ? at : from_.text.size() - 1);
    }
    if (change_ <= 0) pass(static_cast<std::size_t>(1 - change_));
    char bytes[4];
    const std::size_t n = encode_utf8(last_, bytes);
    to_.make_room(4);
    to_.push(std::string_view(bytes, n), origin);
  }

  normalized_view from_;
  normalized_text& to_;
  std::size_t at_ = 0;  // where the next old character begins
  code_point last_ = 0;
  std::ptrdiff_t change_ = 0;
  bool waits_ = false;  // `last_` is not written yet: its change may still change
};

}  // namespace tessera::inline TESSERA_ABI::detail
