// SPDX-License-Identifier: Apache-2.0
/// Scaled dot-product attention over packed texts of any length: bidirectional, causal, windowed, with grouped
/// key-value heads.
///
///     out[i][h] = Σ_j p_ij v[j][h'],   p_i = softmax_j(scale · q[i][h] · k[j][h']),   h' = h / (heads / kv_heads)
///
/// Row i of a text sees row j of the same text where causal asks j <= i, and a window w > 0 asks abs(i - j) <= w
/// (causal: i - w < j).
///
///     const attention_shape shape = {.heads = 12, .kv_heads = 12, .head_width = 32, .scale = 0.17677670f};
///     scratch.resize(kernels.attention.attention_scratch_f32(shape, longest));
///     kernels.attention.attention_f32(shape, qkv, 1152, qkv + 384, 1152, qkv + 768, 1152, offsets, texts, out, 384,
///                                     scratch);
///
/// q rows hold [heads][head_width], k and v rows [kv_heads][head_width]; row strides are in floats, so the three may
/// lie in one [tokens][3 · 384] buffer. Text t is rows offsets[t] to offsets[t + 1]. out must not overlap q, k or v.
///
/// Scratch is linear in the longest text: one head's keys as panels and its values, and the scores of one block of
/// query rows. Every sum of a row runs over its own keys in order, so its bits depend on its text alone, not on texts
/// or rows beside it. Error with u = 2^-24: (2 (width + 4) u · scale · max Σ abs(q k) + (keys + keys/16 + 16) u) · max
/// abs(v) over the keys seen.
#if !defined(TESSERA_KERNEL_ATTENTION_HPP)
#define TESSERA_KERNEL_ATTENTION_HPP

#include <tessera/base/config.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::kernel {

struct attention_shape {
  std::size_t heads;
  std::size_t kv_heads;  ///< divides heads
  std::size_t head_width;
  float scale;  ///< usually 1 / sqrt(head_width)
  bool causal = false;
  std::size_t window = 0;  ///< 0: none
};

/// The keys [first, last) that a query row sees.
struct key_range {
  std::size_t first;
  std::size_t last;
};

[[nodiscard]] constexpr key_range keys_of(const attention_shape& shape, std::size_t row, std::size_t length) noexcept {
  const std::size_t back = shape.causal ? shape.window - 1 : shape.window;
  const bool to_end = shape.window == 0 || length - row <= shape.window;
  const std::size_t beyond = to_end ? length : row + shape.window + 1;
  return {.first = shape.window == 0 || row < back ? 0 : row - back, .last = shape.causal ? row + 1 : beyond};
}

/// Floats of scratch that suffice on every target, for memory planned before the target is known.
[[nodiscard]] constexpr std::size_t attention_scratch_bound(const attention_shape& shape, std::size_t longest) noexcept {
  constexpr std::size_t panel = 32;  // the widest panel and the tallest tile of any target: asserted below
  constexpr std::size_t tile = 14;
  const std::size_t width = (shape.head_width + panel - 1) / panel * panel;
  const std::size_t keys = (longest + panel - 1) / panel * panel;
  return keys * shape.head_width + longest * width + tile * (keys + panel + 2 * width);
}

namespace scalar {

inline void attention_f32(const attention_shape& shape, const float* q, std::size_t q_stride, const float* k,
                          std::size_t k_stride, const float* v, std::size_t v_stride, const std::uint32_t* offsets,
                          std::size_t texts, float* out, std::size_t out_stride) noexcept {
  const std::size_t width = shape.head_width;
  for (std::size_t t = 0; t < texts; ++t)
    for (std::size_t i = offsets[t]; i < offsets[t + 1]; ++i)
      for (std::size_t h = 0; h < shape.heads; ++h) {
        const std::size_t kv = h / (shape.heads / shape.kv_heads) * width;
        const key_range keys = keys_of(shape, i - offsets[t], offsets[t + 1] - offsets[t]);
        auto score = [&](std::size_t j) {
          double sum = 0.0;
          for (std::size_t c = 0; c < width; ++c)
            sum += static_cast<double>(q[i * q_stride + h * width + c]) *
                   static_cast<double>(k[(offsets[t] + j) * k_stride + kv + c]);
          return sum * static_cast<double>(shape.scale);
        };
        double largest = -HUGE_VAL;
        for (std::size_t j = keys.first; j < keys.last; ++j)
          if (const double s = score(j); !(s <= largest)) largest = s;
        // A few columns at a time, so that no buffer of unknown size is needed.
        constexpr std::size_t columns = 32;
        for (std::size_t first = 0; first < width; first += columns) {
          double total = 0.0;
          double sum[columns] = {};
          for (std::size_t j = keys.first; j < keys.last; ++j) {
            const double weight = std::exp(score(j) - largest);
            total += weight;
            for (std::size_t c = 0; c < columns && first + c < width; ++c)
              sum[c] += weight * static_cast<double>(v[(offsets[t] + j) * v_stride + kv + first + c]);
          }
          for (std::size_t c = 0; c < columns && first + c < width; ++c)
            out[i * out_stride + h * width + first + c] = static_cast<float>(sum[c] / total);
        }
      }
}

}  // namespace scalar

