// SPDX-License-Identifier: Apache-2.0
// The log, cut at every byte and with every byte changed: what was whole is there, what was not is reported, and nothing is half there.
#include <tests/store/support.hpp>

using namespace tessera_tests;

namespace {

using floats = ts::store<small>;
const ts::store_options quiet{.sync = ts::sync_policy::none(), .snapshot_after = 0};

/// A store of `batches` batches of three rows, ids 3·b .. 3·b + 2, and where each ends in its log.
struct written {
  std::string log;
  std::vector<std::size_t> ends;
};
written some_batches(const std::filesystem::path& path, std::size_t batches, const ts::sync_policy& sync) {
  written made;
  auto store = open_store<floats>(path, {.sync = sync, .snapshot_after = 0});
  made.ends.push_back(store.log_bytes());
  for (std::uint64_t b = 0; b < batches; ++b) {
    auto rows = value_of(ts::embedding_matrix<small>::make(0));
    std::vector<std::string> texts;
    for (std::uint64_t id = 3 * b; id < 3 * b + 3; ++id) {
      succeed(rows.append(vector_of<small>(id)));
      texts.push_back(payload_of(id)), texts.push_back(metadata_of(id));
    }
    const ts::row_content contents[] = {ts::row_content::text(texts[0], texts[1]), ts::row_content::text(texts[2], texts[3]),
                                        ts::row_content::text(texts[4], texts[5])};
    const std::uint64_t ids[] = {3 * b, 3 * b + 1, 3 * b + 2};
    succeed(store.add_rows(ids, rows, contents));
    made.ends.push_back(store.log_bytes());
  }
  succeed(store.close());
  made.log = read_file(path / "log-0000000000000000");
  REQUIRE(made.log.size() == made.ends.back());
  return made;
}
expected_rows rows_of(std::size_t batches) {
  expected_rows made;
  for (std::uint64_t id = 0; id < 3 * batches; ++id) made[id] = 0;
  return made;
}

}  // namespace

TEST_CASE("log: cut anywhere, it gives its whole batches, says what it dropped, and goes on", "[store]") {
  const scratch_directory scratch;
  const written whole = some_batches(scratch / "s", 4, ts::sync_policy::none());
  const auto log = scratch / "s" / "log-0000000000000000";
  for (std::size_t cut = whole.ends[0]; cut <= whole.log.size(); ++cut) {
    write_file(log, std::string_view(whole.log).substr(0, cut));
    std::size_t batches = 0;
    while (batches + 1 < whole.ends.size() && whole.ends[batches + 1] <= cut) ++batches;
    {
      auto store = open_store<floats>(scratch / "s", quiet);
      holds(store, rows_of(batches));
      if (store.recovery().bytes_dropped != cut - whole.ends[batches]) FAIL("cut at " << cut << ": other bytes dropped");
      if (cut != whole.ends[batches] && store.recovery().dropped_at != whole.ends[batches]) FAIL("cut at " << cut << ": another place");
      if (store.recovery().batches != batches || !store.recovery().damaged.empty()) FAIL("another report");
      if (cut % 8 == 0) add_row(store, 1000);
    }
    if (cut % 8 == 0) {
      auto expected = rows_of(batches);
      expected[1000] = 0;
      const auto store = open_store<floats>(scratch / "s", quiet);
      holds(store, expected);
      CHECK(store.recovery().clean());
    }
  }
  // Without its header it is no log, and that is an error, not an empty store.
  for (const std::size_t cut : {std::size_t{0}, std::size_t{7}, std::size_t{100}, whole.ends[0] - 1}) {
    write_file(log, std::string_view(whole.log).substr(0, cut));
    CHECK(message_of(floats::open((scratch / "s").string(), quiet)).find("log-0000") != std::string::npos);
  }
}

TEST_CASE("log: a damaged record is isolated where its batch was on the disk, else the whole batch", "[store]") {
  const scratch_directory scratch;
  const bool synced = GENERATE(true, false);
  const written whole = some_batches(scratch / "s", 5, synced ? ts::sync_policy::each_write() : ts::sync_policy::none());
  const auto log = scratch / "s" / "log-0000000000000000";
  std::size_t isolated = 0;
  for (std::size_t at = whole.ends[0]; at < whole.ends[4]; ++at) {  // the last batch says how far the disk was known to reach
    std::string changed = whole.log;
    changed[at] = static_cast<char>(changed[at] ^ (1 << (at % 8)));
    write_file(log, changed);
    const auto store = open_store<floats>(scratch / "s", quiet);
    if (store.recovery().clean()) FAIL("byte " << at << ": damage was not seen");
    std::size_t batch = 0;
    while (whole.ends[batch + 1] <= at) ++batch;
    std::size_t lost = 0;
    for (std::uint64_t id = 0; id < 15; ++id) {
      if (!store.contains(id)) {
        if (id / 3 != batch) FAIL("byte " << at << ": id " << id << " of another batch is gone");
        ++lost;
        continue;
      }
      const auto row = value_of(store.get(id));
      if (row.vector.values()[0] != vector_of<small>(id).values()[0] || row.payload_text() != payload_of(id)) FAIL("another row");
    }
    if (lost != 3 && !(synced && lost == 1)) FAIL("byte " << at << ": " << lost << " rows of a batch lost");
    isolated += lost == 1 ? 1 : 0;
  }
  if (synced) CHECK(isolated > 0);
}

TEST_CASE("log: a header with a changed byte is refused", "[store]") {
  const scratch_directory scratch;
  const written whole = some_batches(scratch / "s", 1, ts::sync_policy::none());
  for (std::size_t at = 0; at < whole.ends[0]; ++at) {
    std::string changed = whole.log;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    write_file(scratch / "s" / "log-0000000000000000", changed);
    if (floats::open((scratch / "s").string(), quiet)) FAIL("byte " << at << " of the header was changed and not seen");
  }
}
