// SPDX-License-Identifier: Apache-2.0
/// One added token: a string that is found in the text before any model sees it. text/added_tokens.hpp says how.
///
///     ts::added_token mask{.id = 103, .content = "[MASK]", .lstrip = true, .special = true};
#pragma once

#include <tessera/text/vocabulary.hpp>

#include <string>

namespace tessera::inline TESSERA_ABI {

struct added_token {
  token_id id = 0;
  std::string content;
  bool single_word = false;  ///< only where no word character (\w) stands beside it
  bool lstrip = false;       ///< takes the white space before it
  bool rstrip = false;       ///< takes the white space after it
  bool normalized = false;   ///< searched in the normalised text
  bool special = false;      ///< left out by decode where special tokens are skipped
  bool searched = true;      ///< false: only known to decode, never found in text
};

}  // namespace tessera::inline TESSERA_ABI
