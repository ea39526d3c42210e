// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/published.hpp: one tensor of a file, its parts, and its rows.
///
/// Included by model/published-inl.hpp alone.
#pragma once

#include <tessera/base/aligned.hpp>
#include <tessera/dispatch.hpp>
#include <tessera/io/tensor_blocks.hpp>
#include <tessera/model/published.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE std::vector<std::size_t> published_tensor::shape() const {
  if (whole == nullptr) return {};
  std::vector<std::size_t> extents(whole->shape.begin(), whole->shape.end());
  if (stack != published_name::stack_form::none && extents.size() == 3) {
    if (stack == published_name::stack_form::turned) std::swap(extents[1], extents[2]);
    extents[1] *= extents[0];  // within what the file holds
    extents.erase(extents.begin());
  }
  if (parts > 1) extents.front() /= parts;
  if (rows != nullptr && !extents.empty()) extents.front() = element_count(*rows);
  if (!extents.empty()) extents.front() += missing;
  return extents;
}

TESSERA_INLINE bool published_tensor::fits(const tensor_entry& wanted, bool in_gguf) const {
  const std::vector<std::size_t> extents = shape();
  std::span<const std::size_t> want(wanted.shape.data(), wanted.rank);
  if (in_gguf && extents.size() < want.size() && want.front() == 1) want = want.subspan(1);
  return std::ranges::equal(extents, want);
}

/// The part, its shape excepted.
TESSERA_INLINE tensor_view published_tensor::own() const noexcept {
  tensor_view mine = *whole;
  const std::size_t size = mine.bytes.size() / parts;
  mine.bytes = mine.bytes.subspan(part * size, size);
  mine.offset += part * size;
  return mine;
}

TESSERA_INLINE std::optional<error> published_tensor::fault() const {
  const auto is_float = [](dtype type) { return type == dtype::f32 || type == dtype::f16 || type == dtype::bf16; };
  const auto wrong = [](const tensor_view& tensor, std::string wanted, std::string found) {
    return error{.code = error_code::mismatch,
                 .thing = std::string(tensor.name),
                 .wanted = std::move(wanted),
                 .found = std::move(found),
                 .path = std::string(tensor.file)};
  };
  const bool numbers = is_float(whole->type) || is_blocks(whole->type);
  // Tables of whole numbers are those that model2vec quantised: the numbers themselves, without a scale.
  const bool whole_numbers = (rows != nullptr || factors != nullptr) && whole->type == dtype::i8;
  if (!numbers && !whole_numbers) return wrong(*whole, "F32, F16 or BF16", std::string(to_string(whole->type)));
  if (rows != nullptr && (rows->shape.size() != 1 || (rows->type != dtype::i64 && rows->type != dtype::i32)))
    return wrong(*rows, "I64, one number a token", std::string(to_string(rows->type)) + ' ' + shape_text(rows->shape));
  if (rows != nullptr) {
    std::vector<std::int64_t> places(rows->shape[0]);
    if (auto done = read_i64(*rows, places); !done) return std::move(done).error();
    const auto beyond = std::ranges::find_if(
        places, [&](std::int64_t place) { return place < 0 || static_cast<std::uint64_t>(place) >= whole->shape.front(); });
    if (beyond != places.end())
      return wrong(*rows, "rows below " + std::to_string(whole->shape.front()) + " (those of " + std::string(whole->name) + ')',
                   std::to_string(*beyond) + " for token " + std::to_string(beyond - places.begin()));
  }
  if (factors != nullptr && (factors->shape.size() != 1 || factors->shape[0] != shape().front() ||
                             (!is_float(factors->type) && factors->type != dtype::f64)))
    return wrong(*factors, "a factor for each of " + std::to_string(shape().front()) + " rows",
                 std::string(to_string(factors->type)) + ' ' + shape_text(factors->shape));
  return std::nullopt;
}

TESSERA_INLINE bool published_tensor::read_piece(std::span<float> into, std::size_t begin) const noexcept {
  const std::size_t count = into.size();
  tensor_view mine = own();
  const std::size_t unit = is_blocks(mine.type) ? layout_of(mine.type).elements : 1;
  const std::size_t unit_bytes = is_blocks(mine.type) ? layout_of(mine.type).bytes : bits_of(mine.type) / 8;
  mine.shape = std::span(&count, 1);
  mine.bytes = mine.bytes.subspan(begin / unit * unit_bytes, count / unit * unit_bytes);
  if (!read_f32(mine, into)) return false;
  if (more != 0.0f)
    for (float& x : into) x -= more;
  return kernel::kernels().quantize.all_finite(into.data(), count);
}

