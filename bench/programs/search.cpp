// SPDX-License-Identifier: Apache-2.0
/// Any vectors through every index: the program behind bench/search, compiled for one dimension and metric. One JSON line each on stdout.
///
///     bench_search VECTORS.npy QUERIES.npy THREADS [ANSWERS|- [WHAT...]]
///
/// With WHAT (hnsw i8), only these are built, beside flat search, which says what is right.
///
/// THREADS build; a search has one. Recall is against flat search. A time is that of one query after the other, the best of three rounds over all (fewer where
/// they take long).
#include <tessera/index/bit_guide.hpp>
#include <tessera/index/certified.hpp>
#include <tessera/index/code_guide.hpp>
#include <tessera/index/flat.hpp>
#include <tessera/index/hnsw.hpp>
#include <tessera/index/one_bit.hpp>
#include <tessera/io/npy_rows.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#if !defined(TESSERA_BENCH_DIMENSION)
#define TESSERA_BENCH_DIMENSION 384
#define TESSERA_BENCH_METRIC cosine
#endif

namespace ts = tessera;

namespace {

using metric = ts::TESSERA_BENCH_METRIC;
constexpr std::size_t dimension = TESSERA_BENCH_DIMENSION;
constexpr bool by_angle = std::is_same_v<metric, ts::cosine>;
/// Cosines are those of rows made one long, which changes none.
using space = std::conditional_t<by_angle, ts::space<"bench", dimension, ts::pooling::mean, ts::unit_length>, ts::anonymous<dimension>>;
using rows_type = ts::embedding_matrix<space>;
using hit_lists = std::vector<std::vector<ts::hit>>;
using clock_type = std::chrono::steady_clock;

constexpr std::size_t k = 10;

double seconds_since(clock_type::time_point start) { return std::chrono::duration<double>(clock_type::now() - start).count(); }

[[noreturn]] void give_up(const ts::error& error) {
  std::cerr << "error: " << error << '\n';
  std::exit(1);
}
template <class T>
T value(ts::result<T> outcome) {
  if (!outcome) give_up(outcome.error());
  return *std::move(outcome);
}
void check(const ts::result<>& outcome) {
  if (!outcome) give_up(outcome.error());
}

rows_type read(const std::string& path) {
  const auto from = [&]() -> ts::result<ts::embedding_matrix<ts::anonymous<dimension>>> {
    if (auto wide = ts::read_npy_rows<ts::anonymous<dimension>>(path)) return wide;
    TESSERA_TRY(const auto half, (ts::read_npy_rows<ts::anonymous<dimension>, ts::f16>(path)));
    return ts::cast<ts::f32>(half);
  };
  const auto plain = value(from());
  auto made = value(rows_type::make(plain.rows()));
  for (std::size_t i = 0; i < plain.rows(); ++i) {
    if (by_angle) ts::kernel::kernels().norm.l2_normalize_f32(plain.row(i).data(), made.values(i).data(), dimension);
    else std::copy_n(plain.row(i).data(), dimension, made.values(i).data());
  }
  return made;
}

class report {
 public:
  report(const rows_type& queries, std::size_t rows, std::string answers) : queries_(queries), rows_(rows), answers_(std::move(answers)) {}

  /// `ask(queries)` gives lists of hits.
  template <class Ask>
  void batch(const std::string& what, int build, double build_seconds, std::size_t bytes, const Ask& ask, const rows_type& queries) {
    hit_lists found;
    double best = 1e30;
    for (int round = 0; round < 4; ++round) {
      const auto start = clock_type::now();
      found = ask(queries);
      best = std::min(best, seconds_since(start));
    }
    print(what, build, build_seconds, bytes, 0, best, found);
  }

  /// `ask(query)` gives hits.
  template <class Ask>
  void line(const std::string& what, int build, double build_seconds, std::size_t bytes, std::size_t effort, const Ask& ask) {
    hit_lists found(queries_.rows());
    double best = 1e30;
    double spent = 0.0;
    for (int round = 0; round < 4 && spent < 3.0; ++round) {
      const auto start = clock_type::now();
      for (std::size_t q = 0; q < queries_.rows(); ++q) found[q] = ask(queries_.row(q));
      const double took = seconds_since(start);
      spent += took;
      if (round > 0 || spent >= 3.0) best = std::min(best, took);
    }
    print(what, build, build_seconds, bytes, effort, best, found);
  }

 private:
  void print(const std::string& what, int build, double build_seconds, std::size_t bytes, std::size_t effort, double best,
             const hit_lists& found) {
    if (truth_.empty()) truth_ = found;
    std::size_t common = 0;
    std::size_t wanted = 0;
    std::vector<std::uint64_t> numbers;
    for (std::size_t q = 0; q < found.size(); ++q) {
      wanted += truth_[q].size();
      for (const ts::hit& one : found[q])
        for (const ts::hit& other : truth_[q]) common += one.id == other.id ? 1u : 0u;
      for (std::size_t i = 0; i < k; ++i) numbers.push_back(i < found[q].size() ? found[q][i].id : ~std::uint64_t{0});
    }
    std::cout << "{\"what\": \"" << what << "\", \"n\": " << rows_ << ", \"dim\": " << dimension
              << ", \"recall10\": " << (wanted == 0 ? 1.0 : static_cast<double>(common) / static_cast<double>(wanted))
              << ", \"us_per_query\": " << best * 1e6 / static_cast<double>(std::max<std::size_t>(1, queries_.rows()))
              << ", \"build_s\": " << build_seconds << ", \"bytes\": " << bytes << ", \"build\": " << build;
    if (effort > 0) std::cout << ", \"ef\": " << effort;
    std::cout << "}" << std::endl;
    if (!answers_.empty()) {
      const std::string path = answers_ + '/' + std::to_string(lines_) + ".npy";
      const std::size_t shape[] = {queries_.rows(), k};
      check(ts::write_npy(path, ts::tensor_of<std::uint64_t>("", shape, numbers)));
    }
    ++lines_;
  }

