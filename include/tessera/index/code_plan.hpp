// SPDX-License-Identifier: Apache-2.0
/// How many dimensions of codes pay for rows like these: tried on a sample, not assumed.
///
/// Some rows of the sample act as queries. For each number of dimensions a bound without codes' own errors, a·b + |a'|·|b'| with ' for
/// what lies behind, tells which rows of the sample would have to be looked at again; the number of nanoseconds that a search would
/// take follows from these shares. Where variance falls fast along the axes few dimensions suffice, where it is the same along all of
/// them none does, and the plan says so.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI::detail {

struct code_plan {
  std::size_t first = 0, second = 0;  ///< dimensions of the two blocks; none where codes do not pay
  double nanoseconds = 0.0;           ///< of a search, estimated
};

/// `coordinates` [sample, n] of rows along the axes and `offsets` [sample], of `rows` in all; a search for k rows that else would read
/// `row_bytes` of each.
[[nodiscard]] inline code_plan plan_codes(std::span<const float> coordinates, std::span<const float> offsets, std::size_t n,
                                          std::size_t rows, std::size_t row_bytes, std::size_t k) {
  // Nanoseconds for a byte of codes in order, of another row's codes, of vectors; for a row met, a row scored: orders of magnitude are
  // enough.
  constexpr double streamed = 0.0125, jumped = 0.03, read = 0.066, met = 8.0, scored = 150.0;
  const std::size_t sample = offsets.size();
  const std::size_t queries = std::min<std::size_t>(24, sample / 8);
  code_plan best{.nanoseconds = static_cast<double>(rows * row_bytes) * read};
  if (queries == 0) return best;
  std::vector<std::size_t> steps;
  for (std::size_t d = 16; d <= std::min<std::size_t>(n, 1024); d += n < 128 ? 4 : 16) steps.push_back(d);
  if (steps.empty()) return best;
  // The k-th of all rows is about this one of the sample; the query itself is one of them.
  const std::size_t rank = 1 + std::max<std::size_t>(1, k * sample / std::max(rows, sample));
  std::vector<double> share(steps.size(), 0.0);
  std::vector<float> reach(steps.size() * sample);
  std::vector<float> exact(sample);
  for (std::size_t q = 0; q < queries; ++q) {
    const float* a = coordinates.data() + q * sample / queries * n;
    for (std::size_t r = 0; r < sample; ++r) {
      const float* b = coordinates.data() + r * n;
      float dot = 0.0f, square_a = 0.0f, square_b = 0.0f;
      for (std::size_t j = 0; j < n; ++j) square_a += a[j] * a[j], square_b += b[j] * b[j];
      std::size_t j = 0;
      for (std::size_t s = 0; s < steps.size(); ++s) {
        for (; j < steps[s]; ++j) dot += a[j] * b[j], square_a -= a[j] * a[j], square_b -= b[j] * b[j];
        reach[s * sample + r] = offsets[r] + dot + std::sqrt(std::max(0.0f, square_a) * std::max(0.0f, square_b));
      }
      for (; j < n; ++j) dot += a[j] * b[j];
      exact[r] = offsets[r] + dot;
    }
    std::vector<float> sorted = exact;
    std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(rank - 1), sorted.end(), std::greater<>());
    const float least = sorted[rank - 1];
    for (std::size_t s = 0; s < steps.size(); ++s)
      share[s] += static_cast<double>(std::count_if(reach.begin() + static_cast<std::ptrdiff_t>(s * sample),
                                                    reach.begin() + static_cast<std::ptrdiff_t>((s + 1) * sample),
                                                    [least](float x) { return x >= least; })) /
                  static_cast<double>(sample * queries);
  }
  const double all = static_cast<double>(rows);
  const auto share_at = [&](std::size_t d) {
    const auto at = std::upper_bound(steps.begin(), steps.end(), d) - steps.begin();
    return at == 0 ? 1.0 : share[static_cast<std::size_t>(at) - 1];
  };
  for (const std::size_t first : steps)
    for (const std::size_t second : {std::size_t{0}, std::size_t{60}, std::size_t{124}}) {
      if (second > 0 && first + second > n) continue;
      if (first + 8 + (second > 0 ? second + 4 : 0) > std::max<std::size_t>(64, 200 * n / 384)) continue;
      const double left = share_at(first + second);
      double cost = all * static_cast<double>(first + 8) * streamed + all * left * scored;
      if (second > 0) cost += all * share_at(first) * (static_cast<double>(second + 4) * jumped + met);
      if (cost < best.nanoseconds) best = {first, second, cost};
    }
  return best;
}

}  // namespace tessera::inline TESSERA_ABI::detail
