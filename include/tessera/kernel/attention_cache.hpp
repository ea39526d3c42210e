// SPDX-License-Identifier: Apache-2.0
/// Attention from a key-value cache (kernel/attention.hpp), for each target: appending, reading, and attending to one text's or a beginning
/// that many texts share.
#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_ATTENTION_CACHE_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_ATTENTION_CACHE_PASS)
#undef TESSERA_KERNEL_ATTENTION_CACHE_PASS
#else
#define TESSERA_KERNEL_ATTENTION_CACHE_PASS
#endif

#include <tessera/kernel/attention_rows.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

inline std::size_t cache_size_f32(const attention_shape& shape, std::size_t capacity) noexcept {
  return shape.kv_heads * head_size(shape, capacity);
}

/// Puts `count` keys and values of one head behind the `length` that its panels and values hold.
inline void append_head(const attention_shape& shape, const float* k, std::size_t k_stride, const float* v, std::size_t v_stride,
                        std::size_t length, std::size_t count, float* panels, float* values) noexcept {
  const std::size_t width = shape.head_width;
  std::size_t i = 0;
  // Up to the next panel key by key; whole panels, and the zeros behind the last key, as they are packed for a whole text.
  for (; i < count && (length + i) % panel_width != 0; ++i) {
    float* column = panels + (length + i) / panel_width * panel_width * width + (length + i) % panel_width;
    for (std::size_t c = 0; c < width; ++c) column[c * panel_width] = k[i * k_stride + c];
  }
  pack_panels(k + i * k_stride, k_stride, width, count - i, panels + (length + i) * width);
  copy_values(shape, v, v_stride, count, values + length * value_width(shape));
}

inline void extend_f32(const attention_shape& shape, const float* k, std::size_t k_stride, const float* v, std::size_t v_stride,
                       std::size_t length, std::size_t count, std::size_t capacity, float* cache) noexcept {
  const std::size_t width = shape.head_width;
  for (std::size_t kv = 0; kv < shape.kv_heads; ++kv) {
    float* panels = cache + kv * head_size(shape, capacity);
    append_head(shape, k + kv * width, k_stride, v + kv * width, v_stride, length, count, panels,
                panels + packed_size_f32(width, capacity));
  }
}

inline void read_cache_f32(const attention_shape& shape, const float* cache, std::size_t capacity, std::size_t count, float* k,
                           std::size_t k_stride, float* v, std::size_t v_stride) noexcept {
  const std::size_t width = shape.head_width;
  for (std::size_t kv = 0; kv < shape.kv_heads; ++kv) {
    const float* panels = cache + kv * head_size(shape, capacity);
    const float* values = panels + packed_size_f32(width, capacity);
    for (std::size_t j = 0; j < count; ++j)
      for (std::size_t c = 0; c < width; ++c) {
        k[j * k_stride + kv * width + c] = panels[j / panel_width * panel_width * width + c * panel_width + j % panel_width];
        v[j * v_stride + kv * width + c] = values[j * value_width(shape) + c];
      }
  }
}

inline void attend_f32(const attention_shape& shape, const attention_bias& bias, const float* q, std::size_t q_stride,
                       std::size_t rows, std::size_t length, std::size_t capacity, const float* cache, float* out,
                       std::size_t out_stride, float* scratch) noexcept {
  if (rows == 0) return;
  for (std::size_t kv = 0; kv < shape.kv_heads; ++kv) {
    const float* panels = cache + kv * head_size(shape, capacity);
    const attended_keys keys = {.panels = panels,
                                .values = panels + packed_size_f32(shape.head_width, capacity),
                                .value_stride = value_width(shape),
                                .length = length};
    attend_head_group(
        shape, bias, kv, keys,
        {.q = q, .q_stride = q_stride, .out = out, .out_stride = out_stride, .first = 0, .count = rows}, scratch);
  }
}

inline void attend_behind_f32(const attention_shape& shape, const attention_bias& bias, const float* q, std::size_t q_stride,
                              const float* k, std::size_t k_stride, const float* v, std::size_t v_stride, const std::uint32_t* offsets,
                              std::size_t texts, std::size_t length, std::size_t capacity, const float* cache, float* out,
                              std::size_t out_stride, float* scratch) noexcept {
  const std::size_t width = shape.head_width;
  std::size_t longest = 0;
  for (std::size_t t = 0; t < texts; ++t) longest = HWY_MAX(longest, std::size_t{offsets[t + 1]} - offsets[t]);
  longest += length;
  float* panels = scratch;
  float* values = scratch + packed_size_f32(width, longest);
  for (std::size_t kv = 0; kv < shape.kv_heads; ++kv) {
    // The beginning stays where it is from text to text, and each text's own keys replace those of the one before.
    const float* shared = cache + kv * head_size(shape, capacity);
    copy_floats(shared, packed_size_f32(width, length), panels);
    copy_floats(shared + packed_size_f32(width, capacity), length * value_width(shape), values);
    for (std::size_t t = 0; t < texts; ++t) {
      const std::size_t begin = offsets[t];
      const std::size_t count = offsets[t + 1] - begin;
      if (count == 0) continue;
      append_head(shape, k + begin * k_stride + kv * width, k_stride, v + begin * v_stride + kv * width, v_stride, length, count, panels,
                  values);
      attend_head_group(shape, bias, kv,
                        {.panels = panels, .values = values, .value_stride = value_width(shape), .length = length + count},
                        {.q = q + begin * q_stride,
                         .q_stride = q_stride,
                         .out = out + begin * out_stride,
                         .out_stride = out_stride,
                         .first = begin,
                         .count = count},
                        scratch + head_size(shape, longest));
    }
  }
}

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
