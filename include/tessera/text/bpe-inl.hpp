// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/bpe.hpp: the first symbols of a word, and merging them.
#pragma once

#include <tessera/io/quoted.hpp>
#include <tessera/text/bpe.hpp>
#include <tessera/text/byte_alphabet.hpp>

#include <algorithm>
#include <bit>
#include <functional>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE result<bpe> bpe::make(std::shared_ptr<const vocabulary> words, std::span<const bpe_merge> merges,
                                     bpe_settings settings) {
  bpe made;
  if (settings.unknown_token) {
    made.unknown_ = words->id_of(*settings.unknown_token);
    if (!made.unknown_)
      return fail({.code = error_code::not_found,
                   .thing = "unknown token",
                   .wanted = tessera::quoted(*settings.unknown_token) + " in the vocabulary"});
  }
  made.pairs_.assign(std::bit_ceil(merges.size() + merges.size() / 2 + 1), pair_slot{});
  for (const bpe_merge& merge : merges) {
    const std::uint64_t pair = pair_of(merge.left, merge.right);
    std::size_t at = made.place(pair);
    while (made.pairs_[at].pair != no_pair && made.pairs_[at].pair != pair) at = (at + 1) & (made.pairs_.size() - 1);
    made.pairs_[at] = {pair, std::uint64_t{merge.rank} << 32U | merge.result};
  }
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (unsigned b = 0; b < 256; ++b) {
    std::string token;
    if (settings.byte_level) {
      const char byte = static_cast<char>(static_cast<unsigned char>(b));
      byte_alphabet::append_characters({&byte, 1}, token);
    } else {
      token = std::string("<0x") + digits[b >> 4U] + digits[b & 15U] + '>';
    }
    made.bytes_[b] = words->id_of(token).value_or(none);
  }
  if (!settings.byte_level) {
    made.characters_.assign(0x10000, none);
    for (std::size_t i = 0; i < words->size(); ++i) {
      const auto [token, id] = (*words)[i];
      if (token.empty() || token.size() > 3 || find_invalid_utf8(token)) continue;
      std::size_t at = 0;
      const code_point c = decode_utf8(token, at);
      if (at == token.size()) made.characters_[c] = id;
    }
    const auto begins = [&](token_id id) { return words->token_of(id)->starts_with(mark); };
    const auto ends = [&](token_id id) { return words->token_of(id)->ends_with(mark); };
    const bool joins = std::ranges::any_of(
        merges, [&](const bpe_merge& merge) { return begins(merge.right) && !ends(merge.left); });
    std::vector<std::string_view> texts;
    for (const token_id id : settings.whole) texts.push_back(words->token_of(id).value_or(""));
    made.whole_ = trie::build(texts, settings.whole);
    const auto has_inner_mark = [](std::string_view text) {
      return text.find(mark, part_end(text, 0, text.size())) != std::string_view::npos;
    };
    made.splits_before_mark_ = !joins && std::ranges::none_of(texts, has_inner_mark) && !settings.ignore_merges &&
                               settings.continuing_prefix.empty() && settings.end_suffix.empty() &&
                               words->id_of(mark).has_value();
  }
  made.words_ = std::move(words);
  made.settings_ = std::move(settings);
  made.number_ = detail::next_model_number();
  if (made.settings_.continuing_prefix.empty() && made.settings_.end_suffix.empty()) made.find_known(merges);
  return made;
}

