// SPDX-License-Identifier: Apache-2.0
/// Distances whose sums are kept in f32, one pair, rows in order, or rows from a list. Their scalar truth and tables stand in
/// kernel/distance.hpp and kernel/gather.hpp.
#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_DISTANCE_FLOAT_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_DISTANCE_FLOAT_PASS)
#undef TESSERA_KERNEL_DISTANCE_FLOAT_PASS
#else
#define TESSERA_KERNEL_DISTANCE_FLOAT_PASS
#endif

#include <tessera/kernel/elements.hpp>

#include <hwy/cache_control.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

/// Rows are taken together where all rows of a call may lie in the second-level cache. From memory they are read one after the other: the
/// processor's own prefetching keeps one stream at full bandwidth, but reached half of it on four.
inline constexpr std::size_t cached_rows_bytes = std::size_t{512} << 10;

/// What is asked for while `values` values from value i on of row r are summed: nothing; the same values of another row, whose lines
/// behind the row's end do no harm; or what follows in memory, however many rows are taken together.
struct ask_nothing {
  HWY_INLINE void operator()(std::size_t, std::size_t, std::size_t) const {}
};
template <class Elements, class Storage, std::size_t Rows>
struct ask_rows {
  const Storage* const (&next)[Rows];
  HWY_INLINE void operator()(std::size_t r, std::size_t i, std::size_t values) const {
    const auto* from = reinterpret_cast<const std::uint8_t*>(next[r]) + i * loader<Elements>::value_bits / 8;
    for (std::size_t byte = 0; byte < values * loader<Elements>::value_bits / 8; byte += 64) hwy::Prefetch(from + byte);
  }
};
template <class Elements>
struct ask_onward {
  const std::uint8_t* at;
  HWY_INLINE void operator()(std::size_t, std::size_t, std::size_t values) {
    const std::size_t bytes = values * loader<Elements>::value_bits / 8;
    for (std::size_t byte = 0; byte < bytes; byte += 64) hwy::Prefetch(at + byte);
    at += bytes;
  }
};

/// Rows from a list: in its order they are strangers to the processor's own prefetching, so some are asked for ahead of their
/// sums, enough to hide an access to memory and few enough for the buffers of lines under way.
template <class Storage>
struct gathered {
  static constexpr std::size_t bytes_ahead = std::size_t{6} << 10;
  static constexpr std::size_t most_ahead = 32;

  HWY_INLINE gathered(const Storage* from, std::size_t row_stride, const std::uint32_t* list, std::size_t rows_listed,
                      std::size_t bytes_of_row, std::size_t group)
      : rows(from), stride(row_stride), at(list), count(rows_listed), bytes(bytes_of_row) {
    const std::size_t wanted = bytes_ahead / (bytes + 1) + group;
    ahead = (wanted < most_ahead ? wanted : most_ahead) / group * group;
    for (std::size_t r = 0; r < ahead && r < count; ++r) ask_for((*this)[r]);
  }
  HWY_INLINE const Storage* operator[](std::size_t r) const { return rows + at[r] * stride; }
  /// The row whose turn comes `ahead` rows after r; r itself where there is none.
  HWY_INLINE const Storage* later(std::size_t r) const { return (*this)[r + ahead < count ? r + ahead : r]; }
  HWY_INLINE void ask_for(const Storage* row) const {
    const auto* from = reinterpret_cast<const std::uint8_t*>(row);
    for (std::size_t byte = 0; byte < bytes; byte += 64) hwy::Prefetch(from + byte);
  }

  const Storage* rows;
  std::size_t stride;
  const std::uint32_t* at;
  std::size_t count, bytes, ahead;
};

#if HWY_MAX_BYTES == 64
/// Block r of the result is the sum of the four blocks of row r: (0 + 2) + (1 + 3), as `fold_lanes` adds them.
template <class Vector>
HWY_INLINE Vector four_rows(Vector r0, Vector r1, Vector r2, Vector r3) {
  const hn::DFromV<Vector> d;
  const Vector even = hn::Add(hn::ConcatLowerLower(d, r2, r0), hn::ConcatUpperUpper(d, r2, r0));
  const Vector odd = hn::Add(hn::ConcatLowerLower(d, r3, r1), hn::ConcatUpperUpper(d, r3, r1));
  return hn::Add(hn::OddEvenBlocks(odd, even), hn::SwapAdjacentBlocks(hn::OddEvenBlocks(even, odd)));
}
#endif

