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
    while (made.pairs_[at].merged != none && made.pairs_[at].pair != pair) at = (at + 1) & (made.pairs_.size() - 1);
    made.pairs_[at] = {pair, merge.rank, merge.result};
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
    made.splits_before_mark_ = !joins && !settings.ignore_merges && settings.continuing_prefix.empty() &&
                               settings.end_suffix.empty() && words->id_of(mark).has_value();
  }
  made.words_ = std::move(words);
  made.settings_ = std::move(settings);
  made.number_ = detail::next_model_number();
  return made;
}

TESSERA_INLINE void bpe::split_bytes(std::string_view word, scratch& work) const {
  std::uint32_t at = 0;
  for (const char byte : word) {
    const token_id id = bytes_[static_cast<unsigned char>(byte)];
    if (id == none && !unknown_) continue;  // what follows moves up, as in the reference
    if (id == none && settings_.fuse_unknown && !work.symbols.empty() && work.symbols.back().id == *unknown_) {
      work.symbols.back().end = ++at;
      continue;
    }
    work.symbols.push_back({id == none ? *unknown_ : id, at, at + 1, 0, 0, no_rank, none});
    ++at;
  }
}

TESSERA_INLINE void bpe::split_characters(std::string_view word, scratch& work) const {
  const bool composes = !settings_.continuing_prefix.empty() || !settings_.end_suffix.empty();
  std::uint32_t reached = 0;
  const auto add = [&](token_id id, std::uint32_t length) {
    work.symbols.push_back({id, reached, reached + length, 0, 0, no_rank, none});
    reached += length;
  };
  std::uint32_t unknown_length = 0;  // of unknown characters that wait to be fused or written
  const auto write_unknown = [&] {
    if (unknown_length != 0) add(*unknown_, unknown_length);
    unknown_length = 0;
  };
  for (std::size_t at = 0; at < word.size();) {
    const std::size_t begin = at;
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
TESSERA_INLINE void bpe::merge_few(std::vector<bpe_scratch::symbol>& symbols) const {
  std::size_t count = symbols.size();
  auto* s = symbols.data();
  for (std::size_t i = 0; i + 1 < count; ++i) rank(s[i], s[i + 1]);
  while (count > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i)
      if (s[i].rank < s[best].rank) best = i;
    if (s[best].rank == no_rank) break;
    s[best].id = s[best].merged;
    s[best].end = s[best + 1].end;
    std::copy(s + best + 2, s + count, s + best + 1);
    --count;
    if (best + 1 < count) rank(s[best], s[best + 1]);
    else s[best].rank = no_rank;
    if (best != 0) rank(s[best - 1], s[best]);
  }
  symbols.resize(count);
}

TESSERA_INLINE void bpe::merge_many(scratch& work) const {
  auto& s = work.symbols;
  auto& heap = work.heap;
  const auto count = static_cast<std::uint32_t>(s.size());
  heap.clear();
  const auto entry = [](std::uint32_t rank_, std::uint32_t at) { return std::uint64_t{rank_} << 32U | at; };
  for (std::uint32_t i = 0; i < count; ++i) {
    s[i].previous = i - 1;
    s[i].next = i + 1;
    if (i + 1 < count) rank(s[i], s[i + 1]);
    if (s[i].rank != no_rank) heap.push_back(entry(s[i].rank, i));
  }
  std::ranges::make_heap(heap, std::greater{});
  const auto again = [&](std::uint32_t left) {
    rank(s[left], s[s[left].next]);
    if (s[left].rank == no_rank) return;
    heap.push_back(entry(s[left].rank, left));
    std::ranges::push_heap(heap, std::greater{});
  };
  while (!heap.empty()) {
    const std::uint64_t top = heap.front();
    std::ranges::pop_heap(heap, std::greater{});
    heap.pop_back();
    const auto at = static_cast<std::uint32_t>(top);
    // An entry whose pair has changed since has another rank, or none.
    if (s[at].id == none || s[at].rank != static_cast<std::uint32_t>(top >> 32U)) continue;
    const std::uint32_t gone = s[at].next;
    s[at].id = s[at].merged;
    s[at].end = s[gone].end;
    s[at].next = s[gone].next;
    s[at].rank = no_rank;
    s[gone].id = none;
    if (s[at].next < count) {
      s[s[at].next].previous = at;
      again(at);
    }
    if (s[at].previous < count) again(s[at].previous);
  }
  std::erase_if(s, [](const bpe_scratch::symbol& symbol) { return symbol.id == none; });
}

TESSERA_INLINE std::span<const bpe_scratch::symbol> bpe::cut(std::string_view word, scratch& work) const {
  constexpr std::size_t few = 40;
  work.symbols.clear();
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
      work.symbols.push_back({*whole, 0, static_cast<std::uint32_t>(word.size()), 0, 0, no_rank, none});
      return work.symbols;
    }
  }
  settings_.byte_level ? split_bytes(word, work) : split_characters(word, work);
  if (work.symbols.size() <= few) merge_few(work.symbols);
  else merge_many(work);
  return work.symbols;
}

}  // namespace tessera::inline TESSERA_ABI
