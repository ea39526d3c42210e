// SPDX-License-Identifier: Apache-2.0
/// Reading logs: what of their batches can be used (store/log.hpp).
#pragma once

#include <tessera/io/quoted.hpp>
#include <tessera/store/log-inl.hpp>

#include <algorithm>

namespace tessera::inline TESSERA_ABI::detail {

template <class T>
[[nodiscard]] T get_at(std::span<const std::byte> bytes, std::size_t at) noexcept {
  return load<std::endian::little, T>(bytes.data() + at);
}

TESSERA_INLINE result<std::pair<log_header, std::size_t>> read_log_header(std::span<const std::byte> bytes, const std::string& path) {
  using field = log_field;
  const auto wrong = [&](error_code code, const char* thing, std::string wanted, std::string found, std::size_t at) {
    return fail({.code = code, .thing = thing, .wanted = std::move(wanted), .found = std::move(found), .path = path, .offset = at});
  };
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(log_magic))
    return wrong(error_code::malformed, "", "a store's log (\"\\x89TSL\" first)", tessera::quoted(text.substr(0, 8)), 0);
  if (bytes.size() < field::text) return wrong(error_code::malformed, "header", "128 bytes and more", "the end", bytes.size());
  if (const auto version = get_at<std::uint32_t>(bytes, field::version); version != log_version)
    return wrong(error_code::unsupported, "format version", std::to_string(log_version), std::to_string(version), field::version);
  const auto label = get_at<std::uint32_t>(bytes, field::label);
  if (label > index_file::longest_label)
    return wrong(error_code::malformed, "name of the space", "at most 4096 bytes", std::to_string(label), field::label);
  const std::size_t size = get_at<std::uint32_t>(bytes, field::header_bytes);
  if (size != log_header_bytes(label) || size > bytes.size())
    return wrong(error_code::malformed, "header", std::to_string(log_header_bytes(label)) + " bytes", std::to_string(size),
                 field::header_bytes);
  if (get_at<std::uint64_t>(bytes, size - 8) != digest64(bytes.first(size - 8)))
    return wrong(error_code::checksum, "header", "its checksum", "another", size - 8);
  const auto name = [&](std::size_t at) { return std::string(text.substr(at, 16).substr(0, text.substr(at, 16).find('\0'))); };
  const auto mode = pooling_from_name(name(field::pooling));
  if (!mode) return wrong(error_code::unsupported, "pooling", "a known one", tessera::quoted(name(field::pooling)), field::pooling);
  log_header made{.log = get_at<std::uint64_t>(bytes, field::log),
                  .store = get_at<std::uint64_t>(bytes, field::store),
                  .generation = get_at<std::uint64_t>(bytes, field::generation),
                  .first = get_at<std::uint64_t>(bytes, field::first),
                  .rows = {.kind = "store",
                           .precision = name(field::precision),
                           .metric = name(field::metric),
                           .pooling = *mode,
                           .label = std::string(text.substr(field::text, label)),
                           .unit_length = get_at<std::uint32_t>(bytes, field::flags) != 0,
                           .dimension = get_at<std::uint64_t>(bytes, field::dimension),
                           .stride_bytes = get_at<std::uint64_t>(bytes, field::stride),
                           .made_by = {get_at<std::uint64_t>(bytes, field::made_by)}}};
  return std::pair(std::move(made), size);
}

/// The record that begins at `at`, where it is whole and inside `bytes`.
[[nodiscard]] inline std::optional<std::pair<row_change, std::uint64_t>> read_record(std::span<const std::byte> bytes, std::size_t at,
                                                                                     std::uint64_t seed) noexcept {
  if (bytes.size() - at < record_header_bytes + 8) return std::nullopt;
  const auto record = bytes.subspan(at);
  const std::size_t size = get_at<std::uint32_t>(record, 0);
  const auto kind = get_at<std::uint8_t>(record, 4);
  const std::size_t vector = get_at<std::uint32_t>(record, 32);
  const std::size_t metadata = get_at<std::uint32_t>(record, 36);
  const std::size_t payload = get_at<std::uint32_t>(record, 40);
  // Sizes are looked at before the digest, so that a search through other bytes hardly ever computes one.
  if (size > record.size() || kind < 1 || kind > 3 || size != round_up(record_header_bytes + vector + metadata + payload, 8) + 8)
    return std::nullopt;
  if (get_at<std::uint64_t>(record, size - 8) != digest64(record.first(size - 8), seed)) return std::nullopt;
  const auto body = record.subspan(record_header_bytes);
  return std::pair(row_change{.kind = static_cast<change_kind>(kind),
                              .compressed = get_at<std::uint8_t>(record, 5) != 0,
                              .id = get_at<std::uint64_t>(record, 16),
                              .norm = get_at<float>(record, 24),
                              .scale = get_at<float>(record, 28),
                              .vector = body.first(vector),
                              .metadata = body.subspan(vector, metadata),
                              .payload = body.subspan(vector + metadata, payload),
                              .whole = get_at<std::uint32_t>(record, 44)},
                   get_at<std::uint64_t>(record, 8));
}

/// A batch whose header is whole.
struct found_batch {
  std::size_t at = 0, end = 0;  ///< the end may lie behind the file's
  std::uint32_t records = 0;
  std::uint64_t number = 0;
  fingerprint made_by;
  std::uint64_t synced = 0;
};

