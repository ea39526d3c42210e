// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/encoding.hpp: what a tokenizer's working memory is.
#pragma once

#include <tessera/text/bpe.hpp>
#include <tessera/text/encoding.hpp>
#include <tessera/text/normalizer.hpp>
#include <tessera/text/pre_tokenizer.hpp>
#include <tessera/text/unigram.hpp>

namespace tessera::inline TESSERA_ABI::detail {

struct encoding_scratch {
  normalizer_scratch normalizer;
  pre_tokenizer_scratch splitter;
  bpe_scratch pairs;
  unigram_scratch best;
  word_cache cache;
};

TESSERA_INLINE encoding_scratch* working_memory::make() { return new encoding_scratch; }
TESSERA_INLINE void working_memory::drop(encoding_scratch* made) noexcept { delete made; }

}  // namespace tessera::inline TESSERA_ABI::detail
