// SPDX-License-Identifier: Apache-2.0
/// The list of kernel files. foreach_target.h includes it once for each target; it has no guard on purpose.
/// Included by anything but dispatch-inl.hpp, it is dispatch.hpp.
#if !defined(TESSERA_KERNEL_PASS)
#include <tessera/dispatch.hpp>
#else

#include <tessera/kernel/activation.hpp>
#include <tessera/kernel/attention.hpp>
#include <tessera/kernel/convert.hpp>
#include <tessera/kernel/distance.hpp>
#include <tessera/kernel/gather.hpp>
#include <tessera/kernel/many_to_many.hpp>
#include <tessera/kernel/matmul.hpp>
#include <tessera/kernel/matmul_amx.hpp>
#include <tessera/kernel/matmul_amx_f32.hpp>
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

#include <hwy/highway.h>

namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

inline constexpr kernel_table table = {
    .name = &HWY_STR(HWY_NAMESPACE)[2],  // without the "N_"
    .distance = distance_table,
    .gather = gather_table,
    .many_to_many = many_to_many_table,
    .select = select_table,
    .sieve = sieve_table,
    .reach = reach_table,
    .signs = sign_table,
    .convert = convert_table,
    .quantize = quantize_table,
    .matmul = matmul_table,
    .matmul_bf16 = matmul_bf16_table,
    .matmul_i8 = matmul_i8_table,
    .matmul_i4 = matmul_i4_table,
    .norm = norm_table,
    .activation = activation_table,
    .attention = attention_table,
    .rotary = rotary_table,
    .pool = pool_table,
};

#if HWY_ARCH_X86_64 && HWY_TARGET == HWY_AVX3_ZEN4
/// The same with the products that tiles do.
constexpr kernel_table with_amx(kernel_table extended) {
  extended.name = "AVX3_AMX";
  extended.matmul = matmul_amx_table;
  extended.matmul_bf16 = matmul_bf16_amx_table;
  extended.matmul_i8 = matmul_i8_amx_table;
  return extended;
}
inline constexpr kernel_table amx_table = with_amx(table);
#endif

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE

#endif
