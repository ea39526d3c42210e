// SPDX-License-Identifier: Apache-2.0
/// Compiles every kernel for every target of this build, and chooses among them (definitions of dispatch.hpp).
///
/// The targets are few, so that an inline build stays affordable: the compiler's baseline (SSE2 on a plain x86-64), AVX2, AVX3
/// (AVX-512 as in Skylake), AVX3_ZEN4 (with VNNI and BF16: AMD Zen 4 and Intel Sapphire Rapids on), on Linux the same with AMX's tiles;
/// NEON on aarch64, with the BF16 and dot-product extensions where the compiler has them. Define HWY_DISABLED_TARGETS for the whole
/// program to choose others.
#pragma once

#include <tessera/dispatch.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

// Highway chooses its targets and counts its passes when it is first included, so it must not have been.
#if defined(HIGHWAY_HWY_DETECT_TARGETS_H_) || defined(HWY_HIGHWAY_INCLUDED)
#error "tessera: hwy/highway.h stands before a Tessera header; include Tessera first, or define TESSERA_COMPILED and link tessera::compiled"
#endif

#if !defined(HWY_DISABLED_TARGETS)
// AVX3_SPR adds only 16-bit float arithmetic, which no kernel uses; scalable vectors cannot stand in arrays of accumulators.
#if defined(TESSERA_STATIC)
#define HWY_DISABLED_TARGETS (HWY_AVX3_SPR | HWY_ALL_SVE | HWY_RVV)
#else
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_AVX3_SPR | HWY_NEON | HWY_ALL_SVE | HWY_RVV)
#endif
#endif
// Lets -march=znver4 or sapphirerapids have AVX3_ZEN4 as baseline. Highway itself does not look for BF16, which Ice Lake lacks.
#if defined(__AVX512BF16__) && !defined(HWY_WANT_AVX3_ZEN4)
#define HWY_WANT_AVX3_ZEN4
#endif
// Highway's debug assertions would need its library even in a static build, and print and abort.
#if !defined(HWY_IS_DEBUG_BUILD)
#define HWY_IS_DEBUG_BUILD 0
#endif
#if defined(TESSERA_STATIC) && !defined(HWY_COMPILE_ONLY_EMU128) && !defined(HWY_COMPILE_ONLY_STATIC)
#define HWY_COMPILE_ONLY_STATIC
#endif
// -march=haswell and x86-64-v3 lack AES, which no kernel uses, and without it Highway would fall back to SSSE3.
#if defined(TESSERA_STATIC) && !defined(HWY_DISABLE_PCLMUL_AES)
#define HWY_DISABLE_PCLMUL_AES
#endif

#define TESSERA_KERNEL_PASS
#define HWY_TARGET_INCLUDE <tessera/kernel/all.hpp>
#include <hwy/foreach_target.h>  // the passes for all targets but the baseline
#include <hwy/highway.h>
#include <tessera/kernel/all.hpp>  // the pass for the baseline
#undef TESSERA_KERNEL_PASS

#if defined(TESSERA_STATIC)

namespace tessera::inline TESSERA_ABI::kernel {
namespace detail {
inline constexpr const kernel_table* static_kernels[] = {&HWY_NAMESPACE::table};
}  // namespace detail

inline const kernel_table& kernels() noexcept { return HWY_NAMESPACE::table; }
inline std::span<const kernel_table* const> available_kernels() noexcept { return detail::static_kernels; }

}  // namespace tessera::inline TESSERA_ABI::kernel

#else

// Whether there is a table with AMX's tiles: Linux alone grants them in the way that is known here.
#if HWY_ARCH_X86_64 && defined(__linux__) && (HWY_TARGETS & HWY_AVX3_ZEN4)
#define TESSERA_AMX 1
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#else
#define TESSERA_AMX 0
#endif