  const rows_type& queries_;
  std::size_t rows_;
  std::string answers_;
  hit_lists truth_;
  std::size_t lines_ = 0;
};

template <class Index, class Rows, class... Options>
std::pair<Index, double> built(const Rows& rows, std::span<const std::uint64_t> ids, const Options&... options) {
  Index index;
  const auto start = clock_type::now();
  check(index.add_rows(ids, rows, options...));
  return {std::move(index), seconds_since(start)};
}

template <class Index>
void graph(report& out, const std::string& what, int build, const rows_type& rows, std::span<const std::uint64_t> ids,
           ts::thread_pool* threads) {
  const auto [index, seconds] = built<Index>(rows, ids, ts::build_options{.threads = threads});
  for (const std::size_t effort : {10u, 12u, 14u, 15u, 16u, 17u, 18u, 20u, 24u, 28u, 32u, 40u, 48u, 52u, 56u, 60u,
                                   64u, 68u, 72u, 80u, 96u, 112u, 128u, 160u, 192u, 256u})
    out.line(what, build, seconds, index.memory_bytes(), effort,
             [&](const auto& query) { return value(index.search(query, k, {.effort = effort})); });
}

/// Every row of one precision, without an index.
template <class Precision>
void every_row(report& out, const rows_type& rows, std::span<const std::uint64_t> ids) {
  auto narrow = [&] {
    if constexpr (ts::floating_precision<Precision>) return ts::cast<Precision>(rows);
    else return ts::quantize<Precision>(rows);
  }();
  const auto [index, seconds] = built<ts::flat<space, Precision, metric>>(value(std::move(narrow)), ids);
  out.line("flat " + std::string(Precision::label), 0, seconds, index.memory_bytes(), 0,
           [&](const auto& query) { return value(index.search(query, k)); });
}

/// One bit a component, and the rows of the best estimates scored in f32.
void one_bit(report& out, int build, const rows_type& rows, std::span<const std::uint64_t> ids) {
  const auto [index, seconds] = built<ts::one_bit<space, ts::f32, metric>>(rows, ids);
  for (const std::size_t scored : {20u, 30u, 40u, 50u, 60u, 70u, 80u, 90u, 100u})
    out.line("1-bit + f32", build, seconds, index.memory_bytes(), scored,
             [&](const auto& query) { return value(index.search(query, k, {.effort = scored})); });
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) {
    std::cerr << "usage: bench_search VECTORS.npy QUERIES.npy THREADS [ANSWERS|- [WHAT...]]\n";
    return 2;
  }
  const auto threads = static_cast<std::size_t>(std::strtoul(arguments[3], nullptr, 10));
  std::unique_ptr<ts::thread_pool> pool;
  if (threads > 1) pool = std::make_unique<ts::thread_pool>(threads);
  const rows_type rows = read(arguments[1]);
  const rows_type queries = read(arguments[2]);
  std::vector<std::uint64_t> ids(rows.rows());
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = i;
  const std::string answers = count > 4 ? arguments[4] : "-";
  report out(queries, rows.rows(), answers == "-" ? "" : answers);
  const std::vector<std::string> chosen(arguments + std::min(count, 5), arguments + count);
  const auto wanted = [&](const char* what) { return chosen.empty() || std::ranges::find(chosen, what) != chosen.end(); };
  std::cout.precision(6);
  {
    const auto [index, seconds] = built<ts::flat<space, ts::f32, metric>>(rows, ids);
    out.line("flat f32", 0, seconds, index.memory_bytes(), 0,
             [&](const auto& query) { return value(index.search(query, k)); });
    if (wanted("flat"))
      out.batch("flat f32, all queries at once", 0, seconds, index.memory_bytes(), [&](const auto& all) { return value(index.search(all, k)); },
                queries);
  }
  if (wanted("flat")) {
    every_row<ts::f16>(out, rows, ids);
    every_row<ts::i8>(out, rows, ids);
    every_row<ts::i4>(out, rows, ids);
  }
  if (wanted("certified exact i8")) {
    const auto [index, seconds] = built<ts::certified<space, ts::f32, metric>>(rows, ids);
    out.line("certified exact i8", 1, seconds, index.memory_bytes(), 0, [&](const auto& query) { return value(index.search(query, k)); });
    out.batch("certified exact i8, all queries at once", 1, seconds, index.memory_bytes(),
              [&](const auto& all) { return value(index.search(all, k)); }, queries);
  }
  if (wanted("hnsw f32")) graph<ts::hnsw<space, ts::f32, metric>>(out, "hnsw f32", 2, rows, ids, pool.get());
  if (wanted("hnsw i8")) graph<ts::hnsw<space, ts::f32, metric, ts::leading_codes>>(out, "hnsw i8", 3, rows, ids, pool.get());
  if (wanted("hnsw b1 + f32")) graph<ts::hnsw<space, ts::f32, metric, ts::one_bit_codes>>(out, "hnsw b1 + f32", 4, rows, ids, pool.get());
  if (wanted("1-bit + f32")) one_bit(out, 5, rows, ids);
  return 0;
}
