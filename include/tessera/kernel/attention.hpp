// SPDX-License-Identifier: Apache-2.0
/// Scaled dot-product attention over packed texts of any length: bidirectional, causal, windowed, with grouped key-value heads,
/// with a bias, and from a key-value cache.
///
///     out[i][h] = Σ_j p_ij v[j][h'],   p_i = softmax_j(scale · q[i][h] · k[j][h'] + bias[h][i][j]),   h' = h / (heads / kv_heads)
///
/// A text has as many keys as values and any number of queries; query row i of n, with m keys, stands at position i + m - n, so that
/// the last query stands at the last key. A row at position p sees key j where causal asks j <= p, and a window w > 0 asks
/// abs(p - j) <= w (causal: p - w < j <= p). Only where neither is asked, nor a bias by distance given, may there be more
/// queries than keys (cross attention).
///
///     const attention_shape shape = {.heads = 12, .kv_heads = 12, .head_width = 32, .scale = 0.17677670f};
///     scratch.resize(kernels.attention.attention_scratch_f32(shape, longest));
///     kernels.attention.attention_f32(shape, {}, qkv, 1152, offsets, qkv + 384, 1152, qkv + 768, 1152, offsets, texts, out, 384,
///                                     scratch);
///
/// q rows hold [heads][head_width], k and v rows [kv_heads][head_width]; row strides are in floats, so the three may lie in one
/// [tokens][3 · 384] buffer. Text t is rows offsets[t] to offsets[t + 1]. out must not overlap q, k or v.
///
/// A cache holds one text's keys and values in the layout that the kernel reads, so that further tokens cost no repacking
/// (`extend_f32` appends, `attend_f32` is attention_f32 of the last rows):
///
///     cache.resize(kernels.attention.cache_size_f32(shape, capacity));
///     kernels.attention.extend_f32(shape, k, k_stride, v, v_stride, length, count, capacity, cache);
///     kernels.attention.attend_f32(shape, {}, q, q_stride, count, length + count, capacity, cache, out, out_stride, scratch);
///
/// Texts that begin alike share the cache of their beginning and bring the rest (`attend_behind_f32`):
///
///     kernels.attention.attend_behind_f32(shape, {}, q, q_stride, k, k_stride, v, v_stride, offsets, texts, length, capacity, cache, out,
///                                         out_stride, scratch);
///
/// Scratch is linear in the longest text: one head's keys as panels and its values, and the scores of one block of query rows. Every
/// sum of a row runs over its own keys in order, so its bits depend on its query and the keys it sees alone: not on texts or rows
/// beside it, nor on whether the keys came from a cache. A row that sees no key, or only ones with a bias of -infinity, is zero.
/// Error with u = 2^-24: (2 (width + 4) u · scale · max Σ abs(q k) + 8 u · max abs(bias) + (keys + keys/16 + 16) u) · max abs(v) over
/// the keys seen.
///
/// attention_bf16 is for models whose products are rounded already: where the processor multiplies pairs of bf16 (AVX512-BF16), q · scale,
/// k, v and the softmax's weights are rounded to bf16 and the rest is f32, which takes half the time. Elsewhere, and in causal order, whose
/// rows are to have the same bits from a cache, it is attention_f32. With e = 2^-8, for numbers between 2^-100 and 2^100 and zero:
/// (exp(2 (2.1 e + width · 2^-24) scale · max Σ abs(q k) + 2.2 e + keys · 2^-24) (1 + e) - 1) · max abs(v).
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

/// What is added to the scaled scores; a null part adds nothing. Values are finite or -infinity; a key that is masked by -infinity
/// enters with weight zero, so its value must be a number.
struct attention_bias {
  /// By distance (T5's buckets spread out, ALiBi): relative[head][reach + clamp(j - position, -reach, reach)], [heads][2 · reach + 1].
  const float* relative = nullptr;
  std::size_t reach = 0;
  /// By pair: pairwise[head · head_stride + row · row_stride + j], rows counted over all texts' queries.
  const float* pairwise = nullptr;
  std::size_t row_stride = 0;
  std::size_t head_stride = 0;  ///< 0: one matrix for all heads
};