struct dot_step {
  static HWY_INLINE float_vector add(float_vector a, float_vector b, float_vector sum) { return hn::MulAdd(a, b, sum); }
};
struct squared_l2_step {
  static HWY_INLINE float_vector add(float_vector a, float_vector b, float_vector sum) {
    const float_vector difference = hn::Sub(a, b);
    return hn::MulAdd(difference, difference, sum);
  }
};

/// Rows taken together, so that one load of the query serves all and their sums hide the latency of each other. Four
/// accumulators a row: four rows fit 32 vector registers, two fit 16.
inline constexpr std::size_t rows_together = HWY_CAP_GE512 || HWY_TARGET_IS_NEON ? 4 : 2;

/// Sums of the rows at `row`. Value i goes to accumulator (i / float_lanes) mod 4 of its lane; what is left after the last
/// multiple of 4 · float_lanes values fills accumulators 0 and 1, then 2 and 3. The number of rows changes nothing in a row's
/// sum. `ask` asks for lines of memory on the way.
template <class Step, class Query, class Row, std::size_t Rows, class QueryStorage, class RowStorage, class Ask = ask_nothing>
HWY_INLINE void sum_rows(const QueryStorage* query, const RowStorage* const (&row)[Rows], std::size_t n, float* out, Ask ask = {}) {
  const float_tag d;
  float_vector sum[Rows][4];
  HWY_UNROLL(4)
  for (std::size_t r = 0; r < Rows; ++r) sum[r][0] = sum[r][1] = sum[r][2] = sum[r][3] = hn::Zero(d);

  float_vector q0;
  float_vector q1;
  float_vector v0;
  float_vector v1;
  std::size_t i = 0;
  for (; i + 4 * float_lanes <= n; i += 4 * float_lanes) {
    loader<Query>::load(query, i, q0, q1);
    q0 = in_register(q0);
    q1 = in_register(q1);
    HWY_UNROLL(4)
    for (std::size_t r = 0; r < Rows; ++r) {
      loader<Row>::load(row[r], i, v0, v1);
      sum[r][0] = Step::add(q0, v0, sum[r][0]);
      sum[r][1] = Step::add(q1, v1, sum[r][1]);
      ask(r, i, 4 * float_lanes);
    }
    loader<Query>::load(query, i + 2 * float_lanes, q0, q1);
    q0 = in_register(q0);
    q1 = in_register(q1);
    HWY_UNROLL(4)
    for (std::size_t r = 0; r < Rows; ++r) {
      loader<Row>::load(row[r], i + 2 * float_lanes, v0, v1);
      sum[r][2] = Step::add(q0, v0, sum[r][2]);
      sum[r][3] = Step::add(q1, v1, sum[r][3]);
    }
  }
  for (std::size_t r = 0; r < Rows; ++r) ask(r, i, n - i);
  if (i + 2 * float_lanes <= n) {
    loader<Query>::load(query, i, q0, q1);
    q0 = in_register(q0);
    q1 = in_register(q1);
    HWY_UNROLL(4)
    for (std::size_t r = 0; r < Rows; ++r) {
      loader<Row>::load(row[r], i, v0, v1);
      sum[r][0] = Step::add(q0, v0, sum[r][0]);
      sum[r][1] = Step::add(q1, v1, sum[r][1]);
    }
    i += 2 * float_lanes;
  }
  if (i < n) {
    loader<Query>::load_n(query, i, n - i, q0, q1);
    HWY_UNROLL(4)
    for (std::size_t r = 0; r < Rows; ++r) {
      loader<Row>::load_n(row[r], i, n - i, v0, v1);
      sum[r][2] = Step::add(q0, v0, sum[r][2]);
      sum[r][3] = Step::add(q1, v1, sum[r][3]);
    }
  }
  HWY_UNROLL(4)
  for (std::size_t r = 0; r < Rows; ++r) sum[r][0] = hn::Add(hn::Add(sum[r][0], sum[r][1]), hn::Add(sum[r][2], sum[r][3]));
#if HWY_MAX_BYTES == 64
  if constexpr (Rows == 4) {  // each addition serves the four rows, in the order of fold_lanes
    auto sums = four_rows(sum[0][0], sum[1][0], sum[2][0], sum[3][0]);
    sums = hn::Add(sums, hn::Shuffle1032(sums));
    sums = hn::Add(sums, hn::Shuffle2301(sums));
    HWY_ALIGN static constexpr std::int32_t firsts[16] = {0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12};
    const hn::FixedTag<float, 4> d4;
    hn::StoreU(hn::ExtractBlock<0>(hn::TableLookupLanes(sums, hn::SetTableIndices(d, firsts))), d4, out);
    return;
  }
#endif
  HWY_UNROLL(4)
  for (std::size_t r = 0; r < Rows; ++r) out[r] = fold_lanes(d, sum[r][0]);
}

