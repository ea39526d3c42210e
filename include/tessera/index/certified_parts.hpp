// SPDX-License-Identifier: Apache-2.0
/// The longer member functions of `certified`: coding, and the stages of a search. Included by index/certified.hpp.
///
/// All stages speak of the value v = q·x, for squared L2 v = q·x - |x|²/2, of which more is nearer. A stage knows a number for each row
/// and a margin, and v <= number + margin. The rows of the best numbers are scored in f32, which gives a least value; rows that cannot
/// reach it are dropped; what is left goes to the next stage, is scored in f32, and what then still can be among the k, in double.
#pragma once

#include <tessera/index/certified.hpp>
#include <tessera/index/exact_order.hpp>

#include <algorithm>
#include <cmath>

namespace tessera::inline TESSERA_ABI {

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric>
double certified<Space, Precision, Metric>::weight_of(const float* x) const noexcept {
  if constexpr (!by_difference) return 0.0;
  return detail::exact_sum<false>(x, x, Space::dimension) / 2.0;
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric>
void certified<Space, Precision, Metric>::code_rows(std::size_t first, std::size_t count) {
  constexpr std::size_t n = Space::dimension, block = 64;
  std::vector<float> y(std::min(block, count) * n);
  std::vector<float> b(y.size());
  std::vector<float> panel;
  for (std::size_t done = 0; done < count; done += block) {
    const std::size_t now = std::min(block, count - done);
    double weights[block];
    for (std::size_t i = 0; i < now; ++i) {
      float* at = y.data() + i * n;
      detail::cast_values<f32, Precision>(base::rows().row(first + done + i).data(), at, n);
      weights[i] = weight_of(at);
      codes_->axes().centre(at, at);
    }
    codes_->axes().rotate_rows(y.data(), now, panel, b.data());
    for (std::size_t i = 0; i < now; ++i) {
      const std::size_t row = first + done + i;
      if (row < codes_->rows()) codes_->set(row, y.data() + i * n, b.data() + i * n, weights[i]);
      else codes_->append(y.data() + i * n, b.data() + i * n, weights[i]);
    }
  }
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric>
result<> certified<Space, Precision, Metric>::code_new() {
  constexpr std::size_t n = Space::dimension;
  const std::size_t count = base::size();
  if (count < first_training || count < 4 * trained_at_) {
    if (codes_) code_rows(codes_->rows(), count - codes_->rows());
    return {};
  }
  trained_at_ = count;
  codes_.reset();
  const auto fetch = [this](std::size_t i, float* x) {
    detail::cast_values<f32, Precision>(base::rows().row(i).data(), x, n);
    return true;
  };
  auto axes = principal_axes::train(n, count, fetch);
  if (!axes) return {};  // no row is a vector: every search looks at all
  const std::size_t sample = std::min(count, training_sample);
  std::vector<float> y(sample * n);
  std::vector<float> b(sample * n);
  std::vector<float> offsets;
  std::size_t taken = 0;
  for (std::size_t s = 0; s < sample; ++s) {
    float* at = y.data() + taken * n;
    fetch(s * count / sample, at);
    const double weight = weight_of(at);
    axes->centre(at, at);
    double offset = -weight;
    for (std::size_t j = 0; j < n; ++j) offset += static_cast<double>(axes->mean()[j]) * static_cast<double>(at[j]);
    if (!(detail::length_of_span(at, n) < 1e15) || !(std::fabs(offset) < 1e30)) continue;
    offsets.push_back(static_cast<float>(offset));
    ++taken;
  }
  std::vector<float> panel;
  for (std::size_t first = 0; first < taken; first += 64)
    axes->rotate_rows(y.data() + first * n, std::min<std::size_t>(64, taken - first), panel, b.data() + first * n);
  const std::span<const float> coordinates(b.data(), taken * n);
  const detail::code_plan plan = detail::plan_codes(coordinates, offsets, n, count, sizeof(typename Precision::storage) * n, usual_k);
  if (plan.first == 0) return {};
  detail::bounded_codes made(*std::move(axes), (plan.first + 3) / 4 * 4, plan.second, coordinates);
  if (!made.reserve(count)) return {};  // less memory, not less truth
  codes_ = std::move(made);
  code_rows(0, count);
  return {};
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric>
template <class Queries>
result<std::vector<proved_hits>> certified<Space, Precision, Metric>::answer(const Queries& queries, std::size_t first, std::size_t count,
                                                                             std::size_t k, std::size_t most, std::optional<float> bound,
                                                                             const search_options& options) const {
  std::vector<proved_hits> found(count);
  if (k == 0 || base::empty()) return found;
  const auto memory = memory_.take();
  const std::size_t stride = codes_ ? codes_->reached_rows() : base::size();
  memory->reaches.resize(std::max(memory->reaches.size(), (codes_ ? count : 1) * stride));
  if (codes_) {
    memory->queries.resize(std::max(memory->queries.size(), count));
    memory->codes.clear();
    memory->about.clear();
    alignas(vector_alignment) float values[Space::dimension];
    for (std::size_t i = 0; i < count; ++i) {
      detail::bounded_query& query = memory->queries[i];
      const auto view = queries[first + i].view();
      detail::cast_values<f32, typename decltype(view)::precision>(view.data(), values, Space::dimension);
      codes_->prepare(values, query);
      if (!query.usable) query.codes[0].assign(codes_->width(0), 0), query.about[0] = {};
      memory->codes.insert(memory->codes.end(), query.codes[0].begin(), query.codes[0].end());
      memory->about.push_back(query.about[0]);
    }
    codes_->reach(std::span(memory->queries).first(count), memory->codes, memory->about, memory->reaches.data(), stride);
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (options.interrupted()) return fail(detail::interruption(options, base::size()));
    const bool coded = codes_ && memory->queries[i].usable;
    finish(queries[first + i].view(), coded ? &memory->queries[i] : nullptr, k, most, bound, options, *memory,
           memory->reaches.data() + (codes_ ? i * stride : 0), found[i]);
  }
  return found;
}

/// Values of rows at[i] by their scores in f32: lows[i] <= v <= highs[i], with the error of kernel/distance.hpp, 2·(n + 2)·u of
/// sum |q_i·x_i| <= |q|·|x|, or of the score itself. `longest` is not below the length of any row that has codes.
template <embedding_space Space, tessera::precision Precision, tessera::metric Metric>
template <class View>
void certified<Space, Precision, Metric>::bound_by_scores(const View& query, std::span<const std::uint32_t> at, double longest, float* lows,
                                                          float* highs) const {
  constexpr std::size_t n = Space::dimension;
  constexpr double error = 2.0 * (static_cast<double>(n) + 2.0) * 0x1p-24;
  constexpr float infinity = std::numeric_limits<float>::infinity();
  using plain = std::conditional_t<by_difference, squared_l2, inner_product>;
  alignas(vector_alignment) float values[n];
  detail::cast_values<f32, typename View::precision>(query.data(), values, n);
  const double square = detail::exact_sum<false>(values, values, n) * detail::slightly_more;
  const double length = std::sqrt(square) * detail::slightly_more;
  score_listed<plain>(query, base::rows(), at, lows);
  for (std::size_t i = 0; i < at.size(); ++i) {
    const double score = static_cast<double>(lows[i]);
    double most = 0.0;
    double least = 0.0;
    if constexpr (by_difference) {
      const double slack = 0x1p-40 * (square + score) + 0x1p-120;
      most = (square - score / (1.0 + error)) / 2.0 + slack;
      least = (square - score / (1.0 - error)) / 2.0 - slack;
    } else {
      double other = longest;
      if (!codes_ || !codes_->is_claimed(at[i])) {
        detail::cast_values<f32, Precision>(base::rows().row(at[i]).data(), values, n);
        other = std::sqrt(static_cast<double>(kernel::kernels().distance.dot_f32(values, values, n))) + 1e-18;
      }
      const double slack = error * length * other * (1.0 + 0x1p-10) + 0x1p-120;
      most = score + slack;
      least = score - slack;
    }
    const bool known = most < 1e37 && least > -1e37;
    lows[i] = known ? static_cast<float>(least - std::fabs(least) * 0x1p-22) : -infinity;
    highs[i] = known ? static_cast<float>(most + std::fabs(most) * 0x1p-22) : infinity;
  }
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric>
template <class View>
void certified<Space, Precision, Metric>::finish(const View& query, const detail::bounded_query* prepared, std::size_t k,
                                                 std::size_t most, std::optional<float> bound, const search_options& options,
                                                 detail::certified_memory& memory, float* reaches, proved_hits& found) const {
  constexpr std::size_t n = Space::dimension;
  constexpr auto before = ranks_before<Metric::larger_is_nearer, detail::exact_hit>;
  const std::size_t total = base::size();
  alignas(vector_alignment) float values[n];
  alignas(vector_alignment) float other[n];
  detail::cast_values<f32, typename View::precision>(query.data(), values, n);
  const double square = by_difference ? detail::exact_sum<false>(values, values, n) : 0.0;

  const auto passes = [&](std::uint32_t row) { return !options.filter || options.filter(base::ids()[row]); };
  // What a row's value must reach: margins have room for what the sums in double round.
  const auto value_of_score = [&](double score) {
    if constexpr (by_difference) return (square - score) / 2.0 - 0x1p-40 * (square + std::fabs(score));
    return score;
  };
  double least = bound ? value_of_score(static_cast<double>(*bound)) : -std::numeric_limits<double>::infinity();
  if (!(least == least)) return;  // near to NaN is nothing

  auto& rows = memory.rows;
  auto& kept = memory.kept;
  auto& order = memory.order;
  const auto next = kernel::kernels().select.first_at_least;
  const double longest = codes_ ? codes_->longest_row() : 0.0;
  // The k-th best of the low ends of some rows' values, those with the best numbers.
  const auto learn_least = [&](std::span<const float> numbers, const auto& row_of) {
    const std::size_t wanted = k + 6;
    if (bound || wanted > 4096 || numbers.size() < k) return;
    order.clear();
    float worst = -std::numeric_limits<float>::infinity();
    for (std::size_t i = 0; (i += next(numbers.data() + i, numbers.size() - i, worst)) < numbers.size(); ++i) {
      const std::uint32_t row = row_of(i);
      if (!(numbers[i] < std::numeric_limits<float>::infinity()) || !passes(row)) continue;
      order.emplace_back(numbers[i], row);
      std::push_heap(order.begin(), order.end(), std::greater<>());
      if (order.size() <= wanted) continue;
      std::pop_heap(order.begin(), order.end(), std::greater<>());
      order.pop_back();
      worst = order.front().first;
    }
    if (order.size() < k) return;
    memory.picked.clear();
    for (const auto& [number, row] : order) memory.picked.push_back(row);
    memory.scores.resize(memory.picked.size());
    memory.refined.resize(memory.picked.size());
    bound_by_scores(query, memory.picked, longest, memory.scores.data(), memory.refined.data());
    std::nth_element(memory.scores.begin(), memory.scores.begin() + static_cast<std::ptrdiff_t>(k - 1), memory.scores.end(),
                     std::greater<>());
    least = std::max(least, static_cast<double>(memory.scores[k - 1]));
  };
  const auto drop = [&](double margin) {
    const float needed = detail::rounded_down(least - margin);
    std::size_t to = 0;
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (!(kept[i] < needed)) rows[to] = rows[i], kept[to++] = kept[i];
    rows.resize(to), kept.resize(to);
  };

  rows.clear(), kept.clear();
  double missed = -std::numeric_limits<double>::infinity();  // no row that may be near and is not scored has a larger value
  if (prepared != nullptr) {
    double margin = prepared->base + prepared->margin[0];
    learn_least({reaches, total}, [](std::size_t i) { return static_cast<std::uint32_t>(i); });
    const float needed = detail::rounded_down(least - margin);
    for (std::size_t i = 0; (i += next(reaches + i, total - i, needed)) < total; ++i) {
      if (!passes(static_cast<std::uint32_t>(i))) continue;
      rows.push_back(static_cast<std::uint32_t>(i));
      kept.push_back(reaches[i]);
    }
    found.proof.bounded = total;
    if (codes_->has_second() && rows.size() > 2 * k + 16) {
      found.proof.refined = rows.size();
      codes_->refine(*prepared, rows, kept.data(), memory.refined);
      learn_least(kept, [&](std::size_t i) { return rows[i]; });
      margin += prepared->margin[1];
      drop(margin);
    }
    if (rows.size() > most) {
      constexpr float infinity = std::numeric_limits<float>::infinity();
      order.clear();
      for (std::size_t i = 0; i < rows.size(); ++i) order.emplace_back(kept[i] == kept[i] ? kept[i] : infinity, rows[i]);
      const auto rest = order.begin() + static_cast<std::ptrdiff_t>(most);
      std::nth_element(order.begin(), rest, order.end(), std::greater<>());
      missed = static_cast<double>(rest->first) + margin;
      rows.clear();
      std::for_each(order.begin(), rest, [&](const auto& one) { rows.push_back(one.second); });
      kept.resize(rows.size());
      least = -std::numeric_limits<double>::infinity();  // of the rows that are left, k are wanted
    }
  } else {
    for (std::uint32_t row = 0; row < total; ++row)
      if (passes(row)) rows.push_back(row);
    kept.resize(rows.size());
  }
  memory.scores.resize(rows.size());
  bound_by_scores(query, rows, longest, memory.scores.data(), kept.data());
  found.proof.scored = rows.size();
  if (!bound && rows.size() > k) {
    std::nth_element(memory.scores.begin(), memory.scores.begin() + static_cast<std::ptrdiff_t>(k - 1), memory.scores.end(),
                     std::greater<>());
    least = std::max(least, static_cast<double>(memory.scores[k - 1]));
  }
  drop(0.0);

  auto& best = memory.best;
  best.clear();
  for (const std::uint32_t row : rows) {
    detail::cast_values<f32, Precision>(base::rows().row(row).data(), other, n);
    const detail::exact_hit one{detail::exact_sum<by_difference>(values, other, n), base::ids()[row]};
    const bool near = !bound || (Metric::larger_is_nearer ? one.score >= static_cast<double>(*bound)
                                                          : one.score <= static_cast<double>(*bound));
    if (near) best.push_back(one);
  }
  const auto end = best.begin() + static_cast<std::ptrdiff_t>(std::min(k, best.size()));
  std::partial_sort(best.begin(), end, best.end(), before);
  best.erase(end, best.end());
  found.hits.reserve(best.size());
  for (const detail::exact_hit& one : best) found.hits.push_back({one.id, static_cast<float>(one.score)});
  // Rows that were proved away are below `least`, which is below the k best of those picked; of them those not scored are below `missed`.
  const bool all = missed == -std::numeric_limits<double>::infinity();
  const auto unsure = std::ranges::find_if(best, [&](const detail::exact_hit& one) { return !(value_of_score(one.score) > missed); });
  found.proof.certain = all ? best.size() : static_cast<std::size_t>(unsure - best.begin());
  found.proof.least = best.empty() ? 0.0 : best.back().score;
}

}  // namespace tessera::inline TESSERA_ABI
