// SPDX-License-Identifier: Apache-2.0
/// Rows of one embedding space: what batch calls return and what an index holds.
///
///     auto rows = ts::embedding_matrix<space, ts::f16>::make(1000);   // [1000, dimension], zero
///     ts::embedding_view<space, ts::f16, 64> first = rows->row(0);
///
/// Each row begins on a 64-byte boundary (`stride()` storage elements apart); scales and lengths of narrow precisions lie in
/// arrays of their own, so a scan reads them in order.
#pragma once

#include <tessera/type/embedding.hpp>

#include <algorithm>
#include <utility>

namespace tessera::inline TESSERA_ABI {

template <embedding_space Space, precision Precision = f32>
class embedding_matrix {
 public:
  using space = Space;
  using precision = Precision;
  using storage = typename Precision::storage;
  using row_view = embedding_view<Space, Precision, vector_alignment>;
  static constexpr std::size_t dimension = Space::dimension;
  static constexpr std::size_t stored = storage_size<Precision>(dimension);
  /// Storage elements from one row to the next.
  static constexpr std::size_t stride = round_up(stored * sizeof(storage), vector_alignment) / sizeof(storage);

  embedding_matrix() = default;
  /// Leaves the other without rows.
  embedding_matrix(embedding_matrix&& other) noexcept { *this = std::move(other); }
  embedding_matrix& operator=(embedding_matrix&& other) noexcept {
    values_ = std::move(other.values_);
    norms_ = std::move(other.norms_);
    scales_ = std::move(other.scales_);
    rows_ = std::exchange(other.rows_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    made_by_ = std::exchange(other.made_by_, {});
    return *this;
  }

  /// Rows of zeros, their facts as `row_facts` begins. Errors: out_of_memory.
  [[nodiscard]] static result<embedding_matrix> make(std::size_t rows) {
    embedding_matrix made;
    TESSERA_CHECK(made.reserve(rows));
    made.rows_ = rows;
    if constexpr (has_norm)
      for (std::size_t i = 0; i < rows; ++i) made.set_facts(i, {});
    return made;
  }

  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  [[nodiscard]] bool empty() const noexcept { return rows_ == 0; }
  [[nodiscard]] row_view row(std::size_t i) const noexcept {
    TESSERA_ASSERT(i < rows_);
    return row_view::trusted(values_.data() + i * stride, facts(i), made_by_);
  }
  [[nodiscard]] row_view operator[](std::size_t i) const noexcept { return row(i); }
  /// The storage of row i, writable; the padding behind it stays zero, and who writes it sets the row's facts.
  [[nodiscard]] std::span<storage, stored> values(std::size_t i) noexcept {
    TESSERA_ASSERT(i < rows_);
    return std::span<storage, stored>(values_.data() + i * stride, stored);
  }
  [[nodiscard]] const storage* data() const noexcept { return values_.data(); }
  [[nodiscard]] storage* data() noexcept { return values_.data(); }
  [[nodiscard]] row_facts<Precision> facts(std::size_t i) const noexcept {
    row_facts<Precision> facts;
    if constexpr (has_norm) facts.norm = norms_[i];
    if constexpr (has_scale) facts.scale = scales_[i];
    return facts;
  }
  void set_facts(std::size_t i, row_facts<Precision> facts) noexcept {
    if constexpr (has_norm) norms_[i] = facts.norm;
    if constexpr (has_scale) scales_[i] = facts.scale;
  }
  /// Lengths of all rows, where this precision stores them.
  [[nodiscard]] std::span<const float> norms() const noexcept
    requires requires(row_facts<Precision> facts) { facts.norm; }
  {
    return {norms_.data(), rows_};
  }
  /// Scales of all rows, where this precision stores them.
  [[nodiscard]] std::span<const float> scales() const noexcept
    requires requires(row_facts<Precision> facts) { facts.scale; }
  {
    return {scales_.data(), rows_};
  }

  [[nodiscard]] fingerprint made_by() const noexcept { return made_by_; }
  void set_made_by(fingerprint model) noexcept { made_by_ = model; }

  /// Room for `rows` rows in all. Errors: out_of_memory; then nothing has changed.
  [[nodiscard]] result<> reserve(std::size_t rows) {
    TESSERA_TRY([[maybe_unused]] const auto old, grow(rows));
    return {};
  }

  /// Rows that fit before memory is asked for again.
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

  /// Appends one vector, which may be a row of this matrix; its fingerprint is the caller's business. Errors: out_of_memory.
  template <embedding_like Row>
  [[nodiscard]] result<> append(const Row& vector) {
    constexpr bool here = std::is_same_v<typename Row::space, Space>;
    static_assert(std::is_same_v<typename Row::space, Space>, "tessera: this matrix holds another embedding space");
    static_assert(!here || std::is_same_v<typename Row::precision, Precision>,
                  "tessera: this matrix holds another precision; cast<> or quantize<> the row");
    if constexpr (here && std::is_same_v<typename Row::precision, Precision>) {
      aligned_buffer<storage> old;
      if (rows_ == capacity_) {
        TESSERA_TRY(old, grow(std::max<std::size_t>(16, capacity_ + capacity_ / 2)));
      }
      std::copy_n(vector.data(), stored, values_.data() + rows_ * stride);
      set_facts(rows_, vector.facts());
      ++rows_;
    }
    return {};
  }

  /// Row i becomes that vector, which may be a row of this matrix.
  template <embedding_like Row>
    requires std::is_same_v<typename Row::space, Space> && std::is_same_v<typename Row::precision, Precision>
  void replace(std::size_t i, const Row& vector) noexcept {
    TESSERA_ASSERT(i < rows_);
    std::memmove(values_.data() + i * stride, vector.data(), stored * sizeof(storage));
    set_facts(i, vector.facts());
  }
  /// Row i is gone; the last row takes its place.
  void take_out(std::size_t i) noexcept {
    TESSERA_ASSERT(i < rows_);
    if (i + 1 < rows_) replace(i, row(rows_ - 1));
    --rows_;
  }

  /// Bytes held, the unused capacity included.
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return values_.bytes() + norms_.bytes() + scales_.bytes(); }

