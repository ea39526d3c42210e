// SPDX-License-Identifier: Apache-2.0
// The graph index beside the definition: what it finds and how much of it, what leaves it, what it says where it cannot answer.
#include <tests/index/damage.hpp>
#include <tests/index/support.hpp>

#include <tessera/index/bit_guide.hpp>
#include <tessera/index/code_guide.hpp>
#include <tessera/index/hnsw.hpp>
#include <tessera/index/similarity_index.hpp>

#include <set>

using namespace tessera_tests;

namespace {

using space = ts::space<"small", 20>;
using near_l2 = ts::hnsw<space, ts::f32, ts::squared_l2>;
using near_cosine = ts::hnsw<space, ts::f16, ts::cosine>;
using near_by_codes = ts::hnsw<space, ts::f32, ts::squared_l2, ts::leading_codes>;
using near_by_bits = ts::hnsw<space, ts::f16, ts::squared_l2, ts::one_bit_codes>;
using near_bits = ts::hnsw<ts::space<"bits", 96>, ts::b1, ts::hamming>;

static_assert(ts::similarity_index<ts::flat<space>>);
static_assert(ts::similarity_index<near_l2>);
static_assert(ts::similarity_index<near_cosine>);
static_assert(ts::similarity_index<near_bits>);
static_assert(ts::similarity_index<near_by_codes>);
static_assert(ts::similarity_index<near_by_bits>);
static_assert(!ts::similarity_index<std::vector<int>>);

template <class Index>
Index filled(std::size_t count, unsigned seed = 1, ts::thread_pool* threads = nullptr) {
  Index index;
  succeed(index.add_rows(some_ids(count), in_precision<typename Index::precision>(some_rows<typename Index::space>(count, seed)),
                         {.threads = threads}));
  return index;
}

/// Share of the k nearest living rows by definition that the index finds, counted by score so that ties are no loss.
template <class Index>
double recall_of(const Index& index, std::size_t k, const ts::search_options& options, unsigned seed = 77) {
  const auto queries = in_precision<typename Index::precision>(some_rows<typename Index::space>(50, seed));
  const auto living = [&](std::uint64_t id) { return index.contains(id) && (!options.filter || options.filter(id)); };
  std::size_t found = 0;
  std::size_t wanted = 0;
  for (std::size_t q = 0; q < queries.rows(); ++q) {
    std::vector<ts::hit> truth;
    for (std::size_t row = 0; row < index.rows().rows(); ++row)
      if (living(index.ids()[row])) truth.push_back({index.ids()[row], typename Index::metric{}(queries.row(q), index.rows().row(row))});
    std::sort(truth.begin(), truth.end(), ts::ranks_before<Index::metric::larger_is_nearer>);
    truth.resize(std::min(truth.size(), k));
    const auto hits = value_of(index.search(queries.row(q), k, options));
    REQUIRE(hits.size() == truth.size());
    std::set<std::uint64_t> once;
    for (const ts::hit& one : hits) {
      REQUIRE(living(one.id));
      REQUIRE(once.insert(one.id).second);
      REQUIRE(typename Index::metric{}(queries.row(q), value_of(index.get(one.id))) == one.score);
      found += Index::metric::larger_is_nearer ? one.score >= truth.back().score : one.score <= truth.back().score;
    }
    REQUIRE(std::is_sorted(hits.begin(), hits.end(), ts::ranks_before<Index::metric::larger_is_nearer>));
    wanted += truth.size();
  }
  return wanted == 0 ? 1.0 : static_cast<double>(found) / static_cast<double>(wanted);
}

template <class Index>
std::string file_of(const Index& index) {
  const scratch_directory scratch;
  succeed(index.save((scratch / "graph.tsi").string()));
  return read_file(scratch / "graph.tsi");
}
template <class Index = near_l2>
ts::result<Index> read(const std::string& file) {
  return Index::read(std::as_bytes(std::span(file)), "graph.tsi");
}

/// Opening checks that the tree holds every row, so that each is reached from each.
template <class Index>
void opens_again(const Index& index) {
  CHECK(value_of(read<Index>(file_of(index))).size() == index.size());
}

}  // namespace