struct attention_kernels {
  /// Floats of scratch for texts of at most `longest` rows.
  std::size_t (*attention_scratch_f32)(const attention_shape& shape, std::size_t longest) noexcept;
  void (*attention_f32)(const attention_shape& shape, const float* q, std::size_t q_stride, const float* k,
                        std::size_t k_stride, const float* v, std::size_t v_stride, const std::uint32_t* offsets,
                        std::size_t texts, float* out, std::size_t out_stride, float* scratch) noexcept;
};

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_ATTENTION_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_ATTENTION_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_ATTENTION_PASS)
#undef TESSERA_KERNEL_ATTENTION_PASS
#else
#define TESSERA_KERNEL_ATTENTION_PASS
#endif

#include <tessera/kernel/activation.hpp>
#include <tessera/kernel/matmul.hpp>
#include <tessera/kernel/softmax.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Where the parts of the scratch lie, for texts of `length` rows.
struct attention_parts {
  std::size_t value_width;  // head_width padded to panels
  std::size_t score_width;  // keys padded to panels, and one panel more
  std::size_t values;       // after the key panels
  std::size_t scores;
  std::size_t queries;
  std::size_t sums;
  std::size_t size;
};

static_assert(panel_width <= 32 && tile_height <= 14, "attention_scratch_bound counts with these");

HWY_INLINE attention_parts parts_of(const attention_shape& shape, std::size_t length) {
  attention_parts parts;
  parts.value_width = (shape.head_width + panel_width - 1) / panel_width * panel_width;
  parts.score_width = (length + 2 * panel_width - 1) / panel_width * panel_width;
  parts.values = packed_size_f32(shape.head_width, length);
  parts.scores = parts.values + length * parts.value_width;
  parts.queries = parts.scores + tile_height * parts.score_width;
  parts.sums = parts.queries + tile_height * parts.value_width;
  parts.size = parts.sums + tile_height * parts.value_width;
  return parts;
}