/// The keys [first, last) that a query row sees.
struct key_range {
  std::size_t first;
  std::size_t last;
};

/// For the row at `position` among `length` keys; behind them only where neither causal nor a window asks for it.
[[nodiscard]] constexpr key_range keys_of(const attention_shape& shape, std::size_t position, std::size_t length) noexcept {
  const std::size_t back = shape.causal ? shape.window - 1 : shape.window;
  const bool to_end = shape.window == 0 || length - position <= shape.window;
  const std::size_t beyond = to_end ? length : position + shape.window + 1;
  return {.first = shape.window == 0 || position < back ? 0 : position - back, .last = shape.causal ? position + 1 : beyond};
}

/// Floats of scratch that suffice on every target, for memory planned before the target is known.
[[nodiscard]] constexpr std::size_t attention_scratch_bound(const attention_shape& shape, std::size_t longest) noexcept {
  constexpr std::size_t panel = 32;  // the widest panel and the tallest tile of any target: asserted below
  constexpr std::size_t tile = 14;
  const std::size_t width = (shape.head_width + panel - 1) / panel * panel;
  const std::size_t keys = (longest + panel - 1) / panel * panel;
  const std::size_t exact = keys * shape.head_width + longest * width + tile * (keys + panel + 2 * width);
  const std::size_t rounded = (longest + 1) * width + panel * (width + longest + 5 + tile);
  return exact < rounded ? rounded : exact;
}

namespace scalar {

/// The bias of one head, for query row `row` at `position`, and key j.
[[nodiscard]] inline double bias_at(const attention_bias& bias, std::size_t head, std::size_t row, std::size_t position,
                                    std::size_t j) noexcept {
  double sum = 0.0;
  if (bias.relative != nullptr) {
    const auto reach = static_cast<std::ptrdiff_t>(bias.reach);
    const auto apart = static_cast<std::ptrdiff_t>(j) - static_cast<std::ptrdiff_t>(position);
    const std::ptrdiff_t clamped = apart < -reach ? -reach : apart > reach ? reach : apart;
    sum += static_cast<double>(bias.relative[head * (2 * bias.reach + 1) + static_cast<std::size_t>(clamped + reach)]);
  }
  if (bias.pairwise != nullptr) sum += static_cast<double>(bias.pairwise[head * bias.head_stride + row * bias.row_stride + j]);
  return sum;
}

inline void attention_f32(const attention_shape& shape, const attention_bias& bias, const float* q, std::size_t q_stride,
                          const std::uint32_t* q_offsets, const float* k, std::size_t k_stride, const float* v,
                          std::size_t v_stride, const std::uint32_t* k_offsets, std::size_t texts, float* out,
                          std::size_t out_stride) noexcept {
  const std::size_t width = shape.head_width;
  for (std::size_t t = 0; t < texts; ++t)
    for (std::size_t i = q_offsets[t]; i < q_offsets[t + 1]; ++i)
      for (std::size_t h = 0; h < shape.heads; ++h) {
        const std::size_t kv = h / (shape.heads / shape.kv_heads) * width;
        const std::size_t length = k_offsets[t + 1] - k_offsets[t];
        const std::size_t position = i + length - q_offsets[t + 1];
        const key_range keys = keys_of(shape, position, length);
        auto score = [&](std::size_t j) {
          double sum = 0.0;
          for (std::size_t c = 0; c < width; ++c)
            sum += static_cast<double>(q[i * q_stride + h * width + c]) *
                   static_cast<double>(k[(k_offsets[t] + j) * k_stride + kv + c]);
          return sum * static_cast<double>(shape.scale) + bias_at(bias, h, i, position, j);
        };
        double largest = -HUGE_VAL;
        for (std::size_t j = keys.first; j < keys.last; ++j)
          if (const double s = score(j); !(s <= largest)) largest = s;
        const bool blind = largest == -HUGE_VAL;
        // A few columns at a time, so that no buffer of unknown size is needed.
        constexpr std::size_t columns = 32;
        for (std::size_t first = 0; first < width; first += columns) {
          double total = 0.0;
          double sum[columns] = {};
          for (std::size_t j = keys.first; j < keys.last && !blind; ++j) {
            const double weight = std::exp(score(j) - largest);
            total += weight;
            for (std::size_t c = 0; c < columns && first + c < width; ++c)
              sum[c] += weight * static_cast<double>(v[(k_offsets[t] + j) * v_stride + kv + first + c]);
          }
          for (std::size_t c = 0; c < columns && first + c < width; ++c)
            out[i * out_stride + h * width + first + c] = blind ? 0.0f : static_cast<float>(sum[c] / total);
        }
      }
}

}  // namespace scalar

