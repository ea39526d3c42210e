// SPDX-License-Identifier: Apache-2.0
/// Normalisers: what a tokenizer does to a text before it looks for words.
///
///     ts::bert_normalizer uncased;                                   // clean, split ideographs, strip accents, lower case
///     uncased.normalize({"Café"}, out, scratch);                     // "cafe", its "e" from the bytes [3, 5)
///
/// Each normaliser is a type with the settings of tokenizer.json; `normalizer` is one of them. A step keeps, for each byte it writes, the
/// source bytes that it stands for: an inserted character stands where the one before it stood.
#pragma once

#include <tessera/text/normalized.hpp>
#include <tessera/text/unicode.hpp>

#include <optional>
#include <variant>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// Working memory of normalisation, reused from call to call.
struct normalizer_scratch {
  struct part {
    code_point c;
    std::uint32_t position;  // before ordering
    std::uint8_t combining;
    bool added;  // beyond the first of its character's decomposition
  };
  normalized_text text[2];          ///< steps write them in turn
  std::vector<part> parts;          ///< a run under canonical ordering
  std::vector<byte_range> sources;  ///< its characters
};

/// BertNormalizer. In this order: clean_text drops control characters, U+0000 and U+FFFD and turns white space into U+0020;
/// handle_chinese_chars puts a space on both sides of CJK ideographs; strip_accents decomposes canonically and drops nonspacing marks;
/// lowercase maps each character alone.
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

using normalizer = std::variant<no_normalizer, bert_normalizer>;

/// Runs the normaliser; the view is of `from` or of `scratch`. Precondition: well-formed UTF-8.
[[nodiscard]] normalized_view normalize(const normalizer& how, const normalized_view& from,
                                        normalizer_scratch& scratch);

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/normalizer-inl.hpp>
#endif
