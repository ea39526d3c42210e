// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/bpe.hpp: what is known of a vocabulary at load, and cutting words by it without merging.
///
/// Included by text/bpe-inl.hpp alone.
#pragma once

#include <tessera/text/bpe.hpp>
#include <tessera/text/byte_alphabet.hpp>
#include <tessera/text/utf8.hpp>

#include <algorithm>

namespace tessera::inline TESSERA_ABI {

/// Nearly every token is stable. Short ones are found as whole words by one look-up, all of them while a word is cut.
TESSERA_INLINE void bpe::find_known(std::span<const bpe_merge> merges) {
  if (words_->id_bound() > 2 * words_->size() + 1024) return;  // ids with wide holes: not worth a table by id
  const bool bytes = settings_.byte_level;
  std::vector<token_id> first(bytes_.begin(), bytes_.end());
  if (!bytes) {
    first.clear();
    for (std::size_t i = 0; i < words_->size(); ++i)
      if (const auto [token, id] = (*words_)[i]; is_one_character(token)) first.push_back(id);
  }
  const bool ordered = rules_.find_stable(merges, first, words_->id_bound());
  if (!ordered && !settings_.ignore_merges) return;
  // What the user's tokens stand in is cut at them first.
  const auto holds_whole = [this](std::string_view word) {
    for (std::size_t at = 0; at < word.size() && !settings_.whole.empty(); ++at)
      if (whole_.longest(word.substr(at)).length != 0) return true;
    return false;
  };
  std::string text;
  word_table::builder known(words_->size());
  std::vector<word_range> places;  // of stable tokens in `text`
  std::vector<token_id> stable;
  for (std::size_t i = 0; i < words_->size(); ++i) {
    const auto [token, id] = (*words_)[i];
    const bool is_stable = rules_.stable(id);
    if (!is_stable && !settings_.ignore_merges) continue;
    const std::size_t begin = text.size();
    if (!bytes) text += token;
    else if (!byte_alphabet::append_bytes(token, text)) continue;
    const std::string_view word = std::string_view(text).substr(begin);
    if (word.empty() || (!settings_.ignore_merges && holds_whole(word))) continue;
    if (word.size() <= word_table::longest) known.enter(word, id);
    if (!is_stable) continue;
    places.push_back({begin, text.size()});
    stable.push_back(id);
    longest_ = std::max(longest_, word.size());
  }
  known_ = std::move(known).finish();
  if (!settings_.whole.empty()) longest_ = 0;
  if (longest_ == 0) return;
  std::vector<std::string_view> keys;
  for (const word_range place : places) keys.push_back(std::string_view(text).substr(place.begin, place.size()));
  stable_ = trie::build(keys, stable);
  const auto merges_with = [&](token_id id) {
    return std::ranges::any_of(merges, [id](const bpe_merge& m) { return m.left == id || m.right == id; });
  };
  // With some of the byte tokens only, what an unknown character becomes depends on its neighbours.
  if (settings_.byte_fallback)
    unknown_splits_ = !bytes && std::ranges::find(bytes_, none) == bytes_.end() &&
                      std::ranges::none_of(bytes_, merges_with);
  else
    unknown_splits_ = !bytes && unknown_ && !merges_with(*unknown_);
}

TESSERA_INLINE bool bpe::read_blanks(bool prefixed) {
  // Unknown characters must be tokens of their own, whatever stands beside them.
  if (!splits_before_mark_ || !unknown_splits_ || (!settings_.byte_fallback && settings_.fuse_unknown)) return false;
  std::vector<std::uint64_t> joined(256 * 256 / 64, 0);
  const auto join = [&](std::size_t first, std::size_t second) {
    joined[first * 4 + second / 64] |= std::uint64_t{1} << second % 64;
  };
  for (std::size_t first = 0; first < 256; ++first)
    for (std::size_t second = 0x80; second < 0xc0; ++second) join(first, second);  // no cut inside a character
  std::string raw;
  word_table::builder known(words_->size());
  for (std::size_t i = 0; i < words_->size(); ++i) {
    const auto [token, id] = (*words_)[i];
    if (token.find(' ') != std::string_view::npos) continue;  // no such text comes out of the normaliser
    raw.clear();
    for (std::size_t at = 0; at < token.size();) {
      const bool blank = token.substr(at, mark.size()) == mark;
      raw += blank ? ' ' : token[at];
      at += blank ? mark.size() : 1;
    }
    for (const std::string_view form : {std::string_view(raw), token})  // a text may have marks of its own
      for (std::size_t at = 1; at < form.size(); ++at)
        join(static_cast<unsigned char>(form[at - 1]), static_cast<unsigned char>(form[at]));
    if (rules_.stable(id) && !raw.empty() && raw.size() <= word_table::longest) known.enter(raw, id);
  }
  for (std::size_t first = 0; first < 256; ++first)
    if (first != ' ' && (joined[first * 4] >> ' ' & 1U) != 0) return false;
  known_ = std::move(known).finish();
  joined_ = std::move(joined);
  prefixed_ = prefixed;
  return true;
}

/// From the left, the longest token that stays apart from the one before it; where there is none, a shorter one instead
/// of the one before. A place that was left so is dead: only one cut leads there. False where some character is no
/// stable token.
TESSERA_INLINE bool bpe::cut_apart(std::string_view word, scratch& work) const {
  auto& pieces = work.pieces;
  pieces.clear();
  work.apart.prepare(number_);
  if (work.prefixes.size() < longest_) work.prefixes.resize(longest_);
  std::uint64_t few_dead = 0;
  std::uint64_t* dead = &few_dead;
  if (word.size() > 64) {
    work.dead.assign(word.size() / 64 + 1, 0);
    dead = work.dead.data();
  }
  const auto is_dead = [&](std::size_t at) { return at < word.size() && (dead[at / 64] >> at % 64 & 1U) != 0; };
  constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();
  std::size_t at = 0, settled = 0, limit = unlimited;  // pieces before `settled` stay
  bool after_unknown = false;
  while (at < word.size()) {
    std::size_t count = 0;
    trie::node node = trie::root();
    const std::size_t end = limit < word.size() - at ? at + limit : word.size();
    for (std::size_t i = at; i < end && stable_.step(node, word[i]); ++i)
      if (const token_id id = stable_.value(node); id != trie::no_value)
        work.prefixes[count++] = {id, static_cast<std::uint32_t>(i + 1)};
    if (count == 0 && limit == unlimited) {
      if (!unknown_splits_) return false;
      const std::size_t next = at + utf8_size(word[at]);
      put_unknown(word.substr(at, next - at), static_cast<std::uint32_t>(at), after_unknown, work);
      at = next;
      settled = pieces.size();
      after_unknown = true;
      continue;
    }
    bool found = false;
    while (count != 0 && !found) {
      const bpe_scratch::piece& next = work.prefixes[--count];
      found = !is_dead(next.end) && (pieces.size() == settled || rules_.stay_apart(pieces.back().id, next.id, work.apart));
    }
    if (found) {
      pieces.push_back(work.prefixes[count]);
      at = pieces.back().end;
      limit = unlimited;
      after_unknown = false;
      continue;
    }
    if (pieces.size() == settled) return false;
    dead[at / 64] |= std::uint64_t{1} << at % 64;
    pieces.pop_back();
    const std::size_t begin = pieces.empty() ? 0 : pieces.back().end;
    limit = at - begin - 1;
    at = begin;
  }
  return true;
}

/// Writes an unknown character's tokens, or makes the unknown token before it longer.
TESSERA_INLINE void bpe::put_unknown(std::string_view bytes, std::uint32_t begin, bool fused, scratch& work) const {
  if (settings_.byte_fallback) {
    for (const char byte : bytes) work.pieces.push_back({bytes_[static_cast<unsigned char>(byte)], ++begin});
    return;
  }
  const auto end = begin + static_cast<std::uint32_t>(bytes.size());
  if (fused && settings_.fuse_unknown && work.pieces.back().id == *unknown_) work.pieces.back().end = end;
  else work.pieces.push_back({*unknown_, end});
}

}  // namespace tessera::inline TESSERA_ABI