/// Nearly every token is what its own text becomes. Those are found by one look-up, in a table that all threads share.
///
/// Running every token through `cut` would take longer than all else. Where merges come after those that make their
/// parts, as training gives them, time runs with the rank, and a token whose parts are themselves such tokens is one if
/// nothing merged across the parts' border before they were whole: going back in time, at each moment two tokens stand
/// at the border, and their merge, if any, must rank behind the next event there.
TESSERA_INLINE void bpe::find_known(std::span<const bpe_merge> merges) {
  struct origin {
    token_id left = none, right = none;  // none: a first symbol
    std::uint32_t birth = 0;             // rank + 1; 0 for first symbols
    std::uint32_t latest = 0;            // the highest rank + 1 of merges that make it
    bool known = false;
  };
  if (words_->id_bound() > 2 * words_->size() + 1024) return;  // ids with wide holes: not worth a table by id
  std::vector<origin> tokens(words_->id_bound());
  for (const bpe_merge& merge : merges)
    tokens[merge.result].latest = std::max(tokens[merge.result].latest, merge.rank + 1);
  const auto in_order = [&](const bpe_merge& merge) {
    return merge.rank + 1 > std::max(tokens[merge.left].latest, tokens[merge.right].latest);
  };
  if (!settings_.ignore_merges && !std::ranges::all_of(merges, in_order)) return;
  const auto nothing_crosses = [&](token_id a, token_id b) {
    while (tokens[a].birth != 0 || tokens[b].birth != 0) {
      const bool left = tokens[a].birth > tokens[b].birth;
      const std::uint64_t event = tokens[left ? a : b].birth;
      if (left) a = tokens[a].right;
      else b = tokens[b].left;
      const std::uint64_t merge = ranked(a, b);
      if (merge != no_merge && (merge >> 32U) + 1 <= event) return false;
    }
    return true;
  };
  const auto start = [&](token_id id) {
    if (id != none) tokens[id].known = true;
  };
  if (settings_.byte_level) std::ranges::for_each(bytes_, start);
  else std::ranges::for_each(characters_, start);
  for (const bpe_merge& merge : merges) {
    origin& made = tokens[merge.result];
    if (made.known || !tokens[merge.left].known || !tokens[merge.right].known) continue;
    const std::uint64_t used = ranked(merge.left, merge.right);
    if (used != (std::uint64_t{merge.rank} << 32U | merge.result) || !nothing_crosses(merge.left, merge.right)) continue;
    made = {merge.left, merge.right, merge.rank + 1, made.latest, true};
  }
  std::string text;
  word_table::builder known(words_->size());
  for (std::size_t i = 0; i < words_->size(); ++i) {
    const auto [token, id] = (*words_)[i];
    if (!tokens[id].known && !settings_.ignore_merges) continue;
    std::string_view word = token;
    if (settings_.byte_level) {
      if (token.size() > 2 * word_table::longest) continue;
      text.clear();
      if (!byte_alphabet::append_bytes(token, text)) continue;
      word = text;
    }
    if (!word.empty() && word.size() <= word_table::longest) known.enter(word, id);
  }
  known_ = std::move(known).finish();
}

TESSERA_INLINE void bpe::split_bytes(std::string_view word, scratch& work) const {
  work.pieces.resize(word.size());
  std::size_t count = 0;
  std::uint32_t at = 0;
  for (const char byte : word) {
    const token_id id = bytes_[static_cast<unsigned char>(byte)];
    if (id != none) {
      work.pieces[count++] = {id, ++at};
    } else if (unknown_) {
      ++at;
      if (settings_.fuse_unknown && count != 0 && work.pieces[count - 1].id == *unknown_) work.pieces[count - 1].end = at;
      else work.pieces[count++] = {*unknown_, at};
    }  // else it is dropped and what follows moves up, as in the reference
  }
  work.pieces.resize(count);
}

TESSERA_INLINE void bpe::split_characters(std::string_view word, scratch& work) const {
  const bool composes = !settings_.continuing_prefix.empty() || !settings_.end_suffix.empty();
  std::uint32_t reached = 0;
  work.pieces.clear();
  const auto add = [&](token_id id, std::uint32_t length) {
    reached += length;
    work.pieces.push_back({id, reached});
  };
  std::uint32_t unknown_length = 0;  // of unknown characters that wait to be fused or written
  const auto write_unknown = [&] {
    if (unknown_length != 0) add(*unknown_, unknown_length);
    unknown_length = 0;
  };
  for (std::size_t at = 0; at < word.size();) {
    const std::size_t begin = at;
    if (!settings_.whole.empty()) {
      if (const trie::match found = whole_.longest(word.substr(at)); found.value != trie::no_value) {
        write_unknown();
        add(found.value, static_cast<std::uint32_t>(found.length));
        at += found.length;
        continue;
      }
    }
    const code_point c = decode_utf8(word, at);
    const std::string_view bytes = word.substr(begin, at - begin);
    const auto length = static_cast<std::uint32_t>(bytes.size());
    token_id id = none;
    std::string_view spelled = bytes;
    if (composes) {
      work.composed.clear();
      if (begin != 0) work.composed += settings_.continuing_prefix;
      work.composed += bytes;
      if (at == word.size()) work.composed += settings_.end_suffix;
      spelled = work.composed;
      id = words_->id_of(spelled).value_or(none);
    } else if (c < characters_.size()) {
      id = characters_[c];
    } else {
      id = words_->id_of(bytes).value_or(none);
    }
    if (id != none) {
      write_unknown();
      add(id, length);
      continue;
    }
    const auto known = [this](char byte) { return bytes_[static_cast<unsigned char>(byte)] != none; };
    if (settings_.byte_fallback && std::ranges::all_of(spelled, known)) {
      for (const char byte : spelled) add(bytes_[static_cast<unsigned char>(byte)], 1);
      continue;
    }
    if (!unknown_) continue;
    if (!settings_.fuse_unknown) write_unknown();
    unknown_length += length;
  }
  write_unknown();
}

