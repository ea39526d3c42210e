// SPDX-License-Identifier: Apache-2.0
/// Definitions of io/atomic_file.hpp, with POSIX calls.
#pragma once

#include <tessera/io/atomic_file.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <cstdio>

namespace tessera::inline TESSERA_ABI {

namespace detail {

inline std::atomic<unsigned> temporary_files = 0;

}  // namespace detail

TESSERA_INLINE std::unexpected<error> atomic_file::refused(const char* what, int reason) const {
  return fail({.code = reason == ENOENT || reason == ENOTDIR ? error_code::not_found : error_code::io,
               .thing = what,
               .path = path_,
               .system = reason});
}

TESSERA_INLINE result<atomic_file> atomic_file::create(std::string_view path) {
  atomic_file file;
  file.path_ = path;
  if (path.empty() || path.find('\0') != std::string_view::npos)
    return fail({.code = error_code::invalid_argument,
                 .thing = "path",
                 .found = path.empty() ? "nothing" : "a NUL character",
                 .path = file.path_});
  struct stat status {};
  const bool exists = ::stat(file.path_.c_str(), &status) == 0;
  if (exists && !S_ISREG(status.st_mode))
    return fail({.code = error_code::unsupported,
                 .wanted = "a regular file or none",
                 .found = S_ISDIR(status.st_mode) ? "a directory" : "a pipe or device",
                 .path = file.path_});
  do {
    file.temporary_ =
        file.path_ + ".tmp-" + std::to_string(::getpid()) + '-' + std::to_string(detail::temporary_files++);
    do file.descriptor_ = ::open(file.temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    while (file.descriptor_ < 0 && errno == EINTR);
  } while (file.descriptor_ < 0 && errno == EEXIST);  // left by a killed process of the same number
  if (file.descriptor_ < 0) {
    const int reason = errno;
    file.temporary_.clear();
    return file.refused("cannot create", reason);
  }
  if (exists && ::fchmod(file.descriptor_, status.st_mode & 07777U) != 0)
    return file.refused("cannot keep the permissions", errno);
  return file;
}

TESSERA_INLINE result<> atomic_file::write(std::span<const std::byte> bytes) {
  return write(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

TESSERA_INLINE result<> atomic_file::write(std::string_view text) {
  constexpr std::size_t enough = std::size_t{1} << 20U;
  TESSERA_ASSERT(descriptor_ >= 0);
  size_ += text.size();
  if (gathered_.size() + text.size() < enough) {
    gathered_ += text;
    return {};
  }
  TESSERA_CHECK(put(gathered_));
  gathered_.clear();
  return put(text);
}

TESSERA_INLINE result<> atomic_file::put(std::string_view text) {
  while (!text.empty()) {
    const ssize_t done = ::write(descriptor_, text.data(), text.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) {
      failed_ = true;
      return refused("cannot write", errno);
    }
    text.remove_prefix(static_cast<std::size_t>(done));
  }
  return {};
}

TESSERA_INLINE result<> atomic_file::commit() {
  TESSERA_ASSERT(descriptor_ >= 0);
  if (failed_) return fail({.code = error_code::io, .thing = "an earlier write failed", .path = path_});
  TESSERA_CHECK(put(gathered_));
  if (::fsync(descriptor_) != 0) return refused("cannot write", errno);
  if (::close(std::exchange(descriptor_, -1)) != 0) return refused("cannot write", errno);
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) return refused("cannot replace", errno);
  temporary_.clear();
  // The new name is durable once its directory is; file systems without that notion refuse with EINVAL.
  const std::size_t slash = path_.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : slash == 0 ? "/" : path_.substr(0, slash);
  const int parent = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (parent < 0) return errno == EACCES ? result<>() : refused("cannot open the directory", errno);
  const int synced = ::fsync(parent) == 0 || errno == EINVAL || errno == EROFS ? 0 : errno;
  ::close(parent);
  if (synced != 0) return refused("cannot write the directory", synced);
  return {};
}

TESSERA_INLINE void atomic_file::discard() noexcept {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

TESSERA_INLINE result<> write_file(std::string_view path, std::string_view contents) {
  TESSERA_TRY(atomic_file file, atomic_file::create(path));
  TESSERA_CHECK(file.write(contents));
  return file.commit();
}

}  // namespace tessera::inline TESSERA_ABI
