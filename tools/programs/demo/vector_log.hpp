// SPDX-License-Identifier: Apache-2.0
/// Vectors made so far, in a file that may be cut at any byte: opened again, it holds all records that were written whole.
///
///     head    "TSDEMO1\n", u64 model, u64 texts, u64 rows in all, u64 dimension, u64 digest of these 40 bytes
///     record  u64 rows, rows · dimension f32, u64 digest of the record so far, seeded with the digest before it
///
/// All numbers are little-endian. The chain of digests makes a record valid only in its place, so nothing is taken for a vector
/// that was not written as that one. A head of other texts or another model begins the file anew.
#pragma once

#include <tessera/base/fingerprint.hpp>
#include <tessera/io/bytes.hpp>
#include <tessera/io/mapped_file.hpp>

#include <cerrno>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace demo {

namespace ts = tessera;

struct log_identity {
  std::uint64_t model = 0;
  std::uint64_t texts = 0;
  std::uint64_t rows = 0;
  std::uint64_t dimension = 0;
};

class vector_log {
 public:
  vector_log(vector_log&& other) noexcept
      : path_(std::move(other.path_)), identity_(other.identity_), rows_(other.rows_), chain_(other.chain_),
        descriptor_(std::exchange(other.descriptor_, -1)) {}
  vector_log& operator=(vector_log&&) = delete;
  ~vector_log() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  /// The log of that identity, with what is whole in it. Errors: io.
  [[nodiscard]] static ts::result<vector_log> open(const std::string& path, const log_identity& identity) {
    vector_log made(path, identity);
    std::uint64_t valid = 0;
    if (const auto file = ts::mapped_file::open(path))
      valid = made.walk(file->bytes(), [](std::size_t, std::span<const std::byte>) {});
    made.descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (made.descriptor_ < 0) return made.refused("cannot open");
    if (::ftruncate(made.descriptor_, static_cast<off_t>(valid)) != 0) return made.refused("cannot cut");
    if (::lseek(made.descriptor_, 0, SEEK_END) < 0) return made.refused("cannot seek");
    if (valid == 0) {
      const std::string head = made.head();
      made.chain_ = digest_of(head, 0);
      TESSERA_CHECK(made.write(head));
    }
    return made;
  }

  /// Rows that are in it.
  [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }

  /// One record: `count` rows that begin `stride` floats apart. Errors: io (the record is not in it then).
  [[nodiscard]] ts::result<> append(const float* values, std::size_t count, std::size_t stride) {
    std::string record;
    record.reserve(16 + count * identity_.dimension * sizeof(float));
    ts::append_le(record, std::uint64_t{count});
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t j = 0; j < identity_.dimension; ++j) ts::append_le(record, values[i * stride + j]);
    const std::uint64_t digest = digest_of(record, chain_);
    ts::append_le(record, digest);
    TESSERA_CHECK(write(record));
    chain_ = digest;
    rows_ += count;
    return {};
  }

  /// Calls visit(row, its bytes: dimension little-endian f32) for every row. Errors: those of mapped_file::open.
  template <class Visit>
  [[nodiscard]] ts::result<> read(Visit visit) const {
    TESSERA_TRY(const auto file, ts::mapped_file::open(path_));
    vector_log reader(path_, identity_);
    static_cast<void>(reader.walk(file.bytes(), visit));
    return {};
  }

  void remove() const { ::unlink(path_.c_str()); }

 private:
  vector_log(std::string path, const log_identity& identity) : path_(std::move(path)), identity_(identity) {}

  [[nodiscard]] static std::uint64_t digest_of(std::string_view bytes, std::uint64_t seed) {
    return ts::digest64(std::as_bytes(std::span(bytes)), seed);
  }

  [[nodiscard]] std::string head() const {
    std::string head = "TSDEMO1\n";
    for (const std::uint64_t number : {identity_.model, identity_.texts, identity_.rows, identity_.dimension})
      ts::append_le(head, number);
    ts::append_le(head, digest_of(head, 0));
    return head;
  }

  /// Visits the rows of all whole records and returns the bytes up to the end of the last; 0 where the head is another.
  template <class Visit>
  std::uint64_t walk(std::span<const std::byte> bytes, Visit visit) {
    const std::string wanted = head();
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (!text.starts_with(wanted)) return 0;
    chain_ = digest_of(wanted, 0);
    std::uint64_t at = wanted.size();
    const std::uint64_t row_bytes = identity_.dimension * sizeof(float);
    while (true) {
      const auto count = ts::read_le<std::uint64_t>(bytes, at);
      if (!count || *count == 0 || *count > identity_.rows - rows_) return at;
      const std::uint64_t size = 8 + *count * row_bytes;
      const auto stored = ts::read_le<std::uint64_t>(bytes, at + size);
      if (!stored || *stored != ts::digest64(bytes.subspan(at, size), chain_)) return at;
      for (std::uint64_t i = 0; i < *count; ++i) visit(rows_ + i, bytes.subspan(at + 8 + i * row_bytes, row_bytes));
      chain_ = *stored;
      rows_ += *count;
      at += size + 8;
    }
  }

  [[nodiscard]] ts::result<> write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return refused("cannot write");
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
  }

  [[nodiscard]] std::unexpected<ts::error> refused(const char* what) const {
    return ts::fail({.code = ts::error_code::io, .thing = what, .path = path_, .system = errno});
  }

  std::string path_;
  log_identity identity_;
  std::uint64_t rows_ = 0;
  std::uint64_t chain_ = 0;
  int descriptor_ = -1;
};

}  // namespace demo
