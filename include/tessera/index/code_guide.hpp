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
///
/// Axes are learned when there are 1024 rows (the graph is then linked anew) and again whenever there are four times as many, up to a
/// quarter of a million. The file holds the rows and links; codes are made when it is opened.
#pragma once

#include <tessera/index/bounded_codes.hpp>
#include <tessera/index/bulk_neighbours.hpp>
#include <tessera/index/row_scoring.hpp>
#include <tessera/op/convert.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// Codes of a query or a row, ready for records of `stride` bytes.
template <std::size_t MostStride>
class code_scorer {
 public:
  code_scorer(const std::uint8_t* records, std::size_t stride) noexcept : records_(records), stride_(stride) {}
  void operator()(std::span<const std::uint32_t> at, float* keys) const noexcept {
    kernel::kernels().reach.reach_listed(codes_, about_, records_, stride_, at.data(), at.size(), keys);
    for (std::size_t i = 0; i < at.size(); ++i) {
      const float key = keys[i] + constant_;
      keys[i] = key == key ? key : std::numeric_limits<float>::infinity();
    }
  }
  [[nodiscard]] std::int8_t* codes() noexcept { return codes_; }
  /// The codes of a record; their sum is returned. Eight at a time in a word: there are thousands of such rows in an insertion.
  [[nodiscard]] std::int32_t take(const std::uint8_t* record) noexcept {
    constexpr std::uint64_t low = 0x00FF00FF00FF00FFu, signs = 0x8080808080808080u;
    std::uint64_t sums = 0;  // four of 16 bits, each of at most 128 · 2 bytes at a time
    std::int32_t total = 0;
    for (std::size_t i = 0; i < stride_; i += 8) {
      std::uint64_t word;
      std::memcpy(&word, record + i, 8);
      if (i + 8 == stride_) word = (word & 0xFFFFFFFFu) | (signs & ~std::uint64_t{0xFFFFFFFFu});
      sums += (word & low) + ((word >> 8u) & low);
      word ^= signs;
      std::memcpy(codes_ + i, &word, 8);
      if (i % 1024 == 1016 || i + 8 == stride_) {
        for (; sums != 0; sums >>= 16u) total += static_cast<std::int32_t>(sums & 0xFFFFu);
      }
    }
    return total - 128 * static_cast<std::int32_t>(stride_);
  }
  /// After the codes are written; `sum` is theirs.
  void set(std::int32_t sum, double scale, float constant) noexcept {
    about_ = {.start = -128 * sum, .scale = static_cast<float>(scale), .by_tail = 0.0f};
    constant_ = constant;
  }

 private:
  alignas(vector_alignment) std::int8_t codes_[MostStride] = {};
  const std::uint8_t* records_;
  std::size_t stride_;
  kernel::reach_query about_{};
  float constant_ = 0.0f;
};

template <class Metric, class Space, class Precision>
class leading_codes_guide {
  static constexpr bool by_difference = std::is_same_v<Metric, squared_l2>, by_angle = std::is_same_v<Metric, cosine>;
  static_assert(floating_precision<Precision> && (by_difference || by_angle || std::is_same_v<Metric, inner_product>),
                "tessera: leading_codes are of floating-point rows met by cosine, inner_product or squared_l2");
  static constexpr std::size_t n = Space::dimension;
  static constexpr std::size_t most_stride = round_up(n + 4, 64);
  static_assert(n <= 4096, "tessera: leading_codes take at most 4096 dimensions");

 public:
  using matrix = embedding_matrix<Space, Precision>;
  static constexpr bool exact = false;
  static constexpr std::string_view kind = "hnsw";
  static constexpr std::size_t section_count = 0;

