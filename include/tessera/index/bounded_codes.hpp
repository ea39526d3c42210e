// SPDX-License-Identifier: Apache-2.0
/// i8 codes of rows along their principal axes, from which follows how large a row's inner product with a query can be at most.
///
/// A row is x = m + y and a query q = m + p, with the mean m of a sample. Then q·x = q·m + m·y + p·y: the first is one number a query,
/// the second one a row (its `offset`), and only p·y is estimated. Along the axes of op/principal_axes.hpp, in two blocks of d1 and d2
/// dimensions, a row has computed coordinates b and codes c = round(b / step), one step a block; what lies behind has a length t (its
/// `tail`). Likewise the query: a, codes k of step s, tail T. With u = 2^-24, Y >= |y|, r >= |b - step·c| and B >= |step·c| over all
/// rows, n dimensions, eps and slack from principal_axes, and D the integer product of codes,
///
///     q·x <= q·m + offset + s·step·D + T·t + C                            (Cauchy-Schwarz for all that is not coded)
///     C = (|a - s·k| + slack(d)·|p|)·(1 + eps)·Y                           what the query's codes leave out
///       + |s·k|·(r + slack(d)·Y)                                           what the row's codes leave out
///       + (eps + 4u)·|p|·Y                                                 axes that are not quite orthogonal; p and y are rounded
///       + 2^-22·(|s·k|·B + |offset| + T·t)                                 the sum in f32 (kernel/reach.hpp), and the offset's rounding
///       + 2^-40·((|p| + |m|)·(Y + |m|) + |offset|)                         sums in double, of q·x too
///
/// where |offset| and t are their largest values. The second stage exchanges T·t for block 2 and the tail behind it; its C is added.
/// t and T are measured along the axes and have slack(n)·|y|, slack(n)·|p| and the rounding of f32 in them. A row whose codes were clipped
/// (|b - step·c| > step·sqrt(d)·(1/2 + 2^-10)), that is not finite or longer than 10^15 gets the tail infinity: nothing is claimed of it.
///
/// With a `weight` h each row's product is taken less h: squared L2 is |q|² - 2·(q·x - |x|²/2).
#pragma once

#include <tessera/base/aligned.hpp>
#include <tessera/op/principal_axes.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI::detail {

inline constexpr double slightly_more = 1.0 + 0x1p-30;  ///< sums in double of up to 2^20 terms are off by less

[[nodiscard]] inline double length_of_span(const float* x, std::size_t n) noexcept {
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return std::sqrt(sum) * slightly_more;
}
/// The f32 that is not below x >= 0.
[[nodiscard]] inline float rounded_up(double x) noexcept {
  return static_cast<float>(x * (1.0 + 0x1p-22)) + std::numeric_limits<float>::min();
}

/// A block of d dimensions of a vector as codes; |coordinates - step·codes| is returned, |step·codes| in `coded`.
[[nodiscard]] inline double code_dimensions(const float* b, std::size_t d, float step, std::int8_t* codes, double& coded) noexcept {
  const double s = static_cast<double>(step);
  double left = 0.0;
  double kept = 0.0;
  for (std::size_t i = 0; i < d; ++i) {
    const double value = static_cast<double>(b[i]);
    const double code = s > 0.0 ? std::nearbyint(std::fmin(std::fmax(value / s, -127.0), 127.0)) : 0.0;
    codes[i] = static_cast<std::int8_t>(code);
    left += (value - s * code) * (value - s * code);
    kept += s * code * (s * code);
  }
  coded = std::sqrt(kept) * slightly_more;
  return std::sqrt(left) * slightly_more;
}

struct code_block {
  std::size_t first = 0, count = 0;                     ///< dimensions
  float step = 0.0f;
  double coded = 0.0, residual = 0.0, tail = 0.0;  ///< B, r and the largest t over all rows
  [[nodiscard]] double clipped() const noexcept {
    return static_cast<double>(step) * std::sqrt(static_cast<double>(count)) * (0.5 + 0x1p-10);
  }
};

