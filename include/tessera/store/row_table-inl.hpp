// SPDX-License-Identifier: Apache-2.0
/// Definitions of store/row_table.hpp: appending, finding, content. Opening a snapshot: store/row_table_open-inl.hpp.
#pragma once

#include <tessera/store/row_table.hpp>

#include <algorithm>
#include <cstring>
#include <mutex>

namespace tessera::inline TESSERA_ABI::detail {

inline constexpr std::size_t content_chunk = std::size_t{256} << 10u;

TESSERA_INLINE result<std::shared_ptr<row_table>> row_table::make(const row_layout& layout) {
  std::shared_ptr<row_table> made(new row_table);
  made->layout_ = layout;
  TESSERA_CHECK(made->reserve(0));
  made->rows_ = made->memory_.data();
  return made;
}

TESSERA_INLINE result<> row_table::reserve(std::size_t file_bytes) {
  // Addresses for 2^26 rows, or fewer where the system gives no such range.
  constexpr std::size_t most_addresses = std::size_t{1} << 40u;
  std::size_t rows = std::min(std::size_t{1} << 26u, most_addresses / layout_.stride);
  for (;; rows /= 4) {
    auto memory = reserved_memory::make(file_bytes + rows * layout_.stride);
    const std::size_t all = file_bytes / layout_.stride + rows;
    auto ids = reserved_array<std::uint64_t>::make(all);
    auto died = reserved_array<std::uint32_t>::make(all);
    auto usage = reserved_array<std::uint32_t>::make(2 * all);
    auto places = reserved_array<content_place>::make(rows);
    auto norms = reserved_array<float>::make(layout_.norms ? all : 0);
    auto scales = reserved_array<float>::make(layout_.scales ? all : 0);
    if (!(memory && ids && died && usage && places && norms && scales)) {
      if (rows > 4096) continue;
      return fail({.code = error_code::out_of_memory, .thing = "addresses for rows"});
    }
    memory_ = *std::move(memory), ids_ = *std::move(ids), died_ = *std::move(died), usage_ = *std::move(usage);
    places_ = *std::move(places), norms_ = *std::move(norms), scales_ = *std::move(scales);
    most_ = rows;
    return {};
  }
}

TESSERA_INLINE std::optional<std::size_t> row_table::find(std::uint64_t id) const {
  {
    const std::shared_lock lock(names_);
    if (const auto row = table_.find(id, tail_ids())) return base_ + *row;
  }
  const std::uint64_t* const ids = ids_.data();
  for (const std::uint64_t* at = std::lower_bound(ids, ids + base_, id); at != ids + base_ && *at == id; ++at) {
    const auto row = static_cast<std::size_t>(at - ids);
    if (died_of(row).load(std::memory_order_acquire) == 0 && intact(base_ids_.data() + 8 * row, 8)) return row;
  }
  return std::nullopt;
}

TESSERA_INLINE result<stored_content> row_table::content(std::size_t row) const {
  if (row >= base_) {
    const content_place& place = places_[row - base_];
    const auto* from = reinterpret_cast<const std::byte*>(static_cast<std::uintptr_t>(place.at));
    return stored_content{{from, place.metadata}, {from + place.metadata, place.payload}, place.whole, (place.flags & 1u) != 0};
  }
  const auto damaged = [&](const std::byte* at) {
    return fail({.code = error_code::checksum,
                 .thing = "content of id " + std::to_string(ids_[row]),
                 .wanted = "its checksum",
                 .found = "another",
                 .path = path_,
                 .offset = static_cast<std::uint64_t>(at - memory_.data())});
  };
  const std::byte* const entry = base_places_.data() + row * sizeof(content_place);
  if (!intact(entry, sizeof(content_place))) return damaged(entry);
  content_place place;
  std::memcpy(&place, entry, sizeof place);
  const std::uint64_t bytes = std::uint64_t{place.metadata} + place.payload;
  if (place.at > base_contents_.size() || bytes > base_contents_.size() - place.at) return damaged(entry);
  const std::byte* const from = base_contents_.data() + place.at;
  if (!intact(from, static_cast<std::size_t>(bytes))) return damaged(from);
  return stored_content{{from, place.metadata}, {from + place.metadata, place.payload}, place.whole, (place.flags & 1u) != 0};
}

TESSERA_INLINE std::size_t row_table::memory_bytes() const noexcept {
  const std::size_t tail = count_ - base_;
  std::size_t bytes = sizeof(row_table) + page_bytes(tail * layout_.stride) + page_bytes(tail * sizeof(content_place)) +
                      page_bytes(count_ * sizeof(std::uint64_t)) + page_bytes(count_ * sizeof(std::uint32_t)) + content_bytes_ +
                      contents_.capacity() * sizeof(contents_[0]) + table_.memory_bytes();
  if (layout_.norms) bytes += page_bytes(count_ * sizeof(float));
  if (layout_.scales) bytes += page_bytes(count_ * sizeof(float));
  if (layout_.usage) bytes += page_bytes(2 * count_ * sizeof(std::uint32_t));
  if (graph_) bytes += graph_->memory_bytes();
  return bytes;
}

TESSERA_INLINE std::size_t row_table::room_bytes(std::size_t rows, std::size_t content_bytes) const noexcept {
  const std::size_t a_row = layout_.stride + sizeof(content_place) + sizeof(std::uint64_t) + sizeof(std::uint32_t) +
                            (layout_.norms ? sizeof(float) : 0) + (layout_.scales ? sizeof(float) : 0) +
                            (layout_.usage ? 2 * sizeof(std::uint32_t) : 0);
  std::size_t bytes = rows * a_row + 7 * std::size_t{4096};
  if (contents_.empty() || contents_.back().size() - content_used_ < content_bytes) bytes += std::max(content_bytes, content_chunk);
  // The table of ids doubles.
  const std::size_t tail = count_ - base_ + rows;
  const std::size_t slots = table_.memory_bytes() / sizeof(std::uint64_t);
  if (tail > slots / 4 * 3) bytes += std::bit_ceil(tail + tail / 3 + 8) * sizeof(std::uint64_t) - table_.memory_bytes();
  return bytes;
}

TESSERA_INLINE result<> row_table::make_room(std::size_t rows, std::size_t content_bytes) {
  const std::size_t wanted = count_ + rows;
  const std::size_t tail = wanted - base_;
  if (tail > most_)
    return fail({.code = error_code::overloaded,
                 .thing = "rows since the last snapshot",
                 .wanted = "at most " + std::to_string(most_),
                 .found = std::to_string(tail)});
  TESSERA_CHECK(memory_.commit(static_cast<std::size_t>(rows_ - memory_.data()) + wanted * layout_.stride));
  TESSERA_CHECK(ids_.commit(wanted));
  TESSERA_CHECK(died_.commit(wanted));
  TESSERA_CHECK(places_.commit(tail));
  if (layout_.norms) TESSERA_CHECK(norms_.commit(wanted));
  if (layout_.scales) TESSERA_CHECK(scales_.commit(wanted));
  if (layout_.usage) TESSERA_CHECK(usage_.commit(2 * wanted));
  if (content_bytes > 0 && (contents_.empty() || contents_.back().size() - content_used_ < content_bytes)) {
    TESSERA_TRY(auto chunk, aligned_buffer<std::byte>::make(std::max(content_bytes, content_chunk)));
    content_bytes_ += chunk.bytes();
    contents_.push_back(std::move(chunk));
    content_used_ = 0;
  }
  const std::unique_lock lock(names_);
  return table_.reserve(tail, tail_ids(),
                        [this](std::size_t row) { return died_of(base_ + row).load(std::memory_order_relaxed) == 0; });
}

TESSERA_INLINE std::size_t row_table::append(const row_change& change) noexcept {
  const std::size_t row = count_;
  TESSERA_ASSERT(change.vector.size() == layout_.vector_bytes);
  std::memcpy(rows_ + row * layout_.stride, change.vector.data(), change.vector.size());
  if (layout_.norms) norms_[row] = change.norm;
  if (layout_.scales) scales_[row] = change.scale;
  content_place place{0, static_cast<std::uint32_t>(change.metadata.size()), static_cast<std::uint32_t>(change.payload.size()),
                      change.whole, change.compressed ? 1u : 0u};
  if (place.metadata + place.payload > 0) {
    std::byte* to = contents_.back().data() + content_used_;
    place.at = reinterpret_cast<std::uintptr_t>(to);
    if (place.metadata > 0) std::memcpy(to, change.metadata.data(), place.metadata);
    if (place.payload > 0) std::memcpy(to + place.metadata, change.payload.data(), place.payload);
    content_used_ += place.metadata + place.payload;
  }
  places_[row - base_] = place;
  ids_[row] = change.id;
  const std::unique_lock lock(names_);
  ++count_, ++living_;
  [[maybe_unused]] const bool fresh = table_.insert(row - base_, tail_ids());
  TESSERA_ASSERT(fresh);
  return row;
}

TESSERA_INLINE void row_table::kill(std::size_t row, std::uint32_t change) noexcept {
  {
    const std::unique_lock lock(names_);
    if (row >= base_) table_.erase(row - base_, tail_ids());
    died_of(row).store(change, std::memory_order_release);
  }
  --living_;
}

}  // namespace tessera::inline TESSERA_ABI::detail

#include <tessera/store/row_table_open-inl.hpp>
