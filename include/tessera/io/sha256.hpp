// SPDX-License-Identifier: Apache-2.0
/// SHA-256 (FIPS 180-4) of bytes and files: what an index records of the weights that made it.
///
///     TESSERA_TRY(const ts::sha256_digest digest, ts::sha256_file("model.safetensors"));
///     ts::to_hex(digest);                                // "53aa51172d142c89..."
#pragma once

#include <tessera/base/result.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

class mapped_file;

using sha256_digest = std::array<std::byte, 32>;

/// The digest of `bytes`. Error: unsupported or out_of_memory, where OpenSSL refuses (a restricted configuration).
[[nodiscard]] result<sha256_digest> sha256(std::span<const std::byte> bytes);
/// The digest of a file's contents. Errors: those of `mapped_file::open`; mismatch where the file changed meanwhile.
[[nodiscard]] result<sha256_digest> sha256_file(std::string_view path);

/// The digest of a mapped file, remembered in `PATH.sha256` with the file's size and time: the second call reads 100
/// bytes instead of the file. A directory that cannot be written costs the memory, never the answer.
[[nodiscard]] result<sha256_digest> remembered_sha256(const mapped_file& file);

/// 64 lower-case hexadecimal digits.
[[nodiscard]] std::string to_hex(const sha256_digest& digest);
/// The digest that 64 hexadecimal digits of either case spell. Error: malformed.
[[nodiscard]] result<sha256_digest> digest_from_hex(std::string_view digits);

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/io/sha256-inl.hpp>
#endif
