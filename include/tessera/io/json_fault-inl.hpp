// SPDX-License-Identifier: Apache-2.0
/// Where a text stops being JSON, and what would have been right there: run only on text that was refused, to say why.
///
///     const auto fault = ts::detail::find_json_fault("{\"a\": 1,}");   // byte 8: wanted a key in quotes
#pragma once

#include <tessera/io/quoted.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI::detail {

inline constexpr std::size_t json_deepest = 64;  // json::max_depth, which the sentence below says

struct json_fault {
  std::size_t offset;
  std::string_view wanted;
};

/// RFC 8259 as an automaton: one state, and a stack that tells arrays from objects.
class json_fault_finder {
 public:
  explicit json_fault_finder(std::string_view text) noexcept : text_(text) {}

  /// The first fault; nothing where the text is JSON.
  [[nodiscard]] std::optional<json_fault> find() {
    state next = state::value;
    while (true) {
      while (at_ < text_.size() && std::string_view(" \t\n\r").find(text_[at_]) != std::string_view::npos) ++at_;
      if (next == state::end && at_ == text_.size()) return std::nullopt;
      const char c = at_ < text_.size() ? text_[at_] : '\0';
      const bool closes = !open_.empty() && c == open_.back() && at_ < text_.size();
      if (closes && (next == state::comma || next == state::first)) {
        ++at_;
        open_.pop_back();
        next = open_.empty() ? state::end : state::comma;
        continue;
      }
      const bool in_object = !open_.empty() && open_.back() == '}';
      switch (next) {
        case state::end: return fault("the end");
        case state::comma:
          if (c != ',') return fault(in_object ? "',' or '}'" : "',' or ']'");
          ++at_;
          next = in_object ? state::key : state::value;
          continue;
        case state::colon:
          if (c != ':') return fault("':'");
          ++at_;
          next = state::value;
          continue;
        case state::key:
        case state::first:
          if (in_object) {
            if (c != '"') return fault("a key in quotes");
            if (auto wrong = string()) return wrong;
            next = state::colon;
            continue;
          }
          [[fallthrough]];
        case state::value:
          if (c == '{' || c == '[') {
            if (open_.size() == json_deepest) return fault("at most 64 levels of nesting");
            ++at_;
            open_ += c == '{' ? '}' : ']';
            next = state::first;
            continue;
          }
          if (auto wrong = scalar(c)) return wrong;
          next = open_.empty() ? state::end : state::comma;
          continue;
      }
    }
  }

 private:
  enum class state : std::uint8_t { value, first, key, colon, comma, end };

  [[nodiscard]] std::optional<json_fault> fault(std::string_view wanted) const { return json_fault{at_, wanted}; }
  [[nodiscard]] bool digit() const noexcept { return at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; }
  [[nodiscard]] bool take(char c) noexcept {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  [[nodiscard]] std::optional<json_fault> scalar(char c) {
    if (c == '"') return string();
    if (c == '-' || digit()) return number();
    for (const std::string_view word : {"true", "false", "null"})
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return std::nullopt;
      }
    return fault("a value");
  }

  [[nodiscard]] std::optional<json_fault> number() {
    const std::size_t begin = at_;
    static_cast<void>(take('-'));
    if (!digit()) return fault("a digit");
    if (!take('0'))
      while (digit()) ++at_;
    bool whole = true;
    if (take('.')) {
      whole = false;
      if (!digit()) return fault("a digit");
      while (digit()) ++at_;
    }
    if (take('e') || take('E')) {
      whole = false;
      if (!take('-')) static_cast<void>(take('+'));
      if (!digit()) return fault("a digit");
      while (digit()) ++at_;
    }
    const char* const first = text_.data() + begin;
    const char* const last = text_.data() + at_;
    if (whole) {
      std::int64_t integer = 0;
      std::uint64_t natural = 0;
      if (std::from_chars(first, last, integer).ec == std::errc() ||
          std::from_chars(first, last, natural).ec == std::errc())
        return std::nullopt;
      return json_fault{begin, "an integer of 64 bits"};
    }
    double real = 0;
    if (std::from_chars(first, last, real).ec == std::errc() || !is_large(text_.substr(begin, at_ - begin)))
      return std::nullopt;
    return json_fault{begin, "a number in the range of double"};
  }

  /// Whether a real that is out of range is above it (below it is zero, and no fault): by the place of its first digit
  /// that is not 0.
  [[nodiscard]] static bool is_large(std::string_view real) noexcept {
    std::int64_t magnitude = 0;
    bool fraction = false;
    bool started = false;
    std::size_t i = real.front() == '-' ? 1 : 0;
    for (; i < real.size() && real[i] != 'e' && real[i] != 'E'; ++i) {
      started = started || (real[i] != '0' && real[i] != '.');
      if (real[i] == '.') fraction = true;
      else if (fraction && !started) --magnitude;
      else if (!fraction && started) ++magnitude;
    }
    if (!started || i == real.size()) return started && magnitude > 0;
    real.remove_prefix(i + 1);
    if (real.front() == '+') real.remove_prefix(1);
    std::int64_t exponent = 0;
    if (std::from_chars(real.data(), real.data() + real.size(), exponent).ec != std::errc()) return real.front() != '-';
    return exponent > -magnitude;
  }

  [[nodiscard]] std::optional<json_fault> string() {
    ++at_;
    while (!take('"')) {
      if (at_ == text_.size()) return fault("'\"'");
      const auto byte = static_cast<unsigned char>(text_[at_]);
      if (byte < 0x20) return fault("an escape for this control character");
      if (byte == '\\') {
        if (auto wrong = escape()) return wrong;
        continue;
      }
      const std::size_t length = utf8_length(text_.substr(at_));
      if (length == 0) return fault("UTF-8");
      at_ += length;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::optional<json_fault> escape() {
    const std::size_t begin = at_++;
    const char kind = at_ < text_.size() ? text_[at_] : '\0';
    if (kind != 'u') {
      if (kind == '\0' || std::string_view("\"\\/bfnrt").find(kind) == std::string_view::npos)
        return json_fault{begin, "an escape of JSON"};
      ++at_;
      return std::nullopt;
    }
    ++at_;
    const auto unit = hexadecimal();
    if (!unit) return json_fault{begin, "four hexadecimal digits"};
    if (*unit < 0xd800 || *unit > 0xdfff) return std::nullopt;
    if (*unit < 0xdc00 && take('\\') && take('u')) {
      const auto low = hexadecimal();
      if (low && *low >= 0xdc00 && *low <= 0xdfff) return std::nullopt;
    }
    return json_fault{begin, "a whole surrogate pair"};
  }
  [[nodiscard]] std::optional<unsigned> hexadecimal() {
    unsigned unit = 0;
    const char* const first = text_.data() + at_;
    if (text_.size() - at_ < 4 || std::from_chars(first, first + 4, unit, 16).ptr != first + 4) return std::nullopt;
    at_ += 4;
    return unit;
  }

  std::string_view text_;
  std::string open_;  // the closing bracket of every open array and object
  std::size_t at_ = 0;
};

[[nodiscard]] inline std::optional<json_fault> find_json_fault(std::string_view text) {
  return json_fault_finder(text).find();
}

}  // namespace tessera::inline TESSERA_ABI::detail
