// SPDX-License-Identifier: Apache-2.0
// memory_bytes() is what the index has allocated: every allocation of this program is counted.
#include <tests/index/support.hpp>

#include <atomic>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TESSERA_TEST_COUNTS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TESSERA_TEST_COUNTS 0
#endif
#endif
#ifndef TESSERA_TEST_COUNTS
#define TESSERA_TEST_COUNTS 1
#endif

#if TESSERA_TEST_COUNTS
namespace {

std::atomic<std::size_t> held = 0;

// The size stands in front of the memory, as far away as the alignment asks.
void* take(std::size_t size, std::size_t alignment) noexcept {
  void* memory = std::aligned_alloc(alignment, (size + 2 * alignment - 1) / alignment * alignment);
  if (memory == nullptr) return nullptr;
  *static_cast<std::size_t*>(memory) = size;
  held += size;
  return static_cast<std::byte*>(memory) + alignment;
}
void give_back(void* memory, std::size_t alignment) noexcept {
  if (memory == nullptr) return;
  void* begin = static_cast<std::byte*>(memory) - alignment;
  held -= *static_cast<std::size_t*>(begin);
  std::free(begin);
}

constexpr std::size_t ordinary = alignof(std::max_align_t);

}  // namespace

void* operator new(std::size_t size) {
  if (void* memory = take(size, ordinary)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return take(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { give_back(memory, ordinary); }
void operator delete(void* memory, std::size_t) noexcept { give_back(memory, ordinary); }
void operator delete(void* memory, std::align_val_t alignment) noexcept {
  give_back(memory, static_cast<std::size_t>(alignment));
}

using namespace tessera_tests;

namespace {

template <class Precision, class Metric>
void says_what_it_holds() {
  using space = ts::space<"counted", 100>;
  const auto rows = in_precision<Precision>(some_rows<space>(1000));
  const auto ids = some_ids(1000);
  const std::size_t before = held;
  ts::flat<space, Precision, Metric> index;
  for (std::size_t i = 0; i < 777; ++i) {
    if (!index.add(ids[i], rows.row(i))) FAIL("a row was refused");
    if (held - before != index.memory_bytes()) FAIL("after " << i + 1 << " rows: " << held - before << " held, " << index.memory_bytes() << " said");
  }
  succeed(index.add_rows(std::span(ids).subspan(777), [&] {
    auto rest = value_of(ts::embedding_matrix<space, Precision>::make(0));
    for (std::size_t i = 777; i < 1000; ++i) succeed(rest.append(rows.row(i)));
    return rest;
  }()));
  CHECK(held - before == index.memory_bytes());
}

}  // namespace

TEST_CASE("flat: memory_bytes is exact", "[index]") {
  says_what_it_holds<ts::f32, ts::cosine>();
  says_what_it_holds<ts::f16, ts::cosine>();
  says_what_it_holds<ts::i8, ts::cosine>();
  says_what_it_holds<ts::b1, ts::hamming>();
}
#endif
