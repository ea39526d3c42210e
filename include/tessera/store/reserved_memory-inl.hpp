// SPDX-License-Identifier: Apache-2.0
/// Definitions of store/reserved_memory.hpp, with POSIX calls.
#pragma once

#include <tessera/store/reserved_memory.hpp>

#include <sys/mman.h>
#include <cerrno>
#include <algorithm>
#include <string>

namespace tessera::inline TESSERA_ABI::detail {

TESSERA_INLINE result<reserved_memory> reserved_memory::make(std::size_t bytes) {
  reserved_memory made;
  made.size_ = page_bytes(bytes);
  int flags = MAP_PRIVATE | MAP_ANONYMOUS;
#if defined(MAP_NORESERVE)
  flags |= MAP_NORESERVE;
#endif
  void* address = made.size_ == 0 ? nullptr : ::mmap(nullptr, made.size_, PROT_NONE, flags, -1, 0);
  if (address == MAP_FAILED) {
    made.size_ = 0;
    return fail({.code = error_code::out_of_memory,
                 .thing = "range of addresses",
                 .wanted = std::to_string(bytes) + " bytes",
                 .system = errno});
  }
  made.data_ = static_cast<std::byte*>(address);
  return made;
}

TESSERA_INLINE result<> reserved_memory::map(int descriptor, std::size_t bytes) {
  TESSERA_ASSERT(committed_ == 0 && bytes <= size_);
  if (bytes == 0) return {};
  // Private: a last page that the file shares with what comes behind it is made writable by `commit`, and the file never changes.
  if (::mmap(data_, bytes, PROT_READ, MAP_PRIVATE | MAP_FIXED, descriptor, 0) == MAP_FAILED)
    return fail({.code = error_code::io, .thing = "cannot map", .system = errno});
  mapped_ = committed_ = bytes / 4096 * 4096;
  return {};
}

TESSERA_INLINE result<> reserved_memory::commit(std::size_t bytes) {
  if (bytes <= committed_) return {};
  // Few calls: a quarter more than was there; pages that are not touched cost nothing.
  const std::size_t wanted = page_bytes(bytes);
  const std::size_t more = (committed_ - mapped_) / 4 + (std::size_t{1} << 16u);
  const std::size_t grown = std::min(size_, std::max(wanted, page_bytes(committed_ + more)));
  if (wanted > size_)
    return fail({.code = error_code::out_of_memory,
                 .thing = "reserved range",
                 .wanted = std::to_string(bytes) + " bytes",
                 .found = std::to_string(size_)});
  for (const std::size_t end : {grown, wanted})
    if (::mprotect(data_ + committed_, end - committed_, PROT_READ | PROT_WRITE) == 0) {
      committed_ = end;
      return {};
    }
  return fail({.code = error_code::out_of_memory,
               .thing = "allocation",
               .wanted = std::to_string(wanted - committed_) + " bytes",
               .system = errno});
}

TESSERA_INLINE void will_read(std::span<const std::byte> bytes, reading how) noexcept {
  if (bytes.empty()) return;
  const std::size_t skip = reinterpret_cast<std::uintptr_t>(bytes.data()) % 4096;
  const int advice = how == reading::in_order ? MADV_NORMAL : how == reading::soon ? MADV_WILLNEED : MADV_RANDOM;
  static_cast<void>(::madvise(const_cast<std::byte*>(bytes.data()) - skip, bytes.size() + skip, advice));  // it is advice
}

TESSERA_INLINE double share_in_memory(std::span<const std::byte> bytes) noexcept {
  constexpr std::size_t most = 64;
  const std::size_t skip = reinterpret_cast<std::uintptr_t>(bytes.data()) % 4096, pages = page_bytes(bytes.size() + skip) / 4096;
  const std::size_t count = std::min(most, pages);
  std::size_t here = 0;
  for (std::size_t i = 0; i < count; ++i) {
    unsigned char state = 1;
    std::byte* const page = const_cast<std::byte*>(bytes.data()) - skip + i * pages / count * 4096;
    if (::mincore(page, 1, &state) != 0) return 1.0;
    here += state & 1u;
  }
  return count == 0 ? 1.0 : static_cast<double>(here) / static_cast<double>(count);
}

TESSERA_INLINE void reserved_memory::release() noexcept {
  if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace tessera::inline TESSERA_ABI::detail
