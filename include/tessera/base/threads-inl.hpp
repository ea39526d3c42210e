// SPDX-License-Identifier: Apache-2.0
/// Definitions of base/threads.hpp.
#pragma once

#include <tessera/base/threads.hpp>

#include <utility>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// The pool whose loop this thread is running, so that a nested loop does not wait for itself.
inline thread_local const thread_pool* running_pool = nullptr;

/// Watches for about twenty microseconds whether `happened`, as long as it takes to begin the next stage of a model.
template <class Happened>
[[nodiscard]] bool watch(const Happened& happened) noexcept {
  constexpr int looks = 500;
  for (int i = 0; i < looks; ++i) {
    if (happened()) return true;
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
  }
  return false;
}

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

TESSERA_INLINE void thread_pool::work_on(loop& current) {
  for (std::size_t i = current.next.fetch_add(1, std::memory_order_relaxed); i < current.count;
       i = current.next.fetch_add(1, std::memory_order_relaxed))
    current.body.call(current.body.object, i);
}

TESSERA_INLINE void thread_pool::run(loop_body body, std::size_t count) {
  if (workers_.empty() || count <= 1 || detail::running_pool == this) {
    for (std::size_t i = 0; i < count; ++i) body.call(body.object, i);
    return;
  }
  const std::scoped_lock my_turn(turn_);
  loop mine;
  mine.body = body;
  mine.count = count;
  {
    const std::scoped_lock lock(state_);
    current_ = &mine;
    ++generation_;
  }
  wake_.notify_all();
  const thread_pool* before = std::exchange(detail::running_pool, this);
  work_on(mine);
  detail::running_pool = before;
  std::unique_lock lock(state_);
  current_ = nullptr;  // a worker that wakes late must not touch a finished loop
  const auto idle = [this] { return busy_.load(std::memory_order_acquire) == 0; };
  if (idle()) return;
  lock.unlock();
  const bool finished = detail::watch(idle);
  lock.lock();
  if (!finished) done_.wait(lock, idle);
}

TESSERA_INLINE void thread_pool::work() {
  detail::running_pool = this;
  std::size_t seen = 0;
  const auto called = [&] { return stopping_.load(std::memory_order_acquire) || generation_.load(std::memory_order_acquire) != seen; };
  std::unique_lock lock(state_, std::defer_lock);
  for (;;) {
    static_cast<void>(detail::watch(called));
    lock.lock();
    wake_.wait(lock, called);
    if (stopping_) return;
    seen = generation_;
    if (current_ == nullptr) {  // the others have finished it
      lock.unlock();
      continue;
    }
    loop& mine = *current_;
    ++busy_;
    lock.unlock();
    work_on(mine);
    lock.lock();
    const bool last = --busy_ == 0;
    lock.unlock();
    if (last) done_.notify_all();
  }
}

}  // namespace tessera::inline TESSERA_ABI
