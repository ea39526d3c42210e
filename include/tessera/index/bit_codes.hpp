// SPDX-License-Identifier: Apache-2.0
/// Codes of one bit a component and what a query's product with their rows is estimated to be.
///
/// A row is x = c + y and a query q = c + p; z = S·y and r = S·p have the same product as y and p where S is orthogonal. With the signs s
/// of z and f = |z|²/|z|_1, s·r·f estimates y·p (RaBitQ, arXiv:2405.12497: without bias over random S), and a query's key of a row is
///
///     offset - f·(s·r),        offset = -c·y for products and cosine, |x|²/2 - c·y for squared L2
///
/// which is -q·x (for squared L2 |x - q|²/2) without what is the same for all rows. Cosine takes x and q at length 1. r is rounded to a few
/// bits, so that s·r is a matter of counting (kernel/signs.hpp).
///
/// | codes        | c              | S                                  | bits of a query's component |
/// | ------------ | -------------- | ---------------------------------- | --------------------------- |
/// | plain_bits   | 0              | none                               | 6                           |
/// | centred_bits | the rows' mean | none                               | 6                           |
/// | rotated_bits | the rows' mean | op/spread.hpp (up to whole blocks) | 4                           |
#pragma once

#include <tessera/base/aligned.hpp>
#include <tessera/op/spread.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// Signs of the components.
struct plain_bits {
  static constexpr bool centred = false, rotated = false;
  static constexpr std::size_t planes = 6;
  static constexpr std::string_view kind = "one_bit_plain";
};
/// Signs around the rows' mean.
struct centred_bits {
  static constexpr bool centred = true, rotated = false;
  static constexpr std::size_t planes = 6;
  static constexpr std::string_view kind = "one_bit_centred";
};
/// Signs around the mean, of components that are spread evenly before.
struct rotated_bits {
  static constexpr bool centred = true, rotated = true;
  static constexpr std::size_t planes = 4;
  static constexpr std::string_view kind = "one_bit";
};

namespace detail {

/// A vector's code: bits, f and offset.
template <std::size_t Words>
struct bit_code {
  std::array<std::uint64_t, Words> bits{};
  float factor = 0.0f, offset = std::numeric_limits<float>::infinity();  ///< of what is no vector: it lies nowhere
};

/// A query in planes of `Words` words each, of which rows have the first ones.
template <std::size_t Planes, std::size_t Words>
struct bit_query {
  alignas(vector_alignment) std::array<std::uint64_t, Planes * Words> planes{};
  std::int32_t start = 0;
  float scale = 0.0f;
  bool usable = false;
  [[nodiscard]] kernel::sign_query view() const noexcept { return {planes.data(), Planes, Words, start, scale}; }
};

/// How vectors of N components become bits.
template <class Bits, std::size_t N>
class bit_frame {
 public:
  static constexpr std::size_t width = Bits::rotated ? spread_map::width_of(N) : N;
  static constexpr std::size_t words = (width + 63) / 64;
  static constexpr std::size_t planes = Bits::planes;
  static_assert(N <= spread_map::most, "tessera: codes of one bit take at most 4096 dimensions");
  using code = bit_code<words>;

  bit_frame() {
    if constexpr (Bits::rotated) map_.emplace(N, seed);
  }

