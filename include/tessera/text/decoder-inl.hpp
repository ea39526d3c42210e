// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/decoder.hpp.
#pragma once

#include <tessera/text/decoder.hpp>

#include <utility>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE void space_decoder::append(std::string& text, std::string_view token, bool is_first) const {
  if (!is_first) text += ' ';
  text += token;
}

TESSERA_INLINE void wordpiece_decoder::append(std::string& text, std::string_view token, bool is_first) const {
  // The reference's replacements, each over one token with the space before it, in this order.
  static constexpr std::pair<std::string_view, std::string_view> replacements[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  const std::size_t begin = text.size();
  if (!is_first) {
    if (token.starts_with(prefix)) token.remove_prefix(prefix.size());
    else text += ' ';
  }
  text += token;
  if (!cleanup || text.find(' ', begin) == std::string::npos) return;
  for (const auto& [from, to] : replacements)
    for (std::size_t at = text.find(from, begin); at != std::string::npos; at = text.find(from, at + to.size()))
      text.replace(at, from.size(), to);
}

}  // namespace tessera::inline TESSERA_ABI
