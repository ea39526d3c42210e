// SPDX-License-Identifier: Apache-2.0
/// Attention by products of bf16 pairs (kernel/attention.hpp), on processors that multiply two pairs and add both products to an f32 sum.
///
/// Scores of up to 32 queries stand side by side, [key][query], so that a softmax has no sums across lanes and keys need no
/// transposing; the weights' pairs of keys are then what the second product broadcasts, row by row:
///
///     scores[j][i] = Σ_l k[j][l] · q[l][i]      l: pairs along the head; k broadcast, q transposed once a block
///     out[i][c]    = Σ_j p[j][i] · v[j][c]      j: pairs of keys; p broadcast, v interleaved once a text
///
/// Keys are paired from an even one of their text on, and a sum is one chain over the pairs, so a row's bits depend on its query and
/// keys alone.
#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_ATTENTION_BF16_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_ATTENTION_BF16_PASS)
#undef TESSERA_KERNEL_ATTENTION_BF16_PASS
#else
#define TESSERA_KERNEL_ATTENTION_BF16_PASS
#endif

#include <tessera/kernel/activation.hpp>
#include <tessera/kernel/bf16_pairs.hpp>

#include <hwy/highway.h>

// The rest is for targets that have the instructions.
#if HWY_ARCH_X86 && HWY_NATIVE_DOT_BF16

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// One key-value head of one text: keys [key][key_stride] as pairs along the head, values [key / 2][value_stride] as pairs of keys.
struct paired_keys {
  const float* keys;
  const float* values;
  std::size_t length;
};

/// Where the parts of the scratch lie, for texts of `length` keys.
struct pair_scratch {
  std::size_t key_stride, value_stride;
  std::size_t values, queries, scores, sums, size;

  HWY_INLINE pair_scratch(const attention_shape& shape, std::size_t length) {
    key_stride = (shape.head_width + panel_width - 1) / panel_width * query_lanes;
    value_stride = 2 * key_stride;
    values = length * key_stride;
    queries = values + (length + 1) / 2 * value_stride;
    scores = queries + panel_width * key_stride;
    sums = scores + (length + 5) * panel_width;  // from an even key on, in fours
    size = sums + tile_height * panel_width;
  }
};

/// Scores in units of log2 of `count` keys, [key][Vectors · query_lanes], become the pairs of keys of the softmax's weights, up to a factor
/// that makes their sum one and goes to `factors`. What lies behind the keys, up to fours, is overwritten.
template <std::size_t Vectors>
HWY_INLINE void soften_pairs(float* scores, std::size_t count, float* factors) {
  const matmul_tag d;
  constexpr std::size_t width = Vectors * query_lanes;
  constexpr std::size_t together = 4 / Vectors;  // keys
  const std::size_t padded = (count + together - 1) / together * together;
  const matmul_vector none = hn::Neg(hn::Inf(d));
  for (std::size_t i = count * width; i < padded * width; i += query_lanes) hn::StoreU(none, d, scores + i);
  matmul_vector largest[4];
  HWY_UNROLL(4)
  for (std::size_t v = 0; v < 4; ++v) largest[v] = hn::Set(d, hwy::LowestValue<float>());
  for (std::size_t i = 0; i < padded * width; i += 4 * query_lanes) {
    HWY_UNROLL(4)
    for (std::size_t v = 0; v < 4; ++v) largest[v] = hn::Max(largest[v], hn::LoadU(d, scores + i + v * query_lanes));
  }
  largest[0] = hn::Max(largest[0], largest[2]);
  largest[1] = hn::Max(largest[1], largest[3]);
  if constexpr (Vectors == 1) largest[0] = largest[1] = hn::Max(largest[0], largest[1]);
  // Sums are of the rounded weights, which then add up to one.
  const auto ones = hn::BitCast(bf16_tag(), hn::Set(hn::RebindToUnsigned<matmul_tag>(), 0x3F803F80u));
  matmul_vector sum[2] = {hn::Zero(d), hn::Zero(d)};
  matmul_vector unused = hn::Zero(d);
  for (std::size_t i = 0; i < padded * width; i += 4 * query_lanes) {
    matmul_vector weight[4];
    HWY_UNROLL(4)
    for (std::size_t v = 0; v < 4; ++v)
      weight[v] = exp2_near(d, hn::Sub(hn::LoadU(d, scores + i + v * query_lanes), largest[v % 2]));
    constexpr std::size_t beside = 2 / Vectors;  // where the next vector of the same key, or of the next pair, stands
    constexpr std::size_t behind = 3 - beside;
    const two_vectors pairs = pair_up({weight[0], weight[beside]}, {weight[behind], weight[3]});
    sum[0] = hn::ReorderWidenMulAccumulate(d, hn::BitCast(bf16_tag(), pairs.first), ones, sum[0], unused);
    matmul_vector& other = sum[Vectors - 1];
    other = hn::ReorderWidenMulAccumulate(d, hn::BitCast(bf16_tag(), pairs.second), ones, other, unused);
    hn::StoreU(pairs.first, d, scores + i / 2);
    hn::StoreU(pairs.second, d, scores + i / 2 + query_lanes);
  }
  HWY_UNROLL(2)
  for (std::size_t v = 0; v < Vectors; ++v) {
    const auto inverse = hn::Div(hn::Set(d, 1.0f), sum[v]);
    hn::StoreU(hn::IfThenZeroElse(hn::Eq(sum[v], hn::Zero(d)), inverse), d, factors + v * query_lanes);
  }
}

