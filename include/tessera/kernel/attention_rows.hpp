// SPDX-License-Identifier: Apache-2.0
/// The inner step of attention (kernel/attention.hpp), for each target: blocks of query rows against one head's packed keys.
#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_ATTENTION_ROWS_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_ATTENTION_ROWS_PASS)
#undef TESSERA_KERNEL_ATTENTION_ROWS_PASS
#else
#define TESSERA_KERNEL_ATTENTION_ROWS_PASS
#endif

#include <tessera/kernel/activation.hpp>
#include <tessera/kernel/matmul.hpp>
#include <tessera/kernel/softmax.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// One key-value head of one text.
struct attended_keys {
  const float* panels;  // keys as matmul's panels, [panel][head_width][panel_width]
  const float* values;  // readable up to whole panels of columns
  std::size_t value_stride;
  std::size_t length;
};

/// The query rows of one text.
struct attended_rows {
  const float* q;
  std::size_t q_stride;
  float* out;
  std::size_t out_stride;
  std::size_t first;  // the row's number in a pairwise bias
  std::size_t count;
};

/// Where the parts of the scratch lie, for texts of `length` keys.
struct attention_scratch {
  std::size_t score_width;  // keys padded to panels, and one panel more
  std::size_t queries;      // after the scores
  std::size_t sums;
  std::size_t size;
};

static_assert(panel_width <= 32 && tile_height <= 14, "attention_scratch_bound counts with these");

/// head_width padded to panels.
HWY_INLINE std::size_t value_width(const attention_shape& shape) {
  return (shape.head_width + panel_width - 1) / panel_width * panel_width;
}

/// Floats of one head's keys as panels, and of its values behind them.
HWY_INLINE std::size_t head_size(const attention_shape& shape, std::size_t keys) {
  return packed_size_f32(shape.head_width, keys) + keys * value_width(shape);
}

HWY_INLINE attention_scratch scratch_of(const attention_shape& shape, std::size_t length) {
  attention_scratch parts;
  parts.score_width = (length + 2 * panel_width - 1) / panel_width * panel_width;
  parts.queries = tile_height * parts.score_width;
  parts.sums = parts.queries + tile_height * value_width(shape);
  parts.size = parts.sums + tile_height * value_width(shape);
  return parts;
}

/// Rows of values one behind the other, padded with zeros to whole panels.
inline void copy_values(const attention_shape& shape, const float* v, std::size_t v_stride, std::size_t count, float* to) noexcept {
  const std::size_t padded = value_width(shape);
  for (std::size_t j = 0; j < count; ++j) {
    copy_floats(v + j * v_stride, shape.head_width, to + j * padded);
    for (std::size_t c = shape.head_width; c < padded; ++c) to[j * padded + c] = 0.0f;
  }
}

/// A row of scores in units of log2 becomes 2^(score - largest), whose sum is returned. What lies behind the row up to
/// a whole vector becomes zero.
HWY_INLINE float exponentiate_row(float* row, std::size_t count) {
  const hn::ScalableTag<float> d;
  using vector = hn::Vec<decltype(d)>;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t whole = count / lanes * lanes;
  const vector least = hn::Neg(hn::Inf(d));
  // Masked in a register: a store of -infinity behind the row would delay the loads that overlap it.
  const vector tail = hn::IfThenElse(hn::FirstN(d, count - whole), hn::LoadU(d, row + whole), least);
  vector m0 = tail;
  vector m1 = hn::Set(d, hwy::LowestValue<float>());  // a number to subtract where all are masked
  std::size_t i = 0;
  for (; i + 2 * lanes <= whole; i += 2 * lanes) {
    m0 = hn::Max(m0, hn::LoadU(d, row + i));
    m1 = hn::Max(m1, hn::LoadU(d, row + i + lanes));
  }
  if (i < whole) m1 = hn::Max(m1, hn::LoadU(d, row + i));
  const vector largest = hn::MaxOfLanes(d, hn::Max(m0, m1));
  vector s0 = exp2_nonpositive(d, hn::Sub(tail, largest));
  hn::StoreU(s0, d, row + whole);
  vector s1 = hn::Zero(d), s2 = s1, s3 = s1;
  for (i = 0; i + 4 * lanes <= whole; i += 4 * lanes) {
    const vector e0 = exp2_nonpositive(d, hn::Sub(hn::LoadU(d, row + i), largest));
    const vector e1 = exp2_nonpositive(d, hn::Sub(hn::LoadU(d, row + i + lanes), largest));
    const vector e2 = exp2_nonpositive(d, hn::Sub(hn::LoadU(d, row + i + 2 * lanes), largest));
    const vector e3 = exp2_nonpositive(d, hn::Sub(hn::LoadU(d, row + i + 3 * lanes), largest));
    hn::StoreU(e0, d, row + i);
    hn::StoreU(e1, d, row + i + lanes);
    hn::StoreU(e2, d, row + i + 2 * lanes);
    hn::StoreU(e3, d, row + i + 3 * lanes);
    s0 = hn::Add(s0, e0);
    s1 = hn::Add(s1, e1);
    s2 = hn::Add(s2, e2);
    s3 = hn::Add(s3, e3);
  }
  for (; i < whole; i += lanes) {
    const vector e1 = exp2_nonpositive(d, hn::Sub(hn::LoadU(d, row + i), largest));
    hn::StoreU(e1, d, row + i);
    s1 = hn::Add(s1, e1);
  }
  return hn::ReduceSum(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)));
}

