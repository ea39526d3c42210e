// SPDX-License-Identifier: Apache-2.0
/// Walks a graph by i8 codes of the rows along their principal axes, a few cache lines a row, and scores what it finds by the rows.
///
///     ts::hnsw<model::space, ts::f32, ts::cosine, ts::leading_codes> index;     // else as any hnsw; hits have the metric's bits
///
/// A row is x = m + y, b its coordinates along the axes (op/principal_axes.hpp), c = round(b / step) for the first d of them with one step
/// for all, and the key of a row for a query q = m + p with coordinates a of codes k and step s is
///
///     offset - s·step·(k·c),        offset = -m·y for products and cosine, |x|²/2 - m·y for squared L2
///
/// which is -q·x (for squared L2 |x - q|²/2) without what is the same for all rows. Cosine takes x and q at length 1. As many dimensions
/// are coded as hold 90 % of the variance, rounded up to whole cache lines: 192 bytes for typical embeddings of 384 dimensions, all
/// dimensions where variance is the same along all axes. Nothing rests on the codes but the way: the nearest found are scored by the rows.
/// So a query meets the axes in i8 too, which reads a quarter of what they take in f32 and is off by less than its codes are.
///
/// Axes are learned when there are 1024 rows (the graph is then linked anew) and again whenever there are four times as many, up to a
/// quarter of a million. The file holds axes and codes.
#pragma once

#include <tessera/index/bulk_neighbours.hpp>
#include <tessera/index/code_records.hpp>
#include <tessera/index/code_scorer.hpp>
#include <tessera/index/metric_place.hpp>
#include <tessera/index/row_scoring.hpp>
#include <tessera/op/principal_axes.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <optional>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {

template <class Metric, class Precision>
inline constexpr bool codable = floating_precision<Precision> && (std::is_same_v<Metric, squared_l2> || std::is_same_v<Metric, cosine> ||
                                                                  std::is_same_v<Metric, inner_product>);
template <class Metric, class Space, class Precision>
inline constexpr bool has_leading_codes = codable<Metric, Precision> && Space::dimension <= 4096;

template <class Metric, class Space, class Precision>
class leading_codes_guide : protected code_records {
  static_assert(codable<Metric, Precision>, "tessera: leading_codes are of floating-point rows met by cosine, inner_product or squared_l2");
  static constexpr std::size_t n = Space::dimension;
  static constexpr std::size_t axis_stride = round_up(n, 64), most_stride = round_up(n + 4, 64);
  static_assert(n <= 4096, "tessera: leading_codes take at most 4096 dimensions");

 public:
  using matrix = embedding_matrix<Space, Precision>;
  using scorer = code_scorer<most_stride>;
  static constexpr bool exact = false;
  static constexpr std::string_view kind = "hnsw";
  using code_records::take_out, code_records::drop_last;

  /// Codes of more dimensions, for choosing links while a graph is built.
  [[nodiscard]] static leading_codes_guide finer() {
    leading_codes_guide made;
    made.share_ = share_to_link;
    return made;
  }

  class scoring_of {
   public:
    explicit scoring_of(const leading_codes_guide& guide) noexcept : guide_(&guide) {}
    [[nodiscard]] scorer of_row(std::uint32_t row) const noexcept {
      const std::size_t stride = guide_->stride();
      scorer made(guide_->data(), stride);
      const std::uint8_t* record = guide_->data() + row * stride;
      float offset;
      std::memcpy(&offset, record + stride - 4, 4);
      made.set(made.take(record), -static_cast<double>(guide_->step_) * static_cast<double>(guide_->step_), offset);
      return made;
    }
    template <class View>
    [[nodiscard]] scorer of_query(const View& query) const noexcept {
      return guide_->of_query(query);
    }

   private:
    const leading_codes_guide* guide_;
  };
  [[nodiscard]] scoring_of scoring(const matrix&) const noexcept { return scoring_of(*this); }
  template <class View>
  [[nodiscard]] scorer of_query(const View& query) const noexcept {
    scorer made(data(), stride());
    alignas(vector_alignment) float x[n];
    static_cast<void>(place_for_metric<Metric>(query, x));
    axes_->centre(x, x);
    meet_axes(x, made);
    return made;
  }

  /// How many of the candidates found are scored by the rows.
  [[nodiscard]] static std::size_t scored(std::size_t k, std::size_t effort) noexcept { return std::max(2 * k + 10, effort / 4); }