TEST_CASE("hnsw: finds what the metric says, and more with more effort", "[index]") {
  const auto check = [](const auto& index) {
    const double some = recall_of(index, 10, {.effort = 16});
    const double most = recall_of(index, 10, {.effort = 100});
    CHECK(some > 0.7);
    CHECK(most > 0.97);
    CHECK(some <= most);
    CHECK(recall_of(index, 10, {.effort = 10'000}) == 1.0);  // every row is scored
    CHECK(recall_of(index, 1'700, {}) == 1.0);
  };
  SECTION("f32, squared_l2") { check(filled<near_l2>(2000)); }
  SECTION("f16, cosine") { check(filled<near_cosine>(2000)); }
  SECTION("b1, hamming") { check(filled<near_bits>(2000)); }
  SECTION("f32 by codes, squared_l2") { check(filled<near_by_codes>(2000)); }
  SECTION("f16 by bits, squared_l2") { check(filled<near_by_bits>(2000)); }
}

TEST_CASE("hnsw: a small index answers as flat does, with the same bits", "[index]") {
  const auto index = filled<near_cosine>(300);
  ts::flat<space, ts::f16> all;
  succeed(all.add_rows(some_ids(300), in_precision<ts::f16>(some_rows<space>(300))));
  const auto queries = some_rows<space>(5, 2);
  for (const std::size_t k : {0u, 1u, 7u, 300u, 301u}) CHECK(value_of(index.search(queries, k)) == value_of(all.search(queries, k)));
  CHECK(value_of(index.within(queries.row(0), 0.5f)) == value_of(all.within(queries.row(0), 0.5f)));
  CHECK(near_l2().search(queries.row(0), 10).value().empty());
}

TEST_CASE("hnsw: one by one, together or by threads: the graph depends on the rows only", "[index]") {
  const auto together = file_of(filled<near_l2>(1500));
  ts::thread_pool pool(3);
  CHECK((file_of(filled<near_l2>(1500, 1, &pool)) == together));
  const auto queries = some_rows<space>(20, 5);
  const auto index = value_of(read(together));
  const auto batch = value_of(index.search(queries, 10, {.threads = &pool}));
  for (std::size_t q = 0; q < queries.rows(); ++q) CHECK(batch[q] == value_of(index.search(queries.row(q), 10)));

  near_l2 single;
  const auto rows = some_rows<space>(1500);
  for (std::size_t i = 0; i < rows.rows(); ++i) succeed(single.add(some_ids(1500)[i], rows.row(i)));
  CHECK(recall_of(single, 10, {.effort = 80}) > 0.95);
  opens_again(single);
}

TEST_CASE("hnsw: rows come, change and go, and the rest stays to be found", "[index]") {
  ts::thread_pool pool(2);
  auto index = filled<near_l2>(1200);
  const auto others = some_rows<space>(2400, 9);
  const auto ids = some_ids(3600);
  std::mt19937 random(3);
  std::set<std::uint64_t> there(ids.begin(), ids.begin() + 1200);
  for (std::size_t step = 0; step < 2400; ++step) {
    const auto any = [&] { return *std::next(there.begin(), static_cast<std::ptrdiff_t>(random() % there.size())); };
    switch (random() % 3) {
      case 0:
        succeed(index.add(ids[1200 + step], others.row(step)));
        there.insert(ids[1200 + step]);
        break;
      case 1: succeed(index.update(any(), others.row(step))); break;
      default: {
        const std::uint64_t id = any();
        succeed(index.remove(id));
        there.erase(id);
        CHECK(index.get(id).error().code == ts::error_code::not_found);
        CHECK(index.remove(id).error().code == ts::error_code::not_found);
        if (step % 5 == 0) {  // and comes back under its old id
          succeed(index.add(id, others.row(step)));
          there.insert(id);
        }
      }
    }
  }
  REQUIRE(index.size() == there.size());
  for (const std::uint64_t id : there) REQUIRE(index.contains(id));
  CHECK(index.rows().rows() * 15 <= index.size() * 16);
  CHECK(recall_of(index, 10, {.effort = 60}) > 0.95);
  // Removed rows survive as such.
  const auto back = value_of(read(file_of(index)));
  CHECK(back.size() == index.size());
  CHECK(recall_of(back, 10, {.effort = 60}) > 0.95);
  succeed(index.repair(&pool));
  CHECK(index.rows().rows() == index.size());
  CHECK(recall_of(index, 10, {.effort = 60}) > 0.95);
  const auto repaired = value_of(read(file_of(index)));
  CHECK((file_of(repaired) == file_of(index)));
  for (const std::uint64_t id : there) succeed(index.remove(id));
  CHECK(index.rows().rows() == 0);
  succeed(index.add(1, others.row(0)));
  CHECK(value_of(index.search(others.row(0), 3)).size() == 1);
}

TEST_CASE("hnsw: a filter leaves k rows where k pass, and all where fewer do", "[index]") {
  const auto index = filled<near_l2>(2000);
  for (const std::uint64_t every : {2u, 5u, 50u, 700u, 5000u}) {
    const auto filter = [every](std::uint64_t id) { return id % every == 0; };
    CHECK(recall_of(index, 10, {.filter = filter, .effort = 40}) > 0.9);
  }
  const auto one = index.ids()[1234];
  const auto only = value_of(index.search(some_rows<space>(1, 4).row(0), 10, {.filter = [one](std::uint64_t id) { return id == one; }}));
  REQUIRE(only.size() == 1);
  CHECK(only[0].id == one);
}

TEST_CASE("hnsw: all rows within a bound", "[index]") {
  const auto index = filled<near_l2>(3000);
  ts::flat<space, ts::f32, ts::squared_l2> all;
  succeed(all.add_rows(some_ids(3000), some_rows<space>(3000)));
  const auto queries = some_rows<space>(10, 6);
  std::size_t found = 0;
  std::size_t wanted = 0;
  for (std::size_t q = 0; q < queries.rows(); ++q)
    for (const float bound : {0.0f, 15.0f, 22.0f, 1000.0f}) {
      const auto truth = by_definition(all, queries.row(q), 3000);
      const auto near = value_of(all.within(queries.row(q), bound));
      const auto count = static_cast<std::size_t>(std::ranges::count_if(truth, [&](const ts::hit& one) { return one.score <= bound; }));
      CHECK(same_hits(near, std::vector(truth.begin(), truth.begin() + static_cast<std::ptrdiff_t>(count))));
      for (const ts::hit& one : value_of(index.within(queries.row(q), bound))) CHECK((one.score <= bound && ++found > 0));
      wanted += count;
    }
  CHECK(found <= wanted);
  CHECK(static_cast<double>(found) > 0.97 * static_cast<double>(wanted));
}

TEST_CASE("hnsw: stop tokens and deadlines end search and build", "[index]") {
  std::stop_source source;
  source.request_stop();
  auto index = filled<near_l2>(1500);
  const auto query = some_rows<space>(1, 4);
  const auto past = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  for (const std::size_t effort : {20u, 10'000u}) {
    CHECK(index.search(query.row(0), 10, {.stop = source.get_token(), .effort = effort}).error().code == ts::error_code::stopped);
    const auto late = index.search(query.row(0), 10, {.deadline = past, .effort = effort});
    CHECK(late.error().code == ts::error_code::stopped);
    CHECK(late.error().message().find("deadline") != std::string::npos);
  }
  CHECK(index.search(query, 10, {.deadline = past}).error().code == ts::error_code::stopped);
  CHECK(index.within(query.row(0), 1.0f, {.deadline = past}).error().code == ts::error_code::stopped);
  CHECK(index.search(query.row(0), 10, {.deadline = std::chrono::steady_clock::now() + std::chrono::hours(1)}).has_value());
  near_l2 stopped;
  const auto outcome = stopped.add_rows(some_ids(200), some_rows<space>(200), {.stop = source.get_token()});
  CHECK(outcome.error().code == ts::error_code::stopped);
  CHECK(stopped.empty());
  succeed(stopped.add_rows(some_ids(200), some_rows<space>(200)));
}

TEST_CASE("hnsw: rows and queries that are no vectors", "[index]") {
  auto rows = some_rows<space>(1500);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (std::size_t i = 0; i < 1500; i += 10) rows.values(i)[3] = nan;
  for (std::size_t i = 5; i < 1500; i += 50) std::ranges::fill(rows.values(i), 0.0f);
  near_l2 index;
  succeed(index.add_rows(some_ids(1500), rows));
  ts::flat<space, ts::f32, ts::squared_l2> all;
  succeed(all.add_rows(some_ids(1500), rows));
  CHECK(recall_of(index, 10, {.effort = 60}) > 0.95);
  ts::embedding<space> query;
  query[0] = nan;
  CHECK(same_hits(value_of(index.search(query, 10)), value_of(all.search(query, 10))));
  opens_again(index);

  near_l2 equal;
  auto same = value_of(ts::embedding_matrix<space>::make(1500));
  succeed(equal.add_rows(some_ids(1500), same));
  CHECK(value_of(equal.search(same.row(0), 10)).size() == 10);
  opens_again(equal);
  for (std::size_t i = 0; i < 700; ++i) succeed(equal.remove(some_ids(1500)[2 * i]));
  CHECK(value_of(equal.search(same.row(0), 1000)).size() == 800);
  succeed(equal.repair());
  opens_again(equal);
}

TEST_CASE("hnsw: what it refuses", "[index]") {
  const auto rows = some_rows<space>(100);
  auto index = filled<near_l2>(100);
  CHECK(index.add(some_ids(1)[0], rows.row(0)).error().code == ts::error_code::invalid_argument);
  CHECK(index.add_rows(some_ids(99), rows).error().code == ts::error_code::mismatch);
  CHECK(index.update(3, rows.row(0)).error().code == ts::error_code::not_found);
  CHECK(index.size() == 100);
  auto foreign = some_rows<space>(1, 3);
  foreign.set_made_by({7});
  succeed(index.add(1, foreign.row(0)));
  foreign.set_made_by({8});
  CHECK(index.add(2, foreign.row(0)).error().code == ts::error_code::mismatch);
  CHECK(index.update(1, foreign.row(0)).error().code == ts::error_code::mismatch);
  CHECK(index.contains(1));
  CHECK(index.search(foreign.row(0), 3).error().code == ts::error_code::mismatch);
  CHECK(index.search(rows.row(0), 3, {.recall = 0.9}).error().code == ts::error_code::invalid_argument);
  CHECK(near_l2::make({.degree = 1}).error().code == ts::error_code::invalid_argument);
  CHECK(near_l2::make({.degree = 129}).error().code == ts::error_code::invalid_argument);
  CHECK(near_l2::make({.degree = 16, .build_effort = 15}).error().code == ts::error_code::invalid_argument);
  CHECK(near_l2::make({.effort = 0}).error().code == ts::error_code::invalid_argument);
  auto sparse = value_of(near_l2::make({.degree = 2, .build_effort = 10}));
  succeed(sparse.add_rows(some_ids(1500), some_rows<space>(1500)));
  opens_again(sparse);
  CHECK(sparse.settings().degree == 2);
}

TEST_CASE("hnsw: a file with a wrong link is refused", "[index]") {
  auto index = filled<near_l2>(400);
  for (std::size_t i = 0; i < 20; ++i) succeed(index.remove(some_ids(400)[i]));
  const std::string file = file_of(index);
  CHECK(read(file).has_value());
  CHECK(ts::flat<space, ts::f32, ts::squared_l2>::read(std::as_bytes(std::span(file)), "graph.tsi").error().code ==
        ts::error_code::mismatch);
  // One number of links, parents, levels or the graph's own is changed, and every checksum made right again.
  std::mt19937 random(11);
  const std::size_t sections = get<std::uint32_t>(file, 168);
  std::size_t refused = 0;
  constexpr std::size_t tries = 600;
  for (std::size_t i = 0; i < tries; ++i) {
    const std::size_t entry = 176 + 24 * (2 + random() % (sections - 2));
    const auto at = get<std::uint64_t>(file, entry + 8);
    const auto size = get<std::uint64_t>(file, entry + 16);
    std::string damaged = file;
    const std::size_t place = at + random() % size / 4 * 4;
    put(damaged, place, random() % 4 == 0 ? static_cast<std::uint32_t>(random()) : static_cast<std::uint32_t>(random() % 420));
    const auto outcome = read(with_right_checksums(damaged));
    if (!outcome) {
      ++refused;
      CHECK(outcome.error().path == "graph.tsi");
      continue;
    }
    static_cast<void>(outcome->search(some_rows<space>(1, 5).row(0), 10, {.effort = 10}));  // whatever it says, it ends
  }
  CHECK(refused > tries / 2);
}

TEMPLATE_TEST_CASE("hnsw by codes: rows come one by one and go, and the file brings the codes back", "[index]", near_by_codes,
                   near_by_bits) {
  TestType index;
  auto numbers = some_rows<space>(2200);
  for (std::size_t i = 0; i < numbers.rows(); i += 100) numbers.values(i)[2] = std::numeric_limits<float>::quiet_NaN();
  const auto rows = in_precision<typename TestType::precision>(numbers);
  for (std::size_t i = 0; i < rows.rows(); ++i) succeed(index.add(some_ids(2200)[i], rows.row(i)));
  for (std::size_t i = 0; i < 400; ++i) succeed(index.remove(some_ids(2200)[5 * i]));
  CHECK(recall_of(index, 10, {.effort = 60}) > 0.95);
  const std::string file = file_of(index);
  auto back = value_of(read<TestType>(file));
  CHECK((file_of(back) == file));
  const auto queries = some_rows<space>(20, 5);
  CHECK(value_of(back.search(queries, 10)) == value_of(index.search(queries, 10)));
  succeed(back.add(7, rows.row(3)));  // along the axes that the file brought
  CHECK(recall_of(back, 10, {.effort = 60}) > 0.95);
  succeed(index.repair());
  CHECK(recall_of(index, 10, {.effort = 60}) > 0.95);

  // Rows and links are the same for every guide: codes that another wrote are passed over, and those that are missing are made.
  using by_rows = ts::hnsw<space, typename TestType::precision, ts::squared_l2>;
  const auto plain = value_of(read<by_rows>(file));
  CHECK(recall_of(plain, 10, {.effort = 60}) > 0.95);
  CHECK(recall_of(value_of(read<TestType>(file_of(plain))), 10, {.effort = 60}) > 0.95);
  // What is wrong among the codes is refused where it could lead a walk astray: a number that is none, a section of another size.
  const std::size_t sections = get<std::uint32_t>(file, 168);
  std::size_t tried = 0;
  for (std::size_t s = 0; s < sections; ++s) {
    const std::size_t entry = 176 + 24 * s;
    const std::string name = file.substr(entry, 8);
    if (!name.starts_with("mean") && !name.starts_with("axes")) continue;
    std::string damaged = file;
    put(damaged, get<std::uint64_t>(file, entry + 8), std::uint32_t{0x7FC00000u});
    CHECK(read<TestType>(with_right_checksums(damaged)).error().code == ts::error_code::malformed);
    ++tried;
  }
  CHECK(tried > 0);
}

TEST_CASE("hnsw: a recall that is asked for holds for queries never seen", "[index]") {
  auto index = filled<near_by_bits>(4000);
  const auto query = some_rows<space>(1, 9);
  const auto report = value_of(index.calibrate({.queries = 300}));
  CHECK(report.queries == 300);
  CHECK(report.reachable > 0.97);
  for (const double wanted : {0.7, 0.9, 0.97}) CHECK(recall_of(index, 10, {.recall = wanted}, 123) >= wanted);
  const auto refused = index.search(query.row(0), 10, {.recall = 0.9999});
  CHECK(refused.error().code == ts::error_code::invalid_argument);
  CHECK(refused.error().message().find("which calibration reached") != std::string::npos);
  CHECK(index.search(query.row(0), 11, {.recall = 0.8}).error().code == ts::error_code::invalid_argument);
  CHECK(index.search(query.row(0), 10, {.recall = -1.0}).error().code == ts::error_code::invalid_argument);
  const auto back = value_of(read<near_by_bits>(file_of(index)));
  CHECK(value_of(back.search(query.row(0), 10, {.recall = 0.9})) == value_of(index.search(query.row(0), 10, {.recall = 0.9})));
  ts::thread_pool pool(2);
  CHECK(value_of(index.calibrate(some_rows<space>(100, 31), {.threads = &pool})).queries == 100);
  for (std::size_t i = 0; i < 1500; ++i) succeed(index.remove(some_ids(4000)[i]));
  CHECK(index.search(query.row(0), 10, {.recall = 0.7}).error().code == ts::error_code::invalid_argument);
  CHECK(value_of(index.calibrate({.queries = 100})).reachable > 0.9);
  std::stop_source source;
  source.request_stop();
  CHECK(index.calibrate({.stop = source.get_token()}).error().code == ts::error_code::stopped);
  CHECK(near_l2().calibrate().error().code == ts::error_code::invalid_argument);
  const auto codes = ts::hnsw<ts::space<"bits", 96>, ts::b1, ts::sign_product>().calibrate();  // rows are codes, queries numbers
  CHECK(codes.error().message().find("queries in f32") != std::string::npos);
}
