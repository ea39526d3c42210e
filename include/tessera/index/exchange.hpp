// SPDX-License-Identifier: Apache-2.0
/// Indexes of other libraries into ours and back: rows, ids, and the graph, which need not be built again.
///
///     TESSERA_TRY(const auto old, ts::read_hnswlib("old.bin"));                       // or read_faiss, read_usearch
///     TESSERA_TRY(auto index, (ts::index_from<ts::hnsw<space, ts::f32, ts::inner_product>>(old)));
///     TESSERA_TRY(const auto parts, ts::parts_of(index));                            // borrows the index's rows
///     TESSERA_CHECK(ts::write_faiss("new.index", parts));
///
/// What a file states must be what the type says: dimension, precision, metric (a file of inner products becomes an index by cosine where
/// every row has length 1, for then it is the same). What it cannot state, the space above all, is taken on the caller's word. A graph is
/// taken over by `hnsw`, whose walk it then decides as it did before; `flat` and others take the rows. Removed rows stay behind.
#pragma once

#include <tessera/base/threads.hpp>
#include <tessera/index/rules.hpp>
#include <tessera/io/index_parts.hpp>
#include <tessera/io/tensor.hpp>
#include <tessera/type/matrix.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {

template <class Precision>
[[nodiscard]] consteval bool has_parts() {
  static_assert(floating_precision<Precision> || std::is_same_v<Precision, b1>,
                "tessera: files of other libraries hold rows of f32, f16, bf16 or b1; i8 and i4 have scales beside them");
  return floating_precision<Precision> || std::is_same_v<Precision, b1>;
}

template <class Metric>
[[nodiscard]] constexpr stated_metric stated_as() noexcept {
  if constexpr (std::is_same_v<Metric, cosine>) return stated_metric::cosine;
  else if constexpr (std::is_same_v<Metric, inner_product>) return stated_metric::inner_product;
  else if constexpr (std::is_same_v<Metric, squared_l2>) return stated_metric::squared_l2;
  else if constexpr (std::is_same_v<Metric, hamming>) return stated_metric::hamming;
  else if constexpr (std::is_same_v<Metric, jaccard>) return stated_metric::jaccard;
  else return stated_metric::unstated;
}

[[nodiscard]] inline std::string_view name_of_parts(dtype type) noexcept {
  return type == dtype::f32 ? "f32" : type == dtype::f16 ? "f16" : type == dtype::bf16 ? "bf16" : "b1";
}

/// The parts are of this index type. Errors: mismatch, with everything that differs.
template <class Index>
[[nodiscard]] result<> parts_match(const index_parts& parts) {
  std::vector<error> causes;
  const auto compare = [&](const char* thing, std::string wanted, std::string found) {
    if (wanted != found)
      causes.push_back(
          {.code = error_code::mismatch, .thing = thing, .wanted = std::move(wanted), .found = std::move(found)});
  };
  compare("dimension", std::to_string(Index::dimension), std::to_string(parts.dimension));
  compare("precision", std::string(Index::precision::label), std::string(name_of_parts(parts.type)));
  const stated_metric wanted = stated_as<typename Index::metric>();
  const bool same = wanted == stated_metric::cosine && parts.metric == stated_metric::inner_product && parts.has_unit_rows();
  if (parts.metric != stated_metric::unstated && wanted != stated_metric::unstated && !same)
    compare("metric", std::string(Index::metric::label), std::string(to_string(parts.metric)));
  if (causes.empty()) return {};
  return fail({.code = error_code::mismatch,
               .thing = parts.format + " file as " + std::string(Index::space::label()),
               .wanted = "what the index's type says",
               .found = std::to_string(causes.size()) + (causes.size() == 1 ? " difference" : " differences"),
               .path = parts.path,
               .causes = std::move(causes)});
}

