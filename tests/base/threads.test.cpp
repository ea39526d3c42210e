// SPDX-License-Identifier: Apache-2.0
// Loops on a pool: every iteration once, results visible afterwards, loops from several threads and inside a loop.
#include <tests/support/allocations.hpp>
#include <tests/support/catch.hpp>

#include <tessera/base/threads.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace ts = tessera;

TEST_CASE("thread_pool runs every iteration once, whatever their number", "[base][threads]") {
  for (const std::size_t threads : {1u, 2u, 3u, 8u}) {
    ts::thread_pool pool(threads);
    CHECK(pool.size() == threads);
    for (const std::size_t count : {0u, 1u, 2u, 7u, 100u, 5000u}) {
      std::vector<int> runs(count, 0);  // not atomic: the thread sanitizer sees what for_each does not order
      pool.for_each(count, [&](std::size_t i) { ++runs[i]; });
      CHECK(std::ranges::all_of(runs, [](int n) { return n == 1; }));
    }
  }
}

TEST_CASE("thread_pool: loops that follow each other see each other's results, awake or asleep", "[base][threads]") {
  ts::thread_pool pool(4);
  std::vector<std::size_t> values(64, 0);
  for (std::size_t round = 0; round < 2000; ++round) {
    pool.for_each(values.size(), [&](std::size_t i) { values[i] += i; });
    if (round % 500 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));  // the others go to sleep
    std::size_t sum = 0;
    for (const std::size_t value : values) sum += value;
    REQUIRE(sum == (round + 1) * (63 * 64 / 2));
  }
}

TEST_CASE("thread_pool: loops from several threads, and a loop inside a loop", "[base][threads]") {
  ts::thread_pool pool(3);
  std::atomic<std::size_t> total{0};
  {
    std::vector<std::jthread> callers;
    for (int caller = 0; caller < 4; ++caller)
      callers.emplace_back([&] {
        for (int round = 0; round < 50; ++round)
          pool.for_each(10, [&](std::size_t) { pool.for_each(5, [&](std::size_t i) { total += i; }); });
      });
  }
  CHECK(total == 4u * 50u * 10u * 10u);
}

TEST_CASE("thread_pool: a loop allocates nothing", "[base][threads]") {
  ts::thread_pool pool(2);
  double a = 1, b = 2, c = 3, d = 4;
  std::atomic<int> runs{0};
  const auto loop = [&] {
    pool.for_each(8, [&](std::size_t i) { runs += static_cast<int>(a + b + c + d) + static_cast<int>(i); });
  };
  loop();
#if TESSERA_TEST_COUNTS
  const std::size_t before = tessera_tests::allocations;
  loop();
  CHECK(tessera_tests::allocations == before);
#else
  loop();
#endif
  CHECK(runs == 2 * (80 + 28));
}

TEST_CASE("for_each without a pool runs here, in order", "[base]") {
  std::vector<std::size_t> order;
  ts::for_each(nullptr, 4, [&](std::size_t i) { order.push_back(i); });
  CHECK(order == std::vector<std::size_t>{0, 1, 2, 3});
}
