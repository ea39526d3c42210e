// SPDX-License-Identifier: Apache-2.0
// The metrics: which end is near, and which precisions they compare.
#include <tessera/op/metric.hpp>

namespace ts = tessera;

static_assert(ts::metric<ts::cosine> && ts::metric<ts::inner_product> && ts::metric<ts::squared_l2> && ts::metric<ts::hamming> &&
              ts::metric<ts::jaccard>);
static_assert(!ts::metric<int> && !ts::metric<ts::f32>);
static_assert(ts::cosine::larger_is_nearer && ts::inner_product::larger_is_nearer);
static_assert(!ts::squared_l2::larger_is_nearer && !ts::hamming::larger_is_nearer && !ts::jaccard::larger_is_nearer);
static_assert(!ts::cosine::binary && !ts::inner_product::binary && !ts::squared_l2::binary && ts::hamming::binary &&
              ts::jaccard::binary);
static_assert(ts::cosine::label == "cosine" && ts::inner_product::label == "inner_product" && ts::squared_l2::label == "squared_l2" &&
              ts::hamming::label == "hamming" && ts::jaccard::label == "jaccard");
