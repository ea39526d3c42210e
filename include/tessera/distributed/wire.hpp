// SPDX-License-Identifier: Apache-2.0
/// Rows, ids and hits as bytes between ranks of one program: little-endian, every length checked when read.
///
///     std::string message;
///     ts::put_rows(message, rows);
///     TESSERA_TRY(auto again, (ts::read_rows<space, ts::f16>(reader)));    // the same bits, facts and fingerprint
#pragma once

#include <tessera/io/byte_reader.hpp>
#include <tessera/io/bytes.hpp>
#include <tessera/op/top_k.hpp>
#include <tessera/type/matrix.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// The facts of a row of this precision, as floats.
template <class Precision, class Visit>
void each_fact(row_facts<Precision>& facts, const Visit& visit) {
  if constexpr (requires { facts.norm; }) visit(facts.norm);
  if constexpr (requires { facts.scale; }) visit(facts.scale);
}

}  // namespace detail

/// Rows at the places `which`.
template <embedding_space Space, precision Precision>
void put_rows(std::string& out, const embedding_matrix<Space, Precision>& rows, std::span<const std::uint32_t> which) {
  append_le(out, std::uint64_t{which.size()});
  append_le(out, rows.made_by().value);
  out.reserve(out.size() + which.size() * (rows.stored * sizeof(typename Precision::storage) + sizeof(row_facts<Precision>)));
  for (const std::uint32_t i : which) {
    append_all_le(out, rows.row(i).values());
    auto facts = rows.facts(i);
    detail::each_fact(facts, [&out](float fact) { append_le(out, fact); });
  }
}
/// All rows.
template <embedding_space Space, precision Precision>
void put_rows(std::string& out, const embedding_matrix<Space, Precision>& rows) {
  std::vector<std::uint32_t> all(rows.rows());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint32_t>(i);
  put_rows(out, rows, all);
}

/// Errors: malformed, out_of_memory.
template <embedding_space Space, precision Precision>
[[nodiscard]] result<embedding_matrix<Space, Precision>> read_rows(byte_reader& reader) {
  using matrix = embedding_matrix<Space, Precision>;
  using storage = typename matrix::storage;
  TESSERA_TRY(const auto count, reader.number<std::uint64_t>("rows"));
  TESSERA_TRY(const auto made_by, reader.number<std::uint64_t>("fingerprint"));
  TESSERA_CHECK(reader.fits(count, matrix::stored * sizeof(storage), "rows"));
  TESSERA_TRY(auto rows, matrix::make(static_cast<std::size_t>(count)));
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    TESSERA_TRY(const auto bytes, reader.take(matrix::stored * sizeof(storage), "row"));
    TESSERA_CHECK(copy_le<storage>(bytes, rows.values(i)));
    row_facts<Precision> facts;
    result<> outcome;
    detail::each_fact(facts, [&](float& fact) {
      const auto number = reader.number<float>("facts of a row");
      if (number) fact = *number;
      else outcome = std::unexpected(number.error());
    });
    TESSERA_CHECK(std::move(outcome));
    rows.set_facts(i, facts);
  }
  rows.set_made_by({made_by});
  return rows;
}

inline void put_string(std::string& out, std::string_view text) {
  append_le(out, std::uint64_t{text.size()});
  out += text;
}

inline void put_ids(std::string& out, std::span<const std::uint64_t> ids) {
  append_le(out, std::uint64_t{ids.size()});
  append_all_le(out, ids);
}
/// Errors: malformed.
[[nodiscard]] inline result<std::vector<std::uint64_t>> read_ids(byte_reader& reader) {
  TESSERA_TRY(const auto count, reader.number<std::uint64_t>("ids"));
  TESSERA_CHECK(reader.fits(count, sizeof(std::uint64_t), "ids"));
  TESSERA_TRY(const auto bytes, reader.take(count * sizeof(std::uint64_t), "ids"));
  std::vector<std::uint64_t> ids(static_cast<std::size_t>(count));
  TESSERA_CHECK(copy_le<std::uint64_t>(bytes, ids));
  return ids;
}

inline void put_hits(std::string& out, std::span<const hit> hits) {
  append_le(out, std::uint64_t{hits.size()});
  for (const hit& one : hits) append_le(out, one.id), append_le(out, one.score);
}
/// Errors: malformed.
[[nodiscard]] inline result<std::vector<hit>> read_hits(byte_reader& reader) {
  TESSERA_TRY(const auto count, reader.number<std::uint64_t>("hits"));
  TESSERA_CHECK(reader.fits(count, sizeof(std::uint64_t) + sizeof(float), "hits"));
  std::vector<hit> hits(static_cast<std::size_t>(count));
  for (hit& one : hits) {
    TESSERA_TRY(one.id, reader.number<std::uint64_t>("id"));
    TESSERA_TRY(one.score, reader.number<float>("score"));
  }
  return hits;
}

}  // namespace tessera::inline TESSERA_ABI
