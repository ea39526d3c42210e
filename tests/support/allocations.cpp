// SPDX-License-Identifier: Apache-2.0
// The operator new of programs that count allocations; a file of its own so that no compiler pairs it with another's delete.
#include <tests/support/allocations.hpp>

#include <cstdlib>
#include <new>

#if TESSERA_TEST_COUNTS
namespace tessera_tests {

thread_local std::size_t allocations = 0;
std::atomic<std::size_t> bytes_held = 0;
std::atomic<std::size_t> aligned_bytes_held = 0;
std::atomic<std::size_t> most_bytes_held = 0;

namespace {

constexpr std::size_t ordinary = alignof(std::max_align_t);

// The size stands in front of the memory, as far away as the alignment asks.
void* take(std::size_t size, std::size_t alignment) noexcept {
  ++allocations;
  void* memory = std::aligned_alloc(alignment, (size + 2 * alignment - 1) / alignment * alignment);
  if (memory == nullptr) return nullptr;
  *static_cast<std::size_t*>(memory) = size;
  const std::size_t now = bytes_held += size;
  if (alignment > ordinary) aligned_bytes_held += size;
  for (std::size_t most = most_bytes_held; most < now && !most_bytes_held.compare_exchange_weak(most, now);) {}
  return static_cast<std::byte*>(memory) + alignment;
}
void give_back(void* memory, std::size_t alignment) noexcept {
  if (memory == nullptr) return;
  void* begin = static_cast<std::byte*>(memory) - alignment;
  const std::size_t size = *static_cast<std::size_t*>(begin);
  bytes_held -= size;
  if (alignment > ordinary) aligned_bytes_held -= size;
  std::free(begin);
}

}  // namespace

}  // namespace tessera_tests

void* operator new(std::size_t size) {
  if (void* memory = tessera_tests::take(size, tessera_tests::ordinary)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  if (void* memory = tessera_tests::take(size, static_cast<std::size_t>(alignment))) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return tessera_tests::take(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { tessera_tests::give_back(memory, tessera_tests::ordinary); }
void operator delete(void* memory, std::size_t) noexcept { tessera_tests::give_back(memory, tessera_tests::ordinary); }
void operator delete(void* memory, std::align_val_t alignment) noexcept {
  tessera_tests::give_back(memory, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory, std::size_t, std::align_val_t alignment) noexcept {
  tessera_tests::give_back(memory, static_cast<std::size_t>(alignment));
}
#endif
