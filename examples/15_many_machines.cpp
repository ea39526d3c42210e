// SPDX-License-Identifier: Apache-2.0
// One index over many processes, on one machine or several:   mpirun -np 4 15_many_machines
#include <tessera/distributed/sharded_index.hpp>
#include <tessera/index/flat.hpp>

#include <cstdio>
#include <random>

namespace ts = tessera;

using space = ts::space<"notes", 64, ts::pooling::mean>;

ts::embedding_matrix<space> some_rows(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  auto rows = *ts::embedding_matrix<space>::make(count);
  for (std::size_t i = 0; i < count; ++i)
    for (float& value : rows.values(i)) value = normal(random);
  return rows;
}

// [many]
ts::result<> search(ts::communicator& ranks) {
  ts::flat<space> part;  // this process's rows; any index
  if (ranks.rank() != 0) return ts::serve_shard(ranks, part);

  TESSERA_TRY(auto index, ts::sharded_index<ts::flat<space>>::over(ranks, part));
  const auto rows = some_rows(10'000, 1);
  std::vector<std::uint64_t> ids(rows.rows());
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = i;
  TESSERA_CHECK(index.add_rows(ids, rows));                              // each row goes to the rank that its id says
  const auto hits = index.search(some_rows(1, 2).row(0), 3);             // the nearest of all parts; or the rank that is missing
  TESSERA_CHECK(index.close());
  if (!hits) return std::unexpected(hits.error());
  std::printf("%zu of %zu rows here\n", part.size(), index.size());
  for (const ts::hit& one : *hits) std::printf("%5d  %.3f\n", static_cast<int>(one.id), static_cast<double>(one.score));
  return {};
}
// [/many]

int main() {
  auto ranks = ts::communicator::join({.patience = std::chrono::seconds(10)});
  const auto done = ranks ? search(*ranks) : ts::result<>(std::unexpected(ranks.error()));
  if (!done) std::fprintf(stderr, "%s\n", done.error().message().c_str());
  return done ? 0 : 1;
}
