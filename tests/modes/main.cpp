// SPDX-License-Identifier: Apache-2.0
// Three ways to build in one program: everybody computes the same, and each way keeps to its own copy.
#include <tests/modes/part.hpp>

#include <cstdio>

namespace {

int passed = 0, failed = 0;

void check(bool holds, const char* what) {
  if (!holds) std::printf("FAILED: %s\n", what);
  ++(holds ? passed : failed);
}

void check_values(const part_report& part, const char* abi) {
  std::printf("%-14s %-12s %zu targets\n", part.abi.c_str(), part.target.c_str(), part.available.size());
  check(part.abi.substr(0, part.abi.find('_')) == abi, "the part sees the inline namespace of its way");
  check(part.dot == 338350.0f, "the dot product is exact");
  check(part.message == "part: wanted 1, found 2", "an error has its message");
}

}  // namespace

int main() {
  const part_report inline_a = part_inline_a(), inline_b = part_inline_b();
  const part_report compiled_a = part_compiled_a(), compiled_b = part_compiled_b();
  const part_report static_a = part_static_a(), static_b = part_static_b();

  check_values(inline_a, "v0");
  check_values(inline_b, "v0");
  check_values(compiled_a, "v0c");
  check_values(compiled_b, "v0c");
  check_values(static_a, "v0s");
  check_values(static_b, "v0s");

  check(inline_a.table == inline_b.table, "two inline parts share one copy");
  check(compiled_a.table == compiled_b.table, "two compiled parts share one copy");
  check(static_a.table == static_b.table, "two static parts share one copy");
  check(inline_a.table != compiled_a.table, "inline and compiled parts do not");
  check(inline_a.table != static_a.table, "inline and static parts do not");
  check(compiled_a.table != static_a.table, "compiled and static parts do not");

  check(inline_a.target == compiled_a.target, "the same processor gets the same kernels inline and compiled");
  check(inline_a.available == compiled_a.available, "both offer the same targets");
  check(static_a.available.size() == 1, "a static part has one target");

#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) {
    const part_report avx2 = part_static_avx2();
    check_values(avx2, "v0s");
    check(avx2.abi == "v0s_avx2", "and the namespace of its instruction set");
    check(avx2.target == "AVX2", "-march=haswell gets the AVX2 kernels");
    check(avx2.table != static_a.table || avx2.abi == static_a.abi, "two static parts of different -march do not share a copy");
  }
#endif
  std::printf("%d passed, %d failed, 0 skipped\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