/// row[j] += factor · more[j], n of them; `more` may be a single float that all get.
template <bool Single>
HWY_INLINE void add_scaled(float* row, const float* more, float factor, std::size_t n) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto by = hn::Set(d, factor);
  std::size_t j = 0;
  for (; j + lanes <= n; j += lanes) {
    const auto what = Single ? hn::Set(d, *more) : hn::LoadU(d, more + j);
    hn::StoreU(hn::MulAdd(what, by, hn::LoadU(d, row + j)), d, row + j);
  }
  if (j < n) {
    const auto what = Single ? hn::Set(d, *more) : hn::LoadN(d, more + j, n - j);
    hn::StoreN(hn::MulAdd(what, by, hn::LoadN(d, row + j, n - j)), d, row + j, n - j);
  }
}

/// Adds the bias to a row's scores (units of log2) of the keys in `range`, whose first stands at row[0].
inline void add_bias(const attention_bias& bias, std::size_t head, std::size_t number, std::size_t position, key_range range,
                     float* row) noexcept {
  constexpr float unit = 1.44269504f;
  if (bias.relative != nullptr) {
    const float* entry = bias.relative + head * (2 * bias.reach + 1);
    // Keys further back than the reach, those within, those further on.
    const std::size_t within = HWY_MIN(range.last, HWY_MAX(range.first, position < bias.reach ? 0 : position - bias.reach));
    const std::size_t beyond = HWY_MIN(range.last, HWY_MAX(within, position + bias.reach + 1));
    add_scaled<true>(row, entry, unit, within - range.first);
    if (within < beyond)
      add_scaled<false>(row + (within - range.first), entry + (within + bias.reach - position), unit, beyond - within);
    add_scaled<true>(row + (beyond - range.first), entry + 2 * bias.reach, unit, range.last - beyond);
  }
  if (bias.pairwise != nullptr)
    add_scaled<false>(row, bias.pairwise + head * bias.head_stride + number * bias.row_stride + range.first, unit,
                      range.last - range.first);
}

/// A tile's rows: `count` query rows from `first` on, of each of `heads` heads that share their keys from `head` on.
struct attended_block {
  std::size_t head;
  std::size_t heads;
  std::size_t first;
  std::size_t count;
};

