// SPDX-License-Identifier: Apache-2.0
/// Definitions of io/mapped_file.hpp, with POSIX calls.
#pragma once

#include <tessera/io/mapped_file.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <limits>

namespace tessera::inline TESSERA_ABI {

namespace detail {

[[nodiscard]] inline file_stamp stamp_of(const struct stat& status) noexcept {
  return {static_cast<std::uint64_t>(status.st_size),
          static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec};
}

}  // namespace detail

TESSERA_INLINE result<mapped_file> mapped_file::open(std::string_view path) {
  mapped_file file;
  file.path_ = path;
  const auto refused = [&](const char* what) {
    const int reason = errno;
    return fail({.code = reason == ENOENT || reason == ENOTDIR ? error_code::not_found : error_code::io,
                 .thing = what,
                 .path = file.path_,
                 .system = reason});
  };
  if (path.find('\0') != std::string_view::npos)
    return fail(
        {.code = error_code::invalid_argument, .thing = "path", .found = "a NUL character", .path = file.path_});
  // O_NONBLOCK: a pipe without a writer must be refused, not waited for.
  do file.descriptor_ = ::open(file.path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  while (file.descriptor_ < 0 && errno == EINTR);
  if (file.descriptor_ < 0) return refused("cannot open");
  struct stat status {};
  if (::fstat(file.descriptor_, &status) != 0) return refused("cannot tell the size");
  if (!S_ISREG(status.st_mode))
    return fail({.code = error_code::unsupported,
                 .wanted = "a regular file",
                 .found = S_ISDIR(status.st_mode) ? "a directory" : "a pipe or device",
                 .path = file.path_});
  file.stamp_ = detail::stamp_of(status);
  if (file.stamp_.size > std::numeric_limits<std::size_t>::max() / 2)
    return fail({.code = error_code::unsupported,
                 .wanted = "a file that fits the address space",
                 .found = std::to_string(file.stamp_.size) + " bytes",
                 .path = file.path_});
  const auto size = static_cast<std::size_t>(file.stamp_.size);
  if (size != 0) {
    void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.descriptor_, 0);
    if (address == MAP_FAILED) return refused("cannot map");
    file.data_ = static_cast<const std::byte*>(address);
    file.size_ = size;
  }
  return file;
}

TESSERA_INLINE result<> mapped_file::unchanged() const {
  if (descriptor_ < 0) return {};
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0)
    return fail({.code = error_code::io, .thing = "cannot tell the size", .path = path_, .system = errno});
  const file_stamp now = detail::stamp_of(status);
  if (now == stamp_) return {};
  return fail({.code = error_code::mismatch,
               .thing = "file changed while it was read",
               .wanted = std::to_string(stamp_.size) + " bytes as they were when it was opened",
               .found = now.size == stamp_.size ? "newer contents" : std::to_string(now.size) + " bytes",
               .path = path_});
}

TESSERA_INLINE result<std::shared_ptr<const std::byte>> mapped_file::part(std::span<const std::byte> of) const {
  if (of.empty() || !contains(of))
    return fail({.code = error_code::invalid_argument, .thing = "part", .wanted = "bytes of the file", .found = "others", .path = path_});
  const auto begin = static_cast<std::size_t>(of.data() - data_);
  const std::size_t before = begin % static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));  // a mapping begins with a page
  const std::size_t length = before + of.size();
  void* address = ::mmap(nullptr, length, PROT_READ, MAP_PRIVATE, descriptor_, static_cast<off_t>(begin - before));
  if (address == MAP_FAILED) return fail({.code = error_code::io, .thing = "cannot map", .path = path_, .system = errno});
  return std::shared_ptr<const std::byte>(static_cast<const std::byte*>(address) + before,
                                          [address, length](const std::byte*) { ::munmap(address, length); });
}

TESSERA_INLINE void mapped_file::close() noexcept {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace tessera::inline TESSERA_ABI