inline std::size_t attention_scratch_f32(const attention_shape& shape, std::size_t longest) noexcept {
  return parts_of(shape, longest).size;
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
  vector m1 = least;
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

/// A head's keys lie in scratch as panels, its values at `values`; a block of its query rows [first, first + rows) in a
/// text of `length`.
inline void attend_block(const attention_shape& shape, const attention_parts& parts, std::size_t length,
                         std::size_t first, std::size_t rows, const float* q, std::size_t q_stride, const float* values,
                         std::size_t value_stride, float* out, std::size_t out_stride, float* scratch) noexcept {
  const hn::ScalableTag<float> d;
  const std::size_t width = shape.head_width;
  float* scores = scratch + parts.scores;
  float* queries = scratch + parts.queries;
  float* sums = scratch + parts.sums;

  // With log2(e) in the scale, exp becomes 2^x.
  const auto scale = hn::Set(d, shape.scale * 1.44269504f);
  for (std::size_t r = 0; r < rows; ++r) scale_row(q + r * q_stride, scale, width, queries + r * parts.value_width);

  // Ranges grow with the row, so the first and last row bound both the keys that any row sees and those that all see.
  const key_range top = keys_of(shape, first, length);
  const key_range bottom = keys_of(shape, first + rows - 1, length);
  const std::size_t base = top.first / panel_width * panel_width;
  for (std::size_t key = base; key < bottom.last; key += panel_width)
    tiles.one[rows](queries, parts.value_width, scratch + key * width, panel_width, 0, width, scores + (key - base),
                    parts.score_width, false, values);

  float totals[tile_height];
  for (std::size_t r = 0; r < rows; ++r) {
    const key_range keys = keys_of(shape, first + r, length);
    totals[r] = exponentiate_row(scores + r * parts.score_width + (keys.first - base), keys.last - keys.first);
  }

  for (std::size_t c = 0; c < width; c += panel_width) {
    float* block = sums + c;
    const bool shared = bottom.first < top.last;
    if (shared) {
      // Only what a row sees may enter its sum, even as zero times a value: the value may be infinite. Keys that not
      // every row of the block sees are added row by row, before and after those that all see.
      for (std::size_t r = 0; r < rows && bottom.first != top.first; ++r) {
        const key_range keys = keys_of(shape, first + r, length);
        tiles.one[1](scores + r * parts.score_width + (keys.first - base), 0, values + keys.first * value_stride + c,
                     value_stride, 0, bottom.first - keys.first, block + r * parts.value_width, 0, false, values);
      }
      tiles.one[rows](scores + (bottom.first - base), parts.score_width, values + bottom.first * value_stride + c,
                      value_stride, 0, top.last - bottom.first, block, parts.value_width, bottom.first != top.first,
                      values);
    }
    for (std::size_t r = 0; r < rows && (!shared || top.last != bottom.last); ++r) {
      const key_range keys = keys_of(shape, first + r, length);
      const std::size_t from = shared ? top.last : keys.first;
      if (from < keys.last)
        tiles.one[1](scores + r * parts.score_width + (from - base), 0, values + from * value_stride + c, value_stride,
                     0, keys.last - from, block + r * parts.value_width, 0, shared, values);
    }
  }

  for (std::size_t r = 0; r < rows; ++r)
    scale_row(sums + r * parts.value_width, hn::Set(d, 1.0f / totals[r]), width, out + r * out_stride);
}

inline void attention_f32(const attention_shape& shape, const float* q, std::size_t q_stride, const float* k,
                          std::size_t k_stride, const float* v, std::size_t v_stride, const std::uint32_t* offsets,
                          std::size_t texts, float* out, std::size_t out_stride, float* scratch) noexcept {
  const std::size_t width = shape.head_width;
  const std::size_t sharing = shape.heads / shape.kv_heads;
  for (std::size_t t = 0; t < texts; ++t) {
    const std::size_t begin = offsets[t];
    const std::size_t length = offsets[t + 1] - begin;
    if (length == 0) continue;
    const attention_parts parts = parts_of(shape, length);
    const std::size_t blocks = (length + tile_height - 1) / tile_height;
    for (std::size_t kv = 0; kv < shape.kv_heads; ++kv) {
      pack_panels(k + begin * k_stride + kv * width, k_stride, width, length, scratch);
      // Values are copied where they do not fill whole panels, and where there are enough rows to pay for it: rows far
      // apart share cache sets and touch a page each.
      const float* values = v + begin * v_stride + kv * width;
      std::size_t value_stride = v_stride;
      if (width % panel_width != 0 || length > 64) {
        for (std::size_t j = 0; j < length; ++j) {
          float* to = scratch + parts.values + j * parts.value_width;
          copy_floats(values + j * v_stride, width, to);
          for (std::size_t c = width; c < parts.value_width; ++c) to[c] = 0.0f;
        }
        values = scratch + parts.values;
        value_stride = parts.value_width;
      }
      for (std::size_t h = kv * sharing; h < (kv + 1) * sharing; ++h) {
        std::size_t first = 0;
        for (std::size_t block = 0; block < blocks; ++block) {
          const std::size_t rows = length / blocks + (block < length % blocks ? 1 : 0);
          attend_block(shape, parts, length, first, rows, q + (begin + first) * q_stride + h * width, q_stride, values,
                       value_stride, out + (begin + first) * out_stride + h * width, out_stride, scratch);
          first += rows;
        }
      }
    }
  }
}

inline constexpr attention_kernels attention_table = {
    .attention_scratch_f32 = attention_scratch_f32,
    .attention_f32 = attention_f32,
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
