// SPDX-License-Identifier: Apache-2.0
/// Cross-encoders on ModernBERT (gte-reranker-modernbert): a pooled state through a dense map, its activation and a norm, then a logit.
///
///     auto judge = ts::load<ts::modernbert_reranker<ts::modernbert_shape{}, ts::f32, ts::pooling::mean>>(directory);
#pragma once

#include <tessera/model/modernbert.hpp>
#include <tessera/model/reranker.hpp>

namespace tessera::inline TESSERA_ABI {

/// Mode, Activation and Bias are classifier_pooling, classifier_activation and classifier_bias of config.json.
template <modernbert_shape Shape, class Weights = f32, pooling Mode = pooling::cls, class Activation = gelu,
          class Bias = without_bias>
using modernbert_reranker =
    reranker<modernbert_family, Shape, Weights,
             rerank_head{.pooling_mode = Mode, .activation = Activation::kernel, .bias = Bias::value},
             detail::modernbert_encoder<Shape>, pool<Mode>, dense<Shape.width, Shape.width, Activation, Bias>,
             of_texts<detail::modernbert_norm<Shape>>, dense<Shape.width, 1>>;

}  // namespace tessera::inline TESSERA_ABI
