// SPDX-License-Identifier: Apache-2.0
// Index files of hnswlib, FAISS and usearch, made by these libraries (tests/index/exchange.py), read and written again.
#include <tests/index/damage.hpp>
#include <tests/index/support.hpp>

#include <tessera/index/exchange.hpp>
#include <tessera/index/hnsw.hpp>
#include <tessera/io/faiss.hpp>
#include <tessera/io/hnswlib.hpp>
#include <tessera/io/usearch.hpp>

#include <cmath>
#include <cstring>

using namespace tessera_tests;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr std::size_t count = 80, width = 16;
using plain = ts::anonymous<width>;
template <class Metric, class Precision = ts::f32>
using graph = ts::hnsw<plain, Precision, Metric>;
template <class Metric, class Precision = ts::f32>
using scan = ts::flat<plain, Precision, Metric>;

/// The rows that exchange.py computes.
ts::embedding_matrix<plain> made_rows(bool unit) {
  auto rows = value_of(ts::embedding_matrix<plain>::make(count));
  for (std::size_t i = 0; i < count; ++i) {
    double squares = 0.0;
    for (std::size_t j = 0; j < width; ++j) {
      rows.values(i)[j] = static_cast<float>((i * 37 + j * 11 + i * j * 7) % 101) / 50.0f - 1.0f;
      squares += static_cast<double>(rows.values(i)[j]) * static_cast<double>(rows.values(i)[j]);
    }
    if (unit)
      for (float& value : rows.values(i)) value = static_cast<float>(static_cast<double>(value) / std::sqrt(squares));
  }
  return rows;
}
std::uint64_t id_of(std::size_t row) { return 3 * row + 7; }

ts::index_parts opened(const std::filesystem::path& path) {
  const std::string name = path.string();
  const std::string file = path.filename().string();
  const auto has = [&](std::string_view text) { return file.find(text) != std::string::npos; };
  if (has("hnswlib")) return value_of(ts::read_hnswlib(name));
  return has("faiss") ? value_of(ts::read_faiss(name)) : value_of(ts::read_usearch(name));
}

/// The index holds these rows under these ids, and finds what a scan of them finds.
template <class Index, class Rows>
void holds(const Index& index, const Rows& rows, bool own_ids, std::span<const std::size_t> without = {}) {
  CHECK(index.size() == count - without.size());
  scan<typename Index::metric, typename Index::precision> truth;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t id = own_ids ? id_of(i) : i;
    if (std::find(without.begin(), without.end(), i) != without.end()) {
      CHECK_FALSE(index.contains(id));
      continue;
    }
    succeed(truth.add(id, rows.row(i)));
    const auto row = value_of(index.get(id));
    REQUIRE(std::memcmp(row.data(), rows.row(i).data(), sizeof(rows.row(i).values()[0]) * row.values().size()) == 0);
  }
  for (std::size_t i = 0; i < count; i += 5)
    CHECK(value_of(index.search(rows.row(i), 10, {.effort = count})) == value_of(truth.search(rows.row(i), 10)));
}

/// The walk itself, not the scan that a small index would do instead: every row is met from the entry.
void walks_everywhere(const ts::graph_parts& links) {
  std::vector<char> met(links.levels.size(), 0);
  std::vector<std::uint32_t> way{links.entry};
  met[links.entry] = 1;
  for (std::size_t at = 0; at < way.size(); ++at)
    for (const std::uint32_t to : ts::graph_parts::used(links.on_ground(way[at])))
      if (!met[to]) met[to] = 1, way.push_back(to);
  CHECK(way.size() == links.levels.size());
}

/// All bytes of a file; a test that is asked to (TESSERA_EXCHANGE_DIR) leaves what it wrote for exchange.py to open.
std::filesystem::path output(const scratch_directory& scratch, const std::string& name) {
  const char* kept = std::getenv("TESSERA_EXCHANGE_DIR");
  return kept ? std::filesystem::path(kept) / name : scratch / name;
}

ts::error refusal(std::string_view format, const std::string& bytes) {
  const auto data = std::as_bytes(std::span(bytes));
  const auto parts = format == "hnswlib" ? ts::view_hnswlib(data, "x") : format == "faiss" ? ts::view_faiss(data, "x") : ts::view_usearch(data, "x");
  if (parts) FAIL("a damaged file was read");
  CHECK(parts.error().path == "x");
  return parts.error();
}

}  // namespace