/// Keys beyond a query's window get a score of -infinity.
template <std::size_t Vectors>
HWY_INLINE void mask_scores(const attention_shape& shape, std::size_t position, std::size_t first, std::size_t count, float* scores) {
  const hn::RebindToSigned<matmul_tag> di;
  const matmul_tag d;
  const auto reach = hn::Set(di, static_cast<std::int32_t>(HWY_MIN(shape.window, std::size_t{1} << 30)));
  for (std::size_t j = 0; j < count; ++j) {
    // Of the first query's place from the key's.
    const auto apart = static_cast<std::int32_t>(static_cast<std::ptrdiff_t>(position) - static_cast<std::ptrdiff_t>(first + j));
    HWY_UNROLL(2)
    for (std::size_t v = 0; v < Vectors; ++v) {
      const auto distance = hn::Abs(hn::Iota(di, apart + static_cast<std::int32_t>(v * query_lanes)));
      float* at = scores + (j * Vectors + v) * query_lanes;
      hn::StoreU(hn::IfThenElse(hn::RebindMask(d, hn::Gt(distance, reach)), hn::Neg(hn::Inf(d)), hn::LoadU(d, at)), d, at);
    }
  }
}

/// `count` queries of a head from `position` on, at most Vectors · query_lanes; q and out begin with the first.
template <std::size_t Vectors>
HWY_INLINE void attend_pairs(const attention_shape& shape, const paired_keys& from, const float* q, std::size_t q_stride,
                             std::size_t count, std::size_t position, float* out, std::size_t out_stride, float* scratch,
                             const pair_scratch& parts) {
  const matmul_tag d;
  constexpr std::size_t width = Vectors * query_lanes;
  const std::size_t pairs = (shape.head_width + 1) / 2;
  float* queries = scratch + parts.queries;
  float* scores = scratch + parts.scores;
  float* sums = scratch + parts.sums;

  const auto scale = hn::Set(d, shape.scale * 1.44269504f);  // with log2(e), so that exp becomes 2^x
  for (std::size_t i = 0; i < width; i += query_lanes)
    for (std::size_t c = 0; c < shape.head_width; c += panel_width) {
      matmul_vector rows[query_lanes];
      HWY_UNROLL(16)
      for (std::size_t r = 0; r < query_lanes; ++r) {
        rows[r] = hn::Zero(d);
        if (i + r < count) {
          const two_vectors row = load_two(q + (i + r) * q_stride + c, shape.head_width - c);
          rows[r] = round_pairs({hn::Mul(row.first, scale), hn::Mul(row.second, scale)});
        }
      }
      store_transposed(rows, queries + c / 2 * width + i, width);
    }

  const std::size_t first = keys_of(shape, position, from.length).first / 2 * 2;
  const std::size_t seen = keys_of(shape, position + count - 1, from.length).last - first;
  const std::size_t key_blocks = (seen + tile_height - 1) / tile_height;
  for (std::size_t block = 0, j = 0; block < key_blocks; ++block) {
    const std::size_t rows = seen / key_blocks + (block < seen % key_blocks ? 1 : 0);
    tiles_of_pairs<Vectors>.of[rows](from.keys + (first + j) * parts.key_stride, parts.key_stride, 1, queries, width, pairs, nullptr,
                                     scores + j * width, width);
    j += rows;
  }
  if (shape.window != 0) mask_scores<Vectors>(shape, position, first, seen, scores);
  HWY_ALIGN float factors[width];
  soften_pairs<Vectors>(scores, seen, factors);

  const float* values = from.values + first / 2 * parts.value_stride;
  const std::size_t blocks = (count + tile_height - 1) / tile_height;
  for (std::size_t block = 0, i = 0; block < blocks; ++block) {
    const std::size_t rows = count / blocks + (block < count % blocks ? 1 : 0);
    const auto tile = tiles_of_pairs<2>.of[rows];
    for (std::size_t c = 0; c < shape.head_width; c += panel_width) {
      const std::size_t columns = HWY_MIN(shape.head_width - c, panel_width);
      const bool whole = columns == panel_width;
      float* to = out + i * out_stride + c;
      tile(scores + i, 1, width, values + c, parts.value_stride, (seen + 1) / 2, factors + i, whole ? to : sums,
           whole ? out_stride : panel_width);
      for (std::size_t r = 0; r < rows && !whole; ++r) copy_floats(sums + r * panel_width, columns, to + r * out_stride);
    }
    i += rows;
  }
}

