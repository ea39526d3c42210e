// SPDX-License-Identifier: Apache-2.0
/// Definitions of base/threads.hpp.
#pragma once

#include <tessera/base/threads.hpp>

#include <utility>

namespace tessera::inline TESSERA_ABI {

namespace detail {
/// The pool whose loop this thread is running, so that a nested loop does not wait for itself.
inline thread_local const thread_pool* running_pool = nullptr;
}  // namespace detail

TESSERA_INLINE thread_pool::thread_pool(std::size_t threads) {
  if (threads == 0) threads = std::thread::hardware_concurrency();
  if (threads > 1) workers_.reserve(threads - 1);
  for (std::size_t i = 1; i < threads; ++i) {
#if defined(__cpp_exceptions)
    try {
      workers_.emplace_back([this] { work(); });
    } catch (...) {
      break;  // the system has no more threads; fewer do the same work
    }
#else
    workers_.emplace_back([this] { work(); });
#endif
  }
}

TESSERA_INLINE thread_pool::~thread_pool() {
  {
    const std::scoped_lock lock(state_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

TESSERA_INLINE void thread_pool::run(loop& current) {
  for (std::size_t i = current.next.fetch_add(1, std::memory_order_relaxed); i < current.count;
       i = current.next.fetch_add(1, std::memory_order_relaxed))
    (*current.body)(i);
}

TESSERA_INLINE void thread_pool::for_each(std::size_t count, const std::function<void(std::size_t)>& body) {
  if (workers_.empty() || count <= 1 || detail::running_pool == this) {
    for (std::size_t i = 0; i < count; ++i) body(i);
    return;
  }
  const std::scoped_lock my_turn(turn_);
  loop mine;
  mine.body = &body;
  mine.count = count;
  {
    const std::scoped_lock lock(state_);
    current_ = &mine;
    ++generation_;
  }
  wake_.notify_all();
  const thread_pool* before = std::exchange(detail::running_pool, this);
  run(mine);
  detail::running_pool = before;
  std::unique_lock lock(state_);
  current_ = nullptr;  // a worker that wakes late must not touch a finished loop
  done_.wait(lock, [this] { return busy_ == 0; });
}

TESSERA_INLINE void thread_pool::work() {
  detail::running_pool = this;
  std::size_t seen = 0;
  std::unique_lock lock(state_);
  for (;;) {
    wake_.wait(lock, [&] { return stopping_ || (current_ != nullptr && generation_ != seen); });
    if (stopping_) return;
    seen = generation_;
    loop& mine = *current_;
    ++busy_;
    lock.unlock();
    run(mine);
    lock.lock();
    if (--busy_ == 0) done_.notify_all();
  }
}

}  // namespace tessera::inline TESSERA_ABI
