// SPDX-License-Identifier: Apache-2.0
/// Payloads and metadata between ranks, for parts that keep them: stores.
#pragma once

#include <tessera/distributed/wire.hpp>
#include <tessera/store/content.hpp>

#include <concepts>
#include <type_traits>

namespace tessera::inline TESSERA_ABI::detail {

/// An index that keeps bytes beside its rows: a store.
template <class Index>
concept keeps_content = requires(Index& index, std::span<const std::uint64_t> ids, const typename Index::matrix& rows,
                                 std::span<const row_content> contents) {
  { index.add_rows(ids, rows, contents) } -> std::same_as<result<>>;
};

inline void put_content(std::string& out, std::span<const std::byte> metadata, std::span<const std::byte> payload) {
  for (const auto bytes : {metadata, payload}) put_string(out, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}
/// Borrows from the message. Errors: malformed.
[[nodiscard]] inline result<row_content> read_content(byte_reader& reader) {
  TESSERA_TRY(const auto metadata, reader.string("metadata"));
  TESSERA_TRY(const auto payload, reader.string("payload"));
  return row_content::text(payload, metadata);
}

/// What `sharded_index::get` gives: what a store gives, or a row of its own.
template <class Index>
struct row_found {
  using type = embedding<typename Index::space, typename Index::precision>;
};
template <class Index>
  requires keeps_content<Index>
struct row_found<Index> {
  using type = typename Index::row_type;
};

}  // namespace tessera::inline TESSERA_ABI::detail