/// The rows as a matrix. Errors: mismatch (bits beyond the dimension), out_of_memory.
template <class Matrix>
[[nodiscard]] result<Matrix> rows_of_parts(const index_parts& parts) {
  using storage = typename Matrix::storage;
  TESSERA_TRY(auto rows, Matrix::make(parts.rows));
  for (std::size_t i = 0; i < parts.rows; ++i) {
    const std::span<storage> to = rows.values(i);
    TESSERA_CHECK(copy_le<storage>(parts.vector(i), to));
    if constexpr (std::is_same_v<typename Matrix::precision, b1> && Matrix::dimension % 8 != 0)
      if ((to.back() >> (Matrix::dimension % 8)) != 0)
        return fail({.code = error_code::mismatch,
                     .thing = "row " + std::to_string(i),
                     .wanted = std::to_string(Matrix::dimension) + " bits, then zeros",
                     .found = "a bit beyond them",
                     .path = parts.path});
  }
  return rows;
}

}  // namespace detail

/// Errors: mismatch (dimension, precision or metric, all differences in one error), malformed (links), invalid_argument (an id that stands
/// twice, a degree beyond what `hnsw` takes), out_of_memory.
template <class Index>
[[nodiscard]] result<Index> index_from(const index_parts& parts, thread_pool* threads = nullptr) {
  Index made;
  if constexpr (detail::has_parts<typename Index::precision>()) {
    using matrix = embedding_matrix<typename Index::space, typename Index::precision>;
    TESSERA_CHECK(detail::parts_match<Index>(parts));
    TESSERA_TRY(matrix rows, detail::rows_of_parts<matrix>(parts));
    // Libraries that give removed rows one id all the same: the others' ids decide.
    std::vector<std::uint64_t> ids = parts.ids;
    std::vector<std::uint64_t> gone;
    if (!parts.removed.empty()) {
      std::uint64_t spare = 0;
      std::vector<std::uint64_t> kept;
      for (std::size_t i = 0; i < parts.rows; ++i)
        if (!parts.is_removed(i)) kept.push_back(ids[i]);
      std::sort(kept.begin(), kept.end());
      for (std::size_t i = 0; i < parts.rows; ++i) {
        if (!parts.is_removed(i)) continue;
        while (std::binary_search(kept.begin(), kept.end(), spare)) ++spare;
        gone.push_back(ids[i] = spare++);
      }
    }
    const auto in_file = [&](error wrong) {
      wrong.path = parts.path;
      return std::unexpected(std::move(wrong));
    };
    if constexpr (requires { Index::with_graph(ids, std::move(rows), *parts.graph, threads); }) {
      if (parts.graph) {
        auto linked = Index::with_graph(ids, std::move(rows), *parts.graph, threads);
        if (!linked) return in_file(std::move(linked).error());
        made = *std::move(linked);
      } else if (auto added = made.add_rows(ids, std::move(rows), {.threads = threads}); !added) {
        return in_file(std::move(added).error());
      }
    } else if (auto added = made.add_rows(ids, std::move(rows)); !added) {
      return in_file(std::move(added).error());
    }
    for (const std::uint64_t id : gone) TESSERA_CHECK(made.remove(id));
  }
  return made;
}

/// What a writer needs of an index: its rows, borrowed until the index changes, its ids, and a copy of its graph. Errors: invalid_argument
/// (removed rows stand in the graph: `repair` first).
template <class Index>
[[nodiscard]] result<index_parts> parts_of(const Index& index) {
  index_parts made;
  if constexpr (detail::has_parts<typename Index::precision>()) {
    using matrix = embedding_matrix<typename Index::space, typename Index::precision>;
    if (index.size() != index.rows().rows())
      return fail({.code = error_code::invalid_argument,
                   .thing = "index",
                   .wanted = "no removed rows (repair leads the graph around them)",
                   .found = std::to_string(index.rows().rows() - index.size())});
    made.format = "tessera";
    made.metric = detail::stated_as<typename Index::metric>();
    made.type = detail::dtype_of<typename matrix::storage>();
    made.dimension = matrix::dimension;
    made.rows = index.rows().rows();
    made.vectors = std::as_bytes(std::span(index.rows().data(), made.rows * matrix::stride));
    made.stride = matrix::stride * sizeof(typename matrix::storage);
    made.ids.assign(index.ids().begin(), index.ids().end());
    if constexpr (requires { index.graph(); }) made.graph = index.graph();
  }
  return made;
}

}  // namespace tessera::inline TESSERA_ABI
