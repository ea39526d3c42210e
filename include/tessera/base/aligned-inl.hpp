// SPDX-License-Identifier: Apache-2.0
/// Definitions of base/aligned.hpp.
#pragma once

#include <tessera/base/aligned.hpp>

#include <cstdint>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace tessera::inline TESSERA_ABI::detail {

TESSERA_INLINE void prefer_large_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  // Whole large pages inside the block: what stands beside it is not ours. An error means that there are none.
  constexpr std::uintptr_t page = std::uintptr_t{2} << 20;
  const auto begin = reinterpret_cast<std::uintptr_t>(memory);
  const std::uintptr_t first = (begin + page - 1) / page * page;
  const std::uintptr_t last = (begin + bytes) / page * page;
  if (first < last) ::madvise(static_cast<char*>(memory) + (first - begin), last - first, MADV_HUGEPAGE);
#endif
}

}  // namespace tessera::inline TESSERA_ABI::detail
