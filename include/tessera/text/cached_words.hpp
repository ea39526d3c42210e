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

/// Calls `each(id, begin, end)` for every token of the words: those of `known` are one token, others are remembered by
/// the cache or cut by `cut(word, sink)`, where sink(id, begin, end) counts from the word's front. Precondition: at
/// most `most_words` words, none empty.
template <class Cut, class Each>
void for_each_cached(std::string_view text, std::span<const word_range> words, const word_table& known,
                     word_cache& cache, Cut&& cut, Each&& each) {
  struct asked {
    word_table::key key;
    std::size_t place;
    word_cache::entry* entry;
  };
  std::array<asked, most_words> places;
  const bool remembers = cache.ready();
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i].size() > word_table::longest) continue;
    asked& a = places[i];
    a.key = word_table::load(text, words[i].begin, words[i].end);
    a.place = known.ask(a.key);
    a.entry = remembers ? &cache.place(a.key) : nullptr;
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    const word_range word = words[i];
    const std::string_view bytes = text.substr(word.begin, word.size());
    const auto pass_on = [&](token_id id, std::size_t begin, std::size_t end) {
      each(id, word.begin + begin, word.begin + end);
    };
    if (word.size() > word_table::longest) {
      cut(bytes, pass_on);
      continue;
    }
    const asked& a = places[i];
    if (const std::uint32_t whole = known.find(a.key, a.place); whole != word_table::none) {
      each(whole, word.begin, word.end);
      continue;
    }
    if (!remembers) {
      cut(bytes, pass_on);
      continue;
    }
    word_cache::entry& entry = *a.entry;
    if (entry.word == a.key) {
      std::size_t begin = 0;
      for (std::size_t k = 0; k < entry.count; ++k) {
        pass_on(entry.ids[k], begin, entry.ends[k]);
        begin = entry.ends[k];
      }
      continue;
    }
    word_cache::entry made;
    std::size_t count = 0, last = 0;
    bool fits = true;  // tokens in a row, few enough
    cut(bytes, [&](token_id id, std::size_t begin, std::size_t end) {
      fits = fits && count < word_cache::most_tokens && begin == last;
      if (fits) {
        made.ids[count] = id;
        made.ends[count] = static_cast<std::uint8_t>(end);
      }
      ++count;
      last = end;
      pass_on(id, begin, end);
    });
    if (!fits) continue;
    made.word = a.key;
    made.count = static_cast<std::uint8_t>(count);
    entry = made;
  }
}

}  // namespace tessera::inline TESSERA_ABI::detail
