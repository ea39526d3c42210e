// SPDX-License-Identifier: Apache-2.0
/// Definitions of io/sha256.hpp, by OpenSSL's EVP interface (processor instructions where there are some).
#pragma once

#include <tessera/io/atomic_file.hpp>
#include <tessera/io/mapped_file.hpp>
#include <tessera/io/sha256.hpp>

#include <openssl/evp.h>

#include <string>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE result<sha256_digest> sha256(std::span<const std::byte> bytes) {
  sha256_digest digest{};
  unsigned int written = 0;
  // A null address for no bytes is not promised to be read as "nothing".
  const void* data = bytes.empty() ? static_cast<const void*>(&digest) : bytes.data();
  if (EVP_Digest(data, bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), &written, EVP_sha256(),
                 nullptr) != 1 ||
      written != digest.size())
    return fail({.code = error_code::unsupported,
                 .thing = "SHA-256",
                 .wanted = "a digest of 32 bytes",
                 .found = "OpenSSL refuses"});
  return digest;
}

TESSERA_INLINE result<sha256_digest> sha256_file(std::string_view path) {
  TESSERA_TRY(const mapped_file file, mapped_file::open(path));
  TESSERA_TRY(const sha256_digest digest, sha256(file.bytes()));
  TESSERA_CHECK(file.unchanged());
  return digest;
}

TESSERA_INLINE result<sha256_digest> remembered_sha256(const mapped_file& file) {
  const std::string note = file.path() + ".sha256";
  const std::string state =
      ' ' + std::to_string(file.stamp().size) + ' ' + std::to_string(file.stamp().modified_ns) + '\n';
  if (const auto remembered = mapped_file::open(note)) {
    const std::string_view line = remembered->text();
    if (line.size() == 64 + state.size() && line.substr(64) == state)
      if (auto digest = digest_from_hex(line.substr(0, 64))) return digest;
  }
  TESSERA_TRY(const sha256_digest digest, sha256(file.bytes()));
  TESSERA_CHECK(file.unchanged());
  static_cast<void>(write_file(note, to_hex(digest) + state));  // only a memory: see the declaration
  return digest;
}

TESSERA_INLINE std::string to_hex(const sha256_digest& digest) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const std::byte byte : digest) {
    out += digits[std::to_integer<unsigned>(byte >> 4U)];
    out += digits[std::to_integer<unsigned>(byte & std::byte{15})];
  }
  return out;
}

TESSERA_INLINE result<sha256_digest> digest_from_hex(std::string_view digits) {
  const auto value = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  sha256_digest digest{};
  bool good = digits.size() == 2 * digest.size();
  for (std::size_t i = 0; good && i < digest.size(); ++i) {
    const int high = value(digits[2 * i]);
    const int low = value(digits[2 * i + 1]);
    good = high >= 0 && low >= 0;
    if (good) digest[i] = static_cast<std::byte>(high * 16 + low);
  }
  if (good) return digest;
  return fail({.code = error_code::malformed,
               .thing = "SHA-256",
               .wanted = "64 hexadecimal digits",
               .found = std::to_string(digits.size()) + " characters"});
}

}  // namespace tessera::inline TESSERA_ABI
