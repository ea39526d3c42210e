// SPDX-License-Identifier: Apache-2.0
// An outside program that measures a distance: needs tessera::core and nothing else.
#include <tessera/op/distance.hpp>

#include <cstdio>

namespace ts = tessera;

int main() {
  ts::embedding<ts::anonymous<3>, ts::f32> a, b;
  for (std::size_t i = 0; i < 3; ++i) a[i] = b[i] = static_cast<float>(i + 1);
  const float value = ts::dot(a, b);
  std::printf("dot %g with %s\n", static_cast<double>(value), ts::kernel::kernels().name.data());
  return value == 14.0f ? 0 : 1;
}
