// SPDX-License-Identifier: Apache-2.0
// Attention over packed texts at the head shapes of common encoders. Per cent of peak counts the multiplications of
// scores and sums only, 4 · keys · heads · width for a row, and is of multiply-adds in f32 for bf16 too; softmax and packing come on top.
#include <bench/kernel/peak.hpp>

#include <cmath>

namespace {

using namespace tessera_bench;
namespace tk = tessera::kernel;

struct heads {
  std::size_t count, kv, width;
};

template <bool Rounded = false>
void texts(const std::string& name, const heads& head, const std::vector<std::size_t>& lengths, bool causal) {
  for_each_target([&](const kernel_table& target, const std::string& suffix) {
    const auto run = [=, &target](benchmark::State& state) {
      const tk::attention_shape shape = {.heads = head.count,
                                         .kv_heads = head.kv,
                                         .head_width = head.width,
                                         .scale = 1.0f / std::sqrt(static_cast<float>(head.width)),
                                         .causal = causal};
      std::vector<std::uint32_t> offsets = {0};
      std::size_t longest = 0;
      std::size_t pairs = 0;
      for (const std::size_t length : lengths) {
        offsets.push_back(offsets.back() + static_cast<std::uint32_t>(length));
        longest = std::max(longest, length);
        pairs += causal ? length * (length + 1) / 2 : length * length;
      }
      const std::size_t tokens = offsets.back();
      const std::size_t q_width = head.count * head.width;
      const std::size_t kv_width = head.kv * head.width;
      const std::size_t stride = q_width + 2 * kv_width;
      const float* q = filled_floats();
      const float* k = q + q_width;
      const float* v = k + kv_width;
      const auto& attention = target.attention;
      auto out = floats(tokens * q_width);
      auto scratch = floats((Rounded ? attention.attention_scratch_bf16 : attention.attention_scratch_f32)(shape, longest));
      const std::uint32_t* at = offsets.data();
      for (auto _ : state) {
        if constexpr (Rounded)
          attention.attention_bf16(shape, q, stride, at, k, stride, v, stride, at, lengths.size(), out.data(), q_width, scratch.data());
        else
          attention.attention_f32(shape, {}, q, stride, at, k, stride, v, stride, at, lengths.size(), out.data(), q_width, scratch.data());
        benchmark::ClobberMemory();
      }
      count_against_peak(state, target.name, tokens * (stride + q_width) * sizeof(float), 4 * pairs * q_width);
    };
    benchmark::RegisterBenchmark(((Rounded ? "attention/bf16/" : "attention/f32/") + name + suffix).c_str(), run);
  });
}

/// One new token of a text of `length`, whose keys and values lie in a cache: as fast as they are read.
void decode(const std::string& name, const heads& head, std::size_t length) {
  for_each_target([&](const kernel_table& target, const std::string& suffix) {
    const auto run = [=, &target](benchmark::State& state) {
      const tk::attention_shape shape = {.heads = head.count,
                                         .kv_heads = head.kv,
                                         .head_width = head.width,
                                         .scale = 1.0f / std::sqrt(static_cast<float>(head.width)),
                                         .causal = true};
      const std::size_t kv_width = head.kv * head.width;
      const float* numbers = filled_floats();
      auto cache = floats(target.attention.cache_size_f32(shape, length));
      auto out = floats(head.count * head.width);
      auto scratch = floats(target.attention.attention_scratch_f32(shape, length));
      target.attention.extend_f32(shape, numbers, kv_width, numbers, kv_width, 0, length, length, cache.data());
      for (auto _ : state) {
        target.attention.attend_f32(shape, {}, numbers, head.count * head.width, 1, length, length, cache.data(), out.data(),
                                    head.count * head.width, scratch.data());
        benchmark::ClobberMemory();
      }
      count_against_peak(state, target.name, 2 * length * kv_width * sizeof(float), 4 * length * head.count * head.width);
    };
    benchmark::RegisterBenchmark(("attention/f32/" + name + suffix).c_str(), run);
  });
}

template <bool Rounded>
void encoders() {
  for (const std::size_t length : {16u, 24u, 128u, 512u, 2048u})
    texts<Rounded>("12x32/" + std::to_string(length), {12, 12, 32}, {length}, false);
  texts<Rounded>("12x32/32_mixed", {12, 12, 32}, {9,  12, 14, 15, 16, 17, 18, 18, 19, 20, 20, 21, 22, 22, 23, 24,
                                                  24, 25, 25, 26, 26, 27, 28, 28, 29, 30, 30, 31, 32, 32, 35, 40},
                 false);
  for (const std::size_t length : {24u, 128u, 512u})
    texts<Rounded>("12x64/" + std::to_string(length), {12, 12, 64}, {length}, false);
}

const bool registered = [] {
  encoders<false>();
  encoders<true>();
  for (const std::size_t length : {128u, 512u})
    texts("16_over_8x128_causal/" + std::to_string(length), {16, 8, 128}, {length}, true);
  for (const std::size_t length : {512u, 8192u}) decode("16_over_8x128_decode/" + std::to_string(length), {16, 8, 128}, length);
  return true;
}();

}  // namespace