struct attention_kernels {
  /// Floats of scratch for texts of at most `longest` keys, or for attend_f32 of a text of that length.
  std::size_t (*attention_scratch_f32)(const attention_shape& shape, std::size_t longest) noexcept;
  void (*attention_f32)(const attention_shape& shape, const attention_bias& bias, const float* q, std::size_t q_stride,
                        const std::uint32_t* q_offsets, const float* k, std::size_t k_stride, const float* v,
                        std::size_t v_stride, const std::uint32_t* k_offsets, std::size_t texts, float* out,
                        std::size_t out_stride, float* scratch) noexcept;
  /// The same in bf16 where that is faster, without a bias. A text whose q, k or v hold others than numbers has any rows.
  std::size_t (*attention_scratch_bf16)(const attention_shape& shape, std::size_t longest) noexcept;
  void (*attention_bf16)(const attention_shape& shape, const float* q, std::size_t q_stride, const std::uint32_t* q_offsets,
                         const float* k, std::size_t k_stride, const float* v, std::size_t v_stride,
                         const std::uint32_t* k_offsets, std::size_t texts, float* out, std::size_t out_stride,
                         float* scratch) noexcept;
  /// Floats of a cache for at most `capacity` tokens of one text.
  std::size_t (*cache_size_f32)(const attention_shape& shape, std::size_t capacity) noexcept;
  /// Puts `count` keys and values behind the `length` that the cache holds; length + count <= capacity.
  void (*extend_f32)(const attention_shape& shape, const float* k, std::size_t k_stride, const float* v, std::size_t v_stride,
                     std::size_t length, std::size_t count, std::size_t capacity, float* cache) noexcept;
  /// The first `count` keys and values that a cache holds, as rows.
  void (*read_cache_f32)(const attention_shape& shape, const float* cache, std::size_t capacity, std::size_t count, float* k,
                         std::size_t k_stride, float* v, std::size_t v_stride) noexcept;
  /// The last `rows` rows of a text whose `length` keys and values the cache holds; rows of q, of out and of a pairwise bias count
  /// from 0.
  void (*attend_f32)(const attention_shape& shape, const attention_bias& bias, const float* q, std::size_t q_stride,
                     std::size_t rows, std::size_t length, std::size_t capacity, const float* cache, float* out,
                     std::size_t out_stride, float* scratch) noexcept;
  /// Texts that all begin with the first `length` tokens of a cache, each with as many further queries as keys: text t's are rows
  /// offsets[t] to offsets[t + 1]. Scratch for `length` and the longest of these.
  void (*attend_behind_f32)(const attention_shape& shape, const attention_bias& bias, const float* q, std::size_t q_stride,
                            const float* k, std::size_t k_stride, const float* v, std::size_t v_stride, const std::uint32_t* offsets,
                            std::size_t texts, std::size_t length, std::size_t capacity, const float* cache, float* out,
                            std::size_t out_stride, float* scratch) noexcept;
};

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_ATTENTION_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_ATTENTION_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_ATTENTION_PASS)
#undef TESSERA_KERNEL_ATTENTION_PASS
#else
#define TESSERA_KERNEL_ATTENTION_PASS
#endif

