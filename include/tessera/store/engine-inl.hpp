// SPDX-License-Identifier: Apache-2.0
/// Opening a store: the lock, the files, recovery (store/engine.hpp).
#pragma once

#include <tessera/store/compression.hpp>
#include <tessera/store/engine.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <random>

namespace tessera::inline TESSERA_ABI::detail {

[[nodiscard]] inline std::unexpected<error> store_refused(const char* what, const std::string& path, int reason) {
  return fail({.code = reason == ENOENT || reason == ENOTDIR ? error_code::not_found : error_code::io,
               .thing = what,
               .path = path,
               .system = reason});
}

[[nodiscard]] inline std::uint64_t random_number() {
  std::random_device source;
  return (std::uint64_t{source()} << 32u) | source();
}

TESSERA_INLINE std::string store_engine::log_path(std::uint64_t generation) const {
  return path_ + "/log-" + hex_text(generation, 16);
}
TESSERA_INLINE std::string store_engine::snapshot_path(std::uint64_t generation) const {
  return path_ + "/snapshot-" + hex_text(generation, 16);
}

TESSERA_INLINE result<std::unique_ptr<store_engine>> store_engine::open(std::string_view path, const row_kind& kind,
                                                                        const store_options& options) {
  std::unique_ptr<store_engine> made(new store_engine(path, kind, options));
  if (path.empty() || path.find('\0') != std::string_view::npos)
    return fail({.code = error_code::invalid_argument, .thing = "path", .found = path.empty() ? "nothing" : "a NUL character"});
  if (options.compression != 0 && !can_compress())
    return fail({.code = error_code::unsupported,
                 .thing = "compression of payloads",
                 .wanted = "a build with zstd (TESSERA_ZSTD)",
                 .found = "one without"});
  made->kind_.layout.usage = options.evict.counts;
  TESSERA_CHECK(made->lock_directory());
  TESSERA_CHECK(made->recover());
  made->start_threads();
  return made;
}

TESSERA_INLINE result<> store_engine::writable() const {
  if (!options_.read_only) return {};
  return fail({.code = error_code::unsupported,
               .thing = "change",
               .wanted = "a store that is open to be written",
               .found = "read_only",
               .path = path_});
}

/// Readers share the lock that a writer has for itself.
TESSERA_INLINE result<> store_engine::lock_to_read() {
  const std::string lock = path_ + "/lock";
  do lock_descriptor_ = ::open(lock.c_str(), O_RDONLY | O_CLOEXEC);
  while (lock_descriptor_ < 0 && errno == EINTR);
  if (lock_descriptor_ < 0) return store_refused("no store", path_, errno);
  if (::flock(lock_descriptor_, LOCK_SH | LOCK_NB) == 0) return {};
  if (errno != EWOULDBLOCK) return store_refused("cannot lock", path_, errno);
  return fail({.code = error_code::io,
               .thing = "store",
               .wanted = "one that nobody writes to",
               .found = "one that this or another process has open",
               .path = path_});
}

TESSERA_INLINE result<> store_engine::lock_directory() {
  if (options_.read_only) return lock_to_read();
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) {
    if (errno != ENOENT || !options_.create) return store_refused("no store", path_, errno);
    if (::mkdir(path_.c_str(), 0777) != 0) return store_refused("cannot create", path_, errno);
    const std::size_t slash = path_.find_last_not_of('/') == std::string::npos ? std::string::npos
                                                                               : path_.rfind('/', path_.find_last_not_of('/'));
    const std::string parent = slash == std::string::npos ? "." : slash == 0 ? "/" : path_.substr(0, slash);
    const int directory = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
      ::fsync(directory);
      ::close(directory);
    }
  } else if (!S_ISDIR(status.st_mode)) {
    return fail({.code = error_code::unsupported, .wanted = "a directory", .found = "a file", .path = path_});
  }
  const std::string lock = path_ + "/lock";
  do lock_descriptor_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  while (lock_descriptor_ < 0 && errno == EINTR);
  if (lock_descriptor_ < 0) return store_refused("cannot write to the store", path_, errno);
  if (::flock(lock_descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return store_refused("cannot lock", path_, errno);
    return fail({.code = error_code::io,
                 .thing = "store",
                 .wanted = "one that nobody has open",
                 .found = "one that this or another process has open",
                 .path = path_});
  }
  return {};
}