/// A query for these codes, in both stages.
struct bounded_query {
  std::vector<std::int8_t> codes[2];
  kernel::reach_query about[2]{};
  double by_tail[2]{}, margin[2]{};  ///< T and C
  double base = 0.0;                 ///< q·m
  bool usable = false;
  std::vector<float> difference, coordinates;
};

class bounded_codes {
 public:
  static constexpr std::size_t panel_rows = kernel::reach_rows;

  /// Blocks of d1 (a multiple of 4) and d2 (64·k - 4, or 0) dimensions. `sample`: coordinates of rows, [count, n], that give the steps.
  bounded_codes(principal_axes axes, std::size_t d1, std::size_t d2, std::span<const float> sample) : axes_(std::move(axes)) {
    const std::size_t n = axes_.dimension();
    block_[0] = {.first = 0, .count = std::min(d1, n)};
    block_[1] = {.first = block_[0].count, .count = std::min(d2, n - block_[0].count)};
    width_[0] = d1;
    width_[1] = d2 == 0 ? 0 : d2 + 4;
    for (code_block& block : block_) {
      float largest = 0.0f;
      for (std::size_t at = 0; at + n <= sample.size(); at += n)
        for (std::size_t i = 0; i < block.count; ++i) largest = std::max(largest, std::fabs(sample[at + block.first + i]));
      block.step = largest * (1.1f / 127.0f);  // rows outside the sample may lie a little further out
    }
  }

  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  [[nodiscard]] const principal_axes& axes() const noexcept { return axes_; }
  [[nodiscard]] std::size_t width(std::size_t stage) const noexcept { return width_[stage]; }
  [[nodiscard]] bool has_second() const noexcept { return width_[1] > 0; }
  [[nodiscard]] std::size_t row_bytes() const noexcept { return width_[0] + 8 + width_[1]; }
  /// Room of a panel is room for all its rows: `reach` writes so many floats.
  [[nodiscard]] std::size_t reached_rows() const noexcept { return (rows_ + panel_rows - 1) / panel_rows * panel_rows; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return axes_.memory_bytes() + panels_.bytes() + tail_.bytes() + offset_.bytes() + records_.bytes();
  }