#include <tessera/kernel/attention_bf16.hpp>
#include <tessera/kernel/attention_cache.hpp>
#include <tessera/kernel/attention_rows.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

inline std::size_t attention_scratch_f32(const attention_shape& shape, std::size_t longest) noexcept {
  return head_size(shape, longest) + scratch_of(shape, longest).size;
}

inline void attention_f32(const attention_shape& shape, const attention_bias& bias, const float* q, std::size_t q_stride,
                          const std::uint32_t* q_offsets, const float* k, std::size_t k_stride, const float* v,
                          std::size_t v_stride, const std::uint32_t* k_offsets, std::size_t texts, float* out,
                          std::size_t out_stride, float* scratch) noexcept {
  const std::size_t width = shape.head_width;
  for (std::size_t t = 0; t < texts; ++t) {
    const std::size_t begin = k_offsets[t];
    const attended_rows rows = {.q = q + q_offsets[t] * q_stride,
                                .q_stride = q_stride,
                                .out = out + q_offsets[t] * out_stride,
                                .out_stride = out_stride,
                                .first = q_offsets[t],
                                .count = q_offsets[t + 1] - q_offsets[t]};
    if (rows.count == 0) continue;
    const std::size_t length = k_offsets[t + 1] - begin;
    for (std::size_t kv = 0; kv < shape.kv_heads; ++kv) {
      attended_keys keys = {
          .panels = scratch, .values = v + begin * v_stride + kv * width, .value_stride = v_stride, .length = length};
      pack_panels(k + begin * k_stride + kv * width, k_stride, width, length, scratch);
      // Values are copied where they do not fill whole panels, and where there are enough rows to pay for it: rows far
      // apart share cache sets and touch a page each.
      if (width % panel_width != 0 || length > 64) {
        float* copy = scratch + packed_size_f32(width, length);
        copy_values(shape, keys.values, v_stride, length, copy);
        keys.values = copy;
        keys.value_stride = value_width(shape);
      }
      attend_head_group(shape, bias, kv, keys, rows, scratch + head_size(shape, length));
    }
  }
}

inline std::size_t attention_scratch_bf16(const attention_shape& shape, std::size_t longest) noexcept {
#if HWY_ARCH_X86 && HWY_NATIVE_DOT_BF16
  if (!shape.causal) return pair_scratch_size(shape, longest);
#endif
  return attention_scratch_f32(shape, longest);
}

inline void attention_bf16(const attention_shape& shape, const float* q, std::size_t q_stride, const std::uint32_t* q_offsets,
                           const float* k, std::size_t k_stride, const float* v, std::size_t v_stride,
                           const std::uint32_t* k_offsets, std::size_t texts, float* out, std::size_t out_stride,
                           float* scratch) noexcept {
#if HWY_ARCH_X86 && HWY_NATIVE_DOT_BF16
  if (!shape.causal)
    return attention_pairs(shape, q, q_stride, q_offsets, k, k_stride, v, v_stride, k_offsets, texts, out, out_stride, scratch);
#endif
  attention_f32(shape, {}, q, q_stride, q_offsets, k, k_stride, v, v_stride, k_offsets, texts, out, out_stride, scratch);
}

inline constexpr attention_kernels attention_table = {
    .attention_scratch_f32 = attention_scratch_f32,
    .attention_f32 = attention_f32,
    .attention_scratch_bf16 = attention_scratch_bf16,
    .attention_bf16 = attention_bf16,
    .cache_size_f32 = cache_size_f32,
    .extend_f32 = extend_f32,
    .read_cache_f32 = read_cache_f32,
    .attend_f32 = attend_f32,
    .attend_behind_f32 = attend_behind_f32,
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
