// SPDX-License-Identifier: Apache-2.0
/// What recall an index reached at what effort, measured on its own rows or on queries of the caller's: a search can then ask for a
/// recall.
///
///     TESSERA_TRY(const ts::calibration_report report, index.calibrate());             // rows as queries, each as if it were not there
///     TESSERA_TRY(const auto hits, index.search(query, 10, {.recall = 0.95}));         // the least effort that reaches it
///
/// For each effort the measured recall counts less three times its standard error and half a query, mean - 3·s/sqrt(n) - 1/(2·n):
/// queries of the same kind as those measured get less than that on average once in seven hundred calibrations. Recall counts hits
/// at least as near as the k-th of the exact answer. It is that of searches for at most k hits without a filter, and counts as known
/// while the index has between 3/4 and 5/4 of the rows that were measured; the file keeps it.
#pragma once

#include <tessera/base/threads.hpp>
#include <tessera/index/index_file.hpp>
#include <tessera/op/scan_rows.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct calibration_options {
  std::size_t queries = 500;  ///< rows taken as queries, evenly over the index
  std::size_t k = 10;         ///< hits of a search
  thread_pool* threads = nullptr;
  std::stop_token stop = {};
};
struct calibration_report {
  std::size_t queries = 0;
  double reachable = 0.0;  ///< the highest recall that may be asked for
};

namespace detail {

class recall_table {
 public:
  struct point {
    std::uint64_t effort;
    double recall;  ///< to be counted on
  };

  [[nodiscard]] bool empty() const noexcept { return points_.empty(); }
  [[nodiscard]] double reachable() const noexcept {
    double best = 0.0;
    for (const point& one : points_) best = std::max(best, one.recall);
    return best;
  }
  void begin(std::size_t k, std::size_t rows) { points_.clear(), k_ = k, rows_ = rows; }
  void add(std::size_t effort, std::span<const double> recalls) {
    const auto n = static_cast<double>(recalls.size());
    double mean = 0.0;
    double square = 0.0;
    for (const double recall : recalls) mean += recall / n;
    for (const double recall : recalls) square += (recall - mean) * (recall - mean) / n;
    points_.push_back({effort, std::max(0.0, mean - 3.0 * std::sqrt(square / n) - 0.5 / n)});
  }

  /// Errors: invalid_argument (no share; never calibrated, or for fewer hits or another number of rows; more than was reached).
  [[nodiscard]] result<std::size_t> effort_for(double recall, std::size_t k, std::size_t rows) const {
    const auto refused = [](std::string wanted, std::string found) {
      return fail({.code = error_code::invalid_argument, .thing = "recall", .wanted = std::move(wanted), .found = std::move(found)});
    };
    if (!(recall > 0.0 && recall < 1.0)) return refused("more than 0 and less than 1", std::to_string(recall));
    if (empty()) return refused("an index that has been calibrated", "one that has not");
    if (k > k_) return refused("a search for at most " + std::to_string(k_) + " hits, as calibrated", std::to_string(k));
    if (4 * rows < 3 * rows_ || 4 * rows > 5 * rows_)
      return refused("a calibration of about " + std::to_string(rows) + " rows", "one of " + std::to_string(rows_));
    for (const point& one : points_)
      if (one.recall >= recall) return static_cast<std::size_t>(one.effort);
    return refused("at most " + std::to_string(reachable()) + ", which calibration reached", std::to_string(recall));
  }

  // The section `recall` of a file: k, rows, then effort and recall by turns, as u64 (recall as the bits of its f64).
  [[nodiscard]] std::vector<std::uint64_t> numbers() const {
    std::vector<std::uint64_t> made{k_, rows_};
    for (const point& one : points_) made.push_back(one.effort), made.push_back(std::bit_cast<std::uint64_t>(one.recall));
    return made;
  }
  [[nodiscard]] static result<recall_table> from(std::span<const std::uint64_t> numbers) {
    recall_table made;
    bool sound = numbers.size() >= 4 && numbers.size() % 2 == 0 && numbers.size() <= 4096 && numbers[0] > 0;
    for (std::size_t i = 2; sound && i + 1 < numbers.size(); i += 2) {
      made.points_.push_back({numbers[i], std::bit_cast<double>(numbers[i + 1])});
      const point& one = made.points_.back();
      sound = one.effort > 0 && one.effort <= std::uint64_t{1} << 32u && one.recall >= 0.0 && one.recall <= 1.0;
    }
    if (!sound)
      return fail({.code = error_code::malformed,
                   .thing = "section recall",
                   .wanted = "efforts and the recalls they reach",
                   .found = std::to_string(numbers.size()) + " other numbers"});
    made.k_ = numbers[0], made.rows_ = numbers[1];
    return made;
  }