  /// Codes for the rows from `first` on. True where axes were learned anew, so that links chosen before are worth little; all rows then
  /// get codes in `fine` too, if it is there and there is memory for them.
  template <class Rows>
  [[nodiscard]] result<bool> append(const Rows& rows, std::size_t first, leading_codes_guide* fine = nullptr) {
    const std::size_t count = rows.rows();
    const bool learns = !axes_ || (count >= first_training && count >= 4 * trained_at() && trained_at() < last_training);
    const bool anew = learns && trained_at() < first_training && count >= first_training && first > 0;
    if (learns) {
      TESSERA_CHECK(learn(rows, fine));
      first = 0;
      if (fine != nullptr && fine->grow(count)) fine->code(rows, 0, count);
    }
    TESSERA_CHECK(grow(count));
    code(rows, first, count - first);
    return anew;
  }
  /// The same codes again, those of row order[i] as row i where there is an order, and room for `room` rows. Errors: out_of_memory.
  [[nodiscard]] result<leading_codes_guide> copy(std::size_t room, const std::uint32_t* order = nullptr) const {
    leading_codes_guide made;
    made.axes_ = axes_, made.learned_ = learned_;
    TESSERA_CHECK(made.take_axes(step_));
    TESSERA_CHECK(made.copy_records(*this, room, order));
    return made;
  }
  [[nodiscard]] std::size_t rows() const noexcept { return coded_rows(); }
  /// Bytes that so many rows take at most.
  [[nodiscard]] static constexpr std::size_t most_bytes(std::size_t rows) noexcept {
    return rows * most_stride + 4 * n * n * sizeof(float);
  }
  void add_sections(std::vector<index_section>& sections) const {
    if (!axes_) return;
    sections.push_back({"coding", std::as_bytes(std::span(learned_))});
    sections.push_back({"mean", std::as_bytes(axes_->mean())});
    sections.push_back({"axes", std::as_bytes(axes_->axes())});
    add_codes(sections);
  }
  /// Codes that the file holds, or new ones where it was written by another guide. Errors: malformed, out_of_memory.
  [[nodiscard]] result<> read(const index_file& file, const matrix& rows) {
    if (!file.has_section("axes") || !file.has_section("codes")) {
      if (rows.empty()) return {};
      TESSERA_TRY([[maybe_unused]] const bool anew, append(rows, 0));
      return {};
    }
    TESSERA_TRY(const auto coding, file.all_values<std::uint64_t>("coding"));
    TESSERA_TRY(auto mean, file.all_values<float>("mean"));
    TESSERA_TRY(auto axes, file.all_values<float>("axes"));
    const bool sized = coding.size() == 3 && mean.size() == n && coding[1] > 0 && coding[1] <= n && axes.size() == coding[1] * n;
    const float step = sized ? std::bit_cast<float>(static_cast<std::uint32_t>(coding[2])) : -1.0f;
    if (!(step >= 0.0f && step < 1e15f))
      return fail({.code = error_code::malformed,
                   .thing = "sections coding, mean and axes",
                   .wanted = "three numbers, " + std::to_string(n) + " and as many for each axis",
                   .found = std::to_string(coding.size()) + ", " + std::to_string(mean.size()) + " and " + std::to_string(axes.size())});
    TESSERA_TRY(axes_, principal_axes::from(std::move(mean), std::move(axes)));
    learned_ = {std::min(coding[0], std::uint64_t{1} << 48u), coding[1], coding[2]};
    TESSERA_CHECK(take_axes(step));
    TESSERA_CHECK(read_codes(file, rows.rows()));
    for (std::size_t row = 0; row < rows.rows(); ++row) {
      float offset;
      std::memcpy(&offset, record(row) + stride() - 4, 4);
      if (!(offset > -1e30f))
        return fail({.code = error_code::malformed,
                     .thing = "code of row " + std::to_string(row),
                     .wanted = "a number",
                     .found = std::to_string(offset)});
    }
    return {};
  }
  [[nodiscard]] row_records codes() const noexcept { return {data(), stride(), coded(), step_}; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return record_bytes() + axes8_.bytes() + axis_step_.capacity() * sizeof(float) + (axes_ ? axes_->memory_bytes() : 0);
  }

 private:
  static constexpr std::size_t first_training = 1024, last_training = std::size_t{1} << 18u;
  static constexpr double share_coded = 0.9, share_to_link = 0.97;

  [[nodiscard]] std::size_t trained_at() const noexcept { return static_cast<std::size_t>(learned_[0]); }
  [[nodiscard]] std::size_t coded() const noexcept { return static_cast<std::size_t>(learned_[1]); }