template <class Step, class Query, class Row, class QueryStorage, class RowStorage>
inline float sum_one(const QueryStorage* a, const RowStorage* b, std::size_t n) noexcept {
  const RowStorage* const row[1] = {b};
  float out;
  sum_rows<Step, Query, Row, 1>(a, row, n, &out);
  return out;
}

template <class Step, class Query, class Row, class QueryStorage, class RowStorage>
inline void sum_many(const QueryStorage* query, const RowStorage* rows, std::size_t stride, std::size_t count, std::size_t n,
                     float* out) noexcept {
  std::size_t r = 0;
  const bool cached = count * stride * sizeof(RowStorage) <= cached_rows_bytes;
  // Small values cost more to widen than to fetch; rows together hide that, if what follows all of them is asked for in the order of
  // memory (f32 against i8, 384 to 1536 dimensions: 0.85 to 0.97 of plain reading, by single rows 0.63 to 0.46).
  constexpr bool widened = loader<Row>::value_bits <= 8;
  if (cached || widened)
    for (; r + rows_together <= count; r += rows_together) {
      const RowStorage* row[rows_together];
      HWY_UNROLL(4)
      for (std::size_t i = 0; i < rows_together; ++i) row[i] = rows + (r + i) * stride;
      if (cached) {
        sum_rows<Step, Query, Row, rows_together>(query, row, n, out + r);
      } else if constexpr (widened) {
        const auto* next = reinterpret_cast<const std::uint8_t*>(row[0] + rows_together * stride) + 4096;
        sum_rows<Step, Query, Row, rows_together>(query, row, n, out + r, ask_onward<Row>{next});
      }
    }
  for (; r < count; ++r) out[r] = sum_one<Step, Query, Row>(query, rows + r * stride, n);
}

/// A query widened ahead of all rows: which changes no bit and saves half of the conversions.
inline constexpr std::size_t widened_room = 2048;
/// bf16 as `loader<bf16_even_odd>` splits it, in whole blocks.
struct split_bf16;
template <>
struct loader<split_bf16> {
  static constexpr std::size_t value_bits = 32;
  static HWY_INLINE void load(const float* x, std::size_t i, float_vector& v0, float_vector& v1) {
    loader<f32_elements>::load(x, i, v0, v1);
  }
  static HWY_INLINE void load_n(const float* x, std::size_t i, std::size_t /*n*/, float_vector& v0, float_vector& v1) {
    loader<f32_elements>::load(x, i, v0, v1);
  }
};
template <class Step>
inline void sum_many_bf16(const std::uint16_t* query, const std::uint16_t* rows, std::size_t stride, std::size_t count, std::size_t n,
                          float* out) noexcept {
  if (count < 2 || n > widened_room) return sum_many<Step, bf16_even_odd, bf16_even_odd>(query, rows, stride, count, n, out);
  HWY_ALIGN float wide[widened_room];
  for (std::size_t i = 0; i < n; i += 2 * float_lanes) {
    float_vector v0;
    float_vector v1;
    if (i + 2 * float_lanes <= n) loader<bf16_even_odd>::load(query, i, v0, v1);
    else loader<bf16_even_odd>::load_n(query, i, n - i, v0, v1);
    hn::Store(v0, float_tag(), wide + i);
    hn::Store(v1, float_tag(), wide + i + float_lanes);
  }
  sum_many<Step, split_bf16, bf16_even_odd>(static_cast<const float*>(wide), rows, stride, count, n, out);
}