inline std::size_t pair_scratch_size(const attention_shape& shape, std::size_t longest) noexcept {
  return pair_scratch(shape, longest).size;
}

inline void attention_pairs(const attention_shape& shape, const float* q, std::size_t q_stride, const std::uint32_t* q_offsets,
                            const float* k, std::size_t k_stride, const float* v, std::size_t v_stride,
                            const std::uint32_t* k_offsets, std::size_t texts, float* out, std::size_t out_stride,
                            float* scratch) noexcept {
  const matmul_tag d;
  const std::size_t width = shape.head_width;
  const std::size_t sharing = shape.heads / shape.kv_heads;
  for (std::size_t t = 0; t < texts; ++t) {
    const std::size_t length = k_offsets[t + 1] - k_offsets[t];
    const std::size_t rows = q_offsets[t + 1] - q_offsets[t];
    const pair_scratch parts(shape, length);
    for (std::size_t kv = 0; kv < shape.kv_heads && rows > 0; ++kv) {
      const float* key = k + k_offsets[t] * k_stride + kv * width;
      const float* value = v + k_offsets[t] * v_stride + kv * width;
      float* values = scratch + parts.values;
      for (std::size_t j = 0; j < length; ++j)
        for (std::size_t c = 0; c < width; c += panel_width)
          hn::StoreU(round_pairs(load_two(key + j * k_stride + c, width - c)), d, scratch + j * parts.key_stride + c / 2);
      for (std::size_t j = 0; j < length; j += 2)
        for (std::size_t c = 0; c < width; c += panel_width) {
          const float* at = value + j * v_stride + c;
          const two_vectors low = load_two(at, width - c);
          const two_vectors high = j + 1 < length ? load_two(at + v_stride, width - c) : two_vectors{hn::Zero(d), hn::Zero(d)};
          const two_vectors both = pair_up(low, high);
          hn::StoreU(both.first, d, values + j / 2 * parts.value_stride + c);
          hn::StoreU(both.second, d, values + j / 2 * parts.value_stride + c + query_lanes);
        }
      const paired_keys keys = {.keys = scratch, .values = values, .length = length};
      for (std::size_t h = kv * sharing; h < (kv + 1) * sharing; ++h)
        for (std::size_t i = 0; i < rows; i += panel_width) {
          const std::size_t count = HWY_MIN(rows - i, panel_width);
          const float* query = q + (q_offsets[t] + i) * q_stride + h * width;
          float* to = out + (q_offsets[t] + i) * out_stride + h * width;
          const std::size_t position = i + length - rows;
          if (count <= query_lanes) attend_pairs<1>(shape, keys, query, q_stride, count, position, to, out_stride, scratch, parts);
          else attend_pairs<2>(shape, keys, query, q_stride, count, position, to, out_stride, scratch, parts);
        }
    }
  }
}

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

#endif
