// SPDX-License-Identifier: Apache-2.0
// Snapshots with changed, missing and foreign bytes: refused, or what is damaged is named and the rest is right.
#include <tests/store/support.hpp>

using namespace tessera_tests;

namespace {

using halves = ts::store<small, ts::f16>;
const ts::store_options quiet{.sync = ts::sync_policy::none(), .snapshot_after = 0};
constexpr std::uint64_t rows = 1200;

/// Everything that the store says is true: of each row, or that it cannot say.
void says_nothing_wrong(const halves& store, std::size_t& damaged) {
  for (std::uint64_t id = 0; id < rows; ++id) {
    const auto row = store.get(id);
    if (!row) {
      const bool lost_id = row.error().code == ts::error_code::not_found && !store.recovery().clean();
      if (row.error().code != ts::error_code::checksum && !lost_id && store.damaged().empty()) FAIL(row.error().message());
      ++damaged;
      continue;
    }
    const auto wanted = vector_of<small, ts::f16>(id);
    if (std::memcmp(row->vector.data(), wanted.data(), sizeof wanted[0] * 8) != 0 || row->payload_text() != payload_of(id)) FAIL("another row");
  }
  for (const std::size_t effort : {std::size_t{40}, std::size_t{100'000}}) {
    const auto query = vector_of<small>(4711);
    for (const ts::hit& one : value_of(store.search(query, 20, {.effort = effort})))
      if (one.id >= rows || one.score != ts::cosine{}(query, vector_of<small, ts::f16>(one.id))) FAIL("another score for id " << one.id);
  }
}

}  // namespace

TEST_CASE("snapshot: 2,000 changed bytes, each refused or isolated", "[store]") {
  const memory_directory scratch;
  const auto path = scratch / "s";
  {
    auto store = open_store<halves>(path, quiet);
    for (std::uint64_t id = 0; id < rows; ++id) add_row(store, id);
    succeed(store.snapshot());
  }
  const auto file = path / "snapshot-0000000000000001";
  const std::string whole = read_file(file);
  std::mt19937_64 random(7);
  std::size_t refused = 0, isolated = 0, index_only = 0;
  for (int variant = 0; variant < 2000; ++variant) {
    std::string changed = whole;
    const std::size_t at = variant < 400 ? static_cast<std::size_t>(variant) * 3 : random() % whole.size();
    const std::size_t length = variant % 4 == 0 ? std::min<std::size_t>(random() % 5000, whole.size() - at) : 1;
    for (std::size_t i = at; i < at + length; ++i) changed[i] = variant % 8 == 0 ? '\0' : static_cast<char>(changed[i] ^ (1 << random() % 8));
    if (changed == whole) continue;
    write_file(file, changed);
    const auto store = halves::open(path.string(), quiet);
    if (!store) {
      if (store.error().message().find("snapshot-") == std::string::npos) FAIL(store.error().message());
      ++refused;
      continue;
    }
    std::size_t damaged = 0;
    says_nothing_wrong(*store, damaged);
    if (store->verify()) FAIL("variant " << variant << ", byte " << at << ": damage was not seen");
    if (store->damaged().empty()) FAIL("damage is not named");
    (damaged > 0 ? isolated : index_only) += 1;
  }
  CHECK(refused > 100);
  CHECK(isolated > 100);
  CHECK(index_only > 100);
  for (const std::size_t cut : {std::size_t{0}, std::size_t{5}, std::size_t{175}, std::size_t{4000}, whole.size() / 2, whole.size() - 1}) {
    write_file(file, std::string_view(whole).substr(0, cut));
    CHECK(!halves::open(path.string(), quiet));
  }
  write_file(file, whole + "x");
  CHECK(!halves::open(path.string(), quiet));
}

TEST_CASE("snapshot: damaged rows are removed by name, a damaged graph is made anew", "[store]") {
  const scratch_directory scratch;
  const auto path = scratch / "s";
  {
    auto store = open_store<halves>(path, quiet);
    for (std::uint64_t id = 0; id < rows; ++id) add_row(store, id);
    succeed(store.snapshot());
  }
  const auto file = path / "snapshot-0000000000000001";
  std::string changed = read_file(file);
  changed[changed.size() - 1] = static_cast<char>(changed.back() ^ 1);  // the last rows
  write_file(file, changed);
  {
    auto store = open_store<halves>(path, quiet);
    const auto refused = store.snapshot();
    REQUIRE(!refused);
    CHECK(refused.error().code == ts::error_code::checksum);
    CHECK(message_of(refused).find("id 1199") != std::string::npos);
    expected_rows expected;
    for (std::uint64_t id = 0; id < rows; ++id) {
      if (store.get(id)) expected[id] = 0;
      else if (id % 2 == 0) succeed(store.remove(id));
      else succeed(store.update(id, vector_of<small, ts::f16>(id), ts::row_content::text(payload_of(id), metadata_of(id)))), expected[id] = 0;
    }
    CHECK(expected.size() < rows);
    succeed(store.snapshot());
    succeed(store.verify());
    holds(store, expected);
  }
  // Unused links of level 0 are what is 0xFFFFFFFF there.
  const auto next = path / "snapshot-0000000000000002";
  changed = read_file(next);
  changed[changed.find("\xFF\xFF\xFF\xFF", 60'000)] = 0;
  write_file(next, changed);
  auto store = open_store<halves>(path, quiet);
  ts::flat<small, ts::f16> flat;
  for (const std::uint64_t id : store.ids()) succeed(flat.add(id, vector_of<small, ts::f16>(id)));
  for (std::uint64_t q = 0; q < 30; ++q)
    CHECK(same_hits(value_of(flat.search(vector_of<small>(q), 5)), value_of(store.search(vector_of<small>(q), 5, {.effort = 70}))));
  CHECK(!store.damaged().empty());
  succeed(store.index());
  succeed(store.snapshot());
  succeed(store.verify());
  CHECK(store.damaged().empty());
}

TEST_CASE("snapshot: files of another store, and ones that are missing, are noticed", "[store]") {
  const scratch_directory scratch;
  for (const char* name : {"a", "b"}) {
    auto store = open_store<halves>(scratch / name, quiet);
    for (std::uint64_t id = 0; id < 10; ++id) add_row(store, id);
    if (*name == 'b') succeed(store.snapshot());
    add_row(store, 10);
  }
  const std::string log = "log-0000000000000001";
  const auto copy = [](const std::filesystem::path& from, const std::filesystem::path& to) {
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
  };
  copy(scratch / "b", scratch / "c");
  std::filesystem::remove(scratch / "c" / "snapshot-0000000000000001");
  CHECK(message_of(halves::open((scratch / "c").string(), quiet)).find("snapshot") != std::string::npos);
  copy(scratch / "b", scratch / "d");
  std::filesystem::remove(scratch / "d" / log);
  {
    const auto store = open_store<halves>(scratch / "d", quiet);
    CHECK(store.size() == 10);
    CHECK(!store.recovery().clean());
  }
  copy(scratch / "b", scratch / "e");
  copy(scratch / "a" / "log-0000000000000000", scratch / "e" / log);
  CHECK(halves::open((scratch / "e").string(), quiet).error().code == ts::error_code::mismatch);
}
