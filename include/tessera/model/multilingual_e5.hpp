// SPDX-License-Identifier: Apache-2.0
/// intfloat/multilingual-e5-* (arXiv:2402.05672): mean pooling, unit length. Texts begin with "query: " or "passage: "; those of the
/// instruct model with "Instruct: ...\nQuery: ", or with nothing where they are passages. The files name no prompts.
///
///     auto encoder = ts::load<ts::multilingual_e5_base<>>("models/multilingual-e5-base");
///
/// The small one is a BERT with XLM-RoBERTa's vocabulary, the others are XLM-RoBERTa.
#pragma once

#include <tessera/model/bert.hpp>
#include <tessera/model/roberta.hpp>

namespace tessera::inline TESSERA_ABI {

using multilingual_e5_small_space = space<"multilingual_e5_small", 384, pooling::mean, unit_length>;
using multilingual_e5_base_space = space<"multilingual_e5_base", 768, pooling::mean, unit_length>;
using multilingual_e5_large_space = space<"multilingual_e5_large", 1024, pooling::mean, unit_length>;
using multilingual_e5_large_instruct_space = space<"multilingual_e5_large_instruct", 1024, pooling::mean, unit_length>;

template <class Weights = f32>
using multilingual_e5_small =
    bert<multilingual_e5_small_space, bert_shape{.vocabulary = 250037, .width = 384, .inner = 1536}, Weights>;
template <class Weights = f32>
using multilingual_e5_base = roberta<multilingual_e5_base_space, roberta_shape{}, Weights>;
template <class Weights = f32>
using multilingual_e5_large =
    roberta<multilingual_e5_large_space, roberta_shape{.layers = 24, .width = 1024, .heads = 16, .inner = 4096}, Weights>;
template <class Weights = f32>
using multilingual_e5_large_instruct =
    roberta<multilingual_e5_large_instruct_space, roberta_shape{.layers = 24, .width = 1024, .heads = 16, .inner = 4096}, Weights>;

}  // namespace tessera::inline TESSERA_ABI