TEST_CASE("exchange: hnswlib's files become graphs that find what a scan finds", "[exchange]") {
  const auto directory = fixture("exchange");
  const auto l2 = opened(directory / "hnswlib_l2.bin");
  CHECK(l2.metric == ts::stated_metric::unstated);
  CHECK((l2.rows == count && l2.dimension == width && l2.graph->degree == 4 && l2.graph->build_effort == 40));
  const auto index = value_of(ts::index_from<graph<ts::squared_l2>>(l2));
  holds(index, made_rows(false), true);
  walks_everywhere(index.graph());
  holds(value_of(ts::index_from<graph<ts::inner_product>>(opened(directory / "hnswlib_ip.bin"))), made_rows(false), true);
  holds(value_of(ts::index_from<scan<ts::inner_product>>(opened(directory / "hnswlib_ip.bin"))), made_rows(false), true);

  // hnswlib normalises in f32: the last bits are its own, so the rows are taken from the file.
  auto removed = opened(directory / "hnswlib_removed.bin");
  auto cosine = value_of(ts::index_from<graph<ts::cosine>>(removed));
  auto rows = value_of(ts::embedding_matrix<plain>::make(count));
  for (std::size_t i = 0; i < count; ++i) succeed(ts::copy_le<float>(removed.vector(i), std::span<float>(rows.values(i))));
  const auto wanted = made_rows(true);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < width; ++j) REQUIRE(std::abs(rows.values(i)[j] - wanted.row(i).values()[j]) < 1e-6f);
  const std::size_t gone[] = {3, 40};
  holds(cosine, rows, true, gone);
  CHECK_THAT(message_of(ts::parts_of(cosine)), ContainsSubstring("no removed rows"));
  succeed(cosine.repair());
  CHECK(value_of(ts::parts_of(cosine)).rows == count - 2);
}

TEST_CASE("exchange: FAISS's files become indexes", "[exchange]") {
  const auto directory = fixture("exchange");
  holds(value_of(ts::index_from<scan<ts::squared_l2>>(opened(directory / "faiss_flat_l2.index"))), made_rows(false), false);
  holds(value_of(ts::index_from<scan<ts::inner_product>>(opened(directory / "faiss_flat_ip.index"))), made_rows(false), false);
  holds(value_of(ts::index_from<graph<ts::inner_product>>(opened(directory / "faiss_flat_ip.index"))), made_rows(false), false);  // linked here
  holds(value_of(ts::index_from<graph<ts::squared_l2>>(opened(directory / "faiss_hnsw_l2.index"))), made_rows(false), false);
  const auto by_id = opened(directory / "faiss_hnsw_ids.index");
  holds(value_of(ts::index_from<graph<ts::inner_product>>(by_id)), made_rows(true), true);
  holds(value_of(ts::index_from<graph<ts::cosine>>(by_id)), made_rows(true), true);  // every row has length 1

  auto codes = value_of(ts::embedding_matrix<plain, ts::b1>::make(count));
  const auto rows = made_rows(false);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < width; ++j)
      if (rows.row(i).values()[j] > 0) codes.values(i)[j / 8] = static_cast<std::uint8_t>(codes.values(i)[j / 8] | (1u << (j % 8)));
  holds(value_of(ts::index_from<scan<ts::hamming, ts::b1>>(opened(directory / "faiss_binary.index"))), codes, false);
  holds(value_of(ts::index_from<scan<ts::hamming, ts::b1>>(opened(directory / "faiss_binary_ids.index"))), codes, true);
  holds(value_of(ts::index_from<graph<ts::hamming, ts::b1>>(opened(directory / "usearch_bits.usearch"))), codes, true);
  CHECK_THAT(message_of(ts::read_faiss((directory / "faiss_pq.index").string())), ContainsSubstring("found \"IxPq\""));
}

TEST_CASE("exchange: usearch's files become graphs", "[exchange]") {
  const auto directory = fixture("exchange");
  holds(value_of(ts::index_from<graph<ts::squared_l2>>(opened(directory / "usearch_l2.usearch"))), made_rows(false), true);
  const auto half = opened(directory / "usearch_f16.usearch");
  const auto index = value_of(ts::index_from<graph<ts::cosine, ts::f16>>(half));
  CHECK(index.size() == count);
  const auto wanted = made_rows(true);
  for (std::size_t i = 0; i < count; ++i) {
    const auto row = value_of(index.get(id_of(i)));
    for (std::size_t j = 0; j < width; ++j) {
      // usearch rounds to nearest; a value within 1e-6 of a tie may go the other way.
      REQUIRE(std::abs(static_cast<float>(row.values()[j]) - wanted.row(i).values()[j]) <= 0.5f / 1024.0f);
    }
  }
  walks_everywhere(index.graph());
}