  [[nodiscard]] std::span<const float> centre() const noexcept { return centre_; }
  /// One that a file holds; none stands for zero. Errors: malformed.
  [[nodiscard]] result<> read_centre(std::span<const float> centre) {
    const bool sound = std::all_of(centre.begin(), centre.end(), [](float x) { return std::fabs(x) < 1e13f; });
    if (!sound || (!centre.empty() && (!Bits::centred || centre.size() != N)))
      return fail({.code = error_code::malformed,
                   .thing = "centre of codes",
                   .wanted = Bits::centred ? "none, or " + std::to_string(N) + " numbers" : "none",
                   .found = std::to_string(centre.size()) + (sound ? "" : ", not all of them numbers")});
    centre_.assign(centre.begin(), centre.end());
    return {};
  }
  /// The mean of up to 16384 of `count` vectors, evenly taken, becomes the centre. fetch(i, x) writes vector i as the metric compares it.
  template <class Fetch>
  void learn(std::size_t count, const Fetch& fetch) {
    if constexpr (!Bits::centred) return;
    std::array<double, N> sum{};
    std::size_t taken = 0;
    alignas(vector_alignment) float x[N];
    const std::size_t samples = std::min<std::size_t>(count, 16384);
    for (std::size_t s = 0; s < samples; ++s) {
      fetch(s * count / samples, x);
      if (!is_moderate(x)) continue;
      ++taken;
      for (std::size_t j = 0; j < N; ++j) sum[j] += static_cast<double>(x[j]);
    }
    centre_.assign(taken > 0 ? N : 0, 0.0f);
    for (std::size_t j = 0; j < centre_.size(); ++j) centre_[j] = static_cast<float>(sum[j] / static_cast<double>(taken));
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return centre_.capacity() * sizeof(float) + (map_ ? map_->memory_bytes() : 0);
  }

  /// x as the metric compares it; `half` is |x|²/2 for squared L2, else 0.
  [[nodiscard]] code encode(const float* x, double half) const noexcept {
    code made;
    alignas(vector_alignment) float z[width];
    if (!is_moderate(x)) return made;
    double offset = half;
    place(x, z, [&](std::size_t j, float y) { offset -= static_cast<double>(centre_[j]) * static_cast<double>(y); });
    double square = 0.0;
    double sum = 0.0;
    for (std::size_t i = 0; i < width; ++i) {
      const double value = static_cast<double>(z[i]);
      square += value * value;
      sum += std::fabs(value);
      made.bits[i / 64] |= std::uint64_t{z[i] > 0.0f} << (i % 64);
    }
    if (!(square < 1e30) || !(std::fabs(offset) < 1e30)) return code();
    made.factor = static_cast<float>(sum > 0.0 ? square / sum : 0.0);
    made.offset = static_cast<float>(offset);
    return made;
  }

  template <std::size_t Words>
  void prepare(const float* q, bit_query<planes, Words>& made) const noexcept {
    static_assert(Words >= words);
    constexpr float levels = static_cast<float>(1u << planes);
    alignas(vector_alignment) float r[width];
    made.planes.fill(0);
    made.scale = 0.0f;
    made.start = static_cast<std::int32_t>(width * ((1u << planes) - 1));
    made.usable = is_moderate(q);
    if (!made.usable) return;
    place(q, r, [](std::size_t, float) {});
    const float largest = kernel::kernels().quantize.max_abs(r, width);
    const float to_cell = largest > 0.0f ? levels / 2.0f / largest : 0.0f;
    float product = 0.0f;
    float square = 0.0f;
    for (std::size_t first = 0; first < width; first += 64) {
      const std::size_t now = std::min<std::size_t>(64, width - first);
      std::uint8_t cells[64] = {};
      for (std::size_t i = 0; i < now; ++i) {
        const float cell = std::min(r[first + i] * to_cell + levels / 2.0f, levels - 1.0f);
        cells[i] = static_cast<std::uint8_t>(static_cast<int>(cell));
        const float k = 2.0f * static_cast<float>(cells[i]) - (levels - 1.0f);
        product += k * r[first + i];
        square += k * k;
      }
      for (std::size_t p = 0; p < planes; ++p) made.planes[p * Words + first / 64] = bits_of(cells, p);
    }
    made.scale = -product / square;  // the nearest multiple of k to r
  }

 private:
  static constexpr std::uint64_t seed = 0x7E55E2A;

