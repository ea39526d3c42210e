// SPDX-License-Identifier: Apache-2.0
/// Working memory that calls take and give back, so that a warm call allocates nothing and threads share nothing.
///
///     const auto taken = spares_.take();      // one that was given back, or a new one
///     taken->visited.clear();
#pragma once

#include <tessera/base/config.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::detail {

/// T offers memory_bytes(), asked for when it is given back.
template <class T>
class spares {
 public:
  class lent {
   public:
    lent(spares& from, std::unique_ptr<T> one) noexcept : from_(&from), one_(std::move(one)) {}
    lent(lent&&) noexcept = default;
    lent& operator=(lent&&) = delete;
    ~lent() {
      if (one_) from_->give_back(std::move(one_));
    }
    [[nodiscard]] T& operator*() const noexcept { return *one_; }
    [[nodiscard]] T* operator->() const noexcept { return one_.get(); }

   private:
    spares* from_;
    std::unique_ptr<T> one_;
  };

  spares() = default;
  spares(spares&& other) noexcept : idle_(std::move(other.idle_)), bytes_(std::exchange(other.bytes_, 0)) {}
  spares& operator=(spares&& other) noexcept {
    idle_ = std::move(other.idle_);
    bytes_ = std::exchange(other.bytes_, 0);
    return *this;
  }

  [[nodiscard]] lent take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return {*this, std::make_unique<T>()};
    auto one = std::move(idle_.back());
    idle_.pop_back();
    bytes_ -= sizeof(T) + one->memory_bytes();
    return {*this, std::move(one)};
  }
  /// Bytes of those that are not in use.
  [[nodiscard]] std::size_t memory_bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_ + idle_.capacity() * sizeof(idle_[0]);
  }

 private:
  void give_back(std::unique_ptr<T> one) {
    const std::lock_guard lock(mutex_);
    bytes_ += sizeof(T) + one->memory_bytes();
    idle_.push_back(std::move(one));
  }

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<T>> idle_;
  std::size_t bytes_ = 0;
};

}  // namespace tessera::inline TESSERA_ABI::detail
