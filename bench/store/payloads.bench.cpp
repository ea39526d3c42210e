// SPDX-License-Identifier: Apache-2.0
// Where payloads could stand: a store's own files, which hold the vectors too, beside engines that would hold the payloads alone.
//
//     payloads/durable/ENGINE   payloads of 200 bytes a second, in batches of 100, each on the disk before the next begins
//     payloads/add/ENGINE       the same without waiting for the disk
//     payloads/get/ENGINE       payloads by id a second, in no order
//
// `store` writes and reads 384 f32 beside each payload; the others (Debian: libsqlite3-dev, liblmdb-dev, librocksdb-dev), each where it is
// installed, the payload and its id.
#include <bench/support/unit_rows.hpp>

#include <tessera/store/store.hpp>

#include <benchmark/benchmark.h>

#if defined(TESSERA_BENCH_SQLITE)
#include <sqlite3.h>
#endif
#if defined(TESSERA_BENCH_LMDB)
#include <lmdb.h>
#endif
#if defined(TESSERA_BENCH_ROCKSDB)
#include <rocksdb/c.h>
#endif
#include <unistd.h>
#include <filesystem>
#include <optional>

namespace ts = tessera;

namespace {

constexpr std::size_t together = 100, payload_bytes = 200;
const std::string payload(payload_bytes, 'p');

class our_files {
 public:
  using space = ts::space<"payloads", 384, ts::pooling::mean, ts::unit_length>;
  bool open(const std::string& path, bool durable) {
    auto opened = ts::store<space>::open(
        path, {.sync = durable ? ts::sync_policy::each_write() : ts::sync_policy::none(), .exact = true, .snapshot_after = 0});
    if (opened) store_.emplace(*std::move(opened));
    return opened.has_value();
  }
  bool add(std::uint64_t first) {
    for (std::size_t i = 0; i < together; ++i) ids_[i] = first + i;
    return store_->add_rows(ids_, rows_, contents_).has_value();
  }
  std::size_t get(std::uint64_t id) {
    const auto row = store_->get(id);
    return row ? row->payload.size() : 0;
  }

 private:
  std::optional<ts::store<space>> store_;
  ts::embedding_matrix<space> rows_ = unit_rows<space>(together, 1);
  std::vector<ts::row_content> contents_{together, ts::row_content::text(payload)};
  std::vector<std::uint64_t> ids_ = std::vector<std::uint64_t>(together);
};

#if defined(TESSERA_BENCH_SQLITE)
class sqlite_table {
 public:
  sqlite_table() = default;
  sqlite_table(const sqlite_table&) = delete;
  sqlite_table& operator=(const sqlite_table&) = delete;
  ~sqlite_table() {
    sqlite3_finalize(insert_), sqlite3_finalize(select_);
    sqlite3_close(base_);
  }
  bool open(const std::string& path, bool durable) {
    std::filesystem::create_directories(path);
    return sqlite3_open((path + "/payloads.db").c_str(), &base_) == SQLITE_OK && run("PRAGMA journal_mode=WAL") &&
           run(durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=OFF") &&
           run("CREATE TABLE payloads (id INTEGER PRIMARY KEY, payload BLOB)") && prepare("INSERT INTO payloads VALUES (?, ?)", &insert_) &&
           prepare("SELECT payload FROM payloads WHERE id = ?", &select_);
  }
  bool add(std::uint64_t first) {
    bool good = run("BEGIN");
    for (std::size_t i = 0; i < together && good; ++i) {
      sqlite3_bind_int64(insert_, 1, static_cast<sqlite3_int64>(first + i));
      sqlite3_bind_blob(insert_, 2, payload.data(), static_cast<int>(payload.size()), nullptr);
      good = sqlite3_step(insert_) == SQLITE_DONE;
      sqlite3_reset(insert_);
    }
    return good && run("COMMIT");
  }
  std::size_t get(std::uint64_t id) {
    sqlite3_bind_int64(select_, 1, static_cast<sqlite3_int64>(id));
    std::vector<std::byte> copy;
    if (sqlite3_step(select_) == SQLITE_ROW) {
      const auto* bytes = static_cast<const std::byte*>(sqlite3_column_blob(select_, 0));
      copy.assign(bytes, bytes + sqlite3_column_bytes(select_, 0));
    }
    sqlite3_reset(select_);
    return copy.size();
  }

 private:
  bool run(const char* what) { return sqlite3_exec(base_, what, nullptr, nullptr, nullptr) == SQLITE_OK; }
  bool prepare(const char* what, sqlite3_stmt** made) { return sqlite3_prepare_v2(base_, what, -1, made, nullptr) == SQLITE_OK; }
  sqlite3* base_ = nullptr;
  sqlite3_stmt *insert_ = nullptr, *select_ = nullptr;
};
#endif

#if defined(TESSERA_BENCH_LMDB)
class lmdb_tree {
 public:
  lmdb_tree() = default;
  lmdb_tree(const lmdb_tree&) = delete;
  lmdb_tree& operator=(const lmdb_tree&) = delete;
  ~lmdb_tree() {
    if (reading_ != nullptr) mdb_txn_abort(reading_);
    if (environment_ != nullptr) mdb_env_close(environment_);
  }
  bool open(const std::string& path, bool durable) {
    std::filesystem::create_directories(path);
    MDB_txn* change = nullptr;
    return mdb_env_create(&environment_) == 0 && mdb_env_set_mapsize(environment_, std::size_t{8} << 30u) == 0 &&
           mdb_env_open(environment_, path.c_str(), durable ? 0 : MDB_NOSYNC, 0600) == 0 &&
           mdb_txn_begin(environment_, nullptr, 0, &change) == 0 && mdb_dbi_open(change, nullptr, MDB_INTEGERKEY, &tree_) == 0 &&
           mdb_txn_commit(change) == 0;
  }
  bool add(std::uint64_t first) {
    MDB_txn* change = nullptr;
    if (mdb_txn_begin(environment_, nullptr, 0, &change) != 0) return false;
    for (std::uint64_t i = 0; i < together; ++i) {
      std::uint64_t id = first + i;
      MDB_val key{sizeof id, &id}, value{payload.size(), const_cast<char*>(payload.data())};
      if (mdb_put(change, tree_, &key, &value, 0) != 0) return false;
    }
    return mdb_txn_commit(change) == 0;
  }
  std::size_t get(std::uint64_t id) {
    // One view of the tree a call, as a program that also writes would have.
    if (reading_ == nullptr ? mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &reading_) != 0 : mdb_txn_renew(reading_) != 0) return 0;
    MDB_val key{sizeof id, &id}, value{};
    std::vector<std::byte> copy;
    if (mdb_get(reading_, tree_, &key, &value) == 0) {
      const auto* bytes = static_cast<const std::byte*>(value.mv_data);
      copy.assign(bytes, bytes + value.mv_size);
    }
    mdb_txn_reset(reading_);
    return copy.size();
  }

