// SPDX-License-Identifier: Apache-2.0
/// Runs a check once for every target of this machine, and gives kernels memory that ends at an unreadable page.
///
///     for_each_target([](const kernel_table& table) { CHECK(table.distance.dot_f32(a, b, n) == ...); });
///
///     const guarded<float> row(values);   // row.data() + row.size() is the first byte of a page that faults when touched
#pragma once

#include <tessera/dispatch.hpp>
#include <tests/support/catch.hpp>

#include <bit>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

namespace tessera_test {

using tessera::kernel::kernel_table;

template <class Check>
void for_each_target(const Check& check) {
  for (const kernel_table* table : tessera::kernel::available_kernels()) {
    INFO("target " << std::string(table->name));
    check(*table);
  }
}

/// A copy of `values` whose last element touches an inaccessible page. The first stands behind one too where the size allows;
/// the address has the alignment of T and usually no more.
template <class T>
class guarded {
 public:
  explicit guarded(std::span<const T> values) : size_(values.size()) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t bytes = (values.size_bytes() + page - 1) / page * page;
    mapped_ = bytes + page;
    memory_ = ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory_ != MAP_FAILED);
    auto* start = static_cast<unsigned char*>(memory_);
    REQUIRE(::mprotect(start + bytes, page, PROT_NONE) == 0);
    data_ = reinterpret_cast<T*>(static_cast<void*>(start + bytes - values.size_bytes()));
    if (!values.empty()) std::memcpy(data_, values.data(), values.size_bytes());
  }
  explicit guarded(const std::vector<T>& values) : guarded(std::span<const T>(values)) {}
  explicit guarded(std::size_t size) : guarded(std::vector<T>(size)) {}
  guarded(const guarded&) = delete;
  guarded& operator=(const guarded&) = delete;
  ~guarded() { ::munmap(memory_, mapped_); }

  [[nodiscard]] T* data() noexcept { return data_; }
  [[nodiscard]] const T* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] T& operator[](std::size_t i) noexcept { return data_[i]; }
  [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return data_[i]; }

 private:
  void* memory_ = nullptr;
  std::size_t mapped_ = 0;
  T* data_ = nullptr;
  std::size_t size_;
};

/// Lengths from 0 to four of the widest vectors and 3 more (in elements of that size), then some that models use.
inline std::vector<std::size_t> test_lengths(std::size_t element_bytes) {
  std::vector<std::size_t> lengths;
  for (std::size_t n = 0; n <= 4 * 64 / element_bytes + 3; ++n) lengths.push_back(n);
  for (const std::size_t n : {127u, 128u, 129u, 255u, 256u, 257u, 384u, 511u, 515u, 768u, 1000u, 1536u}) lengths.push_back(n);
  return lengths;
}

/// The same numbers on every machine and with every standard library.
class random_source {
 public:
  explicit random_source(std::uint32_t seed) : engine_(seed) {}
  [[nodiscard]] std::uint32_t bits() { return static_cast<std::uint32_t>(engine_()); }
  /// Uniform in [-1, 1).
  [[nodiscard]] float unit() { return static_cast<float>(static_cast<std::int32_t>(bits())) * 0x1p-31f; }

  [[nodiscard]] std::vector<float> floats(std::size_t n) {
    std::vector<float> values(n);
    for (float& value : values) value = unit();
    return values;
  }
  template <class T>
    requires std::is_integral_v<T>
  [[nodiscard]] std::vector<T> integers(std::size_t n) {
    std::vector<T> values(n);
    for (T& value : values) value = static_cast<T>(bits());
    return values;
  }

 private:
  std::mt19937 engine_;
};

/// The same bits, or both NaN.
[[nodiscard]] inline bool same_bits(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) || (a != a && b != b);
}

}  // namespace tessera_test