  class scoring_of {
   public:
    explicit scoring_of(const leading_codes_guide& guide) noexcept : guide_(&guide) {}
    [[nodiscard]] auto of_row(std::uint32_t row) const noexcept {
      code_scorer<most_stride> made(guide_->records_.data(), guide_->stride_);
      const std::uint8_t* record = guide_->records_.data() + row * guide_->stride_;
      float offset;
      std::memcpy(&offset, record + guide_->stride_ - 4, 4);
      made.set(made.take(record), -static_cast<double>(guide_->step_) * static_cast<double>(guide_->step_), offset);
      return made;
    }
    template <class View>
    [[nodiscard]] auto of_query(const View& query) const noexcept {
      code_scorer<most_stride> made(guide_->records_.data(), guide_->stride_);
      alignas(vector_alignment) float x[n];
      alignas(vector_alignment) float coordinates[n];
      cast_values<f32, typename View::precision>(query.data(), x, n);
      static_cast<void>(guide_->place(x));
      guide_->axes_->rotate(x, guide_->coded_, coordinates);
      const float largest = kernel::kernels().quantize.max_abs(coordinates, guide_->coded_);
      const float step = largest / 127.0f;
      std::int32_t sum = 0;
      for (std::size_t i = 0; i < guide_->coded_; ++i) {
        made.codes()[i] = code_of(coordinates[i], step > 0.0f ? 1.0f / step : 0.0f);
        sum += made.codes()[i];
      }
      const bool usable = largest < std::numeric_limits<float>::infinity();
      made.set(sum, -static_cast<double>(step) * static_cast<double>(guide_->step_),
               usable ? 0.0f : std::numeric_limits<float>::infinity());
      return made;
    }

   private:
    const leading_codes_guide* guide_;
  };
  [[nodiscard]] scoring_of scoring(const matrix&) const noexcept { return scoring_of(*this); }

  /// How many of the candidates found are scored by the rows.
  [[nodiscard]] static std::size_t scored(std::size_t k, std::size_t effort) noexcept { return std::max(2 * k + 10, effort / 4); }

  /// Codes for the rows from `first` on. True where axes were learned anew, so that links chosen before are worth little.
  [[nodiscard]] result<bool> append(const matrix& rows, std::size_t first) {
    const std::size_t count = rows.rows();
    const bool learns = !axes_ || (count >= first_training && count >= 4 * trained_at_ && trained_at_ < last_training);
    const bool anew = learns && trained_at_ < first_training && count >= first_training && first > 0;
    if (learns) {
      TESSERA_CHECK(learn(rows));
      rows_ = first = 0;
    }
    if (count * stride_ > records_.size()) {
      const std::size_t room = first > 0 && count == first + 1 ? count + count / 2 : count;
      TESSERA_TRY(auto records, aligned_buffer<std::uint8_t>::make(room * stride_));
      std::copy_n(records_.data(), rows_ * stride_, records.data());
      records_ = std::move(records);
    }
    code(rows, first, count - first);
    rows_ = count;
    return anew;
  }
  void take_out(std::size_t row) noexcept {
    --rows_;
    if (row != rows_) std::memcpy(records_.data() + row * stride_, records_.data() + rows_ * stride_, stride_);
  }
  void drop_last() noexcept { --rows_; }
  void add_sections(std::vector<index_section>&) const noexcept {}
  [[nodiscard]] result<> read(const index_file&, const matrix& rows) {
    if (rows.empty()) return {};
    TESSERA_TRY([[maybe_unused]] const bool anew, append(rows, 0));
    return {};
  }
  [[nodiscard]] row_records codes() const noexcept { return {records_.data(), stride_, coded_, step_}; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return records_.bytes() + (axes_ ? axes_->memory_bytes() : 0); }

 private:
  static constexpr std::size_t first_training = 1024, last_training = std::size_t{1} << 18u;
  static constexpr double share_coded = 0.9;

  [[nodiscard]] static std::int8_t code_of(float x, float to_code) noexcept {
    const float code = x * to_code;
    if (!(code > -127.0f)) return -127;
    return static_cast<std::int8_t>(static_cast<int>(std::nearbyint(code < 127.0f ? code : 127.0f)));
  }
  /// x at the length that the metric compares, less the mean; returns |x|²/2 where the metric asks for it.
  [[nodiscard]] double place(float* x) const noexcept {
    const auto& k = kernel::kernels();
    double half = 0.0;
    if constexpr (by_angle && !(Space::unit_length && std::is_same_v<Precision, f32>)) {
      const double length = std::sqrt(static_cast<double>(k.distance.dot_f32(x, x, n)));
      const auto factor = static_cast<float>(length > 0.0 ? 1.0 / length : 0.0);
      for (std::size_t i = 0; i < n; ++i) x[i] *= factor;
    } else if constexpr (by_difference) {
      half = static_cast<double>(k.distance.dot_f32(x, x, n)) / 2.0;
    }
    if (axes_) axes_->centre(x, x);
    return half;
  }