  [[nodiscard]] std::size_t capacity() const noexcept { return tail_.size(); }
  /// Errors: out_of_memory; then nothing has changed.
  [[nodiscard]] result<> reserve(std::size_t rows) {
    if (rows <= capacity()) return {};
    const std::size_t room = (rows + panel_rows - 1) / panel_rows * panel_rows;
    TESSERA_TRY(auto panels, aligned_buffer<std::uint8_t>::make(room * width_[0]));
    TESSERA_TRY(auto records, aligned_buffer<std::uint8_t>::make(room * width_[1]));
    TESSERA_TRY(auto tail, aligned_buffer<float>::make(room));
    TESSERA_TRY(auto offset, aligned_buffer<float>::make(room));
    std::copy_n(panels_.data(), panels_.size(), panels.data());
    std::copy_n(records_.data(), records_.size(), records.data());
    std::copy_n(tail_.data(), tail_.size(), tail.data());
    std::copy_n(offset_.data(), offset_.size(), offset.data());
    panels_ = std::move(panels), records_ = std::move(records), tail_ = std::move(tail), offset_ = std::move(offset);
    return {};
  }
  /// After `reserve`: the next row, of difference y = x - m, coordinates b and weight h.
  void append(const float* y, const float* b, double weight) noexcept { set(rows_++, y, b, weight); }
  void set(std::size_t row, const float* y, const float* b, double weight) noexcept {
    const std::size_t n = axes_.dimension();
    const double length = length_of_span(y, n);
    double offset = -weight;
    for (std::size_t j = 0; j < n; ++j) offset += static_cast<double>(axes_.mean()[j]) * static_cast<double>(y[j]);
    std::array<std::int8_t, most_width> codes[2]{};
    double coded[2]{}, residual[2]{}, tail[2]{};
    bool usable = length < 1e15 && std::fabs(offset) < 1e30;
    for (std::size_t s = 0; s < 2 && usable; ++s) {
      const code_block& of = block_[s];
      residual[s] = code_dimensions(b + of.first, of.count, of.step, codes[s].data(), coded[s]);
      const std::size_t behind = of.first + of.count;
      tail[s] = length_of_span(b + behind, n - behind) + axes_.slack(n - behind) * length;
      usable = residual[s] <= of.clipped() && tail[s] < 1e15;
    }
    if (usable) {
      longest_ = std::max(longest_, length);
      farthest_ = std::max(farthest_, std::fabs(offset));
    }
    for (std::size_t s = 0; s < 2; ++s) {
      if (!usable) codes[s].fill(0);
      if (!usable) continue;
      block_[s].coded = std::max(block_[s].coded, coded[s]);
      block_[s].residual = std::max(block_[s].residual, residual[s]);
      block_[s].tail = std::max(block_[s].tail, tail[s]);
    }
    constexpr float nothing_claimed = std::numeric_limits<float>::infinity();
    tail_[row] = usable ? rounded_up(tail[0]) : nothing_claimed;
    offset_[row] = usable ? static_cast<float>(offset) : 0.0f;
    for (std::size_t i = 0; i < width_[0]; ++i) *panel_code(row, i) = shifted(codes[0][i]);
    if (!has_second()) return;
    std::uint8_t* record = records_.data() + row * width_[1];
    for (std::size_t i = 0; i + 4 < width_[1]; ++i) record[i] = shifted(codes[1][i]);
    const float behind = usable ? rounded_up(tail[1]) : nothing_claimed;
    std::memcpy(record + width_[1] - 4, &behind, 4);
  }
  /// The last row takes the place of this one.
  void take_out(std::size_t row) noexcept {
    const std::size_t last = --rows_;
    if (row == last) return;
    for (std::size_t i = 0; i < width_[0]; ++i) *panel_code(row, i) = *panel_code(last, i);
    if (has_second()) std::memcpy(records_.data() + row * width_[1], records_.data() + last * width_[1], width_[1]);
    tail_[row] = tail_[last];
    offset_[row] = offset_[last];
  }
  /// Not below the length of any row that something is claimed of.
  [[nodiscard]] double longest_row() const noexcept { return longest_ + length_of_span(axes_.mean().data(), axes_.dimension()); }
  [[nodiscard]] bool is_claimed(std::size_t row) const noexcept { return tail_[row] < std::numeric_limits<float>::infinity(); }

