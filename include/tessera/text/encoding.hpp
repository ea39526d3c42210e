// SPDX-License-Identifier: Apache-2.0
/// The tokens of one text: ids, types, where each stands in the text, and which are special.
///
///     encoding.ids[i], encoding.offsets[i].of(text)       // 14324, "Hello"
///
/// All four lists have the same length. An `encoding` that is encoded into again keeps its memory: a warm call
/// allocates nothing.
#pragma once

#include <tessera/text/bpe.hpp>
#include <tessera/text/normalizer.hpp>
#include <tessera/text/pre_tokenizer.hpp>
#include <tessera/text/truncate.hpp>
#include <tessera/text/unigram.hpp>
#include <tessera/text/vocabulary.hpp>

#include <array>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// Memory that a tokenizer needs while it works, kept with the encoding it fills. Copies are empty.
struct encoding_scratch {
  normalizer_scratch normalizer;
  pre_tokenizer_scratch splitter;
  bpe_scratch pairs;
  unigram_scratch best;
  word_cache cache;

  encoding_scratch() = default;
  encoding_scratch(const encoding_scratch&) noexcept {}
  encoding_scratch& operator=(const encoding_scratch&) noexcept { return *this; }
  encoding_scratch(encoding_scratch&&) = default;
  encoding_scratch& operator=(encoding_scratch&&) = default;
  ~encoding_scratch() = default;
};

}  // namespace detail

struct encoding {
  std::vector<token_id> ids;
  std::vector<std::uint32_t> type_ids;
  std::vector<byte_range> offsets;
  std::vector<std::uint8_t> special_tokens_mask;  ///< 1 for tokens that the post-processor put in
  std::vector<std::uint8_t> attention_mask = {};  ///< 0 for padding; empty until `pad` was called
  std::array<token_range, 2> texts = {};          ///< the tokens of the text and of its pair
  std::vector<encoding> overflowing = {};         ///< what truncation cut off, where it was asked for
  detail::encoding_scratch scratch = {};          ///< working memory, kept for the next call

  [[nodiscard]] std::size_t size() const noexcept { return ids.size(); }
  [[nodiscard]] bool empty() const noexcept { return ids.empty(); }
  void clear() noexcept {
    ids.clear();
    type_ids.clear();
    offsets.clear();
    special_tokens_mask.clear();
    attention_mask.clear();
    texts = {};
    overflowing.clear();
  }
};

}  // namespace tessera::inline TESSERA_ABI