/// f16 with f16 (rows from memory, 384 dimensions: 0.92 of plain reading, without it 0.82).
template <class Step>
inline void sum_many_f16(const std::uint16_t* query, const std::uint16_t* rows, std::size_t stride, std::size_t count, std::size_t n,
                         float* out) noexcept {
  if (count < 2 || n > widened_room) return sum_many<Step, f16_elements, f16_elements>(query, rows, stride, count, n, out);
  HWY_ALIGN float wide[widened_room];
  for (std::size_t i = 0; i < n; i += float_lanes) {
    const auto bits = load_at_most(loader<f16_elements>::half_tag(), query + i, n - i);
    hn::Store(loader<f16_elements>::widen(bits), float_tag(), wide + i);  // whole vectors fill the room
  }
  sum_many<Step, f32_elements, f16_elements>(static_cast<const float*>(wide), rows, stride, count, n, out);
}

/// out[i] of row at[i].
template <class Step, class Query, class Row, class QueryStorage, class RowStorage>
inline void sum_gathered(const QueryStorage* query, const RowStorage* rows, std::size_t stride, const std::uint32_t* at,
                         std::size_t count, std::size_t n, float* out) noexcept {
  const gathered<RowStorage> list(rows, stride, at, count, n * loader<Row>::value_bits / 8, rows_together);
  std::size_t r = 0;
  for (; r + rows_together <= count; r += rows_together) {
    const RowStorage* row[rows_together];
    const RowStorage* next[rows_together];
    HWY_UNROLL(4)
    for (std::size_t i = 0; i < rows_together; ++i) {
      row[i] = list[r + i];
      next[i] = list.later(r + i);
    }
    sum_rows<Step, Query, Row, rows_together>(query, row, n, out + r, ask_rows<Row, RowStorage, rows_together>{next});
  }
  for (; r < count; ++r) out[r] = sum_one<Step, Query, Row>(query, list[r], n);
}

/// Accumulators of a·b, a·a and b·b, in the order of `sum_rows`.
struct three_sums {
  float_vector ab[4], aa[4], bb[4];
};
HWY_INLINE void add_three(three_sums& sums, std::size_t i, float_vector a, float_vector b) {
  sums.ab[i] = hn::MulAdd(a, b, sums.ab[i]);
  sums.aa[i] = hn::MulAdd(a, a, sums.aa[i]);
  sums.bb[i] = hn::MulAdd(b, b, sums.bb[i]);
}
HWY_INLINE float fold_four(const float_vector (&sum)[4]) {
  return fold_lanes(float_tag(), hn::Add(hn::Add(sum[0], sum[1]), hn::Add(sum[2], sum[3])));
}

/// Loads as `Query` and `Row`; `A` and `B` are the same storage for the scalar definition.
template <class Query, class Row, class A, class B>
inline float cosine(const typename A::storage* a, const typename B::storage* b, std::size_t n) noexcept {
  three_sums sums;
  HWY_UNROLL(4)
  for (std::size_t i = 0; i < 4; ++i) sums.ab[i] = sums.aa[i] = sums.bb[i] = hn::Zero(float_tag());
  float_vector a0;
  float_vector a1;
  float_vector b0;
  float_vector b1;
  std::size_t i = 0;
  for (; i + 4 * float_lanes <= n; i += 4 * float_lanes) {
    loader<Query>::load(a, i, a0, a1);
    loader<Row>::load(b, i, b0, b1);
    add_three(sums, 0, a0, b0);
    add_three(sums, 1, a1, b1);
    loader<Query>::load(a, i + 2 * float_lanes, a0, a1);
    loader<Row>::load(b, i + 2 * float_lanes, b0, b1);
    add_three(sums, 2, a0, b0);
    add_three(sums, 3, a1, b1);
  }
  if (i + 2 * float_lanes <= n) {
    loader<Query>::load(a, i, a0, a1);
    loader<Row>::load(b, i, b0, b1);
    add_three(sums, 0, a0, b0);
    add_three(sums, 1, a1, b1);
    i += 2 * float_lanes;
  }
  if (i < n) {
    loader<Query>::load_n(a, i, n - i, a0, a1);
    loader<Row>::load_n(b, i, n - i, b0, b1);
    add_three(sums, 2, a0, b0);
    add_three(sums, 3, a1, b1);
  }
  const float aa = fold_four(sums.aa);
  const float bb = fold_four(sums.bb);
  return cosine_in_range(aa, bb) ? cosine_of_sums(fold_four(sums.ab), aa, bb) : scalar::cosine<A, B>(a, b, n);
}

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