/// The pair of lowest rank, from the left, again and again: for few symbols the scan is faster than any heap.
TESSERA_INLINE void bpe::merge_few(std::vector<bpe_scratch::piece>& pieces) const {
  std::array<std::uint64_t, few> merges;
  std::size_t last = pieces.size() - 1;  // as many pairs
  auto* p = pieces.data();
  for (std::size_t i = 0; i < last; ++i) merges[i] = ranked(p[i].id, p[i + 1].id);
  while (last != 0) {
    std::size_t best = 0;
    std::uint64_t lowest = merges[0];
    for (std::size_t i = 1; i < last; ++i) {
      const bool lower = merges[i] < lowest;
      best = lower ? i : best;
      lowest = lower ? merges[i] : lowest;
    }
    if (lowest == no_merge) break;
    p[best] = {static_cast<token_id>(lowest), p[best + 1].end};
    for (std::size_t i = best + 1; i < last; ++i) {
      p[i] = p[i + 1];
      merges[i - 1] = merges[i];
    }
    --last;
    if (best != 0) merges[best - 1] = ranked(p[best - 1].id, p[best].id);
    if (best != last) merges[best] = ranked(p[best].id, p[best + 1].id);
  }
  pieces.resize(last + 1);
}

TESSERA_INLINE void bpe::merge_many(scratch& work) const {
  auto& s = work.symbols;
  auto& heap = work.heap;
  const auto count = static_cast<std::uint32_t>(work.pieces.size());
  heap.clear();
  s.resize(count);
  const auto rank = [&](std::uint32_t left) {
    const std::uint64_t merge = ranked(s[left].id, s[s[left].next].id);
    s[left].rank = static_cast<std::uint32_t>(merge >> 32U);
    s[left].merged = static_cast<token_id>(merge);
    if (merge == no_merge) return false;
    heap.push_back(std::uint64_t{s[left].rank} << 32U | left);
    return true;
  };
  for (std::uint32_t i = 0; i < count; ++i) s[i] = {work.pieces[i].id, work.pieces[i].end, i - 1, i + 1, none, none};
  for (std::uint32_t i = 0; i + 1 < count; ++i) rank(i);
  std::ranges::make_heap(heap, std::greater{});
  const auto again = [&](std::uint32_t left) {
    if (rank(left)) std::ranges::push_heap(heap, std::greater{});
  };
  while (!heap.empty()) {
    const std::uint64_t top = heap.front();
    std::ranges::pop_heap(heap, std::greater{});
    heap.pop_back();
    const auto at = static_cast<std::uint32_t>(top);
    // An entry whose pair has changed since has another rank, or none.
    if (s[at].id == none || s[at].rank != static_cast<std::uint32_t>(top >> 32U) || s[at].merged == none) continue;
    const std::uint32_t gone = s[at].next;
    s[at] = {s[at].merged, s[gone].end, s[at].previous, s[gone].next, none, none};
    s[gone].id = none;
    if (s[at].next < count) {
      s[s[at].next].previous = at;
      again(at);
    }
    if (s[at].previous < count) again(s[at].previous);
  }
  work.pieces.clear();
  for (std::uint32_t i = 0; i < count; i = s[i].next) work.pieces.push_back({s[i].id, s[i].end});
}

TESSERA_INLINE std::span<const bpe_scratch::piece> bpe::cut(std::string_view word, scratch& work) const {
  if (settings_.ignore_merges) {
    std::optional<token_id> whole;
    if (settings_.byte_level) {
      work.composed.clear();
      byte_alphabet::append_characters(word, work.composed);
      whole = words_->id_of(work.composed);
    } else {
      whole = words_->id_of(word);
    }
    if (whole) {
      work.pieces.assign(1, {*whole, static_cast<std::uint32_t>(word.size())});
      return work.pieces;
    }
  }
  settings_.byte_level ? split_bytes(word, work) : split_characters(word, work);
  if (work.pieces.size() > few) merge_many(work);
  else if (work.pieces.size() > 1) merge_few(work.pieces);
  return work.pieces;
}

}  // namespace tessera::inline TESSERA_ABI
