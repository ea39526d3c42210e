// SPDX-License-Identifier: Apache-2.0
/// A store's background work: linking new rows, writing snapshots (store/engine.hpp).
#pragma once

#include <tessera/store/engine-inl.hpp>
#include <tessera/store/snapshot-inl.hpp>

namespace tessera::inline TESSERA_ABI::detail {

/// Rows that are scored one by one until they are linked: at least so many, and this share of all.
inline constexpr std::size_t unlinked_rows = 1024, unlinked_share = 256;
/// This share of gone rows is taken out by a snapshot.
inline constexpr std::size_t gone_share = 4;

[[nodiscard]] inline std::size_t linked_rows(const store_engine::view& rows) noexcept {
  if (rows.graph) return rows.graph->rows();
  return rows.rows->graph() != nullptr ? rows.rows->base_rows() : 0;
}

[[nodiscard]] inline bool links_are_due(const store_engine::view& rows) noexcept {
  return rows.count - linked_rows(rows) >= std::max(unlinked_rows, rows.count / unlinked_share);
}

/// Rows that came from a snapshot have links but no codes.
TESSERA_INLINE bool store_engine::codes_are_due(const view& rows) const noexcept {
  return kind_.code != nullptr && rows.codes.rows < linked_rows(rows);
}

TESSERA_INLINE bool store_engine::index_is_due() const noexcept {
  if (options_.exact) return false;
  const view rows = now();
  return links_are_due(rows) || codes_are_due(rows);
}

TESSERA_INLINE bool store_engine::snapshot_is_due() const noexcept {
  if (options_.snapshot_after == 0) return false;
  const std::lock_guard lock(published_);
  const std::uint64_t bytes = older_logs_ + log_->size();
  const bool many_gone = view_.count > 4096 && view_.count - living_ > view_.count / gone_share;
  // A snapshot writes everything, so the log may grow with it.
  return bytes >= std::max<std::uint64_t>(options_.snapshot_after, view_.rows->mapped_bytes() / 4) ||
         (many_gone && bytes >= options_.snapshot_after / 8);
}

TESSERA_INLINE void store_engine::wake_builder(bool anyway) noexcept {
  const std::lock_guard lock(wake_);
  work_ = true;
  anyway_ = anyway_ || anyway;
  woken_.notify_all();
}

TESSERA_INLINE void store_engine::note_background(const result<>& outcome) {
  if (outcome || outcome.error().code == error_code::stopped) return;
  {
    const std::lock_guard lock(published_);
    background_error_ = outcome.error();
  }
  notify(options_.observer, {.kind = event_kind::rejected, .what = outcome.error().message()});
}

TESSERA_INLINE void store_engine::build(const std::stop_token& stop) {
  if (index_is_due() || snapshot_is_due()) wake_builder(false);
  while (!stop.stop_requested()) {
    bool anyway = false;
    {
      std::unique_lock lock(wake_);
      if (!woken_.wait(lock, stop, [this] { return work_; })) return;
      work_ = false;
      anyway = std::exchange(anyway_, false);
    }
    result<> outcome;
    while (outcome && !stop.stop_requested() && (anyway || index_is_due())) {
      const std::lock_guard lock(building_);
      outcome = anyway || links_are_due(now()) ? index_rows(stop) : code_rows();
      anyway = false;
    }
    if (outcome && !stop.stop_requested() && snapshot_is_due()) {
      const std::lock_guard lock(building_);
      outcome = take_snapshot(stop);
    }
    note_background(outcome);
    if (!outcome) {  // a full disk is not asked again at once
      std::unique_lock lock(wake_);
      woken_.wait_for(lock, stop, std::chrono::seconds(1), [] { return false; });
    }
  }
}

/// The graph of a view in a form that can grow; without links where there is none that can be used.
TESSERA_INLINE result<graph_links> store_engine::graph_of(const view& rows, const std::stop_token& stop) const {
  result<graph_links> graph = graph_links(options_.graph.degree);
  if (rows.graph) {
    TESSERA_TRY(graph, rows.graph->copy(rows.count));
  } else if (rows.rows->graph() != nullptr) {
    graph = rows.rows->copy_graph();
    if (!graph && graph.error().code == error_code::out_of_memory) return graph;
    if (!graph) graph = graph_links(options_.graph.degree);  // it is made anew from the rows
  }
  TESSERA_CHECK(graph->reserve(rows.count));
  working_ = graph->memory_bytes();
  TESSERA_CHECK(kind_.link(*graph, {.table = rows.rows.get(), .count = rows.count}, options_.graph, pool_.get(), stop));
  return graph;
}

TESSERA_INLINE result<> store_engine::index_rows(const std::stop_token& stop) {
  if (options_.exact) return {};
  const view rows = now();
  if (linked_rows(rows) != rows.count) {
    TESSERA_TRY(auto graph, graph_of(rows, stop));
    auto made = std::make_shared<const graph_links>(std::move(graph));
    const std::lock_guard lock(published_);
    working_ = 0;
    if (view_.rows == rows.rows) view_.graph = std::move(made);
  }
  return code_rows();
}

/// Codes of all rows that are linked. Until they are there the others are walked to by themselves.
TESSERA_INLINE result<> store_engine::code_rows() {
  const view rows = now();
  if (!codes_are_due(rows)) return {};
  const std::size_t count = linked_rows(rows);
  working_ = kind_.code_bytes(count);
  auto made = kind_.code(rows.codes, {.table = rows.rows.get(), .count = count});
  const std::lock_guard lock(published_);
  working_ = 0;
  if (!made) return std::unexpected(std::move(made).error());
  if (view_.rows == rows.rows) view_.codes = *std::move(made);
  return {};
}

TESSERA_INLINE result<> store_engine::index(const std::stop_token& stop) {
  const std::lock_guard lock(building_);
  return index_rows(stop);
}

TESSERA_INLINE result<> store_engine::snapshot(const std::stop_token& stop) {
  TESSERA_CHECK(writable());
  const std::lock_guard lock(building_);
  return take_snapshot(stop);
}

/// Writes the rows of a view as a snapshot; `graph` has their links and is used up. The order they now stand in.
TESSERA_INLINE result<std::vector<std::uint32_t>> store_engine::write_view(const std::string& path, const view& rows,
                                                                           const snapshot_numbers& numbers, const provenance& origin,
                                                                           const std::stop_token& stop) const {
  snapshot_plan plan;
  TESSERA_CHECK(plan.choose(rows));
  graph_links graph;
  if (!options_.exact) {
    TESSERA_TRY(graph, graph_of(rows, stop));
    TESSERA_TRY(graph, kind_.renumber(graph, {.table = rows.rows.get(), .count = rows.count}, plan.to, plan.order, options_.graph,
                                      pool_.get()));
  }
  index_description what = kind_.what;
  what.rows = plan.order.size();
  what.made_by = rows.made_by;
  what.origin = origin;
  const auto recall = this->recall();
  TESSERA_CHECK(write_snapshot(path, what, numbers, rows, plan, options_.exact ? nullptr : &graph, options_.graph,
                               recall ? recall->numbers() : std::vector<std::uint64_t>(), stop));
  return std::move(plan.order);
}

/// A store of its own: another number, its first log behind its snapshot.
TESSERA_INLINE result<> store_engine::save(std::string_view directory, const provenance& origin) const {
  const std::lock_guard building(building_);
  const view rows = now();
  TESSERA_CHECK(check_rows(rows, {}));
  store_options options;
  options.snapshot_after = 0, options.exact = true;
  store_engine copy(directory, kind_, options);
  TESSERA_CHECK(copy.lock_directory());
  TESSERA_TRY(const files there, copy.list());
  if (!there.logs.empty() || !there.snapshots.empty())
    return fail({.code = error_code::invalid_argument,
                 .thing = "directory",
                 .wanted = "one without a store",
                 .found = "a store",
                 .path = copy.path_});
  copy.store_ = random_number(), copy.number_ = rows.number, copy.made_by_ = rows.made_by;
  const snapshot_numbers numbers{.store = copy.store_, .generation = 1, .next = rows.number};
  const auto written = write_view(copy.snapshot_path(1), rows, numbers, origin, {});
  working_ = 0;
  if (!written) return std::unexpected(written.error());
  return copy.start_log(1);
}

TESSERA_INLINE result<> store_engine::take_snapshot(const std::stop_token& stop) {
  // Most links are made before the log is changed, so that little is left to do twice where it is stopped.
  TESSERA_CHECK(index_rows(stop));
  TESSERA_CHECK(check_rows(now(), stop));
  view rows;
  std::uint64_t generation = 0;
  {
    const std::lock_guard lock(writing_);
    TESSERA_CHECK(log_->sync());
    generation = generation_ + 1;
    TESSERA_CHECK(start_log(generation));
    rows = now();
  }
  const std::string path = snapshot_path(generation);
  const snapshot_numbers numbers{.store = store_, .generation = generation, .next = rows.number};
  TESSERA_TRY(const auto order, write_view(path, rows, numbers, options_.origin, stop));
  row_codes codes;
  if (kind_.code != nullptr && !options_.exact) {
    working_ = 2 * kind_.code_bytes(rows.count);
    TESSERA_TRY(codes, kind_.code(rows.codes, {.table = rows.rows.get(), .count = rows.count}));
    TESSERA_TRY(codes, kind_.reorder(codes, order));
  }
  TESSERA_TRY(auto table, row_table::open(path, kind_.layout, kind_.what, options_.origin));
  TESSERA_CHECK(exchange(rows, order, std::move(table), std::move(codes)));
  remove_before(generation);
  return {};
}

/// The new table takes the place of the old one, with what has changed since it was written.
TESSERA_INLINE result<> store_engine::exchange(const view& written, std::span<const std::uint32_t> order,
                                              std::shared_ptr<row_table> table, row_codes codes) {
  const std::lock_guard lock(writing_);
  const view current = now();
  row_table& old = *current.rows;
  const auto carry_usage = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = 0; options_.evict.counts && i < 2; ++i)
      table->usage(to)[i] = std::atomic_ref(old.usage(from)[i]).load(std::memory_order_relaxed);
  };
  for (std::size_t row = 0; row < order.size(); ++row) carry_usage(order[row], row);
  for (std::size_t row = 0; row < written.count; ++row) {
    if (!old.visible(row, written.change) || old.visible(row, current.change)) continue;
    if (const auto gone = table->find(old.ids()[row])) table->kill(*gone, 1);
  }
  for (std::size_t row = written.count; row < current.count; ++row) {
    if (!old.visible(row, current.change)) continue;
    TESSERA_TRY(const auto content, old.content(row));
    TESSERA_CHECK(table->make_room(1, content.metadata.size() + content.payload.size()));
    const auto& layout = kind_.layout;
    const std::size_t to = table->append({.kind = change_kind::add,
                                          .compressed = content.compressed,
                                          .id = old.ids()[row],
                                          .norm = layout.norms ? old.norms()[row] : 0.0f,
                                          .scale = layout.scales ? old.scales()[row] : 0.0f,
                                          .vector = {old.rows() + row * layout.stride, layout.vector_bytes},
                                          .metadata = content.metadata,
                                          .payload = content.payload,
                                          .whole = content.whole});
    carry_usage(row, to);
  }
  table_ = std::move(table);
  change_ = 1;
  {
    const std::lock_guard state(published_);
    view_.graph = nullptr;
    view_.codes = std::move(codes);
    working_ = 0;
    older_logs_ = 0;
    publish_locked();
  }
  return {};
}

}  // namespace tessera::inline TESSERA_ABI::detail
