// SPDX-License-Identifier: Apache-2.0
/// What every index offers, so that a program swaps `flat` for `hnsw` or `certified` in one line; and what stands on the query side.
///
///     template <ts::similarity_index Index>
///     ts::result<> fill(Index& index, std::span<const std::uint64_t> ids, const typename Index::matrix& rows) {
///       return index.add_rows(ids, rows);
///     }
///
/// The durable store (store/store.hpp) is one too; its path is a directory.
///
/// An index is of a space, a precision and a metric; rows stand under ids of the caller's. Queries of other spaces do not compile, models
/// of the same type are told apart by their fingerprint. Hits come nearest first, equal scores by id, NaN last.
#pragma once

#include <tessera/op/search_options.hpp>
#include <tessera/op/top_k.hpp>
#include <tessera/index/index_file.hpp>
#include <tessera/op/metric.hpp>
#include <tessera/type/matrix.hpp>

#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// What queries of an index are at their widest: f32, but for codes that are met by codes.
template <class Index>
using query_precision_of = std::conditional_t<std::is_same_v<typename Index::precision, b1> &&
                                                  !std::is_same_v<typename Index::metric, sign_product>,
                                              b1, f32>;

/// What `get` gives: a view into the index, or a row of its own where others may change the index meanwhile.
template <class Row, class Index>
concept row_of_index = requires(const Row& row) {
  requires embedding_like<typename Row::value_type>;
  requires std::same_as<typename Row::value_type::space, typename Index::space>;
  requires std::same_as<typename Row::value_type::precision, typename Index::precision>;
};

}  // namespace detail

template <class T>
concept similarity_index =
    embedding_space<typename T::space> && precision<typename T::precision> && metric<typename T::metric> && std::movable<T> &&
    requires(T& index, const T& settled, std::uint64_t id, std::span<const std::uint64_t> ids, std::size_t k, std::string_view path,
             const embedding<typename T::space, typename T::precision>& row,
             const embedding_matrix<typename T::space, typename T::precision>& rows,
             const embedding<typename T::space, detail::query_precision_of<T>>& query,
             const embedding_matrix<typename T::space, detail::query_precision_of<T>>& queries, float bound,
             const search_options& options, const provenance& origin) {
      { index.add(id, row) } -> std::same_as<result<>>;
      { index.add_rows(ids, rows) } -> std::same_as<result<>>;
      { index.update(id, row) } -> std::same_as<result<>>;
      { index.remove(id) } -> std::same_as<result<>>;
      { settled.get(id) } -> detail::row_of_index<T>;
      { settled.contains(id) } -> std::same_as<bool>;
      { settled.size() } -> std::same_as<std::size_t>;
      { settled.memory_bytes() } -> std::same_as<std::size_t>;
      { settled.made_by() } -> std::same_as<fingerprint>;
      { settled.search(query, k, options) } -> std::same_as<result<std::vector<hit>>>;
      { settled.search(queries, k, options) } -> std::same_as<result<std::vector<std::vector<hit>>>>;
      { settled.within(query, bound, options) } -> std::same_as<result<std::vector<hit>>>;
      { settled.save(path, origin) } -> std::same_as<result<>>;
      { T::open(path, origin) } -> std::same_as<result<T>>;
    };

/// What makes queries for an index: a model, or anything that gives a vector of the index's space for what it is given.
template <class Encoder, class Index, class Input = std::string_view>
concept query_encoder = similarity_index<Index> && requires(const Encoder& encoder, const Input& input) {
  requires std::same_as<typename std::remove_cvref_t<decltype(*encoder.encode(input))>::space, typename Index::space>;
};

/// The k nearest rows of what an encoder makes of an input. Errors: the encoder's, the index's.
template <similarity_index Index, class Encoder, class Input>
  requires query_encoder<Encoder, Index, Input>
[[nodiscard]] result<std::vector<hit>> search(const Index& index, const Encoder& encoder, const Input& input, std::size_t k,
                                              const search_options& options = {}) {
  TESSERA_TRY(const auto query, encoder.encode(input));
  return index.search(query, k, options);
}

}  // namespace tessera::inline TESSERA_ABI
