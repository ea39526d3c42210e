// SPDX-License-Identifier: Apache-2.0
/// A store's memory: what it holds, what still fits, and which rows go where something does not (store/engine.hpp).
///
/// What counts is what the rows take: memory and the mapped snapshot. Below the budget there is room for what background work needs
/// beside it, at most three copies of the links, so that the sum stays within the budget at every moment.
#pragma once

#include <tessera/store/compression.hpp>
#include <tessera/store/engine-inl.hpp>

#include <algorithm>

namespace tessera::inline TESSERA_ABI::detail {

TESSERA_INLINE std::size_t store_engine::held_bytes() const {
  const view rows = now();
  std::size_t bytes = sizeof(store_engine) + table_->memory_bytes() + batch_.bytes() + working_.load(std::memory_order_relaxed);
  if (rows.graph) bytes += rows.graph->memory_bytes();
  return bytes + rows.codes.bytes;
}

TESSERA_INLINE std::size_t store_engine::memory_bytes() const {
  const std::lock_guard lock(writing_);
  return held_bytes();
}

/// What must stay free for links and codes that are made beside those that are there, and for a snapshot's order of rows.
TESSERA_INLINE std::size_t store_engine::reserve_bytes(std::size_t rows) const {
  if (options_.exact) return rows * 16;
  const std::size_t links = rows * (8 * options_.graph.degree + 10) + rows / options_.graph.degree * (4 * options_.graph.degree + 4);
  const std::size_t codes = kind_.code_bytes == nullptr ? 0 : kind_.code_bytes(rows);
  return (now().graph ? 2 : 3) * links + (now().codes.of ? 2 : 3) * codes + rows * 16;
}

/// Bytes that are too many with so many rows more; 0 where they fit.
TESSERA_INLINE std::size_t store_engine::excess(std::size_t rows, std::size_t content_bytes, std::size_t batch_bytes) const {
  if (options_.budget == 0 || rows == 0) return 0;
  const std::size_t batch = batch_bytes > batch_.bytes() ? batch_bytes - batch_.bytes() : 0;
  const std::size_t wanted = held_bytes() + table_->mapped_bytes() + table_->room_bytes(rows, content_bytes) + batch +
                             reserve_bytes(table_->count() + rows);
  return wanted > options_.budget ? wanted - options_.budget : 0;
}

TESSERA_INLINE result<> store_engine::fits(std::size_t rows, std::size_t content_bytes, std::size_t batch_bytes) const {
  const std::size_t more = excess(rows, content_bytes, batch_bytes);
  if (more == 0) return {};
  return fail({.code = error_code::over_budget,
               .thing = "memory of " + std::to_string(table_->living() + rows) + " rows",
               .wanted = "at most " + std::to_string(options_.budget) + " bytes",
               .found = std::to_string(options_.budget + more)});
}

TESSERA_INLINE void store_engine::used(const view& rows, std::size_t row) noexcept {
  if (!options_.evict.counts) return;
  std::uint32_t* const about = rows.rows->usage(row);
  std::atomic_ref(about[0]).fetch_add(1, std::memory_order_relaxed);
  std::atomic_ref(about[1]).store(uses_.fetch_add(1, std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

/// Ids of the rows that are worth least.
TESSERA_INLINE std::vector<std::uint64_t> store_engine::least_worth(const view& rows, std::size_t count) const {
  struct candidate {
    double worth;
    std::uint32_t age;
    std::uint64_t id;
  };
  std::vector<candidate> all;
  const std::uint32_t clock = uses_.load(std::memory_order_relaxed);
  for (std::size_t row = 0; row < rows.count; ++row) {
    if (!rows.rows->visible(row, rows.change)) continue;
    row_usage about{.id = rows.rows->ids()[row]};
    if (options_.evict.counts) {
      std::uint32_t* const at = rows.rows->usage(row);
      about.uses = std::atomic_ref(at[0]).load(std::memory_order_relaxed);
      const std::uint32_t age = clock - std::atomic_ref(at[1]).load(std::memory_order_relaxed);
      about.age = age > 0x80000000u ? 0 : age;  // used since the clock was read
    }
    if (const auto content = rows.rows->content(row)) about.metadata = content->metadata;
    all.push_back({options_.evict.worth(about), about.age, about.id});
  }
  count = std::min(count, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end(), [](const candidate& a, const candidate& b) {
    if (a.worth != b.worth) return a.worth < b.worth || b.worth != b.worth;
    return a.age != b.age ? a.age > b.age : a.id < b.id;
  });
  std::vector<std::uint64_t> ids;
  for (std::size_t i = 0; i < count; ++i) ids.push_back(all[i].id);
  return ids;
}

/// Rows go, and what they took is given back by a snapshot without them, until there is room to spare.
TESSERA_INLINE result<> store_engine::make_space(std::size_t rows, std::size_t content_bytes, std::size_t batch_bytes) {
  constexpr std::size_t spare = 16;  // this share of the budget is made free at once, since a snapshot writes all that stays
  const std::lock_guard building(building_);
  std::size_t more = 0, a_row = 1, living = 0;
  {
    const std::lock_guard lock(writing_);
    more = excess(rows, content_bytes, batch_bytes);
    living = table_->living();
    if (living > 0) a_row = (held_bytes() + table_->mapped_bytes() + reserve_bytes(table_->count())) / table_->count() + 1;
  }
  if (more == 0) return {};  // somebody else has made it
  // Rows that are gone already may be all that is too much.
  const std::size_t gone_bytes = (now().count - living) * a_row;
  if (more + options_.budget / spare > gone_bytes && living > 0) {
    const std::size_t count = std::min(living, (more + options_.budget / spare - gone_bytes) / a_row + 1);
    for (int attempt = 0;; ++attempt) {
      const auto ids = least_worth(now(), count);
      std::vector<row_change> changes(ids.size());
      for (std::size_t i = 0; i < ids.size(); ++i) changes[i].kind = change_kind::remove, changes[i].id = ids[i];
      const auto removed = commit_once(changes, {});
      if (removed) {
        evicted_.fetch_add(ids.size(), std::memory_order_relaxed);
        notify(options_.observer, {.kind = event_kind::counter, .what = "rows evicted", .done = ids.size(), .total = living});
        break;
      }
      // Somebody has removed one of them meanwhile.
      if (removed.error().code != error_code::not_found || attempt == 8) return removed;
    }
  }
  return take_snapshot({});
}

TESSERA_INLINE result<> store_engine::commit(std::span<row_change> changes, fingerprint made_by) {
  TESSERA_CHECK(writable());
  std::vector<std::vector<std::byte>> smaller;
  if (options_.compression != 0) {
    for (row_change& change : changes) {
      if (change.payload.size() < 64 || change.payload.size() > row_content::most_payload) continue;
      TESSERA_TRY(auto bytes, compressed(change.payload, options_.compression));
      if (bytes.empty()) continue;
      smaller.push_back(std::move(bytes));
      change.payload = smaller.back();
      change.compressed = true;
    }
  }
  std::size_t rows = 0, contents = 0, batch = batch_header_bytes;
  for (const row_change& change : changes) {
    rows += change.kind != change_kind::remove ? 1u : 0u;
    contents += change.metadata.size() + change.payload.size();
    batch += record_bytes(change);
  }
  for (int attempt = 0;; ++attempt) {
    auto outcome = commit_once(changes, made_by);
    if (outcome || outcome.error().code != error_code::over_budget || !options_.evict.worth || attempt == 8) return outcome;
    TESSERA_CHECK(make_space(rows, contents, batch));
  }
}

}  // namespace tessera::inline TESSERA_ABI::detail