 private:
  MDB_env* environment_ = nullptr;
  MDB_dbi tree_ = 0;
  MDB_txn* reading_ = nullptr;
};
#endif

#if defined(TESSERA_BENCH_ROCKSDB)
class rocksdb_tree {
 public:
  rocksdb_tree() : writing_(rocksdb_writeoptions_create()), reading_(rocksdb_readoptions_create()) {}
  rocksdb_tree(const rocksdb_tree&) = delete;
  rocksdb_tree& operator=(const rocksdb_tree&) = delete;
  ~rocksdb_tree() {
    if (tree_ != nullptr) rocksdb_close(tree_);
    rocksdb_writeoptions_destroy(writing_), rocksdb_readoptions_destroy(reading_);
  }
  bool open(const std::string& path, bool durable) {
    rocksdb_options_t* const options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_writeoptions_set_sync(writing_, durable ? 1 : 0);
    char* wrong = nullptr;
    tree_ = rocksdb_open(options, path.c_str(), &wrong);
    rocksdb_options_destroy(options);
    return wrong == nullptr;
  }
  bool add(std::uint64_t first) {
    rocksdb_writebatch_t* const batch = rocksdb_writebatch_create();
    for (std::uint64_t i = 0; i < together; ++i) {
      const std::uint64_t id = first + i;
      rocksdb_writebatch_put(batch, reinterpret_cast<const char*>(&id), sizeof id, payload.data(), payload.size());
    }
    char* wrong = nullptr;
    rocksdb_write(tree_, writing_, batch, &wrong);
    rocksdb_writebatch_destroy(batch);
    return wrong == nullptr;
  }
  std::size_t get(std::uint64_t id) {
    char* wrong = nullptr;
    std::size_t size = 0;
    char* const copy = rocksdb_get(tree_, reading_, reinterpret_cast<const char*>(&id), sizeof id, &size, &wrong);
    rocksdb_free(copy);
    return size;
  }

 private:
  rocksdb_t* tree_ = nullptr;
  rocksdb_writeoptions_t* writing_;
  rocksdb_readoptions_t* reading_;
};
#endif

struct place {
  std::string path = (std::filesystem::temp_directory_path() / ("tessera-bench-payloads-" + std::to_string(::getpid()))).string();
  place() { std::filesystem::remove_all(path); }
  place(const place&) = delete;
  place& operator=(const place&) = delete;
  ~place() { std::filesystem::remove_all(path); }
};

template <class Engine>
void add(benchmark::State& state, bool durable) {
  const place scratch;
  Engine engine;
  if (!engine.open(scratch.path, durable)) return state.SkipWithError("open");
  std::uint64_t next = 0;
  for ([[maybe_unused]] const auto& one : state) {
    if (!engine.add(next)) return state.SkipWithError("add");
    next += together;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(next));
}

template <class Engine>
void get(benchmark::State& state) {
  constexpr std::uint64_t count = 100'000;
  const place scratch;
  Engine engine;
  if (!engine.open(scratch.path, false)) return state.SkipWithError("open");
  for (std::uint64_t next = 0; next < count; next += together)
    if (!engine.add(next)) return state.SkipWithError("add");
  std::uint64_t id = 0;
  std::size_t bytes = 0;
  for ([[maybe_unused]] const auto& one : state) bytes += engine.get(id = (id + 61'803) % count);
  if (bytes != static_cast<std::size_t>(state.iterations()) * payload_bytes) state.SkipWithError("another payload");
  state.SetItemsProcessed(state.iterations());
}

template <class Engine>
void beside(const std::string& name) {
  benchmark::RegisterBenchmark(("payloads/durable/" + name).c_str(), add<Engine>, true)->UseRealTime();
  benchmark::RegisterBenchmark(("payloads/add/" + name).c_str(), add<Engine>, false)->UseRealTime()->Iterations(2000);
  benchmark::RegisterBenchmark(("payloads/get/" + name).c_str(), get<Engine>)->UseRealTime();
}

[[maybe_unused]] const bool registered = [] {
  beside<our_files>("store");
#if defined(TESSERA_BENCH_SQLITE)
  beside<sqlite_table>("sqlite");
#endif
#if defined(TESSERA_BENCH_LMDB)
  beside<lmdb_tree>("lmdb");
#endif
#if defined(TESSERA_BENCH_ROCKSDB)
  beside<rocksdb_tree>("rocksdb");
#endif
  return true;
}();

}  // namespace
