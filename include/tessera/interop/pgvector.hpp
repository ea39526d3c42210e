// SPDX-License-Identifier: Apache-2.0
/// Embeddings to PostgreSQL and back: pgvector's vector and halfvec and PostgreSQL's bit, as text and as COPY streams.
///
///     ts::pgvector_writer<space, ts::f16> copy(ts::copy_format::binary);        // COPY notes (id, embedding) FROM STDIN (FORMAT binary)
///     TESSERA_CHECK(copy.add(7, row));                                          // ids are bigint
///     send(copy.take());                                                        // PQputCopyData; as often as one likes
///     send(copy.finish());
///     TESSERA_TRY(auto rows, (ts::read_pgvector_copy<space, ts::f16>(bytes)));  // of COPY ... TO STDOUT, binary or text
///
/// | precision | column                           | indexed up to | operators          |
/// | --------- | -------------------------------- | ------------- | ------------------ |
/// | f32       | vector(N), N <= 16,000           | 2,000         | <=> <#> <->        |
/// | f16       | halfvec(N), N <= 16,000          | 4,000         | <=> <#> <->        |
/// | b1        | bit(N), first component leftmost | 64,000        | <~> <%>            |
///
/// Beyond its limit a column cannot be indexed, and asking for the statement does not compile; `cast<f16>` and `quantize<b1>` spell the
/// way out. Numbers as text are the shortest that read back as the same float. pgvector has no NaN or infinity: they are errors here before
/// they are errors there. Formats: pgvector's vector_send and halfvec_send, bit_send, and "Binary Format" of PostgreSQL's COPY.
#pragma once

#include <tessera/base/bytes.hpp>
#include <tessera/type/matrix.hpp>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI {

enum class copy_format : std::uint8_t { text, binary };

/// Precisions that a column of PostgreSQL can hold.
template <class T>
concept pgvector_precision = std::same_as<T, f32> || std::same_as<T, f16> || std::same_as<T, b1>;

