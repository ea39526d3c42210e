// SPDX-License-Identifier: Apache-2.0
/// Writing logs: headers, batches and the calls that bring them to the disk (store/log.hpp). Reading: store/log_read-inl.hpp.
#pragma once

#include <tessera/io/atomic_file.hpp>
#include <tessera/io/bytes.hpp>
#include <tessera/store/log.hpp>

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>

namespace tessera::inline TESSERA_ABI::detail {

static_assert(std::endian::native == std::endian::little, "tessera: stores are written on little-endian processors only");

inline constexpr std::string_view log_magic = "\x89TSL\r\n\x1a\n";
inline constexpr std::uint32_t log_version = 1;
inline constexpr std::uint32_t batch_magic = 0x48435442u;  // "BTCH"
inline constexpr std::size_t record_header_bytes = 48;

/// Where the fields of a log's header stand.
struct log_field {
  static constexpr std::size_t version = 8, header_bytes = 12, log = 16, store = 24, generation = 32, first = 40, dimension = 48,
                               stride = 56, made_by = 64, flags = 72, label = 76, precision = 80, pooling = 96, metric = 112,
                               text = 128;
};
[[nodiscard]] constexpr std::size_t log_header_bytes(std::size_t label) noexcept {
  return round_up(log_field::text + label + 8, vector_alignment);
}

template <class T>
void put_at(std::span<std::byte> out, std::size_t at, T value) noexcept {
  std::memcpy(out.data() + at, &value, sizeof value);
}

TESSERA_INLINE const file_calls& file_calls::system() noexcept {
  static constexpr file_calls calls{
      .write = [](int descriptor, const void* bytes, std::size_t count) { return ::write(descriptor, bytes, count); },
      .sync = [](int descriptor) { return ::fdatasync(descriptor); },
      .truncate = [](int descriptor, off_t size) { return ::ftruncate(descriptor, size); },
  };
  return calls;
}

TESSERA_INLINE std::size_t record_bytes(const row_change& change) noexcept {
  return round_up(record_header_bytes + change.vector.size() + change.metadata.size() + change.payload.size(), 8) + 8;
}

TESSERA_INLINE void write_batch(std::span<std::byte> out, std::span<const row_change> changes, const log_header& log,
                                std::uint64_t number, fingerprint made_by, std::uint64_t synced) noexcept {
  put_at(out, 0, batch_magic);
  put_at(out, 4, static_cast<std::uint32_t>(changes.size()));
  put_at(out, 8, std::uint64_t{out.size() - batch_header_bytes});
  put_at(out, 16, number);
  put_at(out, 24, made_by.value);
  put_at(out, 32, synced);
  put_at(out, 40, digest64(out.first(40), log.log));
  std::size_t at = batch_header_bytes;
  for (const row_change& change : changes) {
    const std::size_t size = record_bytes(change);
    const auto record = out.subspan(at, size);
    put_at(record, size - 16, std::uint64_t{0});  // what the body does not fill up; a removal's header lies over it
    put_at(record, 0, static_cast<std::uint32_t>(size));
    put_at(record, 4, static_cast<std::uint32_t>(change.kind) | (change.compressed ? 0x100u : 0u));
    put_at(record, 8, number++);
    put_at(record, 16, change.id);
    put_at(record, 24, change.norm);
    put_at(record, 28, change.scale);
    put_at(record, 32, static_cast<std::uint32_t>(change.vector.size()));
    put_at(record, 36, static_cast<std::uint32_t>(change.metadata.size()));
    put_at(record, 40, static_cast<std::uint32_t>(change.payload.size()));
    put_at(record, 44, change.whole);
    std::byte* to = record.data() + record_header_bytes;
    for (const auto part : {change.vector, change.metadata, change.payload}) {
      if (!part.empty()) std::memcpy(to, part.data(), part.size());
      to += part.size();
    }
    put_at(record, size - 8, digest64(record.first(size - 8), log.log));
    at += size;
  }
  TESSERA_ASSERT(at == out.size());
}

[[nodiscard]] inline std::string log_header_text(const log_header& header) {
  const auto& rows = header.rows;
  std::string text(log_magic);
  const auto name = [&text](std::string_view what) { (text += what).append(16 - what.size(), '\0'); };
  append_le(text, log_version);
  append_le(text, static_cast<std::uint32_t>(log_header_bytes(rows.label.size())));
  for (const std::uint64_t value : {header.log, header.store, header.generation, header.first, rows.dimension, rows.stride_bytes,
                                    rows.made_by.value})
    append_le(text, value);
  append_le(text, rows.unit_length ? 1u : 0u);
  append_le(text, static_cast<std::uint32_t>(rows.label.size()));
  name(rows.precision), name(to_string(rows.pooling)), name(rows.metric);
  text += rows.label;
  text.resize(log_header_bytes(rows.label.size()) - 8, '\0');
  append_le(text, digest64(std::as_bytes(std::span(text))));
  return text;
}

TESSERA_INLINE log_writer::~log_writer() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

TESSERA_INLINE error log_writer::refused(const char* what, int reason) const {
  return {.code = error_code::io, .thing = what, .path = path_, .system = reason};
}

TESSERA_INLINE result<> log_writer::usable() {
  const std::lock_guard lock(state_);
  if (!broken_) return {};
  return fail({.code = error_code::io, .thing = "log that failed before", .path = path_, .causes = {*broken_}});
}

TESSERA_INLINE result<std::unique_ptr<log_writer>> log_writer::create(const std::string& path, const log_header& header,
                                                                      const file_calls& calls) {
  const std::string text = log_header_text(header);
  TESSERA_CHECK(write_file(path, text));
  return reopen(path, header, text.size(), true, calls);
}

TESSERA_INLINE result<std::unique_ptr<log_writer>> log_writer::reopen(const std::string& path, const log_header& header,
                                                                      std::uint64_t size, bool durable, const file_calls& calls) {
  std::unique_ptr<log_writer> made(new log_writer(path, header, calls));
  do made->descriptor_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  while (made->descriptor_ < 0 && errno == EINTR);
  if (made->descriptor_ < 0) return fail(made->refused("cannot open", errno));
  const off_t end = ::lseek(made->descriptor_, 0, SEEK_END);
  if (end < 0) return fail(made->refused("cannot tell the size", errno));
  if (static_cast<std::uint64_t>(end) != size) {
    if (calls.truncate(made->descriptor_, static_cast<off_t>(size)) != 0) return fail(made->refused("cannot cut off", errno));
  }
  // What the last process wrote may still be in the system's hands.
  if (durable && calls.sync(made->descriptor_) != 0) return fail(made->refused("cannot write to the disk", errno));
  made->size_ = size;
  made->synced_ = durable ? size : 0;
  return made;
}

TESSERA_INLINE result<> log_writer::append(std::span<const std::byte> batches) {
  TESSERA_CHECK(usable());
  const std::uint64_t before = size_;
  for (auto left = batches; !left.empty();) {
    const ssize_t done = calls_.write(descriptor_, left.data(), left.size());
    if (done > 0) {
      left = left.subspan(static_cast<std::size_t>(done));
      continue;
    }
    if (done < 0 && errno == EINTR) continue;
    error reason = refused("cannot append", done < 0 ? errno : ENOSPC);
    // Part of a batch must not stay where the next would follow it.
    if (calls_.truncate(descriptor_, static_cast<off_t>(before)) != 0) {
      const std::lock_guard lock(state_);
      broken_ = reason;
    }
    return fail(std::move(reason));
  }
  size_ = before + batches.size();
  return {};
}

TESSERA_INLINE result<> log_writer::sync_to(std::uint64_t wanted) {
  const std::lock_guard one_at_a_time(syncing_);
  TESSERA_CHECK(usable());
  const std::uint64_t reached = size_;
  if (synced_ >= std::min(wanted, reached)) return {};
  int outcome = 0;
  do outcome = calls_.sync(descriptor_);
  while (outcome != 0 && errno == EINTR);
  if (outcome != 0) {
    error reason = refused("cannot write to the disk", errno);
    const std::lock_guard lock(state_);
    if (!broken_) broken_ = reason;
    return fail(std::move(reason));
  }
  synced_ = reached;
  return {};
}

}  // namespace tessera::inline TESSERA_ABI::detail

#include <tessera/store/log_read-inl.hpp>
