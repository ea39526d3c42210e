// SPDX-License-Identifier: Apache-2.0
/// Opening a snapshot and comparing its blocks with their checksums when they are first touched (store/row_table.hpp).
#pragma once

#include <tessera/store/row_table-inl.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>

namespace tessera::inline TESSERA_ABI::detail {

TESSERA_INLINE result<std::shared_ptr<row_table>> row_table::open(const std::string& path, const row_layout& layout,
                                                                  const index_description& wanted, const provenance& expected) {
  struct descriptor {
    int number = -1;
    ~descriptor() {
      if (number >= 0) ::close(number);
    }
  } file;
  const auto refused = [&](const char* what) {
    return fail({.code = errno == ENOENT ? error_code::not_found : error_code::io, .thing = what, .path = path, .system = errno});
  };
  do file.number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  while (file.number < 0 && errno == EINTR);
  if (file.number < 0) return refused("cannot open");
  struct stat status {};
  if (::fstat(file.number, &status) != 0) return refused("cannot tell the size");
  if (!S_ISREG(status.st_mode))
    return fail({.code = error_code::unsupported, .wanted = "a regular file", .found = "something else", .path = path});
  std::shared_ptr<row_table> made(new row_table);
  made->layout_ = layout;
  made->path_ = path;
  made->file_bytes_ = static_cast<std::size_t>(status.st_size);
  TESSERA_CHECK(made->reserve(made->file_bytes_));
  if (auto mapped = made->memory_.map(file.number, made->file_bytes_); !mapped)
    return std::unexpected(std::move(mapped).error().in(path));
  if (auto loaded = made->load(wanted, expected); !loaded) return std::unexpected(std::move(loaded).error().in(path));
  return made;
}

TESSERA_INLINE result<> row_table::load(const index_description& wanted, const provenance& expected) {
  // Header and directory: 8 bytes a block.
  will_read({memory_.data(), std::min(file_bytes_, file_bytes_ / 512 + 16384)}, reading::soon);
  TESSERA_TRY(file_, index_file::view({memory_.data(), file_bytes_}, path_));
  TESSERA_CHECK(file_.matches(wanted, expected));
  description_ = file_.description();
  const std::size_t words = file_.blocks() / 64 + 1;
  seen_ = std::make_unique<std::atomic<std::uint64_t>[]>(words);
  bad_ = std::make_unique<std::atomic<std::uint64_t>[]>(words);
  verified_ = false;
  // Known before the first block is looked at: a block's links are compared with the number of rows when its checksum is.
  base_ = static_cast<std::size_t>(description_.rows);
  if (const auto links = file_.section("links")) base_links_ = *links;

  TESSERA_TRY(const auto numbers, file_.section("store"));
  TESSERA_TRY(base_ids_, file_.section("ids", 8));
  TESSERA_TRY(base_places_, file_.section("places", sizeof(content_place)));
  TESSERA_TRY(base_contents_, file_.section("contents"));
  TESSERA_TRY(const auto rows, file_.section("rows", layout_.stride));
  if (layout_.norms) {
    TESSERA_TRY(base_norms_, file_.section("norms", 4));
  }
  if (layout_.scales) {
    TESSERA_TRY(base_scales_, file_.section("scales", 4));
  }
  if (numbers.size() != sizeof numbers_ || rows.data() + rows.size() != memory_.data() + file_bytes_)
    return fail({.code = error_code::malformed, .thing = "sections of a store"});
  if (!intact(numbers.data(), numbers.size()))
    return fail({.code = error_code::checksum, .thing = "section store", .wanted = "its checksum", .found = "another"});
  std::memcpy(&numbers_, numbers.data(), sizeof numbers_);
  rows_ = memory_.data() + (rows.data() - memory_.data());
  count_ = living_ = base_;
  begin_reading();

  // What lies beside the rows is copied, so that it continues behind those of the file.
  const auto copy = [&](std::span<const std::byte> from, auto& to) -> result<> {
    TESSERA_CHECK(to.commit(base_));
    if (!from.empty()) std::memcpy(to.data(), from.data(), from.size());
    static_cast<void>(intact(from.data(), from.size()));
    return {};
  };
  TESSERA_CHECK(copy(base_ids_, ids_));
  if (layout_.norms) TESSERA_CHECK(copy(base_norms_, norms_));
  if (layout_.scales) TESSERA_CHECK(copy(base_scales_, scales_));
  TESSERA_CHECK(died_.commit(base_));
  if (layout_.usage) TESSERA_CHECK(usage_.commit(2 * base_));
  // Ids that are not what was written must not break the order by which the others are found.
  const bool ids_good = intact(base_ids_.data(), base_ids_.size());
  std::uint64_t last = 0;
  bool any = false;
  for (std::size_t row = 0; row < base_; ++row) {
    if (!ids_good && !intact(base_ids_.data() + 8 * row, 8)) {
      ids_[row] = last;
      continue;
    }
    if (any && ids_[row] <= last)
      return fail({.code = error_code::malformed, .thing = "ids", .wanted = "rising", .found = std::to_string(ids_[row])});
    last = ids_[row], any = true;
  }
  load_graph();
  return {};
}

/// All that opening reads is asked for at once. Where rows are on the disk a search reads some hundred of them, here and there: what the
/// system would read around each is many times that.
TESSERA_INLINE void row_table::begin_reading() noexcept {
  for (const char* const name : {"ids", "norms", "scales", "levels", "upper"})
    if (const auto part = file_.section(name)) will_read(*part, reading::soon);
  const std::span<const std::byte> rows(rows_, base_ * layout_.stride);
  if (rows.empty() || share_in_memory(rows) > 0.9) return;
  cold_ = true;
  for (const auto part : {rows, base_links_}) will_read(part, reading::here_and_there);
}

TESSERA_INLINE void row_table::ask_disk(std::span<const std::uint32_t> rows) const noexcept {
  for (const std::uint32_t row : rows) {
    if (row >= base_) continue;
    const std::span<const std::byte> bytes(rows_ + row * layout_.stride, layout_.stride);
    const auto first = static_cast<std::size_t>(bytes.data() - memory_.data()) - file_.data_at();
    bool seen = true;
    for (std::size_t block = first / file_.block_size(); block <= (first + bytes.size() - 1) / file_.block_size(); ++block)
      seen = seen && (seen_[block / 64].load(std::memory_order_relaxed) >> (block % 64) & 1u) != 0;
    if (!seen) will_read(bytes, reading::soon);
  }
}

TESSERA_INLINE void row_table::ask_for_all() const noexcept {
  if (!cold_.exchange(false)) return;
  for (const auto part : {std::span<const std::byte>(rows_, base_ * layout_.stride), base_links_}) will_read(part, reading::in_order);
}

TESSERA_INLINE void row_table::load_graph() {
  const auto graph = file_.section("graph"), links = file_.section("links"), levels = file_.section("levels", 1),
             upper = file_.section("upper");
  if (!graph || !links || !levels || !upper || graph->size() != 64) return;  // a store without a graph
  if (!intact(graph->data(), 64) || !intact(levels->data(), levels->size()) || !intact(upper->data(), upper->size())) return;
  const auto number = [&](std::size_t i) { return detail::load<std::endian::little, std::uint64_t>(graph->data() + 8 * i); };
  const std::uint64_t degree = number(0), entry = number(5);
  if (degree < graph_links::least_degree || degree > graph_links::most_degree || links->size() / (8 * degree) != base_ ||
      links->size() % (8 * degree) != 0 || entry > graph_links::none || upper->size() % 4 != 0 || base_ > graph_links::most_rows)
    return;
  const auto numbers = [](std::span<const std::byte> bytes) {  // sections begin on 64 bytes
    return std::span(reinterpret_cast<const std::uint32_t*>(bytes.data()), bytes.size() / 4);
  };
  auto made = std::make_unique<stored_graph>(degree, static_cast<std::uint32_t>(entry), numbers(*links),
                                             [this](const void* at, std::size_t bytes) { return intact(at, bytes); }, cold_);
  if (made->set_upper({reinterpret_cast<const std::uint8_t*>(levels->data()), levels->size()}, numbers(*upper))) graph_ = std::move(made);
}

TESSERA_INLINE std::vector<std::uint64_t> row_table::recall() const {
  const auto bytes = file_.section("recall");
  if (!bytes || !intact(bytes->data(), bytes->size())) return {};
  std::vector<std::uint64_t> numbers(bytes->size() / sizeof(std::uint64_t));
  if (!copy_le<std::uint64_t>(*bytes, numbers)) return {};
  return numbers;
}

TESSERA_INLINE result<graph_links> row_table::copy_graph() const {
  ask_for_all();
  TESSERA_TRY(const auto graph, file_.section("graph"));
  TESSERA_TRY(const auto links, file_.section("links"));
  TESSERA_TRY(const auto parents, file_.section("parents", 4));
  TESSERA_TRY(const auto levels, file_.section("levels", 1));
  TESSERA_TRY(const auto upper, file_.section("upper"));
  bool good = graph_ != nullptr;
  for (const auto& part : {graph, links, parents, levels, upper}) good = good && intact(part.data(), part.size());
  if (!good) return fail({.code = error_code::checksum, .thing = "graph", .path = path_});
  const auto numbers = [](std::span<const std::byte> bytes) {
    return std::span(reinterpret_cast<const std::uint32_t*>(bytes.data()), bytes.size() / 4);
  };
  return graph_links::from(graph_->degree(), graph_->entry(), numbers(links), numbers(parents),
                           {reinterpret_cast<const std::uint8_t*>(levels.data()), levels.size()}, numbers(upper));
}

TESSERA_INLINE bool row_table::intact(const void* at, std::size_t bytes) const noexcept {
  if (bytes == 0 || verified_.load(std::memory_order_acquire)) return true;
  const std::size_t first = static_cast<std::size_t>(static_cast<const std::byte*>(at) - memory_.data()) - file_.data_at();
  bool good = true;
  for (std::size_t block = first / file_.block_size(); block <= (first + bytes - 1) / file_.block_size(); ++block)
    good = block_is_whole(block) && good;
  return good;
}

TESSERA_INLINE bool row_table::block_is_whole(std::size_t block) const noexcept {
  const std::uint64_t bit = std::uint64_t{1} << (block % 64);
  std::atomic<std::uint64_t>&seen = seen_[block / 64], &bad = bad_[block / 64];
  if ((seen.load(std::memory_order_acquire) & bit) != 0) return (bad.load(std::memory_order_relaxed) & bit) == 0;
  bool whole = file_.block_is_whole(block);
  // Links are followed without another look, so here they are compared with the number of rows.
  const std::byte* const begin = memory_.data() + file_.data_at() + block * file_.block_size();
  const std::byte* const end = std::min<const std::byte*>(begin + file_.block_size(), memory_.data() + file_bytes_);
  const std::byte* from = std::max(begin, base_links_.data());
  for (const std::byte* last = std::min(end, base_links_.data() + base_links_.size()); whole && last - from >= 4; from += 4) {
    const auto to = detail::load<std::endian::little, std::uint32_t>(from);
    whole = to < base_ || to == graph_links::none;
  }
  if (!whole) bad.fetch_or(bit, std::memory_order_relaxed);
  seen.fetch_or(bit, std::memory_order_release);
  return whole;
}

TESSERA_INLINE bool row_table::base_row_is_whole(std::size_t row) const noexcept {
  return intact(rows_ + row * layout_.stride, layout_.stride) && intact(base_ids_.data() + 8 * row, 8) &&
         (!layout_.norms || intact(base_norms_.data() + 4 * row, 4)) && (!layout_.scales || intact(base_scales_.data() + 4 * row, 4));
}

TESSERA_INLINE result<> row_table::verify(const std::stop_token& stop) const {
  if (verified_.load(std::memory_order_acquire)) return {};
  ask_for_all();
  bool good = true;
  for (std::size_t block = 0; block < file_.blocks(); ++block) {
    if (block % 64 == 0 && stop.stop_requested())
      return fail({.code = error_code::stopped, .thing = "verification", .path = path_});
    good = block_is_whole(block) && good;
  }
  if (good) {
    verified_.store(true, std::memory_order_release);
    return {};
  }
  error found{.code = error_code::checksum, .thing = "snapshot", .wanted = "its checksums", .path = path_};
  for (const damage& one : damaged())
    found.causes.push_back({.code = error_code::checksum, .thing = one.what, .path = path_, .offset = one.offset});
  return fail(std::move(found));
}

TESSERA_INLINE std::vector<damage> row_table::damaged() const {
  std::vector<damage> found;
  if (!seen_) return found;
  for (std::size_t block = 0; block < file_.blocks(); ++block) {
    if ((bad_[block / 64].load(std::memory_order_relaxed) >> (block % 64) & 1u) == 0) continue;
    const std::size_t at = file_.data_at() + block * file_.block_size();
    const std::size_t bytes = std::min(file_.block_size(), file_bytes_ - at);
    const std::byte* const begin = memory_.data() + at;
    std::string what;
    const auto touches = [&](const char* name, std::span<const std::byte> part, std::size_t row_bytes) {
      if (part.empty() || begin + bytes <= part.data() || begin >= part.data() + part.size()) return;
      what += (what.empty() ? "" : ", ") + std::string(name);
      if (row_bytes == 0) return;
      const auto first = begin <= part.data() ? 0 : static_cast<std::size_t>(begin - part.data()) / row_bytes;
      const auto last = (std::min(begin + bytes, part.data() + part.size()) - part.data() - 1);
      what += " of rows " + std::to_string(first) + " to " + std::to_string(static_cast<std::size_t>(last) / row_bytes);
    };
    touches("ids", base_ids_, 8), touches("lengths", base_norms_, 4), touches("scales", base_scales_, 4);
    touches("places of contents", base_places_, sizeof(content_place)), touches("contents", base_contents_, 0);
    touches("vectors", {rows_, base_ * layout_.stride}, layout_.stride);
    found.push_back({path_, at, bytes, what.empty() ? "index" : what});
  }
  return found;
}

}  // namespace tessera::inline TESSERA_ABI::detail
