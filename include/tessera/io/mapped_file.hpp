// SPDX-License-Identifier: Apache-2.0
/// A file mapped read-only into memory, so that weights are read where they lie and shared between processes.
///
///     TESSERA_TRY(const ts::mapped_file file, ts::mapped_file::open("model.safetensors"));
///     std::span<const std::byte> all = file.bytes();
///     ...
///     TESSERA_CHECK(file.unchanged());    // nobody wrote to the file while it was read
///
/// A mapping shows what others write to the file, and touching pages of a file that was cut short kills the process
/// (SIGBUS). Writers that replace files by renaming (as `atomic_file` does) never cause either; a loader that copies
/// calls `unchanged` after. Who keeps a `part` has no such moment: for the file of a part, both are undefined behaviour.
#pragma once

#include <tessera/base/result.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace tessera::inline TESSERA_ABI {

/// What tells one state of a file from another without reading it: its size in bytes and its time of modification in
/// nanoseconds.
struct file_stamp {
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;

  [[nodiscard]] bool operator==(const file_stamp&) const = default;
};

/// Move-only. Empty files are legal and map to no bytes.
class mapped_file {
 public:
  mapped_file() = default;
  mapped_file(mapped_file&& other) noexcept { swap(other); }
  mapped_file& operator=(mapped_file&& other) noexcept {
    mapped_file(std::move(other)).swap(*this);
    return *this;
  }
  ~mapped_file() { close(); }

  /// Maps the regular file at `path`. Errors: not_found, io (with errno), unsupported (a directory, pipe or device).
  [[nodiscard]] static result<mapped_file> open(std::string_view path);

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  [[nodiscard]] std::string_view text() const noexcept { return {reinterpret_cast<const char*>(data_), size_}; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Whether these bytes lie in the mapping.
  [[nodiscard]] bool contains(std::span<const std::byte> part) const noexcept {
    const std::less_equal<const std::byte*> not_after;
    return data_ != nullptr && not_after(data_, part.data()) && not_after(part.data() + part.size(), data_ + size_);
  }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Size and time as they were when the file was opened.
  [[nodiscard]] file_stamp stamp() const noexcept { return stamp_; }

  /// Error (mismatch) where the file was written to or cut since it was opened, as far as its size and time tell; io
  /// where the system cannot say.
  [[nodiscard]] result<> unchanged() const;

  /// These bytes of it as a mapping of their own, at the same file, which lives as long as anyone holds it, also when this object is
  /// gone and the path leads elsewhere. Errors: invalid_argument where they are none of its bytes; io (with errno).
  [[nodiscard]] result<std::shared_ptr<const std::byte>> part(std::span<const std::byte> of) const;

 private:
  void close() noexcept;
  void swap(mapped_file& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(stamp_, other.stamp_);
    std::swap(descriptor_, other.descriptor_);
  }

  std::string path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  file_stamp stamp_;
  int descriptor_ = -1;
};

/// True for the small text that a clone without Git LFS has in place of a large file.
[[nodiscard]] inline bool is_git_lfs_pointer(std::string_view contents) noexcept {
  return contents.size() < 1024 && contents.starts_with("version https://git-lfs");
}
/// What to say of it, as `error::found`.
inline constexpr std::string_view git_lfs_pointer =
    "a Git LFS pointer (fetch the file itself, for example with git lfs pull)";

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/io/mapped_file-inl.hpp>
#endif