TESSERA_INLINE result<store_engine::files> store_engine::list() const {
  files found;
  DIR* directory = ::opendir(path_.c_str());
  if (directory == nullptr) return store_refused("cannot list", path_, errno);
  for (const dirent* entry = ::readdir(directory); entry != nullptr; entry = ::readdir(directory)) {
    const std::string_view name = entry->d_name;
    const auto number = [&](std::string_view prefix) -> std::optional<std::uint64_t> {
      if (!name.starts_with(prefix) || name.size() != prefix.size() + 16) return std::nullopt;
      std::uint64_t value = 0;
      for (const char c : name.substr(prefix.size())) {
        const std::size_t digit = std::string_view("0123456789abcdef").find(c);
        if (digit == std::string_view::npos) return std::nullopt;
        value = value << 4u | digit;
      }
      return value;
    };
    if (const auto log = number("log-")) found.logs.emplace(*log, path_ + '/' + std::string(name));
    else if (const auto snapshot = number("snapshot-")) found.snapshots.emplace(*snapshot, path_ + '/' + std::string(name));
    // What a writer was killed over; the lock says that it is nobody's now.
    else if (!options_.read_only && name.find(".tmp-") != std::string_view::npos) ::unlink((path_ + '/' + std::string(name)).c_str());
  }
  ::closedir(directory);
  return found;
}

/// The newest snapshot that can be used, with all logs that continue it; an older one where the newest is damaged.
TESSERA_INLINE result<std::uint64_t> store_engine::load_snapshot(const files& there) {
  std::optional<error> newest;
  const std::uint64_t last = there.logs.empty() ? 0 : there.logs.rbegin()->first;
  for (auto at = there.snapshots.rbegin(); at != there.snapshots.rend(); ++at) {
    const auto& [generation, path] = *at;
    auto table = row_table::open(path, kind_.layout, kind_.what, options_.origin);
    bool continued = true;
    for (std::uint64_t log = generation; newest && log <= last; ++log) continued = continued && there.logs.contains(log);
    if (table && continued) {
      table_ = *std::move(table);
      store_ = table_->numbers().store;
      number_ = table_->numbers().next;
      made_by_ = table_->description().made_by;
      // A calibration that is damaged, or of another kind, is one that is not there.
      if (const auto measured = table_->recall(); !measured.empty())
        if (auto read = recall_table::from(measured)) set_recall(*std::move(read));
      report_.snapshot_rows = table_->base_rows();
      if (newest) report_.damaged.push_back({newest->path, newest->offset.value_or(0), 0, "snapshot: " + newest->message()});
      return generation;
    }
    if (table) break;  // what was removed when the damaged one was written is gone
    if (!newest) newest = table.error();
    if (table.error().code == error_code::mismatch || table.error().code == error_code::unsupported) break;
  }
  if (newest) return fail(*std::move(newest));
  TESSERA_TRY(table_, row_table::make(kind_.layout));
  if (!there.logs.empty() && there.logs.begin()->first != 0)
    return fail({.code = error_code::not_found,
                 .thing = "snapshot that " + there.logs.begin()->second + " continues",
                 .wanted = snapshot_path(there.logs.begin()->first),
                 .path = path_});
  return std::uint64_t{0};
}

