// SPDX-License-Identifier: Apache-2.0
/// The kernels with AMX's tiles on machines without: their instructions, which such a processor refuses, are carried out by the handler of
/// the signal that it raises, one at a time, from the instruction's own bytes. So it is the compiled machine code that is tested.
///
///     with_amx([](const kernel_table& table) { CHECK(...); });   // the processor's own tiles where it has them
///
/// The arithmetic is that of Intel's manual (Software Developer's Manual, volume 2: LDTILECFG, TILELOADD, TDPBF16PS, TDPBSUD ...); a form of
/// operand or an instruction that it does not know ends the test program.
#pragma once

#include <tests/kernel/support/targets.hpp>

#include <tessera/dispatch.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#if defined(__x86_64__) && defined(__linux__)
#include <immintrin.h>
#include <signal.h>
#include <ucontext.h>
#endif

namespace tessera_test {

#if defined(__x86_64__) && defined(__linux__)

/// Eight tiles and their configuration.
struct amx_unit {
  struct shape {
    std::size_t rows = 0, row_bytes = 0;
  };
  shape shapes[8] = {};
  alignas(64) std::uint8_t tiles[8][16][64] = {};
  bool configured = false;
  std::size_t executed = 0;  ///< instructions carried out

  /// What the manual calls #UD.
  static void demand(bool met) {
    if (!met) std::abort();
  }

  void configure(const std::uint8_t* from) {
    demand(from[0] == 1 && from[1] == 0);
    for (std::size_t i = 2; i < 16; ++i) demand(from[i] == 0);
    for (std::size_t i = 0; i < 16; ++i) {
      std::uint16_t row_bytes = 0;
      std::memcpy(&row_bytes, from + 16 + 2 * i, 2);
      const std::size_t rows = from[48 + i];
      demand((rows == 0) == (row_bytes == 0) && rows <= 16 && row_bytes <= 64 && (i < 8 || rows == 0));
      if (i < 8) shapes[i] = {rows, row_bytes};
    }
    std::memset(tiles, 0, sizeof(tiles));
    configured = true;
  }
  void release() { *this = {.executed = executed}; }
  void zero(std::size_t t) {
    demand(configured && shapes[t].rows > 0);
    std::memset(tiles[t], 0, sizeof(tiles[t]));
  }
  void load(std::size_t t, const std::uint8_t* from, std::ptrdiff_t stride) {
    zero(t);
    for (std::size_t r = 0; r < shapes[t].rows; ++r)
      std::memcpy(tiles[t][r], from + static_cast<std::ptrdiff_t>(r) * stride, shapes[t].row_bytes);
  }
  void store(std::size_t t, std::uint8_t* to, std::ptrdiff_t stride) const {
    demand(configured && shapes[t].rows > 0);
    for (std::size_t r = 0; r < shapes[t].rows; ++r)
      std::memcpy(to + static_cast<std::ptrdiff_t>(r) * stride, tiles[t][r], shapes[t].row_bytes);
  }
  void check_product(std::size_t c, std::size_t a, std::size_t b) const {
    demand(configured && c != a && c != b && a != b);
    demand(shapes[c].rows == shapes[a].rows && shapes[c].row_bytes == shapes[b].row_bytes && shapes[a].row_bytes == 4 * shapes[b].rows);
    demand(shapes[c].rows > 0 && shapes[b].rows > 0 && shapes[c].row_bytes % 4 == 0);
  }

