// SPDX-License-Identifier: Apache-2.0
/// A text after normalisation, byte by byte aligned with the source it came from.
///
///     normalized.origin(begin, end)       // the source bytes that the normalised bytes [begin, end) stand for
///
/// A step reads a `normalized_view` and writes a `normalized_text`; steps chain because a text is viewed like a source.
/// While every byte stands for exactly one source byte (ASCII, the usual case) no alignment is stored.
#pragma once

#include <tessera/text/byte_range.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// A vector of trivial T that keeps its memory and never zeroes it: writes are unchecked after `make_room`.
template <class T>
requires std::is_trivially_copyable_v<T>
class growing_buffer {
 public:
  void clear() noexcept { size_ = 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] T* data() noexcept { return data_.get(); }
  [[nodiscard]] const T* data() const noexcept { return data_.get(); }
  [[nodiscard]] T& operator[](std::size_t i) noexcept { return data_[i]; }
  [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return data_[i]; }

  /// Room for `more` further elements.
  void make_room(std::size_t more) {
    if (size_ + more > capacity_) grow(size_ + more);
  }
  void push(T value) noexcept {
    TESSERA_ASSERT(size_ < capacity_);
    data_[size_++] = value;
  }
  void resize_within_room(std::size_t size) noexcept {
    TESSERA_ASSERT(size <= capacity_);
    size_ = size;
  }

 private:
  void grow(std::size_t wanted) {
    const std::size_t capacity = wanted + wanted / 2 + 64;
    auto bigger = std::make_unique_for_overwrite<T[]>(capacity);
    if (size_ != 0) std::memcpy(bigger.get(), data_.get(), size_ * sizeof(T));
    data_ = std::move(bigger);
    capacity_ = capacity;
  }

  std::unique_ptr<T[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace detail

/// A text and where its bytes came from: byte i from `source[i]`, or where `source` is empty from byte `shift` + i.
struct normalized_view {
  std::string_view text;
  std::span<const byte_range> source = {};
  std::uint32_t shift = 0;

  /// Where the character that holds byte `at` came from.
  [[nodiscard]] byte_range character_origin(std::size_t at) const noexcept { return whole_origin(at, at + 1); }
  /// Where the bytes [begin, end), not none, came from; of a character that is cut, all of it.
  [[nodiscard]] byte_range whole_origin(std::size_t begin, std::size_t end) const noexcept {
    if (!source.empty()) return {source[begin].begin, source[end - 1].end};
    const auto inside = [this](std::size_t i) { return (static_cast<unsigned char>(text[i]) & 0xc0U) == 0x80U; };
    while (begin != 0 && inside(begin)) --begin;
    while (end < text.size() && inside(end)) ++end;
    return {shift + static_cast<std::uint32_t>(begin), shift + static_cast<std::uint32_t>(end)};
  }

  /// Where the bytes [begin, end), not none, came from.
  [[nodiscard]] byte_range origin(std::size_t begin, std::size_t end) const noexcept {
    if (source.empty()) return {shift + static_cast<std::uint32_t>(begin), shift + static_cast<std::uint32_t>(end)};
    return {source[begin].begin, source[end - 1].end};
  }
  [[nodiscard]] normalized_view slice(std::size_t begin, std::size_t end) const noexcept {
    const std::string_view part = text.substr(begin, end - begin);
    if (!source.empty()) return {part, source.subspan(begin, end - begin), 0};
    return {part, {}, shift + static_cast<std::uint32_t>(begin)};
  }
};

/// An owned normalised text; `aligned` says that `source` holds a range for each byte.
struct normalized_text {
  detail::growing_buffer<char> bytes;
  detail::growing_buffer<byte_range> source;
  std::uint32_t shift = 0;
  bool aligned = false;

  void clear() noexcept {
    bytes.clear();
    source.clear();
    shift = 0;
    aligned = false;
  }
  [[nodiscard]] normalized_view view() const noexcept {
    const std::string_view text(bytes.data(), bytes.size());
    if (aligned) return {text, {source.data(), source.size()}, 0};
    return {text, {}, shift};
  }
  void make_room(std::size_t more) {
    bytes.make_room(more);
    source.make_room(more);
  }
  void push(char byte, byte_range origin) noexcept {
    bytes.push(byte);
    source.push(origin);
  }
  void push(std::string_view part, byte_range origin) noexcept {
    for (const char byte : part) push(byte, origin);
  }
  /// Appends the bytes [begin, end) of `from`, which begin and end with characters, with their places.
  void append(const normalized_view& from, std::size_t begin, std::size_t end) {
    const std::size_t count = end - begin;
    if (count == 0) return;
    make_room(count);
    const std::size_t old = bytes.size();
    bytes.resize_within_room(old + count);
    source.resize_within_room(old + count);
    std::memcpy(bytes.data() + old, from.text.data() + begin, count);
    byte_range* places = source.data() + old;
    if (!from.source.empty()) {
      std::memcpy(places, from.source.data() + begin, count * sizeof(byte_range));
      return;
    }
    unsigned longer = 0;  // whether a character has more than one byte: rare, and found without a branch a byte
    for (std::size_t i = 0; i < count; ++i) {
      const auto at = from.shift + static_cast<std::uint32_t>(begin + i);
      places[i] = {at, at + 1};
      longer |= static_cast<unsigned char>(from.text[begin + i]);
    }
    if (longer < 0x80) return;
    for (std::size_t i = 0; i < count; ++i)
      if (static_cast<unsigned char>(from.text[begin + i]) >= 0x80) places[i] = from.whole_origin(begin + i, begin + i + 1);
  }
  /// Starts anew as a text whose bytes say where they came from.
  void begin_aligned() noexcept {
    clear();
    aligned = true;
  }
};

}  // namespace tessera::inline TESSERA_ABI