 private:
  static constexpr bool has_norm = requires(row_facts<Precision> facts) { facts.norm; };
  static constexpr bool has_scale = requires(row_facts<Precision> facts) { facts.scale; };

  /// Room for `rows` rows; returns the storage that was left, which a view may still look at.
  [[nodiscard]] result<aligned_buffer<storage>> grow(std::size_t rows) {
    if (rows <= capacity_) return aligned_buffer<storage>();
    if (rows > std::numeric_limits<std::size_t>::max() / stride) rows = std::numeric_limits<std::size_t>::max() / stride;
    TESSERA_TRY(auto values, aligned_buffer<storage>::make(rows * stride));
    aligned_buffer<float> norms;
    aligned_buffer<float> scales;
    if constexpr (has_norm) {
      TESSERA_TRY(norms, aligned_buffer<float>::make(rows));
      std::copy_n(norms_.data(), rows_, norms.data());
      norms_ = std::move(norms);
    }
    if constexpr (has_scale) {
      TESSERA_TRY(scales, aligned_buffer<float>::make(rows));
      std::copy_n(scales_.data(), rows_, scales.data());
      scales_ = std::move(scales);
    }
    std::copy_n(values_.data(), rows_ * stride, values.data());
    capacity_ = rows;
    return std::exchange(values_, std::move(values));
  }

  aligned_buffer<storage> values_;
  aligned_buffer<float> norms_;
  aligned_buffer<float> scales_;
  std::size_t rows_ = 0;
  std::size_t capacity_ = 0;
  fingerprint made_by_{};
};

}  // namespace tessera::inline TESSERA_ABI
