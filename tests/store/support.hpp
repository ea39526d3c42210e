// SPDX-License-Identifier: Apache-2.0
/// What the tests of the store share: rows, contents that follow from the id, and a check of all that a store holds.
#pragma once

#include <tests/index/support.hpp>

#include <tessera/index/flat.hpp>
#include <tessera/store/store.hpp>

#include <map>
#include <ranges>
#include <string>

namespace tessera_tests {

using small = ts::space<"small", 8>;

/// The vector that the tests give an id; `version` makes another of it.
template <ts::embedding_space Space, ts::precision Precision = ts::f32>
ts::embedding<Space, Precision> vector_of(std::uint64_t id, unsigned version = 0) {
  std::mt19937_64 random(id * 31 + version);
  std::normal_distribution<float> normal;
  ts::embedding<Space> made;
  for (float& value : made.values()) value = normal(random);
  if constexpr (std::is_same_v<Precision, ts::f32>) return made;
  else if constexpr (ts::floating_precision<Precision>) return ts::cast<Precision>(made);
  else return value_of(ts::quantize<Precision>(made));
}
inline std::string payload_of(std::uint64_t id, unsigned version = 0) {
  return "payload " + std::to_string(id) + std::string(id % 100, 'x') + std::to_string(version);
}
inline std::string metadata_of(std::uint64_t id) { return id % 2 == 0 ? "even" : "odd"; }

/// In memory where the system has such a place: a killed process loses nothing of it, and a sync costs nothing.
class memory_directory {
 public:
  memory_directory() {
    std::error_code none;
    std::string name = (std::filesystem::is_directory("/dev/shm", none) ? "/dev/shm" : std::filesystem::temp_directory_path().string()) +
                       "/tessera-test-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  memory_directory(const memory_directory&) = delete;
  memory_directory& operator=(const memory_directory&) = delete;
  ~memory_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// What a store should hold: version by id.
using expected_rows = std::map<std::uint64_t, unsigned>;

template <class Store>
void add_row(Store& store, std::uint64_t id, unsigned version = 0) {
  succeed(store.add(id, vector_of<typename Store::space, typename Store::precision>(id, version),
                    ts::row_content::text(payload_of(id, version), metadata_of(id))));
}

/// The store holds exactly these, every byte of them.
template <class Store>
void holds(const Store& store, const expected_rows& expected) {
  if (store.size() != expected.size()) FAIL("wanted " << expected.size() << " rows, found " << store.size());
  for (const auto& [id, version] : expected) {
    const auto row = store.get(id);
    if (!row) FAIL(row.error().message());
    const auto wanted = vector_of<typename Store::space, typename Store::precision>(id, version);
    if (!std::ranges::equal(row->vector.values(), wanted.values(), [](auto a, auto b) { return std::memcmp(&a, &b, sizeof a) == 0; }))
      FAIL("another vector under id " << id);
    if (row->payload_text() != payload_of(id, version) || row->metadata_text() != metadata_of(id)) FAIL("another content under id " << id);
  }
  auto ids = store.ids();
  std::sort(ids.begin(), ids.end());
  if (!std::ranges::equal(ids, std::views::keys(expected))) FAIL("other ids");
}

template <class Store>
Store open_store(const std::filesystem::path& path, const ts::store_options& options = {.sync = ts::sync_policy::none()}) {
  return value_of(Store::open(path.string(), options));
}

}  // namespace tessera_tests
