// SPDX-License-Identifier: Apache-2.0
/// Unicode normalisation forms (UAX 15) of a text whose bytes keep the place they came from.
///
///     ts::unicode_form{ts::unicode_form::nfc}.normalize(from, to, scratch);      // "e" U+0301 -> "é", from both
///
/// The reference's forms are those of Unicode 9: what later versions decompose or compose stays as it is. A text that
/// is its own form, as nearly all are, is found out by a look at the class of each character.
#pragma once

#include <tessera/text/match_memory.hpp>
#include <tessera/text/normalized.hpp>
#include <tessera/text/unicode.hpp>

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
  detail::match_memory memory;       ///< of patterns
  bool gave_up = false;              ///< set where a pattern was too costly on a text
};

struct unicode_form {
  enum class kind : std::uint8_t { nfc, nfd, nfkc, nfkd };
  using enum kind;
  kind form = kind::nfc;

  /// The form of `from`: itself, or in `to`.
  [[nodiscard]] normalized_view normalize(const normalized_view& from, normalized_text& to,
                                          normalizer_scratch& scratch) const;
};

namespace detail {

/// At most this many code points in a full compatibility decomposition.
inline constexpr std::size_t longest_compatible = 18;

/// The full compatibility decomposition into `out`; returns its length.
std::size_t decompose_compatible(code_point c, std::span<code_point, longest_compatible> out) noexcept;
/// The primary composite of a pair, or 0.
[[nodiscard]] code_point compose_pair(code_point first, code_point second) noexcept;

}  // namespace detail

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/unicode_forms-inl.hpp>
#endif