TEST_CASE("exchange: what is written is read again, by us here and by its library in exchange.py", "[exchange]") {
  const auto directory = fixture("exchange");
  const scratch_directory scratch;
  const auto same_graph = [](const ts::index_parts& a, const ts::index_parts& b) {
    CHECK((a.ids == b.ids && a.rows == b.rows && a.dimension == b.dimension));
    REQUIRE((a.graph.has_value() && b.graph.has_value()));
    CHECK((a.graph->ground == b.graph->ground && a.graph->upper == b.graph->upper && a.graph->levels == b.graph->levels));
    CHECK((a.graph->entry == b.graph->entry && a.graph->degree == b.graph->degree));
    for (std::size_t i = 0; i < a.rows; ++i) REQUIRE(std::ranges::equal(a.vector(i), b.vector(i)));
  };
  const auto l2 = value_of(ts::index_from<graph<ts::squared_l2>>(opened(directory / "hnswlib_l2.bin")));
  const auto unit = value_of(ts::index_from<graph<ts::cosine>>(opened(directory / "faiss_hnsw_ids.index")));
  const auto half = value_of(ts::index_from<graph<ts::cosine, ts::f16>>(opened(directory / "usearch_f16.usearch")));
  const auto bits = value_of(ts::index_from<graph<ts::hamming, ts::b1>>(opened(directory / "usearch_bits.usearch")));
  const auto l2_parts = value_of(ts::parts_of(l2));
  const auto unit_parts = value_of(ts::parts_of(unit));
  const auto path = [&](const char* name) { return output(scratch, name).string(); };
  succeed(ts::write_hnswlib(path("a_l2_ids.hnswlib"), l2_parts));
  succeed(ts::write_hnswlib(path("a_unit_ids.hnswlib"), unit_parts));
  succeed(ts::write_faiss(path("a_l2_ids.faiss"), l2_parts));
  succeed(ts::write_faiss(path("a_unit_ids.faiss"), unit_parts));
  succeed(ts::write_usearch(path("a_l2_ids.usearch"), l2_parts));
  succeed(ts::write_usearch(path("a_f16_ids.usearch"), value_of(ts::parts_of(half))));
  succeed(ts::write_usearch(path("a_bits_ids.usearch"), value_of(ts::parts_of(bits))));
  same_graph(value_of(ts::read_hnswlib(path("a_l2_ids.hnswlib"))), l2_parts);
  same_graph(value_of(ts::read_faiss(path("a_l2_ids.faiss"))), l2_parts);
  same_graph(value_of(ts::read_usearch(path("a_l2_ids.usearch"))), l2_parts);
  same_graph(value_of(ts::read_usearch(path("a_bits_ids.usearch"))), value_of(ts::parts_of(bits)));
  CHECK(value_of(ts::read_faiss(path("a_unit_ids.faiss"))).metric == ts::stated_metric::inner_product);
  CHECK(value_of(ts::read_usearch(path("a_f16_ids.usearch"))).metric == ts::stated_metric::cosine);

  // Flat files come back byte for byte.
  for (const char* name : {"faiss_flat_l2.index", "faiss_binary.index", "faiss_binary_ids.index"}) {
    const auto parts = opened(directory / name);
    const std::string again = (scratch / name).string();
    succeed(ts::write_faiss(again, parts));
    CHECK(read_file(again) == read_file(directory / name));
  }
  const auto flat_parts = value_of(ts::parts_of(value_of(ts::index_from<scan<ts::squared_l2>>(opened(directory / "faiss_flat_l2.index")))));
  CHECK(flat_parts.rows == count);
}

TEST_CASE("exchange: an index of nothing goes there and back", "[exchange]") {
  const scratch_directory scratch;
  const graph<ts::squared_l2> none;
  const auto parts = value_of(ts::parts_of(none));
  const std::string path = (scratch / "empty").string();
  succeed(ts::write_hnswlib(path, parts));
  CHECK(value_of(ts::index_from<graph<ts::squared_l2>>(value_of(ts::read_hnswlib(path)))).empty());
  succeed(ts::write_faiss(path, parts));
  CHECK(value_of(ts::index_from<graph<ts::squared_l2>>(value_of(ts::read_faiss(path)))).empty());
  succeed(ts::write_usearch(path, parts));
  CHECK(value_of(ts::index_from<graph<ts::squared_l2>>(value_of(ts::read_usearch(path)))).empty());
}

