// SPDX-License-Identifier: Apache-2.0
/// google/embeddinggemma-300m (arXiv:2509.20354): mean pooling, two dense maps, unit length, also in its first 128, 256 or 512 components.
///
///     auto encoder = ts::load<ts::embedding_gemma_300m<>>("models/embeddinggemma-300m");
///     encoder->encode(question, {.prompt = ts::embedding_gemma_prompt::query});
#pragma once

#include <tessera/model/gemma3.hpp>

namespace tessera::inline TESSERA_ABI {

using embedding_gemma_300m_space = space<"embeddinggemma_300m", 768, pooling::mean, unit_length, matryoshka<128, 256, 512>>;

template <class Weights = f32>
using embedding_gemma_300m = gemma3<embedding_gemma_300m_space, gemma3_shape{}, Weights, dense<768, 3072, identity, without_bias>,
                                    dense<3072, 768, identity, without_bias>>;

/// Names of its prompts.
struct embedding_gemma_prompt {
  static constexpr std::string_view query = "query";
  static constexpr std::string_view document = "document";
  static constexpr std::string_view bitext_mining = "BitextMining";
  static constexpr std::string_view clustering = "Clustering";
  static constexpr std::string_view classification = "Classification";
  static constexpr std::string_view instruction_retrieval = "InstructionRetrieval";
  static constexpr std::string_view multilabel_classification = "MultilabelClassification";
  static constexpr std::string_view pair_classification = "PairClassification";
  static constexpr std::string_view reranking = "Reranking";
  static constexpr std::string_view retrieval = "Retrieval";
  static constexpr std::string_view retrieval_query = "Retrieval-query";
  static constexpr std::string_view retrieval_document = "Retrieval-document";
  static constexpr std::string_view sts = "STS";
  static constexpr std::string_view summarization = "Summarization";
};

}  // namespace tessera::inline TESSERA_ABI
