// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/unigram.hpp.
#pragma once

#include <tessera/text/unigram.hpp>
#include <tessera/text/utf8.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace tessera::inline TESSERA_ABI {

namespace detail {

inline constexpr std::uint32_t no_start = std::numeric_limits<std::uint32_t>::max();

}  // namespace detail

TESSERA_INLINE result<unigram> unigram::make(std::shared_ptr<const vocabulary> words, std::vector<double> scores,
                                             unigram_settings settings) {
  TESSERA_ASSERT(scores.size() == words->size());
  unigram made;
  if (settings.unknown && !words->token_of(*settings.unknown))
    return fail({.code = error_code::invalid_argument,
                 .thing = "unknown token",
                 .wanted = "the id of a token",
                 .found = std::to_string(*settings.unknown)});
  double lowest = std::numeric_limits<double>::infinity();
  for (const double score : scores) {
    if (!std::isfinite(score)) return fail({.code = error_code::not_finite, .thing = "score", .wanted = "a number"});
    lowest = std::min(lowest, score);
  }
  made.unknown_score_ = settings.unknown_score.value_or(lowest - unigram_settings::unknown_penalty);
  std::ranges::sort(settings.hidden);
  std::vector<std::string_view> keys;
  std::vector<std::uint32_t> places;
  keys.reserve(words->size());
  places.reserve(words->size());
  made.ids_.reserve(words->size());
  for (std::uint32_t i = 0; i < words->size(); ++i) {
    const auto [token, id] = (*words)[i];
    made.ids_.push_back(id);
    if (token.empty() || std::ranges::binary_search(settings.hidden, id)) continue;
    keys.push_back(token);
    places.push_back(i);
  }
  made.tokens_ = trie::build(keys, places);
  made.scores_ = std::move(scores);
  made.words_ = std::move(words);
  made.settings_ = std::move(settings);
  made.number_ = detail::next_model_number();
  return made;
}

template <bool Single>
void unigram::find_best(std::string_view word, scratch& work) const {
  using sum = std::conditional_t<Single, float, double>;
  auto& nodes = work.nodes;
  if (nodes.size() <= word.size()) nodes.resize(word.size() + 1);
  for (std::size_t i = 0; i <= word.size(); ++i) nodes[i].start = detail::no_start;
  nodes[0].score = 0;
  const token_id unknown = settings_.unknown.value_or(0);
  for (std::size_t start = 0; start < word.size();) {
    const double here = nodes[start].score;
    const std::size_t length = utf8_size(word[start]);
    const auto offer = [&](std::size_t end, double score, token_id id) {
      const auto candidate = static_cast<double>(static_cast<sum>(static_cast<sum>(score) + static_cast<sum>(here)));
      auto& node = nodes[end];
      if (node.start != detail::no_start && !(candidate > node.score)) return;
      node = {candidate, static_cast<std::uint32_t>(start), id};
    };
    bool single = false;  // whether the character alone is a token
    trie::node at = trie::root();
    for (std::size_t i = start; i < word.size() && tokens_.step(at, word[i]);) {
      ++i;
      const std::uint32_t found = tokens_.value(at);
      if (found == trie::no_value) continue;
      offer(i, scores_[found], ids_[found]);
      single = single || i == start + length;
    }
    if (!single) {
      offer(start + length, unknown_score_, unknown);
      if (!settings_.unknown && nodes[start + length].start == start) work.lacks_unknown = true;
    }
    start += length;
  }
}

/// Writes [begin, end), which holds unknown characters or one token that happens to be the unknown one.
TESSERA_INLINE void unigram::put(std::string_view word, std::uint32_t begin, std::uint32_t end, scratch& work) const {
  const std::string_view text = word.substr(begin, end - begin);
  if (const auto id = words_->id_of(text)) {
    work.pieces.push_back({*id, begin, end});
    return;
  }
  if (settings_.byte_fallback) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    const std::size_t before = work.pieces.size();
    bool all = true;
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      const char name[] = {'<', '0', 'x', digits[byte >> 4U], digits[byte & 15U], '>'};
      const auto id = words_->id_of(std::string_view(name, sizeof name));
      all = all && id;
      if (!all) break;
      work.pieces.push_back({*id, begin, end});
    }
    if (all) return;
    work.pieces.resize(before);
  }
  work.pieces.push_back({settings_.unknown.value_or(0), begin, end});
}

TESSERA_INLINE std::span<const unigram_scratch::piece> unigram::cut(std::string_view word, scratch& work) const {
  settings_.single_precision ? find_best<true>(word, work) : find_best<false>(word, work);
  auto& pieces = work.pieces;
  pieces.clear();
  auto end = static_cast<std::uint32_t>(word.size());
  // From behind; what is unknown in a row is written as one.
  std::uint32_t unknown_end = 0;
  const auto write_unknown = [&](std::uint32_t begin) {
    if (unknown_end == 0) return;
    const std::size_t before = pieces.size();
    put(word, begin, unknown_end, work);
    std::reverse(pieces.begin() + static_cast<std::ptrdiff_t>(before), pieces.end());
    unknown_end = 0;
  };
  while (end != 0) {
    const unigram_scratch::node& node = work.nodes[end];
    if (settings_.unknown && node.id == *settings_.unknown) {
      if (unknown_end == 0) unknown_end = end;
    } else {
      write_unknown(end);
      pieces.push_back({node.id, node.start, end});
    }
    end = node.start;
  }
  write_unknown(0);
  std::ranges::reverse(pieces);
  return pieces;
}

}  // namespace tessera::inline TESSERA_ABI
