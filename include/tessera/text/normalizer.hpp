// SPDX-License-Identifier: Apache-2.0
/// Normalisers: what a tokenizer does to a text before it looks for words.
///
///     ts::bert_normalizer uncased;                                   // clean, split ideographs, strip accents, lower case
///     uncased.normalize({"Café"}, out, scratch);                     // "cafe", its "e" from the bytes [3, 5)
///
/// Each step is a type with the settings of tokenizer.json; a `normalizer` is a list of them. A step keeps, for each
/// byte it writes, the source bytes that it stands for: an inserted character stands where the one before it stood.
#pragma once

#include <tessera/text/charsmap.hpp>
#include <tessera/text/normalized.hpp>
#include <tessera/text/piece_normalizer.hpp>
#include <tessera/text/pre_tokenizer.hpp>
#include <tessera/text/unicode_forms.hpp>

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// BertNormalizer. In this order: clean_text drops control characters, U+0000 and U+FFFD and turns white space into
/// U+0020; handle_chinese_chars puts a space on both sides of CJK ideographs; strip_accents decomposes canonically and
/// drops nonspacing marks; lowercase maps each character alone.
struct bert_normalizer {
  bool clean_text = true;
  bool handle_chinese_chars = true;
  std::optional<bool> strip_accents = {};  ///< unset: as lowercase says
  bool lowercase = true;

  [[nodiscard]] bool strips_accents() const noexcept { return strip_accents.value_or(lowercase); }
  void normalize(const normalized_view& from, normalized_text& to, normalizer_scratch& scratch) const;
};

/// Leaves the text as it is.
struct no_normalizer {};

/// Lowercase: each character alone.
struct lowercase {};
/// Strip: White_Space at the ends.
struct strip_ends {
  bool left = true, right = true;
};
/// StripAccents: every combining mark.
struct strip_accents {};
/// Nmt: control characters are dropped, other blanks become U+0020.
struct nmt_cleaning {};
/// Prepend: a text before every text that is not empty.
struct prepend_text {
  std::string prefix;
};
/// Replace: every match of a pattern by a text.
struct replace_pattern {
  text_pattern pattern;
  std::string content;
};

using normalizer_step = std::variant<bert_normalizer, unicode_form, charsmap, lowercase, strip_ends, strip_accents,
                                     nmt_cleaning, prepend_text, replace_pattern, byte_characters, piece_normalizer>;

/// Steps in order; none leave the text as it is.
struct normalizer {
  std::vector<normalizer_step> steps = {};

  normalizer() = default;
  normalizer(no_normalizer) {}
  template <class Step>
    requires std::constructible_from<normalizer_step, Step> && (!std::same_as<std::remove_cvref_t<Step>, normalizer>)
  normalizer(Step&& step) : steps(1, normalizer_step(std::forward<Step>(step))) {}
};

/// Runs the normaliser; the view is of `from` or of `scratch`. Precondition: well-formed UTF-8.
[[nodiscard]] normalized_view normalize(const normalizer& how, const normalized_view& from,
                                        normalizer_scratch& scratch);

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/normalizer-inl.hpp>
#endif