namespace detail {

template <class Space, class Precision>
[[nodiscard]] consteval bool has_pgvector_form() {
  constexpr bool held = pgvector_precision<Precision>;
  static_assert(held,
                "tessera: PostgreSQL holds rows in f32 (vector), f16 (halfvec) or b1 (bit); cast<f16> or dequantize the others");
  constexpr std::size_t most = std::is_same_v<Precision, b1> ? 83'886'080 : 16'000;
  static_assert(Space::dimension <= most, "tessera: pgvector's columns hold at most 16,000 dimensions");
  return held && Space::dimension <= most;
}

template <class Space, class Precision>
[[nodiscard]] consteval bool has_pgvector_index() {
  if constexpr (has_pgvector_form<Space, Precision>()) {
    static_assert(!std::is_same_v<Precision, f32> || Space::dimension <= 2'000,
                  "tessera: pgvector indexes vectors of at most 2,000 dimensions; cast<f16> makes a halfvec (4,000), "
                  "quantize<b1> bits (64,000)");
    static_assert(!std::is_same_v<Precision, f16> || Space::dimension <= 4'000,
                  "tessera: pgvector indexes halfvecs of at most 4,000 dimensions; quantize<b1> makes bits (64,000)");
    static_assert(!std::is_same_v<Precision, b1> || Space::dimension <= 64'000, "tessera: pgvector indexes at most 64,000 bits");
    return Space::dimension <= (std::is_same_v<Precision, f32> ? 2'000u : std::is_same_v<Precision, f16> ? 4'000u : 64'000u);
  }
  return false;
}

template <class T>
void append_be(std::string& out, T value) {
  auto bits = std::bit_cast<typename unsigned_of_size<sizeof(T)>::type>(value);
  if constexpr (std::endian::native == std::endian::little && sizeof(T) > 1) bits = std::byteswap(bits);
  char raw[sizeof(T)];
  std::memcpy(raw, &bits, sizeof bits);
  out.append(raw, sizeof raw);
}

[[nodiscard]] constexpr std::uint8_t reversed_bits(std::uint8_t byte) noexcept {
  std::uint8_t made = 0;
  for (unsigned i = 0; i < 8; ++i) made = static_cast<std::uint8_t>(made | (((byte >> i) & 1u) << (7 - i)));
  return made;
}

inline constexpr std::string_view copy_signature{"PGCOPY\n\xff\r\n\0", 11};

[[nodiscard]] inline std::unexpected<error> not_postgres(std::string thing, std::string wanted, std::string found,
                                                         std::optional<std::uint64_t> offset = {},
                                                         error_code code = error_code::malformed) {
  return fail({.code = code, .thing = std::move(thing), .wanted = std::move(wanted), .found = std::move(found), .offset = offset});
}

}  // namespace detail

/// The column's type: "vector(384)", "halfvec(2560)", "bit(1024)".
template <embedding_space Space, precision Precision>
[[nodiscard]] std::string pgvector_column() {
  if constexpr (detail::has_pgvector_form<Space, Precision>())
    return (std::is_same_v<Precision, f32> ? "vector(" : std::is_same_v<Precision, f16> ? "halfvec(" : "bit(") +
           std::to_string(Space::dimension) + ')';
  return {};
}

/// What an HNSW index over such a column and metric is made with: "hnsw (embedding vector_cosine_ops)", after CREATE INDEX ON table USING.
/// `Metric` is one of op/metric.hpp.
template <embedding_space Space, precision Precision, class Metric>
[[nodiscard]] std::string pgvector_index(std::string_view column) {
  if constexpr (detail::has_pgvector_index<Space, Precision>()) {
    constexpr std::string_view metric = Metric::label;
    constexpr bool of_bits = metric == "hamming" || metric == "jaccard";
    constexpr bool known = of_bits || metric == "cosine" || metric == "inner_product" || metric == "squared_l2";
    static_assert(known && of_bits == std::is_same_v<Precision, b1>,
                  "tessera: pgvector indexes numbers by cosine, inner_product and squared_l2 (its l2), bits by hamming and jaccard");
    const std::string type = std::is_same_v<Precision, f32> ? "vector_" : std::is_same_v<Precision, f16> ? "halfvec_" : "bit_";
    const std::string_view name = metric == "squared_l2" ? "l2" : metric == "inner_product" ? "ip" : metric;
    return "hnsw (" + std::string(column) + ' ' + type + std::string(name) + "_ops)";
  }
  return {};
}

/// A vector as pgvector takes it: "[1,-0.5]", or "0110" for bits. Errors: not_finite.
template <embedding_like Vector>
[[nodiscard]] result<std::string> to_pgvector_text(const Vector& vector) {
  using Precision = typename Vector::precision;
  std::string out;
  if constexpr (detail::has_pgvector_form<typename Vector::space, Precision>()) {
    if constexpr (std::is_same_v<Precision, b1>) {
      for (std::size_t i = 0; i < Vector::dimension; ++i) out += ((vector.data()[i / 8] >> (i % 8)) & 1u) != 0 ? '1' : '0';
    } else {
      out = '[';
      for (std::size_t i = 0; i < Vector::dimension; ++i) {
        const float value = static_cast<float>(vector.data()[i]);
        if (!std::isfinite(value))
          return detail::not_postgres("component " + std::to_string(i), "a finite number", std::to_string(value), {},
                                      error_code::not_finite);
        char text[32];
        const auto end = std::to_chars(text, text + sizeof text, value).ptr;
        if (i > 0) out += ',';
        out.append(text, end);
      }
      out += ']';
    }
  }
  return out;
}

/// The vector that such a text states. Errors: malformed; mismatch (another number of components).
template <embedding_space Space, precision Precision = f32>
[[nodiscard]] result<embedding<Space, Precision>> from_pgvector_text(std::string_view text) {
  embedding<Space, Precision> made;
  constexpr std::size_t n = Space::dimension;
  if constexpr (detail::has_pgvector_form<Space, Precision>()) {
    const auto other_count = [](std::size_t found) {
      return detail::not_postgres("components", std::to_string(n), std::to_string(found), {}, error_code::mismatch);
    };
    if constexpr (std::is_same_v<Precision, b1>) {
      if (text.size() != n) return other_count(text.size());
      for (std::size_t i = 0; i < n; ++i) {
        if (text[i] != '0' && text[i] != '1') return detail::not_postgres("bits", "0 and 1", std::string(1, text[i]), i);
        if (text[i] == '1') made.data()[i / 8] = static_cast<std::uint8_t>(made.data()[i / 8] | (1u << (i % 8)));
      }
    } else {
      if (text.size() < 2 || text.front() != '[' || text.back() != ']')
        return detail::not_postgres("vector", "[ and ]", std::string(text.substr(0, 20)));
      const char* at = text.data() + 1;
      const char* const end = text.data() + text.size() - 1;
      std::size_t count = 0;
      while (at != end) {
        float value = 0.0f;
        const auto read = std::from_chars(at, end, value);
        const bool followed = read.ptr == end || (*read.ptr == ',' && read.ptr + 1 != end);
        using storage = typename Precision::storage;
        if (read.ec != std::errc() || !std::isfinite(static_cast<float>(storage(value))) || !followed)
          return detail::not_postgres("component " + std::to_string(count), "a finite " + std::string(Precision::label),
                                      std::string(at, std::min(end, at + 20)),
                                      static_cast<std::uint64_t>(at - text.data()));
        if (count < n) made.data()[count] = storage(value);
        ++count;
        at = read.ptr + (read.ptr != end ? 1 : 0);
      }
      if (count != n) return other_count(count);
    }
  }
  return made;
}

/// Makes what COPY table (id, embedding) FROM STDIN takes: lines, or with `binary` the stream of FORMAT binary.
template <embedding_space Space, precision Precision = f32>
class pgvector_writer {
 public:
  explicit pgvector_writer(copy_format format) : format_(format) {
    if (format == copy_format::binary) {
      out_ = detail::copy_signature;
      detail::append_be(out_, std::int32_t{0}), detail::append_be(out_, std::int32_t{0});
    }
  }

  /// Errors: invalid_argument (an id beyond bigint), not_finite; then nothing is added.
  template <embedding_like Row>
  [[nodiscard]] result<> add(std::uint64_t id, const Row& row) {
    static_assert(std::is_same_v<typename Row::space, Space>, "tessera: these rows are copied from another embedding space");
    static_assert(std::is_same_v<typename Row::precision, Precision>,
                  "tessera: this column has another precision; cast<> or quantize<> the row");
    if (id >> 63u != 0)
      return detail::not_postgres("id", "at most 2^63 - 1, as bigint holds", std::to_string(id), {}, error_code::invalid_argument);
    if (format_ == copy_format::text) {
      TESSERA_TRY(const std::string text, to_pgvector_text(row));
      out_ += std::to_string(id) + '\t' + text + '\n';
      return {};
    }
    const std::size_t before = out_.size();
    detail::append_be(out_, std::int16_t{2});
    detail::append_be(out_, std::int32_t{8});
    detail::append_be(out_, id);
    if (auto put = put_binary(row); !put) {
      out_.resize(before);
      return put;
    }
    return {};
  }
  /// What has been made since the last time.
  [[nodiscard]] std::string take() { return std::exchange(out_, {}); }
  /// The rest, and the end.
  [[nodiscard]] std::string finish() {
    if (format_ == copy_format::binary) detail::append_be(out_, std::int16_t{-1});
    return take();
  }

 private:
  template <class Row>
  [[nodiscard]] result<> put_binary(const Row& row) {
    constexpr std::size_t n = Space::dimension;
    if constexpr (!detail::has_pgvector_form<Space, Precision>()) {
      return {};
    } else if constexpr (std::is_same_v<Precision, b1>) {
      constexpr std::size_t bytes = (n + 7) / 8;
      detail::append_be(out_, static_cast<std::int32_t>(4 + bytes));
      detail::append_be(out_, static_cast<std::int32_t>(n));
      for (std::size_t i = 0; i < bytes; ++i) out_ += static_cast<char>(detail::reversed_bits(row.data()[i]));
    } else {
      using storage = typename Precision::storage;
      detail::append_be(out_, static_cast<std::int32_t>(4 + n * sizeof(storage)));
      detail::append_be(out_, static_cast<std::int16_t>(n));
      detail::append_be(out_, std::int16_t{0});
      for (std::size_t i = 0; i < n; ++i) {
        const storage value = row.data()[i];
        if (!std::isfinite(static_cast<float>(value)))
          return detail::not_postgres("component " + std::to_string(i), "a finite number", std::to_string(static_cast<float>(value)), {},
                                      error_code::not_finite);
        if constexpr (std::is_same_v<Precision, f16>) detail::append_be(out_, value.bits);
        else detail::append_be(out_, value);
      }
    }
    return {};
  }

  copy_format format_;
  std::string out_;
};

/// The rows of a COPY, with their ids.
template <embedding_space Space, precision Precision>
struct copied_rows {
  std::vector<std::uint64_t> ids;
  embedding_matrix<Space, Precision> rows;
};

}  // namespace tessera::inline TESSERA_ABI

#include <tessera/interop/pgvector_read.hpp>
