// SPDX-License-Identifier: Apache-2.0
/// Logs changed by someone who knows the checksums: what the reader must then bear for its own sake. Snapshots: tests/index/damage.hpp.
#pragma once

#include <tests/index/damage.hpp>

namespace tessera_tests {

/// Gives header, batches and records the checksums of what they now hold, as far as the sizes in them allow.
inline std::string log_with_right_checksums(std::string log) {
  const auto digest = [&](std::size_t at, std::size_t size, std::uint64_t seed) {
    return tessera::digest64(std::as_bytes(std::span(log).subspan(at, size)), seed);
  };
  if (log.size() < 192) return log;
  const std::size_t header = get<std::uint32_t>(log, 12);
  if (header < 136 || header > log.size()) return log;
  put(log, header - 8, digest(0, header - 8, 0));
  const auto seed = get<std::uint64_t>(log, 16);
  for (std::size_t at = header; at + 48 <= log.size();) {
    put(log, at + 40, digest(at, 40, seed));
    const auto body = get<std::uint64_t>(log, at + 8);
    const std::size_t end = body > log.size() - at - 48 ? log.size() : at + 48 + static_cast<std::size_t>(body);
    for (std::size_t record = at + 48; record + 56 <= end;) {
      const std::size_t size = get<std::uint32_t>(log, record);
      if (size < 56 || size > end - record) break;
      put(log, record + size - 8, digest(record, size - 8, seed));
      record += size;
    }
    at = end;
  }
  return log;
}

}  // namespace tessera_tests