TESSERA_INLINE bool published_tensor::read_piece(std::span<std::uint16_t> into, std::size_t begin) const noexcept {
  std::array<float, 4096> some;  // in the first-level cache; whole blocks of every type
  for (std::size_t at = 0; at < into.size(); at += some.size()) {
    const std::span<float> wide = std::span(some).first(std::min(some.size(), into.size() - at));
    if (!read_piece(wide, begin + at)) return false;
    if (!detail::round_to_f16(wide, into.data() + at)) return false;
  }
  return true;
}

TESSERA_INLINE bool published_tensor::check_piece(std::size_t begin, std::size_t count, bool in_f16) const noexcept {
  std::array<float, 4096> some;  // as above
  std::array<std::uint16_t, some.size()> narrow;
  for (std::size_t at = 0; at < count; at += some.size()) {
    const std::span<float> wide = std::span(some).first(std::min(some.size(), count - at));
    if (!read_piece(wide, begin + at)) return false;
    if (in_f16 && !detail::round_to_f16(wide, narrow.data())) return false;
  }
  return true;
}

template <class Good>
std::optional<std::uint64_t> published_tensor::each_piece(std::string_view name, std::size_t size, thread_pool* threads,
                                                          Good good) const {
  const std::size_t pieces = (size + piece - 1) / piece;
  if (pieces <= 1) threads = nullptr;
  std::uint64_t made = 0;
  std::atomic<bool> all_good = true;
  for_each(threads, pieces + 1, [&](std::size_t i) {
    if (i == 0) {
      made = digest(name);
      return;
    }
    const std::size_t begin = (i - 1) * piece;
    if (!good(begin, std::min(piece, size - begin))) all_good = false;
  });
  return all_good ? std::optional(made) : std::nullopt;
}

TESSERA_INLINE result<std::uint64_t> published_tensor::read_with_digest(std::string_view name, std::span<float> values,
                                                                          thread_pool* threads) const {
  const auto read_some = [&](std::size_t begin, std::size_t count) { return read_piece(values.subspan(begin, count), begin); };
  if (is_plain() && element_count(shape()) == values.size())
    if (const auto made = each_piece(name, values.size(), threads, read_some)) return *made;
  TESSERA_CHECK(read(values));  // says what is wrong, where pieces were
  return digest(name);
}

TESSERA_INLINE result<std::uint64_t> published_tensor::read_with_digest(std::string_view name, std::span<std::uint16_t> values,
                                                                          thread_pool* threads) const {
  TESSERA_ASSERT(is_plain());
  if (element_count(shape()) != values.size()) return std::unexpected(wrong_size(values.size()));
  const auto read_some = [&](std::size_t begin, std::size_t count) { return read_piece(values.subspan(begin, count), begin); };
  if (const auto made = each_piece(name, values.size(), threads, read_some)) return *made;
  TESSERA_CHECK(refuse_numbers("F16"));
  return std::uint64_t{0};
}

TESSERA_INLINE result<std::uint64_t> published_tensor::check_with_digest(std::string_view name, bool in_f16, thread_pool* threads) const {
  const auto check_some = [&](std::size_t begin, std::size_t count) { return check_piece(begin, count, in_f16); };
  if (const auto made = each_piece(name, element_count(shape()), threads, check_some)) return *made;
  TESSERA_CHECK(refuse_numbers(in_f16 ? "F16" : "F32"));
  return std::uint64_t{0};
}

TESSERA_INLINE error published_tensor::wrong_size(std::size_t wanted) const {
  return {.code = error_code::mismatch,
          .thing = std::string(whole->name),
          .wanted = std::to_string(wanted) + " elements",
          .found = shape_text(shape()),
          .path = std::string(whole->file)};
}

TESSERA_INLINE result<> published_tensor::refuse_numbers(std::string_view range) const {
  TESSERA_CHECK(check_finite(*whole));
  if (factors != nullptr) TESSERA_CHECK(check_finite(*factors));
  return fail({.code = error_code::not_finite,
               .thing = std::string(whole->name),
               .wanted = "numbers within the range of " + std::string(range),
               .found = "one beyond it",
               .path = std::string(whole->file)});
}

