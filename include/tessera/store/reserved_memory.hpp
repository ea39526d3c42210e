// SPDX-License-Identifier: Apache-2.0
/// Memory that grows without moving: addresses are reserved at once, pages come as they are needed.
///
///     TESSERA_TRY(auto memory, ts::detail::reserved_memory::make(std::size_t{1} << 36));   // 64 GiB of addresses, no memory
///     TESSERA_CHECK(memory.map(descriptor, file_bytes));       // a file at the beginning
///     TESSERA_CHECK(memory.commit(file_bytes + 4096));         // behind it, zeroed pages
///
/// So readers keep their pointers while a writer appends behind them, and rows of a mapped file and rows that came later are one array.
#pragma once

#include <tessera/base/aligned.hpp>

#include <cstddef>
#include <span>
#include <utility>

namespace tessera::inline TESSERA_ABI::detail {

class reserved_memory {
 public:
  reserved_memory() = default;
  reserved_memory(reserved_memory&& other) noexcept { swap(other); }
  reserved_memory& operator=(reserved_memory&& other) noexcept {
    reserved_memory(std::move(other)).swap(*this);
    return *this;
  }
  ~reserved_memory() { release(); }

  /// Errors: out_of_memory (no such range of addresses is free).
  [[nodiscard]] static result<reserved_memory> make(std::size_t bytes);

  /// The file's bytes at the beginning, before anything is committed; writes stay private. Errors: io.
  [[nodiscard]] result<> map(int descriptor, std::size_t bytes);
  /// The first `bytes` can be read and written; what was not there before is zero. Errors: out_of_memory; then nothing has changed.
  [[nodiscard]] result<> commit(std::size_t bytes);

  [[nodiscard]] std::byte* data() noexcept { return data_; }
  [[nodiscard]] const std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  void release() noexcept;
  void swap(reserved_memory& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(committed_, other.committed_);
    std::swap(mapped_, other.mapped_);
  }

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t committed_ = 0;
  std::size_t mapped_ = 0;
};

/// Elements of trivial type that begin as zeros.
template <class T>
class reserved_array {
 public:
  reserved_array() = default;
  [[nodiscard]] static result<reserved_array> make(std::size_t most) {
    reserved_array made;
    TESSERA_TRY(made.memory_, reserved_memory::make(most * sizeof(T)));
    return made;
  }
  [[nodiscard]] result<> commit(std::size_t count) { return memory_.commit(count * sizeof(T)); }
  [[nodiscard]] T* data() noexcept { return reinterpret_cast<T*>(memory_.data()); }
  [[nodiscard]] const T* data() const noexcept { return reinterpret_cast<const T*>(memory_.data()); }
  [[nodiscard]] T& operator[](std::size_t i) noexcept { return data()[i]; }
  [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return data()[i]; }

 private:
  reserved_memory memory_;
};

/// How a mapped file will be read. `here_and_there`: no more than what is touched; `soon`: the disk is asked for it now.
enum class reading { in_order, here_and_there, soon };
void will_read(std::span<const std::byte> bytes, reading how) noexcept;
/// The share of some pages, evenly taken, that are in memory; 1 where the system does not say.
[[nodiscard]] double share_in_memory(std::span<const std::byte> bytes) noexcept;

/// Bytes of whole pages that hold so many.
[[nodiscard]] constexpr std::size_t page_bytes(std::size_t bytes) noexcept { return round_up(bytes, 4096); }

}  // namespace tessera::inline TESSERA_ABI::detail

#if TESSERA_HEADER_ONLY
#include <tessera/store/reserved_memory-inl.hpp>
#endif