  /// sum + Σ of a step: pairs of bf16 in `a`, pairs in the rows of `b`, `columns` of them. Subnormal operands and results are zeros of their
  /// sign, which the processor's own mode does.
  __attribute__((target("avx2,fma"), noinline)) static void bf16_step(const std::uint8_t* a, std::size_t pairs, const std::uint8_t* b,
                                                                     std::size_t b_stride, std::size_t columns, float* sum) {
    const unsigned mode = _mm_getcsr();
    _mm_setcsr((mode & ~0xFFFFu) | 0x1F80u | 0x8040u);  // no traps, to nearest even, subnormal numbers are zero
    alignas(64) float even[16] = {}, odd[16] = {};
    for (std::size_t l = 0; l < pairs; ++l) {
      std::uint32_t pair = 0;
      std::memcpy(&pair, a + 4 * l, 4);
      const float a_even = bits_of(pair << 16), a_odd = bits_of(pair & 0xFFFF0000u);
      for (std::size_t n = 0; n < columns; ++n) {
        std::memcpy(&pair, b + l * b_stride + 4 * n, 4);
        even[n] = __builtin_fmaf(a_even, bits_of(pair << 16), even[n]);
        odd[n] = __builtin_fmaf(a_odd, bits_of(pair & 0xFFFF0000u), odd[n]);
      }
    }
    for (std::size_t n = 0; n < columns; ++n) sum[n] += even[n] + odd[n];
    _mm_setcsr(mode);
  }
  static float bits_of(std::uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
  }