  template <class Rows>
  [[nodiscard]] result<> learn(const Rows& rows, leading_codes_guide* fine) {
    const auto fetch = [&](std::size_t i, float* x) {
      static_cast<void>(place_for_metric<Metric>(rows.row(i), x));
      return true;
    };
    std::optional<principal_axes> axes;
    if (rows.rows() >= first_training)
      if (auto learned = principal_axes::train(n, rows.rows(), fetch)) axes = *std::move(learned);
    if (!axes) axes = principal_axes::none(n);  // few rows, or none that is a vector
    if (fine != nullptr) TESSERA_CHECK(fine->settle(*axes, rows.rows(), fetch));
    return settle(*std::move(axes), rows.rows(), fetch);
  }
  /// How many of the axes are coded, and how finely.
  template <class Fetch>
  [[nodiscard]] result<> settle(principal_axes axes, std::size_t rows, const Fetch& fetch) {
    axes_ = std::move(axes);
    learned_[0] = rows;
    std::size_t wanted = 1;
    while (wanted < n && (trained_at() < first_training || axes_->share(wanted) < share_)) ++wanted;
    learned_[1] = std::min(n, round_up(wanted + 4, 64) - 4);
    axes_->keep(coded());
    float largest = 0.0f;
    std::vector<float> x(n);
    std::vector<float> b(coded());
    for (std::size_t i = 0; i < rows; i += 1 + rows / 2048) {
      fetch(i, x.data());
      axes_->centre(x.data(), x.data());
      axes_->rotate(x.data(), coded(), b.data());
      for (const float value : b)
        if (std::fabs(value) < 1e15f) largest = std::max(largest, std::fabs(value));
    }
    learned_[2] = std::bit_cast<std::uint32_t>(largest / 127.0f);
    return take_axes(largest / 127.0f);
  }
  /// No codes yet, along these axes, which are made ready for queries.
  [[nodiscard]] result<> take_axes(float step) {
    begin(round_up(coded() + 4, 64));
    step_ = step;
    axis_step_.resize(coded());
    TESSERA_TRY(axes8_, aligned_buffer<std::int8_t>::make(coded() * axis_stride));
    for (std::size_t i = 0; i < coded(); ++i)
      axis_step_[i] = kernel::kernels().quantize.quantize_i8(axes_->axes().data() + i * n, axes8_.data() + i * axis_stride, n);
    return {};
  }

  /// The codes of what x, less the mean, measures along the axes.
  void meet_axes(const float* x, scorer& made) const noexcept {
    const auto& k = kernel::kernels();
    alignas(vector_alignment) std::int8_t x8[axis_stride];
    alignas(vector_alignment) std::int32_t products[most_stride];
    alignas(vector_alignment) float coordinates[most_stride];
    const float fine = k.quantize.quantize_i8(x, x8, n);
    k.distance.dot_rows_i8(x8, axes8_.data(), axis_stride, coded(), n, products);
    for (std::size_t i = 0; i < coded(); ++i) coordinates[i] = static_cast<float>(products[i]) * (fine * axis_step_[i]);
    const float step = k.quantize.quantize_i8(coordinates, made.codes(), coded());
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < coded(); ++i) sum += made.codes()[i];
    constexpr float infinity = std::numeric_limits<float>::infinity();
    made.set(sum, -static_cast<double>(step) * static_cast<double>(step_), fine < infinity && step < infinity ? 0.0f : infinity);
  }

  template <class Rows>
  void code(const Rows& rows, std::size_t first, std::size_t count) {
    constexpr std::size_t block = 64;
    const auto& k = kernel::kernels();
    const std::size_t d = coded();
    std::vector<float> y(std::min(block, count) * n);
    std::vector<float> b(std::min(block, count) * d);
    std::vector<float> panel;
    const std::vector<float> zeros(d, 0.0f);
    const std::vector<float> steps(d, step_);
    std::vector<std::int8_t> codes(d);
    for (std::size_t done = 0; done < count; done += block) {
      const std::size_t now = std::min(block, count - done);
      double offsets[block];
      for (std::size_t i = 0; i < now; ++i) {
        float* at = y.data() + i * n;
        offsets[i] = place_for_metric<Metric>(rows.row(first + done + i), at);
        axes_->centre(at, at);
        for (std::size_t j = 0; j < n; ++j) offsets[i] -= static_cast<double>(axes_->mean()[j]) * static_cast<double>(at[j]);
      }
      axes_->rotate_rows(y.data(), now, panel, b.data());
      for (std::size_t i = 0; i < now; ++i) {
        std::uint8_t* to = record(first + done + i);
        const float* from = b.data() + i * d;
        // What is no vector lies nowhere: an infinite key from everywhere.
        const bool usable = std::fabs(offsets[i]) < 1e30 && k.quantize.all_finite(from, d);
        std::memset(to, 128, stride() - 4);
        if (usable) {
          k.quantize.quantize_dimensions_i8(from, zeros.data(), steps.data(), codes.data(), d);
          for (std::size_t j = 0; j < d; ++j) to[j] = static_cast<std::uint8_t>(codes[j] + 128);
        }
        const float offset = usable ? static_cast<float>(offsets[i]) : std::numeric_limits<float>::infinity();
        std::memcpy(to + stride() - 4, &offset, 4);
      }
    }
  }

  double share_ = share_coded;  // of the variance that codes hold
  std::optional<principal_axes> axes_;
  std::array<std::uint64_t, 3> learned_{};  // rows when axes were learned, dimensions coded, bits of the step
  float step_ = 0.0f;
  aligned_buffer<std::int8_t> axes8_;  // [coded, axis_stride]
  std::vector<float> axis_step_;       // [coded]
};

}  // namespace detail

/// The graph is walked by codes of leading dimensions along the rows' principal axes.
struct leading_codes {
  template <class Metric, class Space, class Precision>
  using guide = detail::leading_codes_guide<Metric, Space, Precision>;
};

}  // namespace tessera::inline TESSERA_ABI
