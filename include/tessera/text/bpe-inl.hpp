// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/bpe.hpp: the first symbols of a word, and merging them.
#pragma once

#include <tessera/io/quoted.hpp>
#include <tessera/text/bpe.hpp>
#include <tessera/text/bpe_apart-inl.hpp>
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
  made.rules_ = merge_rules(merges);
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
      std::size_t at = 0;
      if (token.size() <= 3 && is_one_character(token)) made.characters_[decode_utf8(token, at)] = id;
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
    // Where unknown characters are dropped, what follows moves up in its word.
    const bool drops = !made.unknown_ && (!settings.byte_fallback || std::ranges::find(made.bytes_, none) != made.bytes_.end());
    made.splits_before_mark_ = !joins && !drops && std::ranges::none_of(texts, has_inner_mark) && !settings.ignore_merges &&
                               settings.continuing_prefix.empty() && settings.end_suffix.empty() &&
                               words->id_of(mark).has_value();
  }
  made.words_ = std::move(words);
  made.settings_ = std::move(settings);
  made.number_ = detail::next_model_number();
  if (made.settings_.continuing_prefix.empty() && made.settings_.end_suffix.empty()) made.find_known(merges);
  return made;
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
  // Bytes of a prefix or suffix count as the text's, as in the reference, but none stands behind the word.
  const auto add = [&](token_id id, std::uint32_t length) {
    reached = std::min(reached + length, static_cast<std::uint32_t>(word.size()));
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
  for (std::size_t i = 0; i < last; ++i) merges[i] = rules_.ranked(p[i].id, p[i + 1].id);
  while (last != 0) {
    std::size_t best = 0;
    std::uint64_t lowest = merges[0];
    for (std::size_t i = 1; i < last; ++i) {
      const bool lower = merges[i] < lowest;
      best = lower ? i : best;
      lowest = lower ? merges[i] : lowest;
    }
    if (lowest == merge_rules::no_merge) break;
    p[best] = {static_cast<token_id>(lowest), p[best + 1].end};
    for (std::size_t i = best + 1; i < last; ++i) {
      p[i] = p[i + 1];
      merges[i - 1] = merges[i];
    }
    --last;
    if (best != 0) merges[best - 1] = rules_.ranked(p[best - 1].id, p[best].id);
    if (best != last) merges[best] = rules_.ranked(p[best].id, p[best + 1].id);
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
    const std::uint64_t merge = rules_.ranked(s[left].id, s[s[left].next].id);
    s[left].rank = static_cast<std::uint32_t>(merge >> 32U);
    s[left].merged = static_cast<token_id>(merge);
    if (merge == merge_rules::no_merge) return false;
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
  if (longest_ != 0 && cut_apart(word, work)) return work.pieces;
  settings_.byte_level ? split_bytes(word, work) : split_characters(word, work);
  if (work.pieces.size() > few) merge_many(work);
  else if (work.pieces.size() > 1) merge_few(work.pieces);
  return work.pieces;
}

}  // namespace tessera::inline TESSERA_ABI