TEST_CASE("exchange: a file of another type is refused with everything that differs", "[exchange]") {
  const auto directory = fixture("exchange");
  const auto l2 = opened(directory / "faiss_hnsw_l2.index");
  const std::string wrong = message_of(ts::index_from<ts::hnsw<ts::anonymous<17>, ts::f16, ts::cosine>>(l2));
  CHECK_THAT(wrong, ContainsSubstring("dimension: wanted 17, found 16"));
  CHECK_THAT(wrong, ContainsSubstring("precision: wanted f16, found f32"));
  CHECK_THAT(wrong, ContainsSubstring("metric: wanted cosine, found squared_l2"));
  // Inner products of rows of any length are not their cosine.
  CHECK_THAT(message_of(ts::index_from<scan<ts::cosine>>(opened(directory / "faiss_flat_ip.index"))), ContainsSubstring("metric: wanted cosine, found inner_product"));

  graph<ts::cosine> index;
  succeed(index.add_rows(some_ids(count), made_rows(false)));
  const auto parts = value_of(ts::parts_of(index));
  const scratch_directory scratch;
  const std::string path = (scratch / "x").string();
  CHECK_THAT(message_of(ts::write_hnswlib(path, parts)), ContainsSubstring("rows of length 1"));
  CHECK_THAT(message_of(ts::write_faiss(path, parts)), ContainsSubstring("cosine over rows of length 1"));
  CHECK_THAT(message_of(ts::write_hnswlib(path, opened(directory / "faiss_flat_l2.index"))), ContainsSubstring("no graph"));
  CHECK_THAT(message_of(ts::write_faiss(path, opened(directory / "usearch_f16.usearch"))), ContainsSubstring("another precision"));
  CHECK_THAT(message_of(ts::write_usearch(path, opened(directory / "hnswlib_l2.bin"))), ContainsSubstring("metric unstated"));
  auto lacking = opened(directory / "faiss_flat_l2.index");
  lacking.ids.pop_back();
  CHECK_THAT(message_of(ts::write_faiss(path, lacking)), ContainsSubstring("ids: wanted 80, found 79"));
  lacking = opened(directory / "faiss_flat_l2.index");
  lacking.ids[5] = lacking.ids[6];
  CHECK_THAT(message_of(ts::index_from<scan<ts::squared_l2>>(lacking)), ContainsSubstring("faiss_flat_l2.index"));
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("exchange: damage is named, and no byte of it walks out of the file", "[exchange]") {
  const auto directory = fixture("exchange");
  const auto changed = [](std::string file, std::size_t at, auto value) {
    put(file, at, value);
    return file;
  };
  const std::string hnswlib = read_file(directory / "hnswlib_l2.bin");
  CHECK_THAT(refusal("hnswlib", changed(hnswlib, 0, std::uint64_t{8})).message(), ContainsSubstring("offset of level 0"));
  CHECK_THAT(refusal("hnswlib", changed(hnswlib, 16, std::uint64_t{101})).message(), ContainsSubstring("at most the capacity 100"));
  CHECK_THAT(refusal("hnswlib", changed(hnswlib, 52, std::uint32_t{80})).message(), ContainsSubstring("entry of the graph"));
  CHECK_THAT(refusal("hnswlib", changed(hnswlib, 96 + 4, std::uint32_t{80})).message(), ContainsSubstring("numbers below 80"));
  CHECK_THAT(refusal("hnswlib", hnswlib + "x").message(), ContainsSubstring("end of the file"));
  const std::string faiss = read_file(directory / "faiss_hnsw_l2.index");
  CHECK_THAT(refusal("faiss", changed(faiss, 4, std::int32_t{-1})).message(), ContainsSubstring("dimension"));
  CHECK_THAT(refusal("faiss", changed(faiss, 8, std::int64_t{81})).message(), ContainsSubstring("levels: wanted 81"));
  CHECK_THAT(refusal("faiss", changed(faiss, 33, std::int32_t{4})).message(), ContainsSubstring("0 (inner product) or 1 (L2)"));
  const std::string usearch = read_file(directory / "usearch_l2.usearch");
  const std::size_t header = 8 + count * width * 4;
  CHECK_THAT(refusal("usearch", changed(usearch, 0, std::uint32_t{79})).message(), ContainsSubstring("\"usearch\" behind the vectors"));
  CHECK_THAT(refusal("usearch", changed(usearch, header + 7, std::uint16_t{3})).message(), ContainsSubstring("version: wanted 2, found 3"));
  CHECK_THAT(refusal("usearch", changed(usearch, header + 14, std::uint8_t{23})).message(), ContainsSubstring("f32, f16, bf16 or bits"));
  CHECK_THAT(refusal("usearch", usearch.substr(header)).message(), ContainsSubstring("vectors were left out"));
  for (const auto& [format, file] : {std::pair{"hnswlib", hnswlib}, {"faiss", faiss}, {"usearch", usearch}})
    for (std::size_t size = 0; size < file.size(); size += 1 + size / 9) refusal(format, file.substr(0, size));
}