  void dot_bf16(std::size_t c, std::size_t a, std::size_t b) {
    check_product(c, a, b);
    for (std::size_t m = 0; m < shapes[c].rows; ++m) {
      float row[16];
      std::memcpy(row, tiles[c][m], sizeof(row));
      bf16_step(tiles[a][m], shapes[b].rows, tiles[b][0], 64, shapes[c].row_bytes / 4, row);
      std::memcpy(tiles[c][m], row, sizeof(row));
    }
  }
  void dot_bytes(std::size_t c, std::size_t a, std::size_t b, bool a_signed, bool b_signed) {
    check_product(c, a, b);
    const auto value = [](std::uint8_t byte, bool is_signed) { return is_signed ? static_cast<std::int8_t>(byte) : std::int32_t{byte}; };
    for (std::size_t m = 0; m < shapes[c].rows; ++m)
      for (std::size_t n = 0; n < shapes[c].row_bytes / 4; ++n) {
        std::uint32_t sum = 0;
        std::memcpy(&sum, &tiles[c][m][4 * n], 4);
        for (std::size_t l = 0; l < shapes[a].row_bytes; ++l)
          sum += static_cast<std::uint32_t>(value(tiles[a][m][l], a_signed) * value(tiles[b][l / 4][4 * n + l % 4], b_signed));
        std::memcpy(&tiles[c][m][4 * n], &sum, 4);
      }
  }
};

/// The unit of each thread.
inline thread_local amx_unit emulated_amx;

namespace detail {

/// One instruction at `code`, with the registers of `machine`; its length.
inline std::size_t run_amx(amx_unit& unit, const std::uint8_t* code, const greg_t* machine) {
  const auto demand = amx_unit::demand;
  demand(code[0] == 0xC4 && (code[1] & 0x1Fu) == 2 && (code[2] & 0x84u) == 0);  // VEX, map 0F38, W0, 128 bits
  const unsigned prefix = code[2] & 3u, opcode = code[3], modrm = code[4];
  const unsigned mod = modrm >> 6u, third = ~(code[2] >> 3u) & 0xFu;
  const std::size_t first = modrm >> 3u & 7u, second = modrm & 7u;
  std::size_t length = 5;
  const std::uint8_t* address = nullptr;
  std::ptrdiff_t stride = 0;
  const auto displacement = [&](std::size_t bytes) {
    std::int32_t value = 0;
    if (bytes == 1) value = static_cast<std::int8_t>(code[length]);
    else std::memcpy(&value, code + length, 4);
    length += bytes;
    return std::ptrdiff_t{value};
  };
  if (mod != 3) {
    constexpr int places[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    const std::size_t base_high = (code[1] & 0x20u) != 0 ? 0 : 8, index_high = (code[1] & 0x40u) != 0 ? 0 : 8;
    std::size_t base = second | base_high;
    bool has_base = true;
    if (second == 4) {
      const std::size_t sib = code[length++], index = (sib >> 3u & 7u) | index_high;
      base = (sib & 7u) | base_high;
      has_base = mod != 0 || (sib & 7u) != 5;
      if (index != 4) stride = static_cast<std::ptrdiff_t>(machine[places[index]]) * (std::ptrdiff_t{1} << (sib >> 6u));
    } else {
      demand(opcode == 0x49);  // tiles are loaded and stored with base and stride
      has_base = mod != 0 || second != 5;
    }
    const std::ptrdiff_t offset = mod == 1 ? displacement(1) : mod == 2 || !has_base ? displacement(4) : 0;
    std::uintptr_t at = has_base ? static_cast<std::uintptr_t>(machine[places[base]]) : 0;
    if (!has_base && second == 5) at = reinterpret_cast<std::uintptr_t>(code) + length;  // relative to the next instruction
    address = reinterpret_cast<const std::uint8_t*>(at + static_cast<std::uintptr_t>(offset));
  }
  ++unit.executed;
  enum : unsigned { none, x66, xf3, xf2 };
  if (opcode == 0x49 && mod != 3 && prefix == none && first == 0) unit.configure(address + stride);
  else if (opcode == 0x49 && mod == 3 && prefix == none && modrm == 0xC0) unit.release();
  else if (opcode == 0x49 && mod == 3 && prefix == xf2 && second == 0) unit.zero(first);
  else if (opcode == 0x4B && mod != 3 && (prefix == xf2 || prefix == x66)) unit.load(first, address, stride);
  else if (opcode == 0x4B && mod != 3 && prefix == xf3) unit.store(first, const_cast<std::uint8_t*>(address), stride);
  else if (opcode == 0x5C && mod == 3 && prefix == xf3 && third < 8) unit.dot_bf16(first, second, third);
  else if (opcode == 0x5E && mod == 3 && third < 8)
    unit.dot_bytes(first, second, third, prefix == xf3 || prefix == xf2, prefix == x66 || prefix == xf2);
  else demand(false);
  return length;
}

inline void on_refused_instruction(int, siginfo_t*, void* context) {
  greg_t* machine = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const auto* code = reinterpret_cast<const std::uint8_t*>(machine[REG_RIP]);
  machine[REG_RIP] += static_cast<greg_t>(run_amx(emulated_amx, code, machine));
}

/// The handler in place, for as long as it lives.
class amx_emulation {
 public:
  amx_emulation() {
    struct sigaction action = {};
    action.sa_sigaction = on_refused_instruction;
    action.sa_flags = SA_SIGINFO;
    ::sigaction(SIGILL, &action, &before_);
  }
  amx_emulation(const amx_emulation&) = delete;
  amx_emulation& operator=(const amx_emulation&) = delete;
  ~amx_emulation() { ::sigaction(SIGILL, &before_, nullptr); }

 private:
  struct sigaction before_ = {};
};

}  // namespace detail

/// Whether with_amx() has a table to run: the vector instructions around the tiles must be there.
inline bool amx_can_run() {
  return tessera::kernel::detail::amx_kernels() != nullptr && tessera::kernel::find_kernels("AVX3_ZEN4") != nullptr;
}

template <class Check>
void with_amx(const Check& check) {
  if (!amx_can_run()) return;
  const kernel_table& table = *tessera::kernel::detail::amx_kernels();
  INFO("target " << std::string(table.name));
  if (tessera::kernel::find_kernels(table.name) != nullptr) return check(table);
  const detail::amx_emulation emulation;
  const std::size_t before = emulated_amx.executed;
  check(table);
  CHECK(emulated_amx.executed > before);
  CHECK_FALSE(emulated_amx.configured);
}

/// The same for whole programs: what asks for the kernels of this processor is given those with tiles. One thread.
template <class Check>
void as_amx_machine(const Check& check) {
  with_amx([&check](const kernel_table& table) {
    const kernel_table& before = tessera::kernel::kernels();
    tessera::kernel::detail::chosen_kernels.store(&table);
    check();
    tessera::kernel::detail::chosen_kernels.store(&before);
  });
}

#else

inline bool amx_can_run() { return false; }
template <class Check>
void with_amx(const Check&) {}
template <class Check>
void as_amx_machine(const Check&) {}

#endif

/// Every target of this machine, and tiles, emulated where it has none.
template <class Check>
void for_each_target_and_amx(const Check& check) {
  for_each_target(check);
  if (tessera::kernel::find_kernels("AVX3_AMX") == nullptr) with_amx(check);
}

}  // namespace tessera_test
