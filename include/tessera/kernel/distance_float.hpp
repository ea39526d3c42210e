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
/// [fold_lanes of r0, of r1, r2, r3], each addition for all four.
HWY_INLINE hn::Vec<hn::FixedTag<float, 4>> fold_four(float_vector r0, float_vector r1, float_vector r2, float_vector r3) {
  const float_tag d;
  auto sums = four_rows(r0, r1, r2, r3);
  sums = hn::Add(sums, hn::Shuffle1032(sums));
  sums = hn::Add(sums, hn::Shuffle2301(sums));
  HWY_ALIGN static constexpr std::int32_t firsts[16] = {0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12};
  return hn::ExtractBlock<0>(hn::TableLookupLanes(sums, hn::SetTableIndices(d, firsts)));
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

/// Vectors whose lanes sum to those of the rows at `row`. Value i goes to accumulator (i / float_lanes) mod 4 of its lane; what is left
/// after the last multiple of 4 · float_lanes values fills accumulators 0 and 1, then 2 and 3. The number of rows changes nothing in a
/// row's sum. `ask` asks for lines of memory on the way. (A query that meets one row is no more than an operand in memory.)
template <class Step, class Query, class Row, std::size_t Rows, class QueryStorage, class RowStorage, class Ask = ask_nothing>
HWY_INLINE void sum_lanes(const QueryStorage* query, const RowStorage* const (&row)[Rows], std::size_t n, float_vector (&sums)[Rows],
                          Ask ask = {}) {
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
    if constexpr (Rows > 1) q0 = in_register(q0), q1 = in_register(q1);
    HWY_UNROLL(4)
    for (std::size_t r = 0; r < Rows; ++r) {
      loader<Row>::load(row[r], i, v0, v1);
      sum[r][0] = Step::add(q0, v0, sum[r][0]);
      sum[r][1] = Step::add(q1, v1, sum[r][1]);
      ask(r, i, 4 * float_lanes);
    }
    loader<Query>::load(query, i + 2 * float_lanes, q0, q1);
    if constexpr (Rows > 1) q0 = in_register(q0), q1 = in_register(q1);
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
    if constexpr (Rows > 1) q0 = in_register(q0), q1 = in_register(q1);
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
  for (std::size_t r = 0; r < Rows; ++r) sums[r] = hn::Add(hn::Add(sum[r][0], sum[r][1]), hn::Add(sum[r][2], sum[r][3]));
}
/// The sums of those lanes.
template <std::size_t Rows>
HWY_INLINE void fold_rows(const float_vector (&sums)[Rows], float* out) {
#if HWY_MAX_BYTES == 64
  if constexpr (Rows == 4) {
    hn::StoreU(fold_four(sums[0], sums[1], sums[2], sums[3]), hn::FixedTag<float, 4>(), out);
    return;
  }
#endif
  HWY_UNROLL(4)
  for (std::size_t r = 0; r < Rows; ++r) out[r] = fold_lanes(float_tag(), sums[r]);
}
HWY_INLINE float fold_chains(const float_vector (&sum)[4]) {
  return fold_lanes(float_tag(), hn::Add(hn::Add(sum[0], sum[1]), hn::Add(sum[2], sum[3])));
}
template <class Step, class Query, class Row, std::size_t Rows, class QueryStorage, class RowStorage, class Ask = ask_nothing>
HWY_INLINE void sum_rows(const QueryStorage* query, const RowStorage* const (&row)[Rows], std::size_t n, float* out, Ask ask = {}) {
  float_vector sums[Rows];
  sum_lanes<Step, Query, Row, Rows>(query, row, n, sums, ask);
  fold_rows(sums, out);
}

template <class Step, class Query, class Row, class QueryStorage, class RowStorage>
inline float sum_one(const QueryStorage* a, const RowStorage* b, std::size_t n) noexcept {
  const RowStorage* const row[1] = {b};
  float out;
  sum_rows<Step, Query, Row, 1>(a, row, n, &out);
  return out;
}

/// Rows one after the other, of which each four fold their lanes together, all but the last few; the number of them. From memory this is
/// as fast as plain reading with rows of 16 bits. A function of its own: inlined beside the loop for cached rows it lost a twentieth.
template <class Step, class Query, class Row, class QueryStorage, class RowStorage>
HWY_NOINLINE std::size_t sum_in_order(const QueryStorage* query, const RowStorage* rows, std::size_t stride, std::size_t count,
                                      std::size_t n, float* out) {
  std::size_t r = 0;
  for (; r + 4 <= count; r += 4) {
    float_vector sums[4];
    HWY_UNROLL(4)
    for (std::size_t i = 0; i < 4; ++i) {
      const RowStorage* const row[] = {rows + (r + i) * stride};
      float_vector sum[1];
      sum_lanes<Step, Query, Row, 1>(query, row, n, sum);
      sums[i] = sum[0];
    }
    fold_rows(sums, out + r);
  }
  return r;
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
  if constexpr (rows_together == 4 && !widened)
    r += sum_in_order<Step, Query, Row>(query, rows + r * stride, stride, count - r, n, out + r);
  for (; r < count; ++r) out[r] = sum_one<Step, Query, Row>(query, rows + r * stride, n);
}

/// A query as f32 in whole blocks of two vectors, from a boundary of 64 bytes on.
struct widened_blocks;
template <>
struct loader<widened_blocks> {
  static constexpr std::size_t value_bits = 32;
  static HWY_INLINE void load(const float* x, std::size_t i, float_vector& v0, float_vector& v1) {
    loader<f32_elements>::load(x, i, v0, v1);
  }
  static HWY_INLINE void load_n(const float* x, std::size_t i, std::size_t /*n*/, float_vector& v0, float_vector& v1) {
    loader<f32_elements>::load(x, i, v0, v1);
  }
};
/// `sum_many` of a query that was brought into that form ahead of all rows. It changes no bit and saves half of the conversions, or, of an
/// f32 query, the loads across two lines: rows of 16 bits from memory take a twentieth to a tenth less time.
inline constexpr std::size_t widened_room = 2048;
template <class Step, class Query, class Row, class QueryStorage, class RowStorage>
inline void sum_many_widened(const QueryStorage* query, const RowStorage* rows, std::size_t stride, std::size_t count, std::size_t n,
                             float* out) noexcept {
  if (count < 2 || n > widened_room) return sum_many<Step, Query, Row>(query, rows, stride, count, n, out);
  HWY_ALIGN float wide[widened_room];
  for (std::size_t i = 0; i < n; i += 2 * float_lanes) {
    float_vector v0;
    float_vector v1;
    if (i + 2 * float_lanes <= n) loader<Query>::load(query, i, v0, v1);
    else loader<Query>::load_n(query, i, n - i, v0, v1);
    hn::Store(v0, float_tag(), wide + i);
    hn::Store(v1, float_tag(), wide + i + float_lanes);
  }
  sum_many<Step, widened_blocks, Row>(static_cast<const float*>(wide), rows, stride, count, n, out);
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

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
