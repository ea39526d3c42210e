// SPDX-License-Identifier: Apache-2.0
/// Writes a file so that readers see the old contents or the new, never a part: a temporary beside it, fsync, rename.
///
///     TESSERA_TRY(ts::atomic_file file, ts::atomic_file::create("index.tsi"));
///     TESSERA_CHECK(file.write(header));
///     TESSERA_CHECK(file.write(rows));
///     TESSERA_CHECK(file.commit());   // without it the destructor removes the temporary; "index.tsi" stays
///
/// The new contents are on the disk before the name points to them. Only a killed process leaves its temporary
/// (`PATH.tmp-*`) behind.
#pragma once

#include <tessera/base/result.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace tessera::inline TESSERA_ABI {

class atomic_file {
 public:
  atomic_file(atomic_file&& other) noexcept { swap(other); }
  atomic_file& operator=(atomic_file&& other) noexcept {
    atomic_file(std::move(other)).swap(*this);
    return *this;
  }
  ~atomic_file() { discard(); }

  /// A temporary in the directory of `path`, which must exist. Errors: not_found, io, unsupported (`path` is a
  /// directory).
  [[nodiscard]] static result<atomic_file> create(std::string_view path);

  /// Appends; small pieces are gathered. Error: io (a full disk), after which `commit` fails too.
  [[nodiscard]] result<> write(std::span<const std::byte> bytes);
  [[nodiscard]] result<> write(std::string_view text);
  /// Bytes written so far.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

  /// Makes the new contents visible under the path and durable. Once; afterwards nothing can be written. Error: io.
  [[nodiscard]] result<> commit();

 private:
  atomic_file() = default;
  [[nodiscard]] result<> put(std::string_view text);
  [[nodiscard]] std::unexpected<error> refused(const char* what, int reason) const;
  void discard() noexcept;
  void swap(atomic_file& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(temporary_, other.temporary_);
    std::swap(gathered_, other.gathered_);
    std::swap(size_, other.size_);
    std::swap(descriptor_, other.descriptor_);
    std::swap(failed_, other.failed_);
  }

  std::string path_;
  std::string temporary_;
  std::string gathered_;
  std::uint64_t size_ = 0;
  int descriptor_ = -1;
  bool failed_ = false;
};

/// Replaces the contents of `path` by `contents`, atomically. Errors: those of `atomic_file`.
[[nodiscard]] result<> write_file(std::string_view path, std::string_view contents);

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/io/atomic_file-inl.hpp>
#endif
