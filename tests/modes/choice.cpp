// SPDX-License-Identifier: Apache-2.0
// Which kernels a program gets on processors that this machine is not: each case is a child process that begins with another
// answer to "which targets does this processor have?". Only the choice is looked at, nothing is run that may be missing here.
#include <tessera/dispatch.hpp>

#include <hwy/targets.h>

#include <cstdio>
#include <initializer_list>
#include <string_view>

#include <sys/wait.h>
#include <unistd.h>

namespace {

int passed = 0;
int failed = 0;

/// The available targets, best first, on a processor with exactly these Highway targets.
void check(const char* processor, std::int64_t targets, std::initializer_list<std::string_view> expected) {
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    hwy::SetSupportedTargetsForTest(targets);
    const auto available = tessera::kernel::available_kernels();
    bool same = available.size() == expected.size() && &tessera::kernel::kernels() == available.front();
    for (std::size_t i = 0; same && i < expected.size(); ++i) same = available[i]->name == expected.begin()[i];
    if (!same) {
      std::printf("FAILED: %s gets", processor);
      for (const tessera::kernel::kernel_table* table : available)
        std::printf(" %.*s", static_cast<int>(table->name.size()), table->name.data());
      std::printf("\n");
      std::fflush(stdout);
    }
    ::_exit(same ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  ++(status == 0 ? passed : failed);
}

}  // namespace

int main() {
#if defined(__x86_64__)
  const std::int64_t sse2 = HWY_SSE2;
  const std::int64_t sse4 = sse2 | HWY_SSSE3 | HWY_SSE4;
  const std::int64_t avx2 = sse4 | HWY_AVX2;
  const std::int64_t avx3 = avx2 | HWY_AVX3;
  const std::int64_t ice_lake = avx3 | HWY_AVX3_DL;
  check("the oldest x86-64", sse2, {"SSE2"});
  check("x86-64 with SSE4", sse4, {"SSE2"});
  check("Haswell", avx2, {"AVX2", "SSE2"});
  check("Skylake server", avx3, {"AVX3", "AVX2", "SSE2"});
  check("Ice Lake", ice_lake, {"AVX3", "AVX2", "SSE2"});
  check("Zen 4", ice_lake | HWY_AVX3_ZEN4, {"AVX3_ZEN4", "AVX3", "AVX2", "SSE2"});
  check("Sapphire Rapids", ice_lake | HWY_AVX3_SPR, {"AVX3_ZEN4", "AVX3", "AVX2", "SSE2"});
#elif defined(__aarch64__)
  check("armv8.0", HWY_NEON_WITHOUT_AES, {"NEON_WITHOUT_AES"});
  check("with scalable vectors", HWY_NEON_WITHOUT_AES | HWY_NEON | HWY_SVE | HWY_SVE2, {"NEON_WITHOUT_AES"});
#endif
  std::printf("%d passed, %d failed, 0 skipped\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
