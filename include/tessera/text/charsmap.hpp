// SPDX-License-Identifier: Apache-2.0
/// The precompiled character map of sentencepiece models: which stretches of text become which others.
///
///     TESSERA_TRY(const ts::charsmap map, ts::charsmap::make(bytes));
///     map.normalize(from, to);                    // "ﬁ" becomes "fi", U+3000 a blank
///
/// The bytes are a Darts-clone double array (u32 little-endian: its size, then its units) and, one after the other, the
/// NUL-ended texts that its values point to. Two programs read it in two ways: the reference replaces grapheme by
/// grapheme, looking at the shortest key that fits, and sentencepiece takes the longest key at each place.
#pragma once

#include <tessera/base/result.hpp>
#include <tessera/text/normalized.hpp>
#include <tessera/text/utf8.hpp>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI {

class charsmap {
 public:
  /// Errors: malformed.
  [[nodiscard]] static result<charsmap> make(std::string_view bytes);
  /// The same from base64. Errors: malformed.
  [[nodiscard]] static result<charsmap> from_base64(std::string_view text);

  /// What the shortest key in front of `text` becomes, or nothing.
  [[nodiscard]] std::optional<std::string_view> shortest(std::string_view text) const noexcept;
  struct match {
    std::size_t length = 0;  ///< of the key; 0: none
    std::string_view becomes = {};
  };
  /// The longest key in front of `text`.
  [[nodiscard]] match longest(std::string_view text) const noexcept;

  /// The normal form by graphemes; `from` where nothing changes. Precondition: well-formed UTF-8.
  [[nodiscard]] normalized_view normalize(const normalized_view& from, normalized_text& to) const;

 private:
  struct contents {
    std::vector<std::uint32_t> units;
    std::string texts;
    std::array<bool, 256> same{};  // ASCII bytes that alone stay what they are
  };
  [[nodiscard]] std::string_view text_at(std::uint32_t unit) const noexcept;
  template <class Each>
  void for_each_key(std::string_view text, Each&& each) const noexcept;

  std::shared_ptr<const contents> contents_;
};

namespace detail {

/// The end of the grapheme that begins at `at`: extended grapheme clusters of UAX 29.
[[nodiscard]] std::size_t grapheme_end(std::string_view text, std::size_t at) noexcept;

}  // namespace detail

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/charsmap-inl.hpp>
#endif
