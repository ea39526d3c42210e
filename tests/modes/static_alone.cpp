// SPDX-License-Identifier: Apache-2.0
// A program of static parts only, linked with no library.
#include <tests/modes/part.hpp>

#include <cstdio>

int main() {
  const bool holds = part_static_a().dot == 338350.0f && part_static_b().dot == 338350.0f;
  std::printf("%d passed, %d failed, 0 skipped\n", holds, !holds);
  return holds ? 0 : 1;
}