  [[nodiscard]] result<> learn(const matrix& rows) {
    const auto fetch = [&](std::size_t i, float* x) {
      cast_values<f32, Precision>(rows.row(i).data(), x, n);
      axes_.reset();
      static_cast<void>(place(x));
      return true;
    };
    trained_at_ = rows.rows();
    std::optional<principal_axes> axes;
    if (rows.rows() >= first_training)
      if (auto learned = principal_axes::train(n, rows.rows(), fetch)) axes = *std::move(learned);
    if (!axes) axes = principal_axes::none(n);  // few rows, or none that is a vector
    axes_ = std::move(axes);
    std::size_t wanted = 1;
    while (wanted < n && (trained_at_ < first_training || axes_->share(wanted) < share_coded)) ++wanted;
    stride_ = round_up(wanted + 4, 64);
    coded_ = std::min(n, stride_ - 4);
    float largest = 0.0f;
    std::vector<float> x(n);
    std::vector<float> b(n);
    for (std::size_t i = 0; i < rows.rows(); i += 1 + rows.rows() / 2048) {
      cast_values<f32, Precision>(rows.row(i).data(), x.data(), n);
      static_cast<void>(place(x.data()));
      axes_->rotate(x.data(), coded_, b.data());
      for (std::size_t j = 0; j < coded_; ++j)
        if (std::fabs(b[j]) < 1e15f) largest = std::max(largest, std::fabs(b[j]));
    }
    step_ = largest / 127.0f;
    records_ = {};
    return {};
  }

  void code(const matrix& rows, std::size_t first, std::size_t count) {
    constexpr std::size_t block = 64;
    std::vector<float> y(std::min(block, count) * n);
    std::vector<float> b(y.size());
    std::vector<float> panel;
    const float to_code = step_ > 0.0f ? 1.0f / step_ : 0.0f;
    for (std::size_t done = 0; done < count; done += block) {
      const std::size_t now = std::min(block, count - done);
      double offsets[block];
      for (std::size_t i = 0; i < now; ++i) {
        float* at = y.data() + i * n;
        cast_values<f32, Precision>(rows.row(first + done + i).data(), at, n);
        offsets[i] = place(at);
        for (std::size_t j = 0; j < n; ++j) offsets[i] -= static_cast<double>(axes_->mean()[j]) * static_cast<double>(at[j]);
      }
      axes_->rotate_rows(y.data(), now, panel, b.data());
      for (std::size_t i = 0; i < now; ++i) {
        std::uint8_t* record = records_.data() + (first + done + i) * stride_;
        const float* from = b.data() + i * n;
        // What is no vector lies nowhere: an infinite key from everywhere.
        const bool usable = std::fabs(offsets[i]) < 1e30 && kernel::kernels().quantize.all_finite(from, coded_);
        std::memset(record, 128, stride_ - 4);
        for (std::size_t j = 0; j < coded_ && usable; ++j) record[j] = static_cast<std::uint8_t>(code_of(from[j], to_code) + 128);
        const float offset = usable ? static_cast<float>(offsets[i]) : std::numeric_limits<float>::infinity();
        std::memcpy(record + stride_ - 4, &offset, 4);
      }
    }
  }

  std::optional<principal_axes> axes_;
  std::size_t rows_ = 0, trained_at_ = 0;
  std::size_t stride_ = 64, coded_ = 0;
  float step_ = 0.0f;
  aligned_buffer<std::uint8_t> records_;  // [rows, stride]: codes + 128, offset
};

}  // namespace detail

/// The graph is walked by codes of leading dimensions along the rows' principal axes.
struct leading_codes {
  template <class Metric, class Space, class Precision>
  using guide = detail::leading_codes_guide<Metric, Space, Precision>;
};

}  // namespace tessera::inline TESSERA_ABI