  /// Bit p of 64 bytes. The product moves the lowest bits of eight bytes into the uppermost byte, the first the lowest.
  [[nodiscard]] static std::uint64_t bits_of(const std::uint8_t* cells, std::size_t p) noexcept {
    std::uint64_t made = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      std::uint64_t eight;
      std::memcpy(&eight, cells + 8 * i, 8);
      made |= ((((eight >> p) & 0x0101010101010101u) * 0x0102040810204080u) >> 56u) << (8 * i);
    }
    return made;
  }
  [[nodiscard]] static bool is_moderate(const float* x) noexcept {
    return kernel::kernels().quantize.max_abs(x, N) < 1e13f;  // NaN is not
  }
  /// S·(x - c); each(j, y_j) is told the difference.
  template <class Each>
  void place(const float* x, float* z, const Each& each) const noexcept {
    const float* from = x;
    if constexpr (Bits::centred) {
      if (!centre_.empty()) {
        for (std::size_t j = 0; j < N; ++j) {
          z[j] = x[j] - centre_[j];
          each(j, z[j]);
        }
        from = z;
      }
    }
    if constexpr (Bits::rotated) (*map_)(from, z);
    else if (from != z) std::copy_n(from, N, z);
  }

  std::vector<float> centre_;  // none: around zero
  std::optional<spread_map> map_;
};

/// Codes of rows in panels, for scans.
template <std::size_t Words>
class bit_panels {
 public:
  static constexpr std::size_t row_bytes = 8 * Words + 2 * sizeof(float);

  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  /// Room for whole panels: a scan writes so many keys.
  [[nodiscard]] static std::size_t padded(std::size_t rows) noexcept {
    return (rows + kernel::sign_rows - 1) / kernel::sign_rows * kernel::sign_rows;
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return bits_.bytes() + factor_.bytes() + offset_.bytes(); }

  /// Errors: out_of_memory; then nothing has changed.
  [[nodiscard]] result<> reserve(std::size_t rows) {
    if (rows <= factor_.size()) return {};
    const std::size_t room = padded(rows_ > 0 && rows == rows_ + 1 ? rows + rows / 2 : rows);
    TESSERA_TRY(auto bits, aligned_buffer<std::uint64_t>::make(room * Words));
    TESSERA_TRY(auto factor, aligned_buffer<float>::make(room));
    TESSERA_TRY(auto offset, aligned_buffer<float>::make(room));
    std::copy_n(bits_.data(), bits_.size(), bits.data());
    std::copy_n(factor_.data(), factor_.size(), factor.data());
    std::copy_n(offset_.data(), offset_.size(), offset.data());
    bits_ = std::move(bits), factor_ = std::move(factor), offset_ = std::move(offset);
    return {};
  }
  /// After `reserve`.
  void resize(std::size_t rows) noexcept { rows_ = rows; }
  void set(std::size_t row, const bit_code<Words>& code) noexcept {
    for (std::size_t w = 0; w < Words; ++w) bits_[place(row, w)] = code.bits[w];
    factor_[row] = code.factor;
    offset_[row] = code.offset;
  }
  [[nodiscard]] bit_code<Words> get(std::size_t row) const noexcept {
    bit_code<Words> made;
    for (std::size_t w = 0; w < Words; ++w) made.bits[w] = bits_[place(row, w)];
    made.factor = factor_[row], made.offset = offset_[row];
    return made;
  }
  /// The last row takes the place of this one.
  void take_out(std::size_t row) noexcept { set(row, get(--rows_)); }

  /// Keys of rows first .. first + count - 1, both in whole panels.
  void scan(const kernel::sign_query& query, std::size_t first, std::size_t count, float* keys) const noexcept {
    kernel::kernels().signs.scan(query, {bits_.data() + first * Words, factor_.data() + first, offset_.data() + first},
                                 count / kernel::sign_rows, keys);
  }

 private:
  [[nodiscard]] static std::size_t place(std::size_t row, std::size_t word) noexcept {
    return (row / kernel::sign_rows * Words + word) * kernel::sign_rows + row % kernel::sign_rows;
  }

  std::size_t rows_ = 0;
  aligned_buffer<std::uint64_t> bits_;    // [rows / 32, words, 32]
  aligned_buffer<float> factor_, offset_;  // [rows]
};

}  // namespace detail

}  // namespace tessera::inline TESSERA_ABI