 private:
  std::vector<point> points_;  // efforts rise
  std::uint64_t k_ = 0, rows_ = 0;
};

/// Whether the file has a calibration, which is read.
[[nodiscard]] inline result<bool> read_recall(const index_file& file, recall_table& table) {
  if (!file.has_section("recall")) return false;
  TESSERA_TRY(const auto numbers, file.all_values<std::uint64_t>("recall"));
  TESSERA_TRY(table, recall_table::from(numbers));
  return true;
}

/// Measures efforts from k on, each a fifth more than the last, up to `most` or until nothing is missed. truth[q] are the exact answers,
/// ask(q, effort) the index's. Errors: stopped, those of `ask`.
template <bool LargerIsNearer, class Ask>
[[nodiscard]] result<> measure_recall(recall_table& table, std::span<const std::vector<hit>> truth, std::size_t k, std::size_t rows,
                                      std::size_t most, const calibration_options& options, const Ask& ask) {
  recall_table made;
  made.begin(k, rows);
  std::vector<double> recalls(truth.size());
  std::vector<result<>> outcomes(truth.size());
  double mean = 0.0;
  for (std::size_t effort = k; effort <= most && mean < 1.0; effort += std::max<std::size_t>(1, effort / 5)) {
    if (options.stop.stop_requested()) return fail({.code = error_code::stopped, .thing = "calibration"});
    for_each(options.threads, truth.size(), [&](std::size_t q) {
      const auto hits = ask(q, effort);
      if (!hits) {
        outcomes[q] = std::unexpected(hits.error());
        return;
      }
      std::size_t found = 0;
      for (const hit& one : *hits)
        found += !truth[q].empty() && !ranks_before<LargerIsNearer>(truth[q].back(), hit{truth[q].back().id, one.score}) ? 1u : 0u;
      recalls[q] = truth[q].empty() ? 1.0 : std::min(1.0, static_cast<double>(found) / static_cast<double>(truth[q].size()));
    });
    for (result<>& outcome : outcomes) TESSERA_CHECK(std::move(outcome));
    mean = 0.0;
    for (const double recall : recalls) mean += recall / static_cast<double>(recalls.size());
    if (mean > 1.0 - 1e-9) mean = 1.0;
    made.add(effort, recalls);
  }
  table = std::move(made);
  return {};
}

/// Whether there is something to measure. Errors: invalid_argument.
[[nodiscard]] inline result<> can_calibrate(std::size_t queries, std::size_t k, std::size_t rows) {
  if (k > 0 && queries > 0 && rows > k) return {};
  return fail({.code = error_code::invalid_argument,
               .thing = "calibration",
               .wanted = "queries, k from 1 on and more rows than k",
               .found = std::to_string(queries) + " queries, k " + std::to_string(k) + ", " + std::to_string(rows) + " rows"});
}
/// What calibration on rows says where a metric does not take them as queries.
[[nodiscard]] inline std::unexpected<error> rows_are_no_queries() {
  return fail({.code = error_code::invalid_argument,
               .thing = "calibration by sign_product",
               .wanted = "queries in f32",
               .found = "rows of codes"});
}

/// No row: the query comes from outside.
inline constexpr std::uint32_t no_row = 0xFFFFFFFFu;

/// Up to `wanted` of `all` rows as queries, evenly taken from those that are there.
template <class Matrix>
struct rows_as_queries {
  template <class IsThere>
  rows_as_queries(const Matrix& rows, std::size_t all, std::size_t wanted, const IsThere& is_there) {
    std::vector<std::uint32_t> there;
    for (std::uint32_t row = 0; row < all; ++row)
      if (is_there(row)) there.push_back(row);
    const std::size_t count = std::min(wanted, there.size());
    for (std::size_t q = 0; q < count; ++q) {
      numbers.push_back(there[q * there.size() / count]);
      views.push_back(rows.row(numbers.back()));
    }
  }
  std::vector<std::uint32_t> numbers;
  std::vector<typename Matrix::row_view> views;
};

/// Fills the table with what `ask(q, effort, left_out)` reaches of the exact answers, up to effort `most`. numbers[q] is the row that query
/// q is, which its answers leave out; there are none where queries come from outside. `size` rows pass the filter of `plain`. Errors:
/// invalid_argument (no queries, or fewer rows than k), stopped.
template <class Metric, class Queries, class Matrix, class Ask>
[[nodiscard]] result<calibration_report> calibrate_by(recall_table& table, const Queries& queries, std::size_t count,
                                                      std::span<const std::uint32_t> numbers, const Matrix& rows,
                                                      std::span<const std::uint64_t> ids, std::size_t size, std::size_t most,
                                                      const search_options& plain, const calibration_options& options, const Ask& ask) {
  const std::size_t k = options.k;
  TESSERA_CHECK(can_calibrate(count, k, size));
  TESSERA_TRY(auto truth, scan_rows<Metric>(queries, rows, ids, k + (numbers.empty() ? 0 : 1), plain));
  for (std::size_t q = 0; q < numbers.size(); ++q) {
    std::erase_if(truth[q], [&](const hit& one) { return one.id == ids[numbers[q]]; });
    truth[q].resize(std::min(k, truth[q].size()));
  }
  const auto ask_of = [&](std::size_t q, std::size_t effort) { return ask(q, effort, numbers.empty() ? no_row : numbers[q]); };
  TESSERA_CHECK(measure_recall<Metric::larger_is_nearer>(table, truth, k, size, most, options, ask_of));
  return calibration_report{count, table.reachable()};
}

}  // namespace detail

}  // namespace tessera::inline TESSERA_ABI