TESSERA_INLINE result<> store_engine::recover() {
  TESSERA_TRY(const files there, list());
  if (there.logs.empty() && there.snapshots.empty() && (!options_.create || options_.read_only))
    return fail({.code = error_code::not_found, .thing = "no store", .path = path_});
  TESSERA_TRY(const std::uint64_t first, load_snapshot(there));
  const bool anew = there.logs.empty() && there.snapshots.empty();
  if (anew) store_ = random_number();
  std::uint64_t last = first;
  std::optional<log_contents> current;
  std::uint64_t older = 0;
  for (auto at = there.logs.lower_bound(first); at != there.logs.end(); ++at) {
    TESSERA_TRY(const mapped_file file, mapped_file::open(at->second));
    const bool is_last = std::next(at) == there.logs.end();
    TESSERA_TRY(auto contents, read_log(file.bytes(), at->second, kind_.what, kind_.layout.vector_bytes, is_last, report_,
                                        [&](const row_change& change, fingerprint made_by) -> result<> {
                                          if (!made_by_) made_by_ = made_by;
                                          return replay(change);
                                        }));
    const log_header& header = contents.header;
    if (header.generation != at->first || (store_ != 0 && header.store != store_))
      return fail({.code = error_code::mismatch,
                   .thing = "log of another store",
                   .wanted = hex_text(store_, 16) + ", generation " + std::to_string(at->first),
                   .found = hex_text(header.store, 16) + ", generation " + std::to_string(header.generation),
                   .path = at->second});
    store_ = header.store;
    // A log that was begun but not changed to begins earlier, and holds nothing.
    if (header.first > number_)
      report_.damaged.push_back({at->second, 0, 0,
                                 "changes " + std::to_string(number_) + " to " + std::to_string(header.first) + ", which are missing"});
    number_ = std::max(number_, contents.next);
    last = at->first;
    ++report_.logs;
    if (!is_last || options_.read_only) older += file.size();
    current = std::move(contents);
  }
  {
    const std::lock_guard lock(published_);
    older_logs_ = older;
  }
  change_ = 1;
  if (options_.read_only) {
    if (!current) report_.damaged.push_back({log_path(first), 0, 0, "log, which is missing"});
    publish();
    return {};
  }
  if (current && last == there.logs.rbegin()->first) {
    generation_ = last;
    TESSERA_TRY(log_, log_writer::reopen(there.logs.rbegin()->second, current->header, current->good_bytes,
                                                 options_.sync.when != sync_policy::kind::none, options_.calls));
  } else {
    if (!anew) report_.damaged.push_back({log_path(first), 0, 0, "log, which is missing"});
    TESSERA_CHECK(start_log(first));
  }
  remove_before(first);
  publish();
  return {};
}

TESSERA_INLINE result<> store_engine::replay(const row_change& change) {
  // Nobody looks yet. A damaged batch before may have left an add of what is there or a removal of what is not.
  TESSERA_CHECK(table_->make_room(1, change.metadata.size() + change.payload.size()));
  if (const auto row = table_->find(change.id)) table_->kill(*row, 1);
  if (change.kind != change_kind::remove) table_->append(change);
  return {};
}

TESSERA_INLINE result<> store_engine::start_log(std::uint64_t generation) {
  log_header header{.log = random_number(), .store = store_, .generation = generation, .first = number_, .rows = kind_.what};
  header.rows.made_by = made_by_;
  TESSERA_TRY(std::shared_ptr<log_writer> made, log_writer::create(log_path(generation), header, options_.calls));
  const std::lock_guard lock(published_);
  if (log_) older_logs_ += log_->size();
  log_ = std::move(made);
  generation_ = generation;
  return {};
}

/// Files that a snapshot has taken the place of. One in which something was damaged stays, under another name.
TESSERA_INLINE void store_engine::remove_before(std::uint64_t generation) {
  const auto there = list();
  if (!there) return;
  const auto take_away = [&](const std::string& path) {
    const bool damaged = std::any_of(report_.damaged.begin(), report_.damaged.end(), [&](const damage& one) { return one.path == path; });
    if (damaged) std::rename(path.c_str(), (path + ".damaged").c_str());
    else ::unlink(path.c_str());
  };
  for (const auto& [number, path] : there->logs)
    if (number < generation) take_away(path);
  for (const auto& [number, path] : there->snapshots)
    if (number < generation) take_away(path);
}

TESSERA_INLINE void store_engine::start_threads() {
  if (options_.read_only) return;
  if (options_.build_threads > 1) pool_ = std::make_unique<thread_pool>(options_.build_threads);
  builder_ = std::jthread([this](const std::stop_token& stop) { build(stop); });
  if (options_.sync.when == sync_policy::kind::batched)
    flusher_ = std::jthread([this](const std::stop_token& stop) { flush_in_time(stop); });
}

TESSERA_INLINE result<> store_engine::close() {
  for (std::jthread* one : {&builder_, &flusher_})
    if (one->joinable()) {
      one->request_stop();
      one->join();
    }
  return options_.read_only || options_.sync.when == sync_policy::kind::none ? result<>{} : sync();
}

TESSERA_INLINE store_engine::~store_engine() {
  if (log_) static_cast<void>(close());
  if (lock_descriptor_ >= 0) ::close(lock_descriptor_);
}

}  // namespace tessera::inline TESSERA_ABI::detail

#include <tessera/store/engine_budget-inl.hpp>
#include <tessera/store/engine_build-inl.hpp>
#include <tessera/store/engine_commit-inl.hpp>
