// SPDX-License-Identifier: Apache-2.0
// A user of tessera::compiled that only measures distances.
#include <tessera/op/distance.hpp>

namespace ts = tessera;
using vector = ts::embedding<ts::anonymous<384>, ts::f32>;

float measure(const vector& a, const vector& b) { return ts::dot(a, b) + ts::squared_l2_distance(a, b) + ts::cosine_similarity(a, b); }
