// SPDX-License-Identifier: Apache-2.0
/// What a store keeps beside a vector: a payload and metadata, both bytes whose meaning is the caller's.
///
///     store.add(1, row, ts::row_content::text("buy milk"));
///     store.add(2, row, {.payload = document, .metadata = std::as_bytes(std::span(&tags, 1))});
///
/// Metadata is small and always at hand, for filters. The payload is what a hit stands for, and may be compressed.
#pragma once

#include <tessera/base/result.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// Borrowed: what a row is given.
struct row_content {
  std::span<const std::byte> payload = {};
  std::span<const std::byte> metadata = {};

  static constexpr std::size_t most_payload = std::size_t{1} << 30u;   ///< bytes
  static constexpr std::size_t most_metadata = std::size_t{1} << 20u;  ///< bytes

  [[nodiscard]] static row_content text(std::string_view payload, std::string_view metadata = {}) noexcept {
    return {std::as_bytes(std::span(payload)), std::as_bytes(std::span(metadata))};
  }
};

/// Owned: what a row gives back.
struct kept_content {
  std::vector<std::byte> payload;
  std::vector<std::byte> metadata;

  [[nodiscard]] std::string_view payload_text() const noexcept {
    return {reinterpret_cast<const char*>(payload.data()), payload.size()};
  }
  [[nodiscard]] std::string_view metadata_text() const noexcept {
    return {reinterpret_cast<const char*>(metadata.data()), metadata.size()};
  }
};

namespace detail {

enum class change_kind : std::uint8_t { add = 1, update = 2, remove = 3 };

/// One change as a log holds it; borrows its bytes. A removal has an id only.
struct row_change {
  change_kind kind = change_kind::add;
  bool compressed = false;  ///< the payload, which is `whole` bytes when it is not
  std::uint64_t id = 0;
  float norm = 0.0f, scale = 0.0f;
  std::span<const std::byte> vector = {};
  std::span<const std::byte> metadata = {};
  std::span<const std::byte> payload = {};
  std::uint32_t whole = 0;
  bool keeps_content = false;  ///< an update that leaves payload and metadata as they are; a log holds them all the same
};

}  // namespace detail

/// When what was written is made to survive a failure of the machine; a killed process loses nothing under any of them.
struct sync_policy {
  enum class kind : std::uint8_t { each, batched, none };
  kind when = kind::each;
  std::uint32_t milliseconds = 100;              ///< batched: at most so long after a write
  std::uint64_t bytes = std::uint64_t{8} << 20u;  ///< batched: or as soon as so many are waiting

  /// Before a call returns. Calls that wait at the same time share one sync.
  [[nodiscard]] static sync_policy each_write() noexcept { return {}; }
  [[nodiscard]] static sync_policy batched(std::uint32_t milliseconds = 100, std::uint64_t bytes = std::uint64_t{8} << 20u) noexcept {
    return {kind::batched, milliseconds, bytes};
  }
  /// When the system likes, or `sync()` is called.
  [[nodiscard]] static sync_policy none() noexcept { return {kind::none}; }
};

/// Bytes of a store's file that are not what was written.
struct damage {
  std::string path;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::string what;  ///< "record", "batch", "row 17", "index"
};

/// What opening a store found.
struct recovery_report {
  std::uint64_t snapshot_rows = 0;
  std::uint64_t logs = 0;
  std::uint64_t batches = 0;        ///< whole ones in the logs
  std::uint64_t changes = 0;        ///< in them
  std::uint64_t bytes_dropped = 0;  ///< of a batch that was being written when the writer ended, and was not acknowledged
  std::uint64_t dropped_at = 0;     ///< where in the last log it began
  std::vector<damage> damaged;      ///< left out; the rest is there

  [[nodiscard]] bool clean() const noexcept { return bytes_dropped == 0 && damaged.empty(); }
};

}  // namespace tessera::inline TESSERA_ABI
