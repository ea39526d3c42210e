// SPDX-License-Identifier: Apache-2.0
/// Index files changed by someone who knows the checksums: what the reader must then refuse for its own sake.
#pragma once

#include <tessera/base/fingerprint.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

namespace tessera_tests {

template <class T>
void put(std::string& file, std::size_t at, T value) {
  std::memcpy(file.data() + at, &value, sizeof value);
}
template <class T>
T get(const std::string& file, std::size_t at) {
  T value;
  std::memcpy(&value, file.data() + at, sizeof value);
  return value;
}

/// Gives header, directory and blocks the checksums of what they now hold, as far as the sizes in the header allow.
inline std::string with_right_checksums(std::string file) {
  const auto digest = [&](std::size_t at, std::size_t size) {
    return tessera::digest64(std::as_bytes(std::span(file).subspan(at, size)));
  };
  if (file.size() < 192) return file;  // a header with one section
  const std::size_t header = get<std::uint32_t>(file, 12);
  if (header < 176 || header > file.size()) return file;
  const auto first = get<std::uint32_t>(file, 168) == 0 ? header : get<std::uint64_t>(file, 184);
  const std::size_t block = get<std::uint32_t>(file, 92) == 4096 ? 4096 : 16384;
  if (first >= header && first <= file.size()) {
    for (std::size_t at = first, entry = header; at < file.size() && entry + 8 <= first; at += block, entry += 8)
      put(file, entry, digest(at, std::min(block, file.size() - at)));
    put(file, 160, digest(header, first - header));
  }
  put(file, header - 8, digest(0, header - 8));
  return file;
}

}  // namespace tessera_tests