[[nodiscard]] inline std::optional<found_batch> read_batch(std::span<const std::byte> bytes, std::size_t at, std::uint64_t seed) noexcept {
  if (bytes.size() - at < batch_header_bytes) return std::nullopt;
  const auto header = bytes.subspan(at, batch_header_bytes);
  if (get_at<std::uint32_t>(header, 0) != batch_magic || get_at<std::uint64_t>(header, 40) != digest64(header.first(40), seed))
    return std::nullopt;
  const auto body = get_at<std::uint64_t>(header, 8);
  if (body > (std::uint64_t{1} << 62u) || body % 8 != 0) return std::nullopt;
  return found_batch{.at = at,
                     .end = at + batch_header_bytes + body,
                     .records = get_at<std::uint32_t>(header, 4),
                     .number = get_at<std::uint64_t>(header, 16),
                     .made_by = {get_at<std::uint64_t>(header, 24)},
                     .synced = get_at<std::uint64_t>(header, 32)};
}

/// All batches whose header is whole, in order of their numbers.
[[nodiscard]] inline std::vector<found_batch> find_batches(std::span<const std::byte> bytes, std::size_t from, const log_header& log) {
  std::vector<found_batch> found;
  std::uint64_t next = log.first;
  for (std::size_t at = from; at + batch_header_bytes <= bytes.size();) {
    const auto batch = read_batch(bytes, at, log.log);
    // A payload may hold bytes of an earlier batch: its number gives it away.
    if (!batch || batch->number < next) {
      at += 8;
      continue;
    }
    found.push_back(*batch);
    next = batch->number + batch->records;
    if (batch->end > bytes.size()) break;
    at = batch->end;
  }
  return found;
}

TESSERA_INLINE result<log_contents> read_log(std::span<const std::byte> bytes, const std::string& path, const index_description& wanted,
                                             std::size_t vector_bytes, bool is_last, recovery_report& report,
                                             const std::function<result<>(const row_change&, fingerprint)>& use) {
  TESSERA_TRY(const auto header, read_log_header(bytes, path));
  log_contents made{.header = header.first, .good_bytes = header.second, .next = header.first.first};
  if (auto different = differences(wanted, made.header.rows, {}); !different.empty())
    return fail({.code = error_code::mismatch, .thing = "not a log of this type of store", .path = path, .causes = std::move(different)});
  const std::uint64_t seed = made.header.log;
  const auto batches = find_batches(bytes, header.second, made.header);
  std::uint64_t synced = header.second;
  for (const found_batch& batch : batches) synced = std::max(synced, batch.synced);
  const auto note = [&](std::size_t from, std::size_t to, std::string what) {
    report.damaged.push_back({path, from, to - from, std::move(what)});
  };

  std::vector<std::pair<row_change, std::uint64_t>> records;
  std::vector<std::pair<std::size_t, std::size_t>> holes;
  std::size_t at = header.second;
  for (std::size_t i = 0; i < batches.size(); ++i) {
    const found_batch& batch = batches[i];
    if (batch.at != at) note(at, batch.at, "batches");
    records.clear(), holes.clear();
    const std::size_t end = std::min(batch.end, bytes.size());
    const auto inside = bytes.first(end);
    for (std::size_t to = batch.at + batch_header_bytes; to < end;) {
      const auto record = read_record(inside, to, seed);
      const bool fits = record && record->second >= batch.number && record->second - batch.number < batch.records &&
                        (records.empty() || record->second > records.back().second) &&
                        (vector_bytes == any_vector_bytes ||
                         record->first.vector.size() == (record->first.kind == change_kind::remove ? 0 : vector_bytes));
      if (fits) {
        records.push_back(*record);
        to += record_bytes(record->first);
        continue;
      }
      if (holes.empty() || holes.back().second != to) holes.emplace_back(to, to);
      holes.back().second = to += 8;
    }
    const bool whole = batch.end <= bytes.size() && holes.empty() && records.size() == batch.records;
    const bool was_whole = batch.end <= synced;
    if (!whole && !was_whole) {
      if (is_last && i + 1 == batches.size()) {
        report.bytes_dropped = bytes.size() - batch.at;
        report.dropped_at = batch.at;
        return made;
      }
      note(batch.at, end, "batch");
    } else {
      for (const auto& [from, to] : holes) note(from, std::min(to, end), "record");
      if (batch.end > bytes.size()) note(bytes.size(), bytes.size(), "end of a batch");
      for (const auto& record : records) {
        TESSERA_CHECK(use(record.first, batch.made_by));
        ++report.changes;
      }
      report.batches += whole ? 1 : 0;
    }
    at = end;
    made.good_bytes = end;
    made.next = batch.number + batch.records;
  }
  if (at < bytes.size()) {
    // Behind the last batch there is nothing that was ever acknowledged, unless the log was known to reach further.
    if (!is_last || synced > at) {
      note(at, bytes.size(), "batches");
      made.good_bytes = round_up(bytes.size(), 8);
    } else {
      report.bytes_dropped = bytes.size() - at;
      report.dropped_at = at;
    }
  }
  return made;
}

}  // namespace tessera::inline TESSERA_ABI::detail
