// SPDX-License-Identifier: Apache-2.0
// A system that fails: full disks, failing syncs, no memory, no rights, processes killed while they write.
#include <tests/store/support.hpp>
#include <tests/support/allocations.hpp>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>

using namespace tessera_tests;

namespace {

using floats = ts::store<small>;
const ts::store_options quiet{.sync = ts::sync_policy::none(), .snapshot_after = 0};

// The calls that fail, and after how many that do not.
std::atomic<int> good_writes{1 << 30}, good_syncs{1 << 30}, good_truncates{1 << 30};
std::atomic<bool> in_pieces{false};
std::atomic<int> reason{ENOSPC};

ts::store_options failing(ts::sync_policy sync) {
  good_writes = good_syncs = good_truncates = 1 << 30;
  in_pieces = false;
  const auto& system = ts::detail::file_calls::system();
  static const auto real = system;
  return {.sync = sync,
          .snapshot_after = 0,
          .calls = {.write = [](int file, const void* bytes, std::size_t count) -> ssize_t {
                      if (good_writes-- <= 0) {
                        // Half of it is written before the disk is full.
                        if (count > 1 && good_writes == -1) return real.write(file, bytes, count / 2);
                        return errno = reason, -1;
                      }
                      return real.write(file, bytes, in_pieces && count > 7 ? 7 : count);
                    },
                    .sync = [](int file) { return good_syncs-- > 0 ? real.sync(file) : (errno = EIO, -1); },
                    .truncate = [](int file, off_t size) { return good_truncates-- > 0 ? real.truncate(file, size) : (errno = EIO, -1); }}};
}

/// Runs it in a child and gives its status; 0 where it returned true.
template <class Function>
int in_child(const Function& function) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(function() ? 0 : 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

}  // namespace

TEST_CASE("store: short writes and a full disk lose nothing that was acknowledged", "[store]") {
  const scratch_directory scratch;
  expected_rows expected;
  {
    auto store = open_store<floats>(scratch / "s", failing(ts::sync_policy::none()));
    in_pieces = true;
    for (std::uint64_t id = 0; id < 20; ++id) add_row(store, id), expected[id] = 0;
    in_pieces = false;
    for (std::uint64_t id = 100; id < 110; ++id) {
      good_writes = 0;
      const auto full = store.add(id, vector_of<small>(id));
      REQUIRE(!full);
      CHECK(full.error().system == ENOSPC);
      CHECK(!store.contains(id));
      good_writes = 1 << 30;
      add_row(store, id + 100), expected[id + 100] = 0;
    }
    holds(store, expected);
  }
  holds(open_store<floats>(scratch / "s", quiet), expected);
  CHECK(open_store<floats>(scratch / "s", quiet).recovery().clean());
}

TEST_CASE("store: where a sync fails, or what was half written cannot be cut off, every later write is refused", "[store]") {
  const bool sync_fails = GENERATE(true, false);
  const scratch_directory scratch;
  expected_rows expected;
  {
    auto store = open_store<floats>(scratch / "s", failing(ts::sync_policy::each_write()));
    for (std::uint64_t id = 0; id < 5; ++id) add_row(store, id), expected[id] = 0;
    if (sync_fails) good_syncs = 0;
    else good_writes = good_truncates = 0;
    CHECK(store.add(5, vector_of<small>(5)).error().code == ts::error_code::io);
    CHECK(!store.contains(5));
    good_syncs = good_writes = good_truncates = 1 << 30;
    const auto refused = store.add(6, vector_of<small>(6));
    CHECK(message_of(refused).find("failed before") != std::string::npos);
    CHECK(!store.sync());
    CHECK(!store.snapshot());
    holds(store, expected);
    CHECK(value_of(store.search(vector_of<small>(1), 10)).size() == 5);
  }
  auto store = open_store<floats>(scratch / "s", quiet);
  if (sync_fails && store.contains(5)) succeed(store.remove(5));  // written, never acknowledged: it may be there
  holds(store, expected);
}

TEST_CASE("store: a sync that fails in the background is told", "[store]") {
  const scratch_directory scratch;
  auto store = open_store<floats>(scratch / "s", failing(ts::sync_policy::batched(1, 1 << 20)));
  good_syncs = 0;
  succeed(store.add(1, vector_of<small>(1)));
  for (int i = 0; i < 2000 && !store.background_error(); ++i) ::usleep(1000);
  REQUIRE(store.background_error());
  CHECK(store.background_error()->system == EIO);
  CHECK(!store.add(2, vector_of<small>(2)));
}

TEST_CASE("store: a snapshot that does not fit the disk is an error, and all is still there", "[store]") {
  const scratch_directory scratch;
  expected_rows expected;
  const int status = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    auto store = open_store<floats>(scratch / "s", quiet);
    for (std::uint64_t id = 0; id < 200; ++id) add_row(store, id), expected[id] = 0;
    const rlimit small_files{30'000, RLIM_INFINITY}, any{RLIM_INFINITY, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_FSIZE, &small_files) != 0) return false;
    const auto failed = store.snapshot();
    const auto full = store.add(1000, vector_of<small>(1000), ts::row_content::text(std::string(100'000, 'x')));
    if (::setrlimit(RLIMIT_FSIZE, &any) != 0) return false;
    bool good = !failed && failed.error().system == EFBIG && !full && full.error().system == EFBIG && store.size() == 200;
    good = good && store.add(300, vector_of<small>(300)) && store.snapshot() && store.remove(300);
    return good;
  });
  CHECK(status == 0);
  for (std::uint64_t id = 0; id < 200; ++id) expected[id] = 0;
  const auto store = open_store<floats>(scratch / "s", quiet);
  CHECK(store.recovery().snapshot_rows == 201);
  holds(store, expected);
  for (const auto& entry : std::filesystem::directory_iterator(scratch / "s")) CHECK(entry.path().string().find(".tmp-") == std::string::npos);
}

TEST_CASE("store: a second process, and one without rights, get a clear error", "[store]") {
  const scratch_directory scratch;
  std::filesystem::permissions(scratch.path(), std::filesystem::perms::others_read | std::filesystem::perms::others_exec,
                               std::filesystem::perm_options::add);
  expected_rows expected{{1, 0}};
  {
    auto store = open_store<floats>(scratch / "s", quiet);
    add_row(store, 1);
    CHECK(in_child([&] {
            const auto second = floats::open((scratch / "s").string(), quiet);
            return !second && second.error().message().find("has open") != std::string::npos;
          }) == 0);
  }
  std::filesystem::permissions(scratch / "s", std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec |
                                                  std::filesystem::perms::others_read | std::filesystem::perms::others_exec);
  CHECK(in_child([&] {
          if (::geteuid() == 0 && ::setuid(65534) != 0) return false;
          const auto refused = floats::open((scratch / "s").string(), quiet);
          const auto none = floats::open((scratch / "s/new").string(), quiet);
          return !refused && refused.error().system == EACCES && !none && none.error().system == EACCES;
        }) == 0);
  std::filesystem::permissions(scratch / "s", std::filesystem::perms::owner_all);
  holds(open_store<floats>(scratch / "s", quiet), expected);
}

TEST_CASE("store: any number of processes read what none writes to, and change nothing", "[store]") {
  const memory_directory directory;
  const std::string path = (directory / "s").string();
  ts::store_options reading = quiet;
  reading.read_only = true;
  CHECK(floats::open(path, reading).error().code == ts::error_code::not_found);
  CHECK_FALSE(std::filesystem::exists(path));
  expected_rows expected;
  {
    auto store = open_store<floats>(directory / "s", quiet);
    for (std::uint64_t id = 0; id < 50; ++id) add_row(store, id), expected[id] = 0;
    succeed(store.snapshot());
    for (std::uint64_t id = 50; id < 70; ++id) add_row(store, id), expected[id] = 0;
    const auto refused = floats::open(path, reading);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message().find("nobody writes to") != std::string::npos);
  }
  // A torn end of the log is passed over, and stays where it is.
  std::filesystem::path log;
  for (const auto& entry : std::filesystem::directory_iterator(path))
    if (entry.path().filename().string().starts_with("log-")) log = entry.path();
  write_file(log, read_file(log) + "half a batch");
  const auto contents = [&] {
    std::map<std::string, std::string> made;
    for (const auto& entry : std::filesystem::directory_iterator(path)) made[entry.path().filename().string()] = read_file(entry.path());
    return made;
  };
  const auto before = contents();
  {
    auto first = open_store<floats>(directory / "s", reading);
    CHECK(in_child([&] {
            const auto second = floats::open(path, reading);
            const auto writer = floats::open(path, quiet);
            return second && second->size() == 70 && second->search(vector_of<small>(60), 3)->front().id == 60 && !writer;
          }) == 0);
    holds(first, expected);
    CHECK(first.recovery().bytes_dropped == std::string_view("half a batch").size());
    for (const auto& refused : {first.add(100, vector_of<small>(1)), first.remove(3), first.snapshot(), first.sync()}) {
      REQUIRE_FALSE(refused);
      CHECK(refused.error().code == ts::error_code::unsupported);
    }
    succeed(first.index());
    CHECK(value_of(first.search(vector_of<small>(60), 3)).front().id == 60);
    CHECK(first.log_bytes() > 0);
    succeed(first.close());
  }
  CHECK(contents() == before);
  holds(open_store<floats>(directory / "s", quiet), expected);
}

#if TESSERA_TEST_COUNTS  // sanitizers have allocators and threads of their own
TEST_CASE("store: without memory a change is refused, and what is there stays", "[store]") {
  using wide = ts::store<ts::space<"wide", 4096>>;
  const scratch_directory scratch;
  const int status = in_child([&] {
    auto store = value_of(wide::open((scratch / "s").string(), quiet));
    auto rows = value_of(ts::embedding_matrix<ts::space<"wide", 4096>>::make(100));
    std::vector<std::uint64_t> ids(100);
    std::size_t used = 0;  // by what ran in this process before
    for (std::ifstream lines("/proc/self/status"); lines && used == 0;) {
      std::string name;
      if (lines >> name && name == "VmData:") lines >> used;
    }
    const rlimit little{(used << 10u) + (std::size_t{32} << 20u), RLIM_INFINITY};
    if (::setrlimit(RLIMIT_DATA, &little) != 0) return false;
    std::uint64_t next = 0;
    for (; next < 10'000; next += 100) {
      for (std::uint64_t i = 0; i < 100; ++i) ids[i] = next + i;
      if (const auto added = store.add_rows(ids, rows); !added) {
        if (added.error().code != ts::error_code::out_of_memory) return false;
        break;
      }
    }
    return next >= 200 && next < 10'000 && store.size() == next && store.get(next - 1) && !store.contains(next) && store.remove(5);
  });
  CHECK(status == 0);
  CHECK(value_of(wide::open((scratch / "s").string(), quiet)).size() % 100 == 99);
}

// ------------------------------------------------------------------------------------------------------------------ kills
namespace {

struct model_of_store {
  expected_rows rows;
  std::uint64_t version = 0;
};

/// Change number i of a store's life, the same each time: adds, updates, removals, batches. Applied to the model too.
template <class Store>
bool change_number(std::uint64_t i, Store* store, model_of_store& model) {
  const auto content = [](std::uint64_t id, unsigned version, std::string& payload, std::string& metadata) {
    payload = payload_of(id, version), metadata = metadata_of(id);
    return ts::row_content::text(payload, metadata);
  };
  std::string payloads[5], metadata[5];
  const std::uint64_t id = (i * 7919) % 500;
  if (i % 5 == 4) {
    auto rows = value_of(ts::embedding_matrix<small>::make(0));
    std::vector<std::uint64_t> ids;
    std::vector<ts::row_content> contents;
    for (std::uint64_t j = 0; j < 5; ++j) {
      const std::uint64_t one = 10'000 + i * 5 + j;
      succeed(rows.append(vector_of<small>(one)));
      ids.push_back(one), contents.push_back(content(one, 0, payloads[j], metadata[j]));
      model.rows[one] = 0;
      ++model.version;
    }
    return store == nullptr || store->add_rows(ids, rows, contents).has_value();
  }
  ++model.version;
  if (const auto at = model.rows.find(id); at == model.rows.end()) {
    model.rows[id] = 0;
    return store == nullptr || store->add(id, vector_of<small>(id), content(id, 0, payloads[0], metadata[0])).has_value();
  } else if (i % 3 == 0) {
    model.rows.erase(at);
    return store == nullptr || store->remove(id).has_value();
  } else {
    const unsigned version = ++at->second;
    return store == nullptr || store->update(id, vector_of<small>(id, version), content(id, version, payloads[0], metadata[0])).has_value();
  }
}

}  // namespace

// TESSERA_KILLS=1000 for the full run.
TEST_CASE("store: killed at any moment, it holds what was acknowledged and no half of anything", "[store]") {
  const char* const asked = std::getenv("TESSERA_KILLS");
  const int kills = asked != nullptr ? std::atoi(asked) : 40;
  const memory_directory scratch;
  struct shared {
    std::atomic<std::uint64_t> acknowledged;
    std::atomic<bool> begun;
  };
  void* memory = ::mmap(nullptr, sizeof(shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  auto* const state = new (memory) shared{};
  std::mt19937_64 random(11);
  std::uint64_t done = 0, changes = 0, stores = 0;
  model_of_store model;
  std::size_t snapshots_seen = 0, dropped_seen = 0, unacknowledged_seen = 0;
  for (int kill = 0; kill < kills; ++kill) {
    // Everything is read after each kill: a store that has grown large makes place for a new one.
    if (model.rows.size() > 4000) changes += std::exchange(done, 0), model = {}, ++stores;
    const auto place = scratch / ("s" + std::to_string(stores));
    const auto sync = kill % 8 == 0 ? ts::sync_policy::each_write() : kill % 8 == 1 ? ts::sync_policy::batched(1, 1000) : ts::sync_policy::none();
    state->acknowledged = done, state->begun = false;
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      auto store = floats::open(place.string(), {.sync = sync, .graph = {.degree = 4, .build_effort = 8}, .snapshot_after = 30'000});
      if (!store) ::_exit(3);
      state->begun = true;
      model_of_store mine = model;
      for (std::uint64_t i = done; i < done + 100'000; ++i) {
        if (!change_number(i, &*store, mine)) ::_exit(2);
        state->acknowledged = i + 1;
        if (i % 400 == 399 && !store->snapshot()) ::_exit(4);
      }
      ::_exit(0);
    }
    const auto wait = static_cast<useconds_t>(random() % (kill % 4 == 0 ? 60'000u : 10'000u));
    while (kill % 4 != 3 && !state->begun && ::waitpid(child, nullptr, WNOHANG) == 0) ::usleep(100);
    ::usleep(wait);
    ::kill(child, SIGKILL);
    int status = 0;
    if (::waitpid(child, &status, 0) == child) REQUIRE(WIFSIGNALED(status));
    while (done < state->acknowledged) REQUIRE(change_number(done++, static_cast<floats*>(nullptr), model));
    const auto store = floats::open(place.string(), quiet);
    if (!store) FAIL("after kill " << kill << ": " << store.error().message());
    if (!store->recovery().damaged.empty()) FAIL("after kill " << kill << ": " << store->recovery().damaged[0].what);
    if (store->version() != model.version) {
      // The change that was under way when the process died: there as a whole.
      REQUIRE(change_number(done++, static_cast<floats*>(nullptr), model));
      ++unacknowledged_seen;
    }
    REQUIRE(store->version() == model.version);
    holds(*store, model.rows);
    snapshots_seen += store->recovery().snapshot_rows > 0 ? 1u : 0u;
    dropped_seen += store->recovery().bytes_dropped > 0 ? 1u : 0u;
  }
  ::munmap(memory, sizeof(shared));
  changes += done;
  const std::string seen = std::to_string(kills) + " kills, " + std::to_string(changes) + " changes, " + std::to_string(snapshots_seen) +
                           " openings from a snapshot, " + std::to_string(dropped_seen) + " torn batches, " +
                           std::to_string(unacknowledged_seen) + " changes under way";
  INFO(seen);
  CHECK(changes > 100);
  CHECK(snapshots_seen > 0);
  if (asked != nullptr) WARN(seen);
}
#endif
