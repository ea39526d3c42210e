// SPDX-License-Identifier: Apache-2.0
/// Writing to a store: calls that wait together are written together (store/engine.hpp).
#pragma once

#include <tessera/index/rules.hpp>
#include <tessera/store/engine-inl.hpp>

#include <algorithm>
#include <chrono>
#include <unordered_set>

namespace tessera::inline TESSERA_ABI::detail {

TESSERA_INLINE result<> store_engine::commit_once(std::span<row_change> changes, fingerprint made_by) {
  if (changes.empty()) return {};
  waiting mine{.changes = changes, .made_by = kind_.anonymous ? fingerprint{} : made_by};
  std::unique_lock lock(queue_);
  waiting_.push_back(&mine);
  turn_.wait(lock, [&] { return mine.done || !leading_; });
  if (mine.done) return std::move(mine.outcome);
  leading_ = true;
  std::vector<waiting*> group;
  while (!mine.done) {
    group.assign(waiting_.begin(), waiting_.end());
    lock.unlock();
    std::size_t taken = 0;
    run(group, taken);
    lock.lock();
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(taken));
    for (std::size_t i = 0; i < taken; ++i) group[i]->done = true;
    turn_.notify_all();
  }
  leading_ = false;
  turn_.notify_all();
  return std::move(mine.outcome);
}

/// Writes the first of the group, as many as do not depend on each other.
TESSERA_INLINE void store_engine::run(std::vector<waiting*>& group, std::size_t& taken) {
  constexpr std::size_t most_changes = 65536;
  const std::lock_guard lock(writing_);
  std::vector<waiting*> accepted;
  std::unordered_set<std::uint64_t> touched;
  std::size_t changes = 0;
  for (; taken < group.size(); ++taken) {
    waiting& one = *group[taken];
    if (changes > 0) {
      const bool depends = std::ranges::any_of(one.changes, [&](const row_change& change) { return touched.contains(change.id); });
      if (depends || changes + one.changes.size() > most_changes) break;
    }
    one.outcome = check(one);
    if (!one.outcome) continue;
    accepted.push_back(&one);
    changes += one.changes.size();
    if (group.size() > 1)
      for (const row_change& change : one.changes) touched.insert(change.id);
    if (!made_by_ && one.made_by) {
      ++taken;
      break;
    }
  }
  if (accepted.empty()) return;
  if (const auto written = write(accepted); !written) {
    for (waiting* one : accepted) one->outcome = written;
    return;
  }
  apply(accepted);
}

TESSERA_INLINE result<> store_engine::check(waiting& one) const {
  if (made_by_ && one.made_by && made_by_ != one.made_by)
    return fail({.code = error_code::mismatch,
                 .thing = "row of " + kind_.what.label,
                 .wanted = "the model with fingerprint " + hex_text(made_by_.value, 16),
                 .found = hex_text(one.made_by.value, 16)});
  // Ids that rise stand once each; others are looked up among those before.
  const auto falls = [](const row_change& a, const row_change& b) { return a.id >= b.id; };
  const bool rise = std::adjacent_find(one.changes.begin(), one.changes.end(), falls) == one.changes.end();
  std::unordered_set<std::uint64_t> ids;
  for (row_change& change : one.changes) {
    const auto row = table_->find(change.id);
    const bool twice = !rise && !ids.insert(change.id).second;
    if (twice || (row && change.kind == change_kind::add))
      return no_new_id(change.id, "one that is taken");
    if (!row && change.kind != change_kind::add)
      return fail({.code = error_code::not_found,
                   .thing = "id " + std::to_string(change.id),
                   .wanted = "one of the " + std::to_string(table_->living()) + " ids in the store"});
    if (change.payload.size() > row_content::most_payload || change.metadata.size() > row_content::most_metadata)
      return fail({.code = error_code::too_long,
                   .thing = "content of id " + std::to_string(change.id),
                   .wanted = "at most 2^30 bytes of payload and 2^20 of metadata",
                   .found = std::to_string(change.payload.size()) + " and " + std::to_string(change.metadata.size())});
    if (!change.keeps_content) continue;
    TESSERA_TRY(const auto kept, table_->content(*row));
    change.metadata = kept.metadata, change.payload = kept.payload, change.whole = kept.whole, change.compressed = kept.compressed;
  }
  return {};
}

