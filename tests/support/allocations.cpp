// SPDX-License-Identifier: Apache-2.0
// The operator new of programs that count allocations; a file of its own so that no compiler pairs it with another's delete.
#include <tests/support/allocations.hpp>

#include <cstdlib>
#include <new>

#if TESSERA_TEST_COUNTS
namespace tessera_tests {
thread_local std::size_t allocations = 0;
}

void* operator new(std::size_t size) {
  ++tessera_tests::allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  ++tessera_tests::allocations;
  const auto multiple = static_cast<std::size_t>(alignment);
  if (void* memory = std::aligned_alloc(multiple, (size + multiple - 1) / multiple * multiple)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  ++tessera_tests::allocations;
  const auto multiple = static_cast<std::size_t>(alignment);
  return std::aligned_alloc(multiple, (size + multiple - 1) / multiple * multiple);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
#endif
