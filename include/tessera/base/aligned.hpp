// SPDX-License-Identifier: Apache-2.0
/// Storage aligned for the widest vector unit: the alignment constants and an owning, move-only buffer.
///
/// `aligned_buffer<T>::make(n)` allocates n zeroed elements on a 64-byte boundary, or returns `out_of_memory`. Large ones ask the
/// system for large pages: reading gigabytes through 4 KiB pages waits for address translation (with 2 MiB up to a third faster).
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
}  // namespace detail

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

  /// Zeroed elements. Errors: out_of_memory (also where `size` elements exceed the address space).
  [[nodiscard]] static result<aligned_buffer> make(std::size_t size) {
    if (size > (std::numeric_limits<std::size_t>::max() - vector_alignment) / sizeof(T)) return too_much(size);
    const std::size_t bytes = round_up(size * sizeof(T), vector_alignment);
    if (bytes == 0) return aligned_buffer();
    void* memory = ::operator new(bytes, std::align_val_t{vector_alignment}, std::nothrow);
    if (memory == nullptr) return too_much(size);
    if (bytes >= large_bytes) detail::prefer_large_pages(memory, bytes);
    std::memset(memory, 0, bytes);
    aligned_buffer buffer;
    buffer.data_.reset(static_cast<T*>(memory));
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
  static constexpr std::size_t large_bytes = std::size_t{4} << 20;

  struct release {
    void operator()(T* memory) const noexcept { ::operator delete(memory, std::align_val_t{vector_alignment}); }
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