/// Memory first, so that nothing can fail between the log and the table.
TESSERA_INLINE result<> store_engine::write(std::span<waiting* const> accepted) {
  std::size_t bytes = 0, rows = 0, contents = 0;
  for (const waiting* one : accepted) {
    bytes += batch_header_bytes;
    for (const row_change& change : one->changes) {
      bytes += record_bytes(change);
      rows += change.kind != change_kind::remove ? 1u : 0u;
      contents += change.metadata.size() + change.payload.size();
    }
  }
  TESSERA_CHECK(fits(rows, contents, bytes));
  TESSERA_CHECK(table_->make_room(rows, contents));
  if (change_ == std::numeric_limits<std::uint32_t>::max())
    return fail({.code = error_code::overloaded, .thing = "changes since the last snapshot", .wanted = "fewer than 2^32"});
  if (batch_.size() < bytes || (batch_.size() > (std::size_t{64} << 20u) && bytes < batch_.size() / 8)) {
    TESSERA_TRY(batch_, aligned_buffer<std::byte>::make(bytes));
  }
  const auto all = batch_.span().first(bytes);
  std::size_t at = 0;
  std::uint64_t number = number_;
  for (const waiting* one : accepted) {
    std::size_t size = batch_header_bytes;
    for (const row_change& change : one->changes) size += record_bytes(change);
    write_batch(all.subspan(at, size), one->changes, log_->header(), number, one->made_by ? one->made_by : made_by_, log_->synced());
    number += one->changes.size();
    at += size;
  }
  TESSERA_CHECK(log_->append(all));
  switch (options_.sync.when) {
    case sync_policy::kind::none: return {};
    case sync_policy::kind::each: return log_->sync();
    // The flusher has begun when half of it was waiting (`apply`), and this only waits where the disk is slower than the writer.
    case sync_policy::kind::batched: break;
  }
  const std::uint64_t size = log_->size();
  return size - log_->synced() < options_.sync.bytes ? result<>{} : log_->sync_to(size - options_.sync.bytes + 1);
}

TESSERA_INLINE void store_engine::apply(std::span<waiting* const> accepted) noexcept {
  ++change_;
  for (const waiting* one : accepted) {
    if (!made_by_) made_by_ = one->made_by;
    for (const row_change& change : one->changes) {
      if (change.kind != change_kind::add)
        if (const auto row = table_->find(change.id)) table_->kill(*row, change_);
      if (change.kind == change_kind::remove) continue;
      const std::size_t row = table_->append(change);
      if (options_.evict.counts) table_->usage(row)[1] = uses_.load(std::memory_order_relaxed);
    }
    number_ += one->changes.size();
  }
  publish();
  const bool due = index_is_due() || snapshot_is_due(), batched = options_.sync.when == sync_policy::kind::batched;
  if (!due && !batched) return;
  const bool many = batched && log_->size() - log_->synced() >= options_.sync.bytes / 2;
  const std::lock_guard lock(wake_);
  // Nobody is woken twice for the same.
  const bool told = (work_ || !due) && (dirty_ || !batched) && (urgent_ || !many);
  work_ = work_ || due, dirty_ = dirty_ || batched, urgent_ = urgent_ || many;
  if (!told) woken_.notify_all();
}

TESSERA_INLINE void store_engine::publish() noexcept {
  const std::lock_guard lock(published_);
  publish_locked();
}

TESSERA_INLINE void store_engine::publish_locked() noexcept {
  view_.rows = table_;
  view_.count = table_->count();
  view_.change = change_;
  view_.number = number_;
  view_.made_by = made_by_;
  living_ = table_->living();
}

TESSERA_INLINE result<> store_engine::sync() {
  TESSERA_CHECK(writable());
  std::shared_ptr<log_writer> log;
  {
    const std::lock_guard lock(published_);
    log = log_;
  }
  return log->sync();
}

TESSERA_INLINE void store_engine::flush_in_time(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(wake_);
      if (!woken_.wait(lock, stop, [this] { return dirty_; })) return;
      woken_.wait_for(lock, stop, std::chrono::milliseconds(options_.sync.milliseconds), [this] { return urgent_; });
      dirty_ = urgent_ = false;
    }
    note_background(sync());
  }
}

TESSERA_INLINE std::uint64_t store_engine::log_bytes() const {
  const std::lock_guard lock(published_);
  return older_logs_ + (log_ ? log_->size() : 0);
}

}  // namespace tessera::inline TESSERA_ABI::detail