namespace tessera::inline TESSERA_ABI::kernel {
namespace detail {

/// A compiled target: it runs where the processor has any of the Highway targets in `needs`.
struct compiled_target {
  const kernel_table* table;
  std::int64_t needs;
  bool tiles = false;  ///< and AMX's tiles
};

inline constexpr compiled_target compiled_targets[] = {
#if TESSERA_AMX
    {&N_AVX3_ZEN4::amx_table, HWY_AVX3_ZEN4 | HWY_AVX3_SPR, true},
#endif
#if (HWY_TARGETS & ~HWY_STATIC_TARGET) & HWY_AVX3_SPR
    {&N_AVX3_SPR::table, HWY_AVX3_SPR},
#endif
#if (HWY_TARGETS & ~HWY_STATIC_TARGET) & HWY_AVX3_ZEN4
    // Highway reports AVX3_ZEN4 on AMD only; AVX3_SPR has all its instructions.
    {&N_AVX3_ZEN4::table, HWY_AVX3_ZEN4 | HWY_AVX3_SPR},
#endif
#if (HWY_TARGETS & ~HWY_STATIC_TARGET) & HWY_AVX3_DL
    {&N_AVX3_DL::table, HWY_AVX3_DL},
#endif
#if (HWY_TARGETS & ~HWY_STATIC_TARGET) & HWY_AVX3
    {&N_AVX3::table, HWY_AVX3},
#endif
#if (HWY_TARGETS & ~HWY_STATIC_TARGET) & HWY_AVX2
    {&N_AVX2::table, HWY_AVX2},
#endif
#if (HWY_TARGETS & ~HWY_STATIC_TARGET) & HWY_SSE4
    {&N_SSE4::table, HWY_SSE4},
#endif
#if (HWY_TARGETS & ~HWY_STATIC_TARGET) & HWY_NEON_BF16
    {&N_NEON_BF16::table, HWY_NEON_BF16},
#endif
#if (HWY_TARGETS & ~HWY_STATIC_TARGET) & HWY_NEON
    {&N_NEON::table, HWY_NEON},
#endif
    // The compiler may use the baseline anywhere in this program, so it needs no check; all others are better than it.
    {&HWY_NAMESPACE::table, -1},
};

/// Whether this process may use AMX's tiles, in bf16 and bytes: the processor has them, the system keeps their registers, and grants them.
/// The grant is for the process and those it begins, and asked for once. (Signal stacks smaller than AT_MINSIGSTKSZ are refused from then
/// on; where a thread has such a one already, the grant is.)
inline bool tiles_granted() noexcept {
#if TESSERA_AMX
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c >> 27u & 1u) == 0) return false;  // XGETBV
  unsigned low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  constexpr unsigned kept = 3u << 17u;  // tile configuration and data
  if ((low & kept) != kept) return false;
  constexpr unsigned wanted = 1u << 22u | 1u << 24u | 1u << 25u;  // AMX-BF16, AMX-TILE, AMX-INT8
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (d & wanted) != wanted) return false;
  constexpr long request = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return ::syscall(SYS_arch_prctl, request, tile_data) == 0;
#else
  return false;
#endif
}

struct kernel_list {
  std::array<const kernel_table*, std::size(compiled_targets)> tables = {};
  std::size_t size = 0;

  kernel_list() noexcept {
    const std::int64_t supported = hwy::SupportedTargets();
    for (const compiled_target& target : compiled_targets)
      if ((target.needs & supported) != 0 && (!target.tiles || tiles_granted())) tables[size++] = target.table;
  }
};

#if !TESSERA_HEADER_ONLY
constinit std::atomic<const kernel_table*> chosen_kernels = nullptr;
#endif

TESSERA_INLINE const kernel_table* amx_kernels() noexcept {
#if TESSERA_AMX
  return &N_AVX3_ZEN4::amx_table;
#else
  return nullptr;
#endif
}

TESSERA_INLINE const kernel_table& choose_kernels() noexcept {
  const kernel_table* best = available_kernels().front();
  chosen_kernels.store(best, std::memory_order_relaxed);
  return *best;
}

}  // namespace detail

TESSERA_INLINE std::span<const kernel_table* const> available_kernels() noexcept {
  static const detail::kernel_list list;
  return {list.tables.data(), list.size};
}

}  // namespace tessera::inline TESSERA_ABI::kernel

#undef TESSERA_AMX
#endif

namespace tessera::inline TESSERA_ABI::kernel {

TESSERA_INLINE const kernel_table* find_kernels(std::string_view name) noexcept {
  for (const kernel_table* table : available_kernels())
    if (table->name == name) return table;
  return nullptr;
}

}  // namespace tessera::inline TESSERA_ABI::kernel
