// SPDX-License-Identifier: Apache-2.0
/// A fixed set of threads that runs a loop's iterations; made once, so that no call creates a thread.
///
///     ts::thread_pool pool(2);
///     pool.for_each(100, [&](std::size_t i) { work(i); });   // returns when all are done; the caller works too
///
/// Which thread runs which iteration is not fixed; iterations must not depend on it. A thread that has nothing to do watches for the next
/// loop for some microseconds before it sleeps, so that loops which follow each other closely, as the layers of a model do, need no
/// system call.
#pragma once

#include <tessera/base/config.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace tessera::inline TESSERA_ABI {

class thread_pool {
 public:
  /// `threads` in all, the calling thread counted; 0 means one for each processor. A thread that cannot be started is left out:
  /// `size()` says how many work.
  explicit thread_pool(std::size_t threads = 0);
  ~thread_pool();
  thread_pool(const thread_pool&) = delete;
  thread_pool& operator=(const thread_pool&) = delete;

  [[nodiscard]] std::size_t size() const noexcept { return workers_.size() + 1; }

  /// Runs body(0) .. body(count - 1); allocates nothing. Calls from several threads take turns; a call from inside a body runs on its
  /// own thread.
  template <class Body>
  void for_each(std::size_t count, Body&& body) {
    using callable = std::remove_reference_t<Body>;
    run({.object = const_cast<void*>(static_cast<const void*>(std::addressof(body))),
         .call = [](void* object, std::size_t i) { (*static_cast<callable*>(object))(i); }},
        count);
  }

 private:
  struct loop_body {
    void* object = nullptr;
    void (*call)(void* object, std::size_t i) = nullptr;
  };
  struct loop {
    loop_body body;
    std::size_t count = 0;
    std::atomic<std::size_t> next{0};
  };
  void run(loop_body body, std::size_t count);
  void work();
  static void work_on(loop& current);

  std::mutex turn_;   // one loop at a time
  std::mutex state_;  // guards what follows; the atomics are also watched without it
  std::condition_variable wake_;
  std::condition_variable done_;
  loop* current_ = nullptr;
  std::atomic<std::size_t> generation_{0};
  std::atomic<std::size_t> busy_{0};
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> workers_;
};

/// Runs body(0) .. body(count - 1) on the pool, or on this thread where there is none.
template <class Body>
void for_each(thread_pool* pool, std::size_t count, Body&& body) {
  if (pool != nullptr && count > 1) pool->for_each(count, body);
  else
    for (std::size_t i = 0; i < count; ++i) body(i);
}

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/base/threads-inl.hpp>
#endif
