// SPDX-License-Identifier: Apache-2.0
/// An expression as the reference's engine (Oniguruma) reads it, in PCRE2's syntax.
///
/// Included by text/pattern-inl.hpp alone. What differs and is written anew: \s without U+180E; \w, \b and [[:alpha:]] and their like by
/// Unicode's properties; a script's name without its extensions; \v, \uHHHH and {,n}; nested sets, which are unions and are flattened. What
/// is left is refused.
#pragma once

#include <tessera/base/result.hpp>
#include <tessera/io/quoted.hpp>

#ifndef PCRE2_CODE_UNIT_WIDTH
#define PCRE2_CODE_UNIT_WIDTH 8
#endif
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::detail {

class expression_translator {
 public:
  explicit expression_translator(std::string_view pattern) noexcept : pattern_(pattern) {}

  /// Error: unsupported, with what cannot be written so that it means the same.
  [[nodiscard]] result<std::string> translate() {
    while (at_ < pattern_.size()) {
      const std::string_view rest = pattern_.substr(at_);
      if (rest[0] == '\\') TESSERA_CHECK(escape(rest));
      else if (depth_ == 0) TESSERA_CHECK(outside(rest));
      else TESSERA_CHECK(inside(rest));
    }
    return std::move(out_);
  }

 private:
  /// What a set consists of, without its brackets.
  static constexpr std::string_view blanks =
      R"(\t-\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
  static constexpr std::string_view words = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})";
  static constexpr std::string_view words_alone = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\xb2\xb3\xb9\xbc-\xbe)";  // outside of sets
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 8> named = {
      {{"alnum", R"(\p{Alphabetic}\p{Nd})"},
       {"alpha", R"(\p{Alphabetic})"},
       {"blank", R"(\t\p{Zs})"},
       {"lower", R"(\p{Lowercase})"},
       {"punct", R"(\p{P}\p{S})"},
       {"space", blanks},
       {"upper", R"(\p{Uppercase})"},
       {"word", words}}};

  [[nodiscard]] std::unexpected<error> refused(std::string_view what) const {
    return fail({.code = error_code::unsupported,
                 .thing = "expression " + tessera::quoted(pattern_),
                 .wanted = "what this library's engine reads as the reference does",
                 .found = tessera::quoted(what)});
  }
  void take(std::size_t count) noexcept { at_ += count; }
  void copy(std::size_t count) {
    out_ += pattern_.substr(at_, count);
    take(count);
  }
  template <class... Parts>
  void write(std::size_t taken, const Parts&... parts) {
    (out_ += ... += std::string_view(parts));
    take(taken);
  }

  /// These characters, or all others.
  void characters(std::size_t taken, std::string_view body, bool others) {
    if (depth_ == 0) write(taken, others ? "[^" : "[", body, "]");
    else if (!others) write(taken, body);
    else {
      others_.push_back(body);
      take(taken);
    }
  }

  [[nodiscard]] result<> escape(std::string_view rest) {
    const char c = rest.size() > 1 ? rest[1] : '\0';
    switch (c) {
      case 's':
      case 'S': characters(2, blanks, c == 'S'); return {};
      case 'w':
      case 'W': characters(2, depth_ == 0 ? words_alone : words, c == 'W'); return {};
      case 'b':
      case 'B':
        if (depth_ != 0) break;
        border(c == 'b');
        return {};
      case 'v': write(2, R"(\x0b)"); return {};
      case 'u': return hexadecimal(rest);
      case 'p':
      case 'P': property(rest); return {};
      default: break;
    }
    constexpr std::string_view other_meaning = "hHGKXyYORQE";
    if (c != '\0' && other_meaning.find(c) != std::string_view::npos) return refused(rest.substr(0, 2));
    if (rest.size() > 2 && rest[2] == '{' && rest.find('}') != std::string_view::npos) copy(rest.find('}') + 1);  // \x{85}
    else copy(std::min<std::size_t>(rest.size(), 2));
    return {};
  }
  void border(bool is_one) {
    const auto side = [&](std::string_view look) { return std::string(look) + "[" + std::string(words_alone) + "])"; };
    const auto between = [&](bool before, bool behind) { return side(before ? "(?<=" : "(?<!") + side(behind ? "(?=" : "(?!"); };
    write(2, "(?:" + between(true, !is_one) + "|" + between(false, is_one) + ")");
  }
  [[nodiscard]] result<> hexadecimal(std::string_view rest) {
    constexpr std::string_view digits = "0123456789abcdefABCDEF";
    const std::string_view number = rest.substr(2, 4);
    if (number.size() != 4 || number.find_first_not_of(digits) != std::string_view::npos) return refused(rest.substr(0, 2));
    write(6, R"(\x{)", number, "}");
    return {};
  }
  void property(std::string_view rest) {
    if (rest.size() < 3 || rest[2] != '{' || rest.find('}') == std::string_view::npos) return write(2, rest.substr(1, 1));
    const std::size_t size = rest.find('}') + 1;
    std::string_view name = rest.substr(3, size - 4);
    const bool others = (rest[1] == 'P') != name.starts_with('^');
    if (name.starts_with('^')) name.remove_prefix(1);
    write(size, others ? R"(\P{)" : R"(\p{)", is_script(name) ? "sc:" : "", name, "}");
  }
  /// PCRE2 takes a script's name for the script with its extensions.
  [[nodiscard]] static bool is_script(std::string_view name) {
    if (std::ranges::any_of(name, [](char c) { return c == '\\' || c == ':' || c == '='; })) return false;
    const std::string expression = "\\p{sc:" + std::string(name) + "}";
    int number = 0;
    PCRE2_SIZE at = 0;
    const auto* bytes = reinterpret_cast<PCRE2_SPTR8>(expression.data());
    pcre2_code_8* code = pcre2_compile_8(bytes, expression.size(), PCRE2_UTF, &number, &at, nullptr);
    const bool known = code != nullptr;
    pcre2_code_free_8(code);
    return known;
  }

  [[nodiscard]] result<> outside(std::string_view rest) {
    for (const std::string_view other : {"(?m", "(?~", "}+"})
      if (rest.starts_with(other)) return refused(other);
    if (rest.starts_with("{,") && rest.find_first_not_of("0123456789", 2) == rest.find('}')) write(2, "{0,");
    else if (rest[0] == '[') open_set(rest);
    else copy(1);
    return {};
  }
  void open_set(std::string_view rest) {
    depth_ = 1;
    others_.clear();
    negated_ = rest.starts_with("[^");
    begin_ = out_.size();
    copy(negated_ ? 2 : 1);
    body_ = out_.size();
    // A bracket that closes at once stands for itself.
    if (at_ < pattern_.size() && pattern_[at_] == ']') write(1, "\\]");
  }
  [[nodiscard]] result<> inside(std::string_view rest) {
    if (rest.starts_with("&&")) return refused("&&");
    if (rest.starts_with("[:")) return named_set(rest);
    if (rest[0] == '[') {
      if (rest.starts_with("[^")) return refused("[^ within a set");
      ++depth_;
      take(1);
      return {};
    }
    if (rest[0] != ']') {
      copy(1);
      return {};
    }
    take(1);
    if (--depth_ == 0) close_set();
    return {};
  }
  [[nodiscard]] result<> named_set(std::string_view rest) {
    const std::size_t end = rest.find(":]");
    if (end == std::string_view::npos) return refused("[:");
    const bool others = rest.starts_with("[:^");
    const std::string_view name = rest.substr(others ? 3 : 2, end - (others ? 3 : 2));
    const auto known = std::ranges::find(named, name, &std::pair<std::string_view, std::string_view>::first);
    if (known == named.end()) copy(end + 2);
    else characters(end + 2, known->second, others);
    return {};
  }
  /// All but some characters, as a part of a set, cannot be written in one.
  void close_set() {
    if (others_.empty()) return write(0, "]");
    const std::string body = out_.substr(body_);
    out_.resize(begin_);
    out_ += "(?:";
    if (negated_) {
      if (!body.empty()) write(0, "(?![", body, "])");
      for (std::size_t i = 0; i + 1 < others_.size(); ++i) write(0, "(?=[", others_[i], "])");
      write(0, "[", others_.back(), "])");
      return;
    }
    if (!body.empty()) write(0, "[", body, "]|");
    for (std::size_t i = 0; i < others_.size(); ++i) write(0, i == 0 ? "[^" : "|[^", others_[i], "]");
    out_ += ')';
  }

  std::string_view pattern_;
  std::size_t at_ = 0;
  std::string out_;
  std::size_t depth_ = 0;                 // of sets
  std::size_t begin_ = 0, body_ = 0;      // of the outermost set in `out_`
  bool negated_ = false;
  std::vector<std::string_view> others_;  // all but these are in the set too
};

}  // namespace tessera::inline TESSERA_ABI::detail
