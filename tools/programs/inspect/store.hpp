// SPDX-License-Identifier: Apache-2.0
/// What a store's directory holds, and each of its files (docs/formats.md). Nothing is changed, and no type has to be known.
#pragma once

#include <tessera/store/log.hpp>
#include <tessera/store/row_table.hpp>
#include <tools/programs/inspect/files.hpp>

#include <filesystem>
#include <set>
#include <unordered_set>

namespace programs {

[[nodiscard]] inline bool is_store_file(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  const auto is = [&](std::string_view prefix) {
    return name.starts_with(prefix) && name.size() == prefix.size() + 16 && name.find_first_not_of("0123456789abcdef", prefix.size()) == name.npos;
  };
  return is("log-") || is("snapshot-");
}

[[nodiscard]] inline bool is_store(const std::filesystem::path& path) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(path, ignored))
    if (is_store_file(entry.path())) return true;
  return false;
}

/// Ids that are there after the changes of a log; `ids` may be null.
inline ts::result<> inspect_log(const std::string& path, report& into, std::unordered_set<std::uint64_t>* ids = nullptr, bool is_last = true) {
  TESSERA_TRY(const ts::mapped_file file, ts::mapped_file::open(path));
  TESSERA_TRY(const auto header, ts::detail::read_log_header(file.bytes(), path));
  const ts::detail::log_header& about = header.first;
  ts::recovery_report found;
  std::uint64_t added = 0, updated = 0, removed = 0, contents = 0;
  const auto count = [&](const ts::detail::row_change& change, ts::fingerprint) -> ts::result<> {
    using kind = ts::detail::change_kind;
    (change.kind == kind::add ? added : change.kind == kind::update ? updated : removed) += 1;
    contents += change.metadata.size() + change.payload.size();
    if (ids != nullptr && change.kind == kind::remove) ids->erase(change.id);
    else if (ids != nullptr) ids->insert(change.id);
    return {};
  };
  TESSERA_CHECK(ts::detail::read_log(file.bytes(), path, about.rows, ts::detail::any_vector_bytes, is_last, found, count));
  into.fact("log", printable(path) + ", " + bytes_text(file.size()) + ", generation " + grouped(about.generation));
  if (ids == nullptr) report_rows(about.rows, into);
  into.fact("changes", grouped(found.changes) + " in " + count_of(found.batches, "whole batch", "whole batches") + ": " + grouped(added) +
                           " added, " + grouped(updated) + " updated, " + grouped(removed) + " removed; the next is number " +
                           grouped(about.first + found.changes));
  into.fact("contents", bytes_text(contents));
  if (found.bytes_dropped > 0)
    into.fact("cut short", bytes_text(found.bytes_dropped) + " of a batch from byte " + grouped(found.dropped_at) + ", which opening cuts off");
  if (found.damaged.empty()) return {};
  const ts::damage& first = found.damaged.front();
  return ts::fail({.code = ts::error_code::checksum,
                   .thing = count_of(found.damaged.size(), "damaged place") + ", first " + first.what,
                   .wanted = "what was written",
                   .found = count_of(first.bytes, "other byte"),
                   .path = first.path,
                   .offset = first.offset});
}

/// The snapshot's own section, behind what every index file says.
inline ts::result<> inspect_store_section(const ts::index_file& file, report& into) {
  TESSERA_TRY(const auto bytes, file.section("store"));
  ts::detail::snapshot_numbers numbers;
  if (bytes.size() != sizeof numbers) return ts::fail({.code = ts::error_code::malformed, .thing = "section store"});
  std::memcpy(&numbers, bytes.data(), sizeof numbers);
  TESSERA_TRY(const auto contents, file.section("contents"));
  into.fact("store", "generation " + grouped(numbers.generation) + ", the next change is number " + grouped(numbers.next));
  into.fact("contents", bytes_text(contents.size()));
  return {};
}

inline ts::result<> inspect_store(const std::string& path, report& into) {
  std::set<std::string> logs, snapshots;
  for (const auto& entry : std::filesystem::directory_iterator(path))
    if (is_store_file(entry.path())) (entry.path().filename().string().starts_with("log-") ? logs : snapshots).insert(entry.path().string());
  into.fact("store", printable(path) + ", " + count_of(snapshots.size(), "snapshot") + ", " + count_of(logs.size(), "log"));
  std::unordered_set<std::uint64_t> ids;
  std::string generation;
  if (!snapshots.empty()) {
    const std::string& newest = *snapshots.rbegin();
    TESSERA_CHECK(inspect_index(newest, into));
    TESSERA_TRY(const ts::mapped_file file, ts::mapped_file::open(newest));
    TESSERA_TRY(const ts::index_file index, ts::index_file::view(file.bytes(), newest));
    TESSERA_CHECK(inspect_store_section(index, into));
    TESSERA_TRY(const auto living, index.values<std::uint64_t>("ids"));
    ids.insert(living.begin(), living.end());
    generation = newest.substr(newest.size() - 16);
  } else if (!logs.empty()) {
    TESSERA_TRY(const ts::mapped_file file, ts::mapped_file::open(*logs.begin()));
    TESSERA_TRY(const auto header, ts::detail::read_log_header(file.bytes(), *logs.begin()));
    report_rows(header.first.rows, into);
  }
  for (const std::string& log : logs)
    if (log.substr(log.size() - 16) >= generation) TESSERA_CHECK(inspect_log(log, into, &ids, log == *logs.rbegin()));
  into.fact("rows in all", grouped(ids.size()));
  return {};
}

}  // namespace programs