  void prepare(const float* q, bounded_query& made) const {
    const std::size_t n = axes_.dimension();
    const std::size_t used = block_[1].first + block_[1].count;
    made.difference.resize(n);
    made.coordinates.resize(n);
    axes_.centre(q, made.difference.data());
    axes_.rotate(made.difference.data(), used, made.coordinates.data());
    const double length = length_of_span(made.difference.data(), n);
    made.usable = length < 1e15;
    if (!made.usable) return;
    made.base = 0.0;
    for (std::size_t j = 0; j < n; ++j) made.base += static_cast<double>(axes_.mean()[j]) * static_cast<double>(q[j]);
    const double eps = axes_.defect();
    const double middle = length_of_span(axes_.mean().data(), n);
    double left = (1.0 + eps) * length * length;  // of the query's square, not yet along an axis
    for (std::size_t s = 0; s < 2; ++s) {
      const code_block& of = block_[s];
      const float* a = made.coordinates.data() + of.first;
      const double slack = axes_.slack(of.count);
      float largest = 0.0f;
      for (std::size_t i = 0; i < of.count; ++i) largest = std::max(largest, std::fabs(a[i]));
      const float step = largest / 127.0f;
      made.codes[s].assign(width_[s], 0);
      double coded = 0.0;
      const double residual = code_dimensions(a, of.count, step, made.codes[s].data(), coded);
      const double along = std::max(0.0, length_of_span(a, of.count) / slightly_more - slack * length);
      left = std::max(0.0, left - along * along);
      made.by_tail[s] = static_cast<double>(rounded_up(std::sqrt(left) * slightly_more));
      const double product = static_cast<double>(step) * static_cast<double>(of.step);
      made.about[s].start = 0;
      for (const std::int8_t code : made.codes[s]) made.about[s].start -= 128 * code;
      made.about[s].by_tail = static_cast<float>(made.by_tail[s]);
      // A record holds its tail as it is, so the second stage is worked out in units of the query's.
      made.about[s].scale = static_cast<float>(s == 0 ? product : product / made.by_tail[s]);
      made.margin[s] = (residual + slack * length) * (1.0 + eps) * longest_ + coded * (of.residual + slack * longest_) +
                       0x1p-22 * (coded * of.coded + farthest_ + made.by_tail[s] * of.tail);
      if (s == 0)
        made.margin[s] += (eps + 4.0 * 0x1p-24) * length * longest_ + 0x1p-40 * ((length + middle) * (longest_ + middle) + farthest_);
      else made.margin[s] += 0x1p-22 * (made.by_tail[0] * block_[0].tail + block_[0].coded * length);
      made.margin[s] = made.margin[s] * slightly_more + 0x1p-120;
    }
  }

  /// out[q·stride + r]: offset + s·step·D + T·t of the first stage. With q·m and margin[0] added it is a bound.
  void reach(std::span<const bounded_query> queries, std::span<const std::int8_t> codes, std::span<const kernel::reach_query> about,
             float* out, std::size_t stride) const noexcept {
    kernel::kernels().reach.reach(codes.data(), width_[0], about.data(), queries.size(), {panels_.data(), tail_.data(), offset_.data()},
                                  reached_rows() / panel_rows, width_[0] / 4, out, stride);
  }
  /// reaches[i] of rows at[i] becomes that of the second stage; margin[0] + margin[1] belong to it.
  void refine(const bounded_query& query, std::span<const std::uint32_t> at, float* reaches, std::vector<float>& memory) const {
    memory.resize(at.size());
    kernel::kernels().reach.reach_listed(query.codes[1].data(), query.about[1], records_.data(), width_[1], at.data(), at.size(),
                                         memory.data());
    for (std::size_t i = 0; i < at.size(); ++i) {
      if (!is_claimed(at[i])) continue;
      const double first = static_cast<double>(reaches[i]) - query.by_tail[0] * static_cast<double>(tail_[at[i]]);
      reaches[i] = static_cast<float>(first + query.by_tail[1] * static_cast<double>(memory[i]));
    }
  }

 private:
  static constexpr std::size_t most_width = 4096;
  [[nodiscard]] static std::uint8_t shifted(std::int8_t code) noexcept { return static_cast<std::uint8_t>(code + 128); }
  [[nodiscard]] std::uint8_t* panel_code(std::size_t row, std::size_t i) noexcept {
    return panels_.data() + (row / panel_rows * width_[0] + i / 4 * 4) * panel_rows + row % panel_rows * 4 + i % 4;
  }

  principal_axes axes_;
  std::size_t rows_ = 0;
  code_block block_[2];
  std::size_t width_[2]{};  // bytes of a row: codes with their padding, in records the tail too
  double longest_ = 0.0, farthest_ = 0.0;  // Y, |offset|
  aligned_buffer<std::uint8_t> panels_;    // [rows / 32, d1 / 4, 32, 4], code + 128
  aligned_buffer<float> tail_, offset_;    // [rows]
  aligned_buffer<std::uint8_t> records_;   // [rows, d2 + 4]: codes + 128, tail behind both blocks
};

}  // namespace tessera::inline TESSERA_ABI::detail
