// SPDX-License-Identifier: Apache-2.0
/// Storage aligned for the widest vector unit: the alignment constants and an owning, move-only buffer.
///
/// `aligned_buffer<T>::make(n)` allocates n zeroed elements on a 64-byte boundary, or returns `out_of_memory`. Large ones ask the
/// system for large pages: reading gigabytes through 4 KiB pages waits for address translation (with 2 MiB up to a third faster).
/// Smaller ones that are read one after the other have such pages together, in a `buffer_block`.
#pragma once

#include <tessera/base/result.hpp>

#include <cstddef>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <type_traits>

namespace tessera::inline TESSERA_ABI {

/// Bytes of the widest vector register and of a cache line on every processor this library targets.
inline constexpr std::size_t vector_alignment = 64;

/// `value` rounded up to a multiple of `multiple`.
[[nodiscard]] constexpr std::size_t round_up(std::size_t value, std::size_t multiple) noexcept {
  return (value + multiple - 1) / multiple * multiple;
}

namespace detail {
/// Tells the system that this memory is read as a whole; nothing where it has no such pages.
void prefer_large_pages(void* memory, std::size_t bytes) noexcept;

/// From so many bytes on memory asks for large pages.
inline constexpr std::size_t large_bytes = std::size_t{4} << 20;
}  // namespace detail

/// Memory for several buffers, which lie in it in the order in which they are made. It is given back with the last of them.
class buffer_block {
 public:
  buffer_block() = default;
  /// Uninitialised, so that what no buffer takes is never touched. Errors: out_of_memory.
  [[nodiscard]] static result<buffer_block> make(std::size_t bytes) {
    constexpr std::align_val_t alignment{vector_alignment};
    void* memory = ::operator new(bytes, alignment, std::nothrow);
    if (memory == nullptr)
      return fail({.code = error_code::out_of_memory, .thing = "allocation", .wanted = std::to_string(bytes) + " bytes"});
    buffer_block block;
    block.memory_ = {static_cast<std::byte*>(memory), [](std::byte* bytes_of) { ::operator delete(bytes_of, alignment); }};
    block.next_ = block.memory_.get();
    block.left_ = bytes;
    if (bytes >= detail::large_bytes) detail::prefer_large_pages(memory, bytes);
    return block;
  }
  /// The next `bytes`, a multiple of vector_alignment, shared with the block; null where it has no more.
  [[nodiscard]] std::shared_ptr<std::byte> take(std::size_t bytes) noexcept {
    if (bytes > left_) return nullptr;
    left_ -= bytes;
    std::byte* begin = next_;
    next_ += bytes;
    return {memory_, begin};
  }

 private:
  std::shared_ptr<std::byte> memory_;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
};

/// `size` elements of trivial type T on a 64-byte boundary. The bytes after the last element up to the next boundary belong to
/// the buffer and are zero, so a kernel may load whole vectors.
template <class T>
  requires std::is_trivially_copyable_v<T>
class aligned_buffer {
 public:
  using value_type = T;

  aligned_buffer() = default;
  aligned_buffer(aligned_buffer&& other) noexcept
      : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}
  aligned_buffer& operator=(aligned_buffer&& other) noexcept {
    data_ = std::move(other.data_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  /// Zeroed elements, of the block where one is given that has room. Errors: out_of_memory (also where `size` elements exceed the address
  /// space).
  [[nodiscard]] static result<aligned_buffer> make(std::size_t size, buffer_block* from = nullptr) {
    if (size > (std::numeric_limits<std::size_t>::max() - vector_alignment) / sizeof(T)) return too_much(size);
    const std::size_t bytes = round_up(size * sizeof(T), vector_alignment);
    if (bytes == 0) return aligned_buffer();
    aligned_buffer buffer;
    std::shared_ptr<std::byte> piece = from == nullptr ? nullptr : from->take(bytes);
    void* memory = piece.get();
    if (memory == nullptr) {
      memory = ::operator new(bytes, std::align_val_t{vector_alignment}, std::nothrow);
      if (memory == nullptr) return too_much(size);
      if (bytes >= detail::large_bytes) detail::prefer_large_pages(memory, bytes);
    }
    std::memset(memory, 0, bytes);
    buffer.data_ = {static_cast<T*>(memory), release{std::move(piece)}};
    buffer.size_ = size;
    return buffer;
  }

  [[nodiscard]] T* data() noexcept { return data_.get(); }
  [[nodiscard]] const T* data() const noexcept { return data_.get(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// Bytes held, the padding included.
  [[nodiscard]] std::size_t bytes() const noexcept { return round_up(size_ * sizeof(T), vector_alignment); }
  [[nodiscard]] T& operator[](std::size_t i) noexcept { return data_.get()[i]; }
  [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return data_.get()[i]; }
  [[nodiscard]] std::span<T> span() noexcept { return {data(), size_}; }
  [[nodiscard]] std::span<const T> span() const noexcept { return {data(), size_}; }
  [[nodiscard]] T* begin() noexcept { return data(); }
  [[nodiscard]] T* end() noexcept { return data() + size_; }
  [[nodiscard]] const T* begin() const noexcept { return data(); }
  [[nodiscard]] const T* end() const noexcept { return data() + size_; }

 private:
  struct release {
    std::shared_ptr<std::byte> piece;  ///< of a block; null: memory of its own
    void operator()(T* memory) noexcept {
      if (piece == nullptr) ::operator delete(memory, std::align_val_t{vector_alignment});
      piece.reset();
    }
  };

  static std::unexpected<error> too_much(std::size_t size) {
    return fail({.code = error_code::out_of_memory,
                 .thing = "allocation",
                 .wanted = std::to_string(size) + " elements of " + std::to_string(sizeof(T)) + " bytes"});
  }

  std::unique_ptr<T, release> data_;
  std::size_t size_ = 0;
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/base/aligned-inl.hpp>
#endif
