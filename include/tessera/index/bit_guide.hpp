// SPDX-License-Identifier: Apache-2.0
/// Walks a graph by codes of one bit a component, one cache line a row at up to 448 dimensions, and scores what it finds by the rows.
///
///     ts::hnsw<model::space, ts::f16, ts::cosine, ts::one_bit_codes> index;     // else as any hnsw; hits have the metric's bits
///
/// Keys are RaBitQ's estimates (index/bit_codes.hpp). They are coarse, so links are chosen by the rows themselves and all rows that a walk
/// keeps are scored: its effort is also how many. Nothing rests on the codes but the way.
///
/// The mean is learned when there are 256 rows and again whenever there are four times as many. The file holds mean and codes.
#pragma once

#include <tessera/index/bit_codes.hpp>
#include <tessera/index/code_records.hpp>
#include <tessera/index/metric_place.hpp>
#include <tessera/index/row_scoring.hpp>

#include <algorithm>
#include <cstring>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {

template <class Metric, class Space, class Precision>
class one_bit_guide : protected code_records {
  static_assert(floating_precision<Precision> && (std::is_same_v<Metric, cosine> || std::is_same_v<Metric, inner_product> ||
                                                  std::is_same_v<Metric, squared_l2>),
                "tessera: one_bit_codes are of floating-point rows met by cosine, inner_product or squared_l2");
  using frame = bit_frame<rotated_bits, Space::dimension>;
  static constexpr std::size_t record_stride = round_up(8 * frame::words + 8, 64);
  using query_code = bit_query<frame::planes, record_stride / 8>;

 public:
  using matrix = embedding_matrix<Space, Precision>;
  static constexpr bool exact = false;
  static constexpr std::string_view kind = "hnsw";
  using code_records::take_out, code_records::drop_last;

  class scoring_of {
   public:
    scoring_of(const one_bit_guide& guide, const matrix& rows) noexcept : guide_(&guide), by_rows_(rows) {}
    [[nodiscard]] auto of_row(std::uint32_t row) const noexcept { return by_rows_.of_row(row); }
    template <class View>
    [[nodiscard]] auto of_query(const View& query) const noexcept {
      return guide_->of_query(query);
    }

   private:
    const one_bit_guide* guide_;
    row_scoring<Metric, matrix> by_rows_;
  };
  [[nodiscard]] scoring_of scoring(const matrix& rows) const noexcept { return scoring_of(*this, rows); }
  template <class View>
  [[nodiscard]] auto of_query(const View& query) const noexcept {
    scorer made(data());
    alignas(vector_alignment) float x[Space::dimension];
    static_cast<void>(place_for_metric<Metric>(query, x));
    frame_.prepare(x, made.query());
    return made;
  }

  [[nodiscard]] static std::size_t scored(std::size_t, std::size_t effort) noexcept { return effort; }

  /// Codes for the rows from `first` on. Links do not depend on codes, so none has to be chosen anew.
  template <class Rows>
  [[nodiscard]] result<bool> append(const Rows& rows, std::size_t first) {
    const std::size_t count = rows.rows();
    if (first == 0) begin(record_stride);
    TESSERA_CHECK(grow(count));
    if (count >= first_training && count >= 4 * trained_at_) {
      frame_.learn(count, [&](std::size_t i, float* x) { static_cast<void>(place_for_metric<Metric>(rows.row(i), x)); });
      trained_at_ = count;
      first = 0;
    }
    for (std::size_t row = first; row < count; ++row) {
      alignas(vector_alignment) float x[Space::dimension];
      const double half = place_for_metric<Metric>(rows.row(row), x);
      const auto code = frame_.encode(x, half);
      std::uint8_t* to = record(row);
      std::memcpy(to, code.bits.data(), sizeof code.bits);
      std::memcpy(to + record_stride - 8, &code.factor, 4);
      std::memcpy(to + record_stride - 4, &code.offset, 4);
    }
    return false;
  }
  /// The same codes again, those of row order[i] as row i where there is an order, and room for `room` rows. Errors: out_of_memory.
  [[nodiscard]] result<one_bit_guide> copy(std::size_t room, const std::uint32_t* order = nullptr) const {
    one_bit_guide made;
    made.frame_ = frame_, made.trained_at_ = trained_at_;
    TESSERA_CHECK(made.copy_records(*this, room, order));
    return made;
  }
  [[nodiscard]] std::size_t rows() const noexcept { return coded_rows(); }
  /// Bytes that so many rows take at most.
  [[nodiscard]] static constexpr std::size_t most_bytes(std::size_t rows) noexcept {
    return rows * record_stride + 16 * Space::dimension;
  }
  void add_sections(std::vector<index_section>& sections) const {
    if (coded_rows() == 0) return;
    sections.push_back({"coding", std::as_bytes(std::span(&trained_at_, 1))});
    sections.push_back({"mean", std::as_bytes(frame_.centre())});
    add_codes(sections);
  }
  /// Codes that the file holds, or new ones where it was written by another guide. Errors: malformed, out_of_memory.
  [[nodiscard]] result<> read(const index_file& file, const matrix& rows) {
    if (file.has_section("axes") || !file.has_section("codes")) {
      if (rows.empty()) return {};
      TESSERA_TRY([[maybe_unused]] const bool anew, append(rows, 0));
      return {};
    }
    TESSERA_TRY(const auto coding, file.all_values<std::uint64_t>("coding"));
    TESSERA_TRY(const auto mean, file.all_values<float>("mean"));
    TESSERA_CHECK(frame_.read_centre(mean));
    if (coding.size() != 1)
      return fail({.code = error_code::malformed,
                   .thing = "section coding",
                   .wanted = "one number",
                   .found = std::to_string(coding.size())});
    trained_at_ = std::min(coding[0], std::uint64_t{1} << 48u);
    begin(record_stride);
    TESSERA_CHECK(read_codes(file, rows.rows()));
    for (std::size_t row = 0; row < rows.rows(); ++row) {
      float facts[2];
      std::memcpy(facts, record(row) + record_stride - 8, sizeof facts);
      if (!(std::fabs(facts[0]) < 1e30f) || !(facts[1] > -1e30f))
        return fail({.code = error_code::malformed,
                     .thing = "code of row " + std::to_string(row),
                     .wanted = "numbers",
                     .found = std::to_string(facts[0]) + ", " + std::to_string(facts[1])});
    }
    return {};
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return record_bytes() + frame_.memory_bytes(); }

 private:
  static constexpr std::size_t first_training = 256;

  class scorer {
   public:
    explicit scorer(const std::uint8_t* records) noexcept : records_(records) {}
    void operator()(std::span<const std::uint32_t> at, float* keys) const noexcept {
      kernel::kernels().signs.listed(query_.view(), records_, at.data(), at.size(), keys);
      if (query_.usable) return;
      std::fill_n(keys, at.size(), std::numeric_limits<float>::infinity());
    }
    [[nodiscard]] query_code& query() noexcept { return query_; }

   private:
    const std::uint8_t* records_;
    query_code query_;
  };

  // Records are bits, zeros, f, offset.
  frame frame_;
  std::uint64_t trained_at_ = 0;
};

}  // namespace detail

/// The graph is walked by codes of one bit a component.
struct one_bit_codes {
  template <class Metric, class Space, class Precision>
  using guide = detail::one_bit_guide<Metric, Space, Precision>;
};

}  // namespace tessera::inline TESSERA_ABI
