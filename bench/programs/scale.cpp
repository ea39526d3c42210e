// SPDX-License-Identifier: Apache-2.0
// What one more rank brings: rows spread over the ranks of mpirun, searched exactly.   mpirun -np N scale [ROWS_IN_ALL] [QUERIES]
// One JSON line from rank 0: `ranks`, `rows`, `queries`, `us_per_query` (a batch of all queries), `us_one` (one query at a time),
// `us_message` (an empty question to all ranks and back).
#include <tessera/distributed/sharded_index.hpp>
#include <tessera/index/flat.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace ts = tessera;

namespace {

using space = ts::space<"scale", 384, ts::pooling::mean, ts::unit_length>;
using index_type = ts::flat<space>;

ts::result<ts::embedding_matrix<space>> some_rows(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  TESSERA_TRY(auto rows, ts::embedding_matrix<space>::make(count));
  for (std::size_t i = 0; i < count; ++i)
    for (float& value : rows.values(i)) value = static_cast<float>(random() % 2001) / 1000.0f - 1.0f;
  return rows;
}

/// The least time of several rounds, in microseconds a call.
template <class Call>
ts::result<double> least(std::size_t calls, const Call& call) {
  double best = 1e30;
  for (int round = 0; round < 7; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < calls; ++i) TESSERA_CHECK(call(i));
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
    best = std::min(best, took.count() / static_cast<double>(calls));
  }
  return best;
}

ts::result<> run(ts::communicator& ranks, std::size_t count, std::size_t query_count) {
  index_type part;
  if (ranks.rank() != 0) return ts::serve_shard(ranks, part);
  TESSERA_TRY(auto index, ts::sharded_index<index_type>::over(ranks, part));
  constexpr std::size_t together = 50'000;
  for (std::size_t first = 0; first < count; first += together) {
    TESSERA_TRY(const auto rows, some_rows(std::min(together, count - first), static_cast<unsigned>(first)));
    std::vector<std::uint64_t> ids(rows.rows());
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = first + i;
    TESSERA_CHECK(index.add_rows(ids, rows));
  }
  TESSERA_TRY(const auto queries, some_rows(query_count, 4'000'000'000u));
  const auto all = [&](std::size_t) -> ts::result<> {
    TESSERA_CHECK(index.search(queries, 10));
    return {};
  };
  const auto one = [&](std::size_t i) -> ts::result<> {
    TESSERA_CHECK(index.search(queries.row(i), 10));
    return {};
  };
  const auto nothing = [&](std::size_t) -> ts::result<> {
    TESSERA_CHECK(index.memory_bytes());
    return {};
  };
  TESSERA_TRY(const double batch, least(1, all));
  TESSERA_TRY(const double single, least(std::min<std::size_t>(query_count, 20), one));
  TESSERA_TRY(const double message, least(200, nothing));
  std::printf("{\"ranks\": %zu, \"rows\": %zu, \"queries\": %zu, \"us_per_query\": %.1f, \"us_one\": %.1f, \"us_message\": %.2f}\n", ranks.size(),
              count, query_count, batch / static_cast<double>(query_count), single, message);
  return index.close();
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int i, std::size_t otherwise) {
    return argc > i ? static_cast<std::size_t>(std::strtoull(argv[i], nullptr, 10)) : otherwise;
  };
  auto ranks = ts::communicator::join();
  const auto done = ranks ? run(*ranks, number(1, 200'000), number(2, 100)) : ts::result<>(std::unexpected(ranks.error()));
  if (!done) std::fprintf(stderr, "%s\n", done.error().message().c_str());
  return done ? 0 : 1;
}
