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
  std::vector<std::string_view> starts, insides;
  std::vector<std::uint32_t> start_ids, inside_ids;
  for (std::size_t i = 0; i < words->size(); ++i) {
    const auto [token, id] = (*words)[i];
    starts.push_back(token);
    start_ids.push_back(id);
    if (!token.starts_with(settings.continuing_prefix)) continue;
    insides.push_back(token.substr(settings.continuing_prefix.size()));
    inside_ids.push_back(id);
  }
  made.starts_ = trie::build(starts, start_ids);
  made.insides_ = trie::build(insides, inside_ids);
  made.known_ = word_table(*words);
  made.most_bytes_known_ = std::min(word_table::longest, settings.longest_word);
  made.unknown_ = *unknown;
  made.words_ = std::move(words);
  made.settings_ = std::move(settings);
  return made;
}

}  // namespace tessera::inline TESSERA_ABI
