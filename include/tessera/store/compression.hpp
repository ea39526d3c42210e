// SPDX-License-Identifier: Apache-2.0
/// Payloads made smaller, by zstd where the library was built with it (TESSERA_ZSTD, which CMake sets where it finds zstd).
///
///     if (!ts::can_compress()) ...                                        // store_options::compression would be error `unsupported`
///     TESSERA_TRY(const auto small, ts::compressed(bytes, 3));            // empty where it would not be smaller
///     TESSERA_TRY(const auto whole, ts::decompressed(small, bytes.size()));
#pragma once

#include <tessera/base/result.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI {

[[nodiscard]] bool can_compress() noexcept;
/// Errors: unsupported (built without zstd), out_of_memory.
[[nodiscard]] result<std::vector<std::byte>> compressed(std::span<const std::byte> bytes, int level);
/// What became of `size` bytes. Errors: unsupported, malformed.
[[nodiscard]] result<std::vector<std::byte>> decompressed(std::span<const std::byte> bytes, std::size_t size);

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/store/compression-inl.hpp>
#endif
