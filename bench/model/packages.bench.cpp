// SPDX-License-Identifier: Apache-2.0
// Exact search in every precision over what tools/demo has embedded: one query at a time on one thread, bytes a vector, and how many
// of the ten nearest in f32 are among its ten (recall10). The queries are titles of packages, which the vectors were not made from.
#include <tessera/index/flat.hpp>
#include <tessera/model/minilm.hpp>
#include <tessera/store/store.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>

namespace ts = tessera;
using model = ts::minilm_l6<>;
using space = model::space;

namespace {

constexpr std::size_t wanted_hits = 10;

struct everything {
  ts::embedding_matrix<space> rows;
  ts::embedding_matrix<space> queries;
  std::vector<std::uint64_t> ids;
  std::vector<std::vector<ts::hit>> truth;
};

/// The text between the package's name and the first full stop.
std::string title_of(const std::string& line) {
  const std::size_t begin = line.find(": ", line.find('\t'));
  const std::size_t end = line.find(". ", begin);
  return begin == std::string::npos ? std::string() : line.substr(begin + 2, end == std::string::npos ? end : end - begin - 2);
}

ts::result<everything> prepare() {
  const std::filesystem::path source = TESSERA_SOURCE_DIR;
  const auto home = source / ".cache/demo";
  std::filesystem::path saved;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(home, ignored))
    if (entry.path().extension() == ".store" && entry.path().parent_path().filename().string().starts_with("packages-")) saved = entry.path();
  TESSERA_TRY(const auto store, (ts::store<space, ts::f16>::open(saved.string(), {.read_only = true})));
  TESSERA_TRY(const auto encoder, ts::load<model>((source / "models/all-MiniLM-L6-v2").string()));
  everything made;
  made.ids = store.ids();
  std::sort(made.ids.begin(), made.ids.end());
  for (const std::uint64_t id : made.ids) {
    TESSERA_TRY(const auto row, store.get(id));
    TESSERA_CHECK(made.rows.append(ts::cast<ts::f32>(row.vector)));
  }
  made.rows.set_made_by(store.made_by());
  std::vector<std::string> titles;
  std::ifstream file(home / "packages.tsv");
  std::size_t number = 0;
  for (std::string line; std::getline(file, line); ++number)
    if (number % 997 == 0) titles.push_back(title_of(line));
  TESSERA_TRY(made.queries, encoder.encode(titles));
  TESSERA_TRY(made.truth, ts::scan_rows<ts::cosine>(made.queries, made.rows, made.ids, wanted_hits));
  return made;
}

const everything* prepared(benchmark::State& state) {
  static const auto made = prepare();
  if (made) return &*made;
  state.SkipWithError(("run tools/demo first: " + made.error().message()).c_str());
  return nullptr;
}

template <class Precision>
ts::embedding_matrix<space, Precision> in_precision(const ts::embedding_matrix<space>& rows) {
  if constexpr (ts::floating_precision<Precision>) return *ts::cast<Precision>(rows);
  else return *ts::quantize<Precision>(rows);
}

template <class Precision, class Metric = ts::cosine>
void packages(benchmark::State& state) {
  const everything* all = prepared(state);
  if (all == nullptr) return;
  ts::flat<space, Precision, Metric> index;
  if (!index.add_rows(all->ids, in_precision<Precision>(all->rows))) return state.SkipWithError("add_rows");
  // Queries stay f32, but for binary codes, which are compared bit by bit.
  using query_precision = std::conditional_t<std::is_same_v<Precision, ts::b1>, ts::b1, ts::f32>;
  const auto queries = in_precision<query_precision>(all->queries);
  std::size_t found = 0;
  for (std::size_t i = 0; i < queries.rows(); ++i)
    for (const auto hits = *index.search(queries.row(i), wanted_hits); const ts::hit& hit : hits)
      found += std::ranges::any_of(all->truth[i], [&](const ts::hit& right) { return right.id == hit.id; }) ? 1u : 0u;
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(index.search(queries.row(next), wanted_hits));
    next = (next + 1) % queries.rows();
  }
  state.counters["recall10"] = static_cast<double>(found) / static_cast<double>(wanted_hits * queries.rows());
  state.counters["bytes"] = static_cast<double>(ts::embedding_matrix<space, Precision>::stored * sizeof(typename Precision::storage));
  state.counters["rows"] = static_cast<double>(index.size());
}
BENCHMARK(packages<ts::f32>)->Name("packages/f32")->Unit(benchmark::kMillisecond);
BENCHMARK(packages<ts::f16>)->Name("packages/f16")->Unit(benchmark::kMillisecond);
BENCHMARK(packages<ts::bf16>)->Name("packages/bf16")->Unit(benchmark::kMillisecond);
BENCHMARK(packages<ts::i8>)->Name("packages/i8")->Unit(benchmark::kMillisecond);
BENCHMARK(packages<ts::i4>)->Name("packages/i4")->Unit(benchmark::kMillisecond);
BENCHMARK((packages<ts::b1, ts::hamming>))->Name("packages/b1")->Unit(benchmark::kMillisecond);

}  // namespace
