// SPDX-License-Identifier: Apache-2.0
/// Definitions of store/compression.hpp.
#pragma once

#include <tessera/store/compression.hpp>

#if defined(TESSERA_ZSTD)
#include <zstd.h>
#endif

namespace tessera::inline TESSERA_ABI {

namespace detail {

[[nodiscard]] inline std::unexpected<error> no_zstd(const char* what) {
  return fail({.code = error_code::unsupported, .thing = what, .wanted = "a build with zstd (TESSERA_ZSTD)", .found = "one without"});
}

}  // namespace detail

#if defined(TESSERA_ZSTD)
TESSERA_INLINE bool can_compress() noexcept { return true; }

TESSERA_INLINE result<std::vector<std::byte>> compressed(std::span<const std::byte> bytes, int level) {
  std::vector<std::byte> made(bytes.size());
  const std::size_t size = ZSTD_compress(made.data(), made.size(), bytes.data(), bytes.size(), level);
  // An error is, all but lack of memory, that it does not fit: then it stays as it is.
  made.resize(ZSTD_isError(size) != 0 ? 0 : size);
  made.shrink_to_fit();
  return made;
}

TESSERA_INLINE result<std::vector<std::byte>> decompressed(std::span<const std::byte> bytes, std::size_t size) {
  // The frame says its size too: nothing is allocated that it does not bear out.
  if (ZSTD_getFrameContentSize(bytes.data(), bytes.size()) != size)
    return fail({.code = error_code::malformed, .thing = "compressed payload", .wanted = std::to_string(size) + " bytes"});
  std::vector<std::byte> made(size);
  const std::size_t written = ZSTD_decompress(made.data(), made.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(written) != 0 || written != size)
    return fail({.code = error_code::malformed, .thing = "compressed payload", .wanted = std::to_string(size) + " bytes"});
  return made;
}
#else
TESSERA_INLINE bool can_compress() noexcept { return false; }
TESSERA_INLINE result<std::vector<std::byte>> compressed(std::span<const std::byte>, int) { return detail::no_zstd("compression"); }
TESSERA_INLINE result<std::vector<std::byte>> decompressed(std::span<const std::byte>, std::size_t) {
  return detail::no_zstd("compressed payload");
}
#endif

}  // namespace tessera::inline TESSERA_ABI
