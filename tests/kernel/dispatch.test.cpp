// SPDX-License-Identifier: Apache-2.0
// The choice among targets, and that no table leaves a kernel out.
#include <tests/kernel/support/targets.hpp>
#include <tests/support/catch.hpp>

#include <tessera/dispatch.hpp>

#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace tessera_test;
namespace tk = tessera::kernel;

TEST_CASE("the best target is the first of those available, and the choice stays", "[kernel][dispatch]") {
  REQUIRE_FALSE(tk::available_kernels().empty());
  CHECK(&tk::kernels() == tk::available_kernels().front());
  std::vector<const tk::kernel_table*> seen(8);
  std::vector<std::thread> threads;
  for (const tk::kernel_table*& chosen : seen) threads.emplace_back([&chosen] { chosen = &tk::kernels(); });
  for (std::thread& thread : threads) thread.join();
  for (const tk::kernel_table* chosen : seen) CHECK(chosen == &tk::kernels());
}

TEST_CASE("targets have names of their own and are found by them", "[kernel][dispatch]") {
  std::set<std::string> names;
  for (const tk::kernel_table* table : tk::available_kernels()) {
    CHECK(names.insert(std::string(table->name)).second);
    CHECK(tk::find_kernels(table->name) == table);
  }
  CHECK(tk::find_kernels("no such target") == nullptr);
  CHECK(tk::find_kernels("") == nullptr);
#if defined(__x86_64__)
  CHECK(names.contains("SSE2"));
  CHECK(names.contains("AVX2") == static_cast<bool>(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")));
#endif
}

TEST_CASE("every table has every kernel", "[kernel][dispatch]") {
  for_each_target([](const tk::kernel_table& table) {
    // The families are plain structs of function pointers behind the name, without padding.
    using entry = void (*)();
    constexpr std::size_t first = sizeof(table.name);
    static_assert((sizeof(tk::kernel_table) - first) % sizeof(entry) == 0);
    for (std::size_t at = first; at < sizeof(tk::kernel_table); at += sizeof(entry)) {
      entry function = nullptr;
      std::memcpy(&function, reinterpret_cast<const char*>(&table) + at, sizeof(function));
      INFO("entry " << (at - first) / sizeof(entry));
      CHECK(function != nullptr);
    }
  });
}
