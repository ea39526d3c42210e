// SPDX-License-Identifier: Apache-2.0
/// jinaai/jina-embeddings-v3: mean of the token states, unit length, one adapter and instruction for each of five tasks (arXiv:2409.10173).
///
///     auto encoder = ts::load<ts::jina_v3<>>("models/jina-embeddings-v3");
///     encoder->encode("edit audio recordings", {.task = ts::jina_v3_task::retrieval_query});
///     encoder->encode(passages, {.task = ts::jina_v3_task::retrieval_passage});
///
/// Without a task neither adapter nor instruction is used.
#pragma once

#include <tessera/model/rotary_roberta.hpp>

namespace tessera::inline TESSERA_ABI {

using jina_v3_space = space<"jina_v3", 1024, pooling::mean, unit_length, matryoshka<32, 64, 128, 256, 512, 768>>;
template <class Weights = f32>
using jina_v3 = rotary_roberta<jina_v3_space, rotary_roberta_shape{}, Weights>;

/// Names of its tasks, in the order of their adapters.
struct jina_v3_task {
  static constexpr std::string_view retrieval_query = "retrieval.query";
  static constexpr std::string_view retrieval_passage = "retrieval.passage";
  static constexpr std::string_view separation = "separation";
  static constexpr std::string_view classification = "classification";
  static constexpr std::string_view text_matching = "text-matching";
};

}  // namespace tessera::inline TESSERA_ABI
