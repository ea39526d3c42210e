// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/pattern.hpp: known expressions, and all others through PCRE2.
#pragma once

#include <tessera/io/quoted.hpp>
#include <tessera/text/pattern.hpp>
#include <tessera/text/pattern_syntax-inl.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {

struct compiled_expression {
  /// Steps of one search; the published expressions take a few a character.
  static constexpr std::uint32_t most_steps = 2'000'000;

  pcre2_code_8* code;
  pcre2_match_context_8* limits;  // null where memory was out: PCRE2's own limits then

  explicit compiled_expression(pcre2_code_8* made) noexcept : code(made), limits(pcre2_match_context_create_8(nullptr)) {
    if (limits != nullptr) pcre2_set_match_limit_8(limits, most_steps);
  }
  compiled_expression(const compiled_expression&) = delete;
  compiled_expression& operator=(const compiled_expression&) = delete;
  ~compiled_expression() {
    pcre2_match_context_free_8(limits);
    pcre2_code_free_8(code);
  }
};

struct known_expression {
  std::string_view pattern;
  word_pattern::kind which;
};
inline constexpr known_expression known_expressions[] = {
    {gpt2_expression, word_pattern::gpt2},
    {qwen2_expression, word_pattern::qwen2},
    {llama3_expression, word_pattern::llama3},
};

}  // namespace detail

TESSERA_INLINE result<text_pattern> text_pattern::expression(std::string_view pattern) {
  text_pattern made;
  for (const auto& known : detail::known_expressions)
    if (pattern == known.pattern) {
      made.words_ = word_pattern{known.which};
      return made;
    }
  if (pattern == " {2,}") {
    made.blanks_ = 2;
    return made;
  }
  return engine_expression(pattern);
}

TESSERA_INLINE result<text_pattern> text_pattern::engine_expression(std::string_view pattern) {
  TESSERA_TRY(const std::string translated, detail::expression_translator(pattern).translate());
  const auto refused = [&](error_code code, int number, std::size_t at) {
    PCRE2_UCHAR8 message[160] = {};
    pcre2_get_error_message_8(number, message, sizeof message);
    return fail({.code = code,
                 .thing = "expression " + tessera::quoted(pattern),
                 .wanted = "a regular expression",
                 .found = std::string(reinterpret_cast<const char*>(message)) + " at " + std::to_string(at)});
  };
  using context = std::unique_ptr<pcre2_compile_context_8, decltype(&pcre2_compile_context_free_8)>;
  const context settings(pcre2_compile_context_create_8(nullptr), &pcre2_compile_context_free_8);
  if (settings == nullptr) return fail({.code = error_code::out_of_memory, .thing = "regular expression"});
  pcre2_set_newline_8(settings.get(), PCRE2_NEWLINE_LF);
  pcre2_set_parens_nest_limit_8(settings.get(), 64);
  int number = 0;
  PCRE2_SIZE at = 0;
  // In the reference's syntax ^ and $ are those of lines.
  pcre2_code_8* code =
      pcre2_compile_8(reinterpret_cast<PCRE2_SPTR8>(translated.data()), translated.size(),
                      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &number, &at, settings.get());
  if (code == nullptr) return refused(error_code::malformed, number, at);
  text_pattern made;
  made.engine_ = std::make_shared<const detail::compiled_expression>(code);
  pcre2_jit_compile_8(code, PCRE2_JIT_COMPLETE);  // where there is none, the interpreter gives the same matches
  return made;
}

TESSERA_INLINE text_pattern::outcome text_pattern::search(std::string_view text, std::size_t from,
                                                          detail::match_memory& memory, std::size_t& begin,
                                                          std::size_t& end) const {
  auto* block = static_cast<pcre2_match_data_8*>(memory.block());
  if (block == nullptr) return outcome::gave_up;
  const auto match = [&](std::uint32_t options) {
    return pcre2_match_8(engine_->code, reinterpret_cast<PCRE2_SPTR8>(text.data()), text.size(), from,
                         options | PCRE2_NO_UTF_CHECK, block, engine_->limits);
  };
  int found = match(0);
  if (found == PCRE2_ERROR_JIT_STACKLIMIT) found = match(PCRE2_NO_JIT);
  if (found == PCRE2_ERROR_NOMATCH) return outcome::none;
  if (found < 0) return outcome::gave_up;
  const PCRE2_SIZE* ends = pcre2_get_ovector_pointer_8(block);
  begin = ends[0];
  end = std::max(ends[0], ends[1]);
  return outcome::found;
}

}  // namespace tessera::inline TESSERA_ABI
