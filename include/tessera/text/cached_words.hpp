// SPDX-License-Identifier: Apache-2.0
/// Running a model over words through the cache of what became of them.
///
/// Included by the models whose tokens of a word depend on that word alone.
#pragma once

#include <tessera/text/pre_tokenizer.hpp>
#include <tessera/text/word_cache.hpp>

#include <array>
#include <atomic>
#include <span>

namespace tessera::inline TESSERA_ABI::detail {

/// A number for a model that no other has had in this process.
[[nodiscard]] inline std::uint64_t next_model_number() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

/// Calls `cut(word, sink)` for words that the cache does not know, where sink(id, begin, end) counts from the word's
/// front, and `each(id, begin, end)` for every token in the text. Precondition: at most `most_words` words, none empty.
template <class Cut, class Each>
void for_each_cached(std::string_view text, std::span<const word_range> words, word_cache& cache, Cut&& cut,
                     Each&& each) {
  const auto plain = [&](const word_range& word) {
    cut(text.substr(word.begin, word.size()), [&](token_id id, std::size_t begin, std::size_t end) {
      each(id, word.begin + begin, word.begin + end);
    });
  };
  if (!cache.ready()) {
    for (const word_range& word : words) plain(word);
    return;
  }
  struct asked {
    word_table::key key;
    word_cache::entry* place;
  };
  std::array<asked, most_words> places;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i].size() > word_table::longest) continue;
    places[i].key = word_table::load(text, words[i].begin, words[i].end);
    places[i].place = &cache.place(places[i].key);
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    const word_range word = words[i];
    if (word.size() > word_table::longest) {
      plain(word);
      continue;
    }
    word_cache::entry& known = *places[i].place;
    if (known.word == places[i].key) {
      std::size_t begin = 0;
      for (std::size_t k = 0; k < known.count; ++k) {
        each(known.ids[k], word.begin + begin, word.begin + known.ends[k]);
        begin = known.ends[k];
      }
      continue;
    }
    word_cache::entry made;
    made.word = places[i].key;
    std::size_t count = 0, last = 0;
    bool fits = true;  // tokens in a row, few enough
    cut(text.substr(word.begin, word.size()), [&](token_id id, std::size_t begin, std::size_t end) {
      fits = fits && count < word_cache::most_tokens && begin == last;
      if (fits) {
        made.ids[count] = id;
        made.ends[count] = static_cast<std::uint8_t>(end);
      }
      ++count;
      last = end;
      each(id, word.begin + begin, word.begin + end);
    });
    if (!fits) continue;
    made.count = static_cast<std::uint8_t>(count);
    known = made;
  }
}

}  // namespace tessera::inline TESSERA_ABI::detail
