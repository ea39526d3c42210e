// SPDX-License-Identifier: Apache-2.0
// The choice among targets, and that no table leaves a kernel out.
#include <tests/kernel/support/targets.hpp>
#include <tests/support/catch.hpp>

#include <tessera/dispatch.hpp>

#include <fstream>
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

#if defined(__x86_64__) && defined(__linux__)
TEST_CASE("AMX's tiles are used only where the system reports them, and come first there", "[kernel][dispatch][amx]") {
  std::ifstream file("/proc/cpuinfo");
  std::string word;
  std::set<std::string> flags;
  while (file >> word) flags.insert(word);
  const bool reported = flags.contains("amx_tile") && flags.contains("amx_bf16") && flags.contains("amx_int8");
  const tk::kernel_table* amx = tk::detail::amx_kernels();
  REQUIRE(amx != nullptr);
  CHECK(amx->name == "AVX3_AMX");
  const bool granted = tk::find_kernels("AVX3_AMX") != nullptr;  // it may be refused, as by a thread's small signal stack
  CHECK((reported || !granted));
  if (granted) CHECK(tk::available_kernels().front() == amx);
}
#endif

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