inline void attend_block(const attention_shape& shape, const attention_bias& bias, const attended_block& block,
                         const attended_keys& keys, const attended_rows& from, float* scratch) noexcept {
  const hn::ScalableTag<float> d;
  const std::size_t width = shape.head_width;
  const std::size_t padded = value_width(shape);
  const attention_scratch parts = scratch_of(shape, keys.length);
  float* scores = scratch;
  float* queries = scratch + parts.queries;
  float* sums = scratch + parts.sums;
  const std::size_t rows = block.heads * block.count;

  // With log2(e) in the scale, exp becomes 2^x.
  const auto scale = hn::Set(d, shape.scale * 1.44269504f);
  key_range ranges[tile_height];
  float* outs[tile_height];
  const std::size_t begin_position = block.first + keys.length - from.count;
  for (std::size_t h = 0, r = 0; h < block.heads; ++h) {
    const std::size_t column = (block.head + h) * width;
    for (std::size_t i = 0; i < block.count; ++i, ++r) {
      ranges[r] = keys_of(shape, begin_position + i, keys.length);
      outs[r] = from.out + (block.first + i) * from.out_stride + column;
      scale_row(from.q + (block.first + i) * from.q_stride + column, scale, width, queries + r * padded);
    }
  }

  // Ranges grow with the row, so a head's first and last row bound both the keys that any row sees and those that all see.
  const key_range top = ranges[0];
  const key_range bottom = ranges[block.count - 1];
  const std::size_t base = top.first / panel_width * panel_width;
  for (std::size_t key = base; key < bottom.last; key += panel_width)
    tiles.one[rows](queries, padded, keys.panels + key * width, panel_width, 0, width, scores + (key - base), parts.score_width,
                    false, {}, keys.values);

  if (bias.relative != nullptr || bias.pairwise != nullptr)
    for (std::size_t h = 0, r = 0; h < block.heads; ++h)
      for (std::size_t i = 0; i < block.count; ++i, ++r)
        add_bias(bias, block.head + h, from.first + block.first + i, begin_position + i, ranges[r],
                 scores + r * parts.score_width + (ranges[r].first - base));

  float totals[tile_height];
  for (std::size_t r = 0; r < rows; ++r)
    totals[r] = exponentiate_row(scores + r * parts.score_width + (ranges[r].first - base), ranges[r].last - ranges[r].first);

  for (std::size_t c = 0; c < width; c += panel_width) {
    float* to = sums + c;
    const bool shared = bottom.first < top.last;
    if (shared) {
      // Only what a row sees may enter its sum, even as zero times a value: the value may be infinite. Keys that not
      // every row of the block sees are added row by row, before and after those that all see.
      for (std::size_t r = 0; r < rows && bottom.first != top.first; ++r) {
        const key_range range = ranges[r];
        tiles.one[1](scores + r * parts.score_width + (range.first - base), 0,
                     keys.values + range.first * keys.value_stride + c, keys.value_stride, 0, bottom.first - range.first,
                     to + r * padded, 0, false, {}, keys.values);
      }
      tiles.one[rows](scores + (bottom.first - base), parts.score_width, keys.values + bottom.first * keys.value_stride + c,
                      keys.value_stride, 0, top.last - bottom.first, to, padded, bottom.first != top.first, {}, keys.values);
    }
    for (std::size_t r = 0; r < rows && (!shared || top.last != bottom.last); ++r) {
      const key_range range = ranges[r];
      const std::size_t begin = shared ? top.last : range.first;
      if (begin < range.last)
        tiles.one[1](scores + r * parts.score_width + (begin - base), 0, keys.values + begin * keys.value_stride + c,
                     keys.value_stride, 0, range.last - begin, to + r * padded, 0, shared, {}, keys.values);
    }
  }

  for (std::size_t r = 0; r < rows; ++r) {
    if (totals[r] == 0.0f)
      for (std::size_t c = 0; c < width; ++c) outs[r][c] = 0.0f;
    else scale_row(sums + r * padded, hn::Set(d, 1.0f / totals[r]), width, outs[r]);
  }
}

/// All query rows of all heads that share key-value head `kv`. Rows of one head fill tiles; where there are too few, as in decoding,
/// heads share a tile, so that keys and values are read once for all.
inline void attend_head_group(const attention_shape& shape, const attention_bias& bias, std::size_t kv, const attended_keys& keys,
                              const attended_rows& rows, float* scratch) noexcept {
  const std::size_t sharing = shape.heads / shape.kv_heads;
  const std::size_t blocks = (rows.count + tile_height - 1) / tile_height;
  const std::size_t together = HWY_MAX(std::size_t{1}, HWY_MIN(sharing, tile_height / rows.count));
  for (std::size_t h = 0; h < sharing; h += together) {
    std::size_t first = 0;
    for (std::size_t block = 0; block < blocks; ++block) {
      const std::size_t count = rows.count / blocks + (block < rows.count % blocks ? 1 : 0);
      attend_block(shape, bias,
                   {.head = kv * sharing + h, .heads = HWY_MIN(together, sharing - h), .first = first, .count = count}, keys, rows,
                   scratch);
      first += count;
    }
  }
}

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
