// SPDX-License-Identifier: Apache-2.0
/// The append log of a store: batches of changes, each whole or not there (docs/formats.md).
///
///     header | batch | batch | ...           batch: header (48 bytes) | record | record | ...
///
/// Every header and every record ends with its own `digest64`, seeded with the number of the log, so that bytes of another log or place
/// are no record. A batch says how far the log was known to be on the disk when it was written: what is damaged before that place was
/// whole once, and is left out record by record; what is damaged behind it was perhaps never whole, and is left out batch by batch, so
/// that no part of a batch is ever seen.
#pragma once

#include <tessera/base/aligned.hpp>
#include <tessera/index/index_file.hpp>
#include <tessera/store/content.hpp>

#include <sys/types.h>
#include <atomic>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace tessera::inline TESSERA_ABI::detail {

/// The system's calls that a log makes; tests put failing ones in their place.
struct file_calls {
  ssize_t (*write)(int descriptor, const void* bytes, std::size_t count);
  int (*sync)(int descriptor);
  int (*truncate)(int descriptor, off_t size);

  [[nodiscard]] static const file_calls& system() noexcept;
};

struct log_header {
  std::uint64_t log = 0;       ///< random; seeds the digests
  std::uint64_t store = 0;     ///< random; the same in all files of a store
  std::uint64_t generation = 0;
  std::uint64_t first = 0;     ///< number of the first change, counted over the store's life
  index_description rows;
};

inline constexpr std::size_t batch_header_bytes = 48;
/// Bytes of a change in the log.
[[nodiscard]] std::size_t record_bytes(const row_change& change) noexcept;
/// Writes a batch into `out`, which has batch_header_bytes and the records' bytes.
void write_batch(std::span<std::byte> out, std::span<const row_change> changes, const log_header& log, std::uint64_t number,
                 fingerprint made_by, std::uint64_t synced) noexcept;

class log_writer {
 public:
  ~log_writer();
  log_writer(const log_writer&) = delete;
  log_writer& operator=(const log_writer&) = delete;

  /// A new log; the file and its name are on the disk when it returns. Errors: those of `atomic_file`.
  [[nodiscard]] static result<std::unique_ptr<log_writer>> create(const std::string& path, const log_header& header,
                                                                  const file_calls& calls);
  /// Appends to a log of which the first `size` bytes are good; what stands behind them is cut off. `durable`: they are on the disk when
  /// it returns. Errors: io.
  [[nodiscard]] static result<std::unique_ptr<log_writer>> reopen(const std::string& path, const log_header& header, std::uint64_t size,
                                                                  bool durable, const file_calls& calls);

  [[nodiscard]] const log_header& header() const noexcept { return header_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint64_t synced() const noexcept { return synced_; }

  /// Whole batches; one caller at a time. Errors: io (a full disk: nothing was appended, and a later call may succeed).
  [[nodiscard]] result<> append(std::span<const std::byte> batches);
  /// What was appended is on the disk; from any thread. Error: io, and from then on every call is that error: the system may have
  /// forgotten what it could not write.
  [[nodiscard]] result<> sync() { return sync_to(size_); }
  /// The first `wanted` bytes are; where another thread is bringing them there, it is waited for. Error: likewise.
  [[nodiscard]] result<> sync_to(std::uint64_t wanted);

 private:
  log_writer(std::string path, const log_header& header, const file_calls& calls)
      : path_(std::move(path)), header_(header), calls_(calls) {}
  [[nodiscard]] error refused(const char* what, int reason) const;
  [[nodiscard]] result<> usable();

  std::string path_;
  log_header header_;
  file_calls calls_;
  int descriptor_ = -1;
  std::atomic<std::uint64_t> size_{0};
  std::atomic<std::uint64_t> synced_{0};
  std::mutex syncing_;
  std::mutex state_;
  std::optional<error> broken_;
};

/// What a log held.
struct log_contents {
  log_header header;
  std::uint64_t good_bytes = 0;  ///< up to the end of the last whole batch
  std::uint64_t next = 0;        ///< number of the change that comes next
};

/// The header of a log, and its bytes. Errors: malformed, unsupported, checksum.
[[nodiscard]] result<std::pair<log_header, std::size_t>> read_log_header(std::span<const std::byte> bytes, const std::string& path);

/// In the place of the bytes of a vector: as many as each record says.
inline constexpr std::size_t any_vector_bytes = std::numeric_limits<std::size_t>::max();

/// Hands on every change of every batch that can be used, in order, and notes in `report` what cannot. A batch that was cut short at the
/// end of the last log is dropped, at the end of an earlier one damage. Errors: malformed, unsupported, checksum (the header);
/// mismatch (rows of another type); what `use` returns.
[[nodiscard]] result<log_contents> read_log(std::span<const std::byte> bytes, const std::string& path, const index_description& wanted,
                                            std::size_t vector_bytes, bool is_last, recovery_report& report,
                                            const std::function<result<>(const row_change&, fingerprint)>& use);

}  // namespace tessera::inline TESSERA_ABI::detail

#if TESSERA_HEADER_ONLY
#include <tessera/store/log-inl.hpp>
#endif
