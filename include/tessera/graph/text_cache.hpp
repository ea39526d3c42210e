// SPDX-License-Identifier: Apache-2.0
/// The keys and values of a text that a causal model reads piece by piece: what is read once is not computed again.
///
///     TESSERA_TRY(ts::text_cache text, encoder.start(4096));            // room for so many tokens
///     TESSERA_TRY(auto states, encoder.extend(text, instruction_ids));    // [tokens, width] of the new tokens
///     TESSERA_TRY(ts::text_cache other, text.clone());                    // another text with the same beginning
///
/// States have the bits of the whole text read at once.
#pragma once

#include <tessera/base/aligned.hpp>
#include <tessera/dispatch.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace tessera::inline TESSERA_ABI {

class text_cache {
 public:
  /// Room for `capacity` tokens in attentions of these shapes, in the order in which the model runs them. Error: out_of_memory.
  [[nodiscard]] static result<text_cache> make(std::vector<kernel::attention_shape> shapes, std::size_t capacity) {
    text_cache made;
    std::size_t floats = 0;
    for (const kernel::attention_shape& shape : shapes) floats += piece_floats(shape, capacity);
    TESSERA_TRY(made.memory_, aligned_buffer<float>::make(floats));
    made.shapes_ = std::move(shapes);
    made.capacity_ = capacity;
    return made;
  }
  /// Error: out_of_memory.
  [[nodiscard]] result<text_cache> clone() const {
    TESSERA_TRY(text_cache made, make(shapes_, capacity_));
    std::copy_n(memory_.data(), memory_.size(), made.memory_.data());
    made.length_ = length_;
    return made;
  }

  [[nodiscard]] std::size_t length() const noexcept { return length_; }  ///< tokens read so far
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return memory_.size() * sizeof(float); }
  /// Forgets all tokens but the first `length`.
  void truncate(std::size_t length) noexcept { length_ = std::min(length, length_); }

  [[nodiscard]] std::size_t layers() const noexcept { return shapes_.size(); }
  [[nodiscard]] const kernel::attention_shape& shape(std::size_t layer) const noexcept { return shapes_[layer]; }
  /// Keys (turned) and values of a layer, [length, kv heads · head width] each.
  void read(std::size_t layer, float* keys, float* values) const noexcept {
    const std::size_t width = shapes_[layer].kv_heads * shapes_[layer].head_width;
    kernel::kernels().attention.read_cache_f32(shapes_[layer], memory_.data() + offset_of(layer), capacity_, length_, keys, width, values,
                                               width);
  }

  /// For attention stages: the keys and values of a layer ...
  [[nodiscard]] const float* layer_data(std::size_t layer) const noexcept { return memory_.data() + offset_of(layer); }
  /// ... and of the next layer, from the first on after `begin`.
  void begin() noexcept { next_ = 0; }
  [[nodiscard]] float* next_layer() noexcept {
    TESSERA_ASSERT(next_ < shapes_.size());
    return memory_.data() + offset_of(next_++);
  }
  /// All layers have added `count` tokens.
  void grow(std::size_t count) noexcept { length_ += count; }

 private:
  [[nodiscard]] static std::size_t piece_floats(const kernel::attention_shape& shape, std::size_t capacity) noexcept {
    return round_up(kernel::kernels().attention.cache_size_f32(shape, capacity), vector_alignment / sizeof(float));
  }
  [[nodiscard]] std::size_t offset_of(std::size_t layer) const noexcept {
    std::size_t offset = 0;
    for (std::size_t i = 0; i < layer; ++i) offset += piece_floats(shapes_[i], capacity_);
    return offset;
  }

  aligned_buffer<float> memory_;
  std::vector<kernel::attention_shape> shapes_;
  std::size_t capacity_ = 0;
  std::size_t length_ = 0;
  std::size_t next_ = 0;
};

/// What all texts of a batch begin with, read before: the first `length` tokens of a cache; the batch holds the tokens behind them.
struct shared_beginning {
  const text_cache* text = nullptr;
  std::size_t length = 0;
};

namespace detail {

/// Appends the shapes of a stage's attentions.
template <class Stage>
void add_attentions(std::vector<kernel::attention_shape>& shapes) {
  if constexpr (requires { Stage::attentions(shapes); }) Stage::attentions(shapes);
}
/// Whether a token's state depends on tokens behind it.
template <class Stage>
[[nodiscard]] constexpr bool looks_ahead_of() noexcept {
  if constexpr (requires { Stage::looks_ahead; }) return Stage::looks_ahead;
  else return false;
}

}  // namespace detail

}  // namespace tessera::inline TESSERA_ABI