TESSERA_INLINE result<> published_tensor::read(std::span<float> values) const {
  if (missing != 0) {
    const std::size_t width = element_count(*whole) / std::max(whole->shape.front(), std::size_t{1});
    const std::size_t left_out = std::min(values.size(), missing * width);
    std::ranges::fill(values.first(left_out), std::numeric_limits<float>::quiet_NaN());
    return published_tensor{whole}.read(values.subspan(left_out));
  }
  if (stack == published_name::stack_form::turned) {
    TESSERA_CHECK(read_turned(values));
  } else if (rows == nullptr && factors == nullptr) {
    const std::vector<std::size_t> extents = shape();
    tensor_view mine = own();
    mine.shape = extents;
    TESSERA_CHECK(read_f32(mine, values));
  } else {
    TESSERA_CHECK(look_up(values));
  }
  if (more != 0.0f)
    for (float& x : values) x -= more;
  if (kernel::kernels().quantize.all_finite(values.data(), values.size())) return {};
  return refuse_numbers("float");
}

TESSERA_INLINE result<> published_tensor::read_turned(std::span<float> values) const {
  if (whole->shape.size() != 3 || element_count(*whole) != values.size()) return std::unexpected(wrong_size(values.size()));
  const std::size_t matrices = whole->shape[0], height = whole->shape[1], width = whole->shape[2];
  if (values.empty()) return {};
  TESSERA_TRY(auto one, aligned_buffer<float>::make(height * width));
  tensor_view matrix = *whole;
  matrix.shape = whole->shape.subspan(1);
  for (std::size_t i = 0; i < matrices; ++i) {
    const std::size_t bytes = whole->bytes.size() / matrices;
    matrix.bytes = whole->bytes.subspan(i * bytes, bytes);
    TESSERA_CHECK(read_f32(matrix, one.span()));
    float* turned = values.data() + i * height * width;
    for (std::size_t row = 0; row < height; ++row)
      for (std::size_t column = 0; column < width; ++column) turned[column * height + row] = one[row * width + column];
  }
  return {};
}

TESSERA_INLINE result<> published_tensor::look_up(std::span<float> values) const {
  const std::vector<std::size_t> extents = shape();
  const std::size_t stored = whole->shape.front();
  const std::size_t width = stored == 0 ? 0 : element_count(*whole) / stored;
  if (values.size() != extents.front() * width) return std::unexpected(wrong_size(values.size()));
  std::vector<std::int64_t> places(rows == nullptr ? 0 : extents.front());
  if (rows != nullptr) TESSERA_CHECK(read_i64(*rows, places));
  std::vector<float> scale(factors == nullptr ? 0 : extents.front());
  if (factors != nullptr) TESSERA_CHECK(read_f32(*factors, scale));
  std::vector<std::int64_t> integers(whole->type == dtype::i8 ? width : 0);
  const std::size_t row_bytes = stored == 0 ? 0 : whole->bytes.size() / stored;
  for (std::size_t i = 0; i < extents.front(); ++i) {
    const auto place = rows == nullptr ? static_cast<std::int64_t>(i) : places[i];
    if (place < 0 || static_cast<std::uint64_t>(place) >= stored)
      return fail({.code = error_code::mismatch,
                   .thing = std::string(rows == nullptr ? whole->name : rows->name),
                   .wanted = "rows below " + std::to_string(stored),
                   .found = std::to_string(place) + " for token " + std::to_string(i),
                   .path = std::string(whole->file)});
    tensor_view row = *whole;
    row.shape = std::span(&width, 1);
    row.bytes = row.bytes.subspan(static_cast<std::size_t>(place) * row_bytes, row_bytes);
    const std::span<float> into = values.subspan(i * width, width);
    if (integers.empty()) {
      TESSERA_CHECK(read_f32(row, into));
    } else {
      TESSERA_CHECK(read_i64(row, integers));
      std::ranges::transform(integers, into.begin(), [](std::int64_t number) { return static_cast<float>(number); });
    }
    if (factors != nullptr)
      for (float& x : into) x *= scale[i];
  }
  return {};
}

TESSERA_INLINE std::uint64_t published_tensor::digest(std::string_view name) const noexcept {
  std::uint64_t made = digest64(own().bytes, digest64(std::as_bytes(std::span(name))));
  for (const tensor_view* each : {rows, factors})
    if (each != nullptr) made = digest64(each->bytes, made);
  return made;
}

}  // namespace tessera::inline TESSERA_ABI
