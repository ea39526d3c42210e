// SPDX-License-Identifier: Apache-2.0
/// The one door to the kernels: a table of function pointers for each vector target, and the best one for this processor.
///
///     const ts::kernel::kernel_table& k = ts::kernel::kernels();   // k.name is "AVX2", "AVX3_ZEN4", ...
///     const float score = k.distance.dot_f32(a, b, 384);
///
/// Layers above call the typed functions of op/; nothing else includes a kernel file.
///
/// How a kernel file is made (kernel/distance.hpp is the model). It has two parts:
///  - Part 1 under an ordinary guard, which every user compiles: `kernel::scalar`, the definition of truth (a plain loop with a
///    wide accumulator and its error bound), and `struct <family>_kernels`, one function pointer for each kernel. No Highway.
///  - Part 2 under a guard that foreach_target.h toggles, compiled once for each target and only inside dispatch-inl.hpp
///    (`TESSERA_KERNEL_PASS`): the Highway functions in `kernel::HWY_NAMESPACE`, all `inline`, and one constant
///    `inline constexpr <family>_kernels <family>_table`. Part 2 includes Highway and other kernel files only.
/// A new family is one #include and one line in kernel/all.hpp, one #include and one member here.
///
/// How the three builds differ (base/config.hpp): inline and static builds include dispatch-inl.hpp below; a compiled build sees
/// declarations only, and cmake/compiled/kernel.cpp includes dispatch-inl.hpp once. Every name stands in the inline namespace
/// of its build and, in part 2, of its target, so the linker never merges functions that were compiled for different processors.
/// HWY_EXPORT is not used: its tables have internal linkage, which an inline function must not name.
#pragma once

#include <tessera/base/config.hpp>
#include <tessera/kernel/activation.hpp>
#include <tessera/kernel/attention.hpp>
#include <tessera/kernel/convert.hpp>
#include <tessera/kernel/distance.hpp>
#include <tessera/kernel/gather.hpp>
#include <tessera/kernel/many_to_many.hpp>
#include <tessera/kernel/matmul.hpp>
#include <tessera/kernel/matmul_bf16.hpp>
#include <tessera/kernel/matmul_i4.hpp>
#include <tessera/kernel/matmul_i8.hpp>
#include <tessera/kernel/norm.hpp>
#include <tessera/kernel/pool.hpp>
#include <tessera/kernel/rotary.hpp>
#include <tessera/kernel/quantize.hpp>
#include <tessera/kernel/select.hpp>
#include <tessera/kernel/reach.hpp>
#include <tessera/kernel/sieve.hpp>
#include <tessera/kernel/signs.hpp>

#include <atomic>
#include <span>
#include <string_view>

namespace tessera::inline TESSERA_ABI::kernel {

/// Every kernel of one target. A matrix unit that Highway does not reach is one more table: a copy of the table it extends, with the
/// entries it does better replaced. So AMX (kernel/matmul_amx.hpp) is AVX3_ZEN4 with other products, and stands first where the processor
/// has tiles and the system grants them (Linux, on request, to the whole process). A static build does not ask, and has none.
struct kernel_table {
  /// Highway's name of the target: "SSE2", "AVX2", "AVX3", "AVX3_ZEN4", "NEON_WITHOUT_AES", ...; "AVX3_AMX" with AMX's tiles.
  std::string_view name;
  distance_kernels distance;
  gather_kernels gather;
  many_to_many_kernels many_to_many;
  select_kernels select;
  sieve_kernels sieve;
  reach_kernels reach;
  sign_kernels signs;
  convert_kernels convert;
  quantize_kernels quantize;
  matmul_kernels matmul;
  matmul_bf16_kernels matmul_bf16;
  matmul_i8_kernels matmul_i8;
  matmul_i4_kernels matmul_i4;
  norm_kernels norm;
  activation_kernels activation;
  attention_kernels attention;
  rotary_kernels rotary;
  pool_kernels pool;
};

/// The kernels of the best target this processor has. Chosen once; later calls cost one load.
[[nodiscard]] inline const kernel_table& kernels() noexcept;

/// Every target of this build that this processor can run, best first; never empty.
[[nodiscard]] std::span<const kernel_table* const> available_kernels() noexcept;

/// The available target of that name, or null.
[[nodiscard]] const kernel_table* find_kernels(std::string_view name) noexcept;

#if !defined(TESSERA_STATIC)  // a static build has nothing to choose: dispatch-inl.hpp returns its one table

namespace detail {
#if TESSERA_HEADER_ONLY
inline constinit std::atomic<const kernel_table*> chosen_kernels = nullptr;
#else
extern std::atomic<const kernel_table*> chosen_kernels;
#endif
[[nodiscard]] const kernel_table& choose_kernels() noexcept;
/// The table with AMX's tiles whether this machine has them or not, null where the build has none; for tests, which emulate them.
[[nodiscard]] const kernel_table* amx_kernels() noexcept;
}  // namespace detail

inline const kernel_table& kernels() noexcept {
  // Relaxed suffices: the tables are constants, and threads that race find the same one.
  const kernel_table* chosen = detail::chosen_kernels.load(std::memory_order_relaxed);
  return chosen != nullptr ? *chosen : detail::choose_kernels();
}

#endif

}  // namespace tessera::inline TESSERA_ABI::kernel

#if TESSERA_HEADER_ONLY
#include <tessera/dispatch-inl.hpp>
#endif
