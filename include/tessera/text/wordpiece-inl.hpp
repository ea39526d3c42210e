// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/wordpiece.hpp.
#pragma once

#include <tessera/io/quoted.hpp>
#include <tessera/text/wordpiece.hpp>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE result<wordpiece> wordpiece::make(std::shared_ptr<const vocabulary> words, wordpiece_settings settings) {
  const auto unknown = words->id_of(settings.unknown_token);
  if (!unknown)
    return fail({.code = error_code::not_found,
                 .thing = "unknown token",
                 .wanted = tessera::quoted(settings.unknown_token) + " in the vocabulary"});
  wordpiece made;
  std::vector<std::string_view> keys;
  std::vector<std::uint32_t> ids;
  for (std::size_t i = 0; i < words->size(); ++i) {
    keys.push_back((*words)[i].token);
    ids.push_back((*words)[i].id);
  }
  made.pieces_ = trie::build(keys, ids);
  made.inside_ = trie::root();
  for (const char byte : settings.continuing_prefix)
    if (!made.pieces_.step(made.inside_, byte)) {
      made.inside_ = trie::no_value;
      break;
    }
  made.unknown_ = *unknown;
  made.words_ = std::move(words);
  made.settings_ = std::move(settings);
  return made;
}

}  // namespace tessera::inline TESSERA_ABI
