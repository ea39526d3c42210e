// SPDX-License-Identifier: Apache-2.0
// Storage for kernels: aligned, zeroed, and in large pages where it is large and the system has them.
#include <tests/support/catch.hpp>

#include <tessera/base/aligned.hpp>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>

namespace {

/// Whether the mapping that holds `address` has been told to use large pages (proc(5): the flag hg).
bool asks_for_large_pages(const void* address) {
  std::ifstream maps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  bool here = false;
  for (std::string line; std::getline(maps, line);) {
    if (const std::size_t dash = line.find('-'); dash != std::string::npos && line.find(':') > dash) {
      const std::uintptr_t begin = std::stoull(line, nullptr, 16);
      here = begin <= wanted && wanted < std::stoull(line.substr(dash + 1), nullptr, 16);
    } else if (here && line.starts_with("VmFlags:")) {
      return line.find(" hg") != std::string::npos;
    }
  }
  return false;
}

}  // namespace

TEST_CASE("aligned: elements are zero, on a cache line, and the padding belongs to the buffer", "[base]") {
  for (const std::size_t size : {std::size_t{1}, std::size_t{17}, std::size_t{3} << 20}) {
    auto made = tessera::aligned_buffer<float>::make(size);
    REQUIRE(made);
    CHECK(reinterpret_cast<std::uintptr_t>(made->data()) % 64 == 0);
    CHECK(made->bytes() % 64 == 0);
    CHECK(std::ranges::all_of(made->data(), made->data() + made->bytes() / sizeof(float), [](float x) { return x == 0.0f; }));
  }
}

TEST_CASE("aligned: more than the address space is out of memory", "[base]") {
  const auto made = tessera::aligned_buffer<double>::make(~std::size_t{0} / 4);
  REQUIRE_FALSE(made);
  CHECK(made.error().code == tessera::error_code::out_of_memory);
}

TEST_CASE("aligned: large buffers lie in large pages", "[base]") {
  std::ifstream mode("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string modes;
  if (!std::getline(mode, modes) || modes.find("[madvise]") == std::string::npos) SKIP("the system does not offer large pages on request");
  const auto made = tessera::aligned_buffer<float>::make(std::size_t{8} << 20);
  REQUIRE(made);
  CHECK(asks_for_large_pages(made->data() + made->size() / 2));
}

TEST_CASE("aligned: buffers of a block lie one behind the other, in large pages, and outlive it", "[base]") {
  constexpr std::size_t bytes = std::size_t{6} << 20;
  auto block = tessera::buffer_block::make(bytes);
  REQUIRE(block);
  const auto first = tessera::aligned_buffer<float>::make(1000, &*block);
  auto second = tessera::aligned_buffer<std::byte>::make(bytes - 4032, &*block);
  const auto beyond = tessera::aligned_buffer<float>::make(1, &*block);  // there is no more room
  REQUIRE((first && second && beyond));
  const auto address = [](const auto& buffer) { return reinterpret_cast<std::uintptr_t>(buffer->data()); };
  CHECK(address(second) == address(first) + 4032);
  CHECK((address(beyond) < address(first) || address(beyond) >= address(first) + bytes));
  CHECK(std::ranges::all_of(first->data(), first->data() + first->bytes() / sizeof(float), [](float x) { return x == 0.0f; }));
  *block = {};
  second = {};
  CHECK(std::ranges::all_of(first->span(), [](float x) { return x == 0.0f; }));
  CHECK((*beyond)[0] == 0.0f);
}
