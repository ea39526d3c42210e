// SPDX-License-Identifier: Apache-2.0
/// GGUF files (versions 2 and 3, little-endian): typed metadata, vocabularies, and tensors of numbers or blocks.
///
///     TESSERA_TRY(const ts::gguf file, ts::gguf::open("bge-small-en.gguf"));
///     TESSERA_TRY(const auto model, file.get<std::string_view>("tokenizer.ggml.model"));            // "bert"
///     TESSERA_TRY(const auto tokens, file.list<std::string_view>("tokenizer.ggml.tokens"));   // views into the file
///
/// A model that llama.cpp split over several files is opened by the name of its first, `NAME-00001-of-00003.gguf`, which has the
/// metadata: `open_gguf_parts`.
///
/// Every length is checked against the bytes that follow before it is used or allocated for, every product against 64
/// bits. Strings are bytes as the file has them: whether they are UTF-8 is for the reader of their meaning.
#pragma once

#include <tessera/io/mapped_file.hpp>
#include <tessera/io/tensor.hpp>

#include <concepts>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// Value types under their numbers in the file.
enum class gguf_type : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

/// "u8" ... "a string", "an array".
[[nodiscard]] std::string_view to_string(gguf_type type) noexcept;

template <class T>
concept gguf_readable = std::same_as<T, bool> || std::integral<T> || std::floating_point<T> ||
    std::same_as<T, std::string_view> || std::same_as<T, std::string>;

/// One key of the metadata; borrows from the `gguf` it came from.
class gguf_value {
 public:
  [[nodiscard]] std::string_view key() const noexcept { return key_; }
  /// The type of the value, or of the elements of an array.
  [[nodiscard]] gguf_type type() const noexcept { return type_; }
  [[nodiscard]] bool is_array() const noexcept { return is_array_; }
  /// Elements of an array; 1 for a single value.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// The single value as T: bool; any integer type from any integer type whose value fits; floating from any number;
  /// strings. Error: mismatch, with key, wanted and found.
  template <gguf_readable T>
  [[nodiscard]] result<T> get() const {
    if (is_array_) return std::unexpected(mismatch("a single value", "an array"));
    TESSERA_TRY(std::vector<T> one, read<T>());
    return T(std::move(one.front()));
  }
  /// The elements of an array, each as T. Error: mismatch.
  template <gguf_readable T>
  [[nodiscard]] result<std::vector<T>> list() const {
    if (!is_array_) return std::unexpected(mismatch("an array", std::string(to_string(type_))));
    return read<T>();
  }

 private:
  friend class gguf;
  struct integer {
    std::uint64_t bits;
    bool negative;
  };

  template <gguf_readable T>
  [[nodiscard]] result<std::vector<T>> read() const;
  [[nodiscard]] result<> read_strings(std::vector<std::string_view>& out) const;
  [[nodiscard]] result<bool> boolean(std::size_t index) const;
  [[nodiscard]] result<integer> whole(std::size_t index, std::int64_t lowest, std::uint64_t highest) const;
  [[nodiscard]] result<double> real(std::size_t index) const;
  [[nodiscard]] error mismatch(std::string wanted, std::string found) const;

  std::string_view key_;
  std::string_view path_;
  std::span<const std::byte> bytes_;
  std::uint64_t offset_ = 0;
  std::size_t size_ = 1;
  gguf_type type_ = gguf_type::u8;
  bool is_array_ = false;
};

/// A tensor as the file describes it. `format` is its name in the format ("F16", "Q4_0"); `readable` where this library knows what
/// its bytes mean.
struct gguf_tensor {
  std::string_view name;
  std::string_view format;
  bool readable = false;
  dtype type = dtype::f32;             // meaningful where readable
  std::span<const std::size_t> shape;  // row-major: the reverse of the file's order
  std::span<const std::byte> bytes;
  std::uint64_t offset = 0;  // of the bytes within the file
};

/// Move-only; values, strings and views stay valid while it (or what it was moved to) lives.
class gguf {
 public:
  static constexpr std::uint32_t max_rank = 4;

  /// Maps and checks the file. Errors: those of `mapped_file::open`; malformed with the byte; unsupported (version 1,
  /// big-endian, nested arrays, tensor formats this library does not know).
  [[nodiscard]] static result<gguf> open(std::string_view path);
  /// Checks bytes that outlive the object; `path` only names them.
  [[nodiscard]] static result<gguf> view(std::span<const std::byte> bytes, std::string_view path);

  /// All metadata in file order.
  [[nodiscard]] std::span<const gguf_value> values() const noexcept;
  /// The value of that key, or null.
  [[nodiscard]] const gguf_value* find(std::string_view key) const noexcept;
  /// The value of that key. Error: not_found.
  [[nodiscard]] result<gguf_value> at(std::string_view key) const;
  /// `at(key)` as T, or as a list of T.
  template <gguf_readable T>
  [[nodiscard]] result<T> get(std::string_view key) const {
    TESSERA_TRY(const gguf_value value, at(key));
    return value.get<T>();
  }
  template <gguf_readable T>
  [[nodiscard]] result<std::vector<T>> list(std::string_view key) const {
    TESSERA_TRY(const gguf_value value, at(key));
    return value.list<T>();
  }

  /// All tensors in file order.
  [[nodiscard]] std::span<const gguf_tensor> tensors() const noexcept;
  /// The tensor of that name, to be read by `read_f32` or `read_i64`. Errors: not_found; unsupported (a format that is not readable).
  [[nodiscard]] result<tensor_view> tensor(std::string_view name) const;

  [[nodiscard]] std::string_view path() const noexcept;
  /// The mapping, for `unchanged` and `remembered_sha256`; empty after `view`.
  [[nodiscard]] const mapped_file& file() const noexcept;

 private:
  struct contents;
  struct release {
    void operator()(contents* state) const noexcept;
  };
  class reader;
  explicit gguf(std::unique_ptr<contents, release> state) noexcept : state_(std::move(state)) {}
  [[nodiscard]] static result<gguf> read(mapped_file file, std::span<const std::byte> bytes, std::string_view path);

  std::unique_ptr<contents, release> state_;
};

/// The file and, where it is the first of a split model, the others beside it, in their order. Errors: those of `gguf::open`; mismatch: it
/// is not the first, has another name than split.count asks for, a file is of another split, or their tensors are not
/// split.tensors.count.
[[nodiscard]] result<std::vector<gguf>> open_gguf_parts(std::string_view path);

template <gguf_readable T>
result<std::vector<T>> gguf_value::read() const {
  if constexpr (std::same_as<T, std::string_view>) {
    std::vector<std::string_view> out;
    TESSERA_CHECK(read_strings(out));
    return out;
  } else if constexpr (std::same_as<T, std::string>) {
    TESSERA_TRY(const auto views, read<std::string_view>());
    return std::vector<std::string>(views.begin(), views.end());
  } else {
    std::vector<T> out;
    out.reserve(size_);
    for (std::size_t i = 0; i < size_; ++i) {
      if constexpr (std::same_as<T, bool>) {
        TESSERA_TRY(const bool value, boolean(i));
        out.push_back(value);
      } else if constexpr (std::integral<T>) {
        TESSERA_TRY(const integer value, whole(i, static_cast<std::int64_t>(std::numeric_limits<T>::min()),
                                               static_cast<std::uint64_t>(std::numeric_limits<T>::max())));
        out.push_back(static_cast<T>(value.bits));
      } else {
        TESSERA_TRY(const double value, real(i));
        out.push_back(static_cast<T>(value));
      }
    }
    return out;
  }
}

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/io/gguf-inl.hpp>
#endif
