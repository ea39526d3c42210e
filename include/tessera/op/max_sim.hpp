// SPDX-License-Identifier: Apache-2.0
/// Late interaction: how well documents of many vectors answer a query of many vectors (ColBERT, arXiv:2004.12832).
///
///     score(d) = sum over query vectors q_i of max over vectors t of d of q_i·t
///
///     ts::token_rows<space, ts::f16> documents;                        // vectors of all documents, and where each begins
///     TESSERA_CHECK(documents.append(ts::cast<ts::f16>(token_vectors)));
///     TESSERA_TRY(const auto hits, ts::max_sim_search(query_vectors, documents, 10));     // document numbers, best first
///
/// Query vectors have the documents' precision or are f32. All vectors of a query meet a tile of document vectors at once
/// (op/score_many.hpp), whose products stay in the cache. A sum is in double, rounded once: it depends neither on tiles nor on threads.
/// A document without vectors scores -infinity, one with a product of NaN scores NaN and stands last; a query without vectors scores 0.
#pragma once

#include <tessera/op/score_many.hpp>
#include <tessera/op/search_options.hpp>
#include <tessera/op/top_k.hpp>

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// Documents as rows of vectors, each of any number.
template <embedding_space Space, precision Precision = f32>
class token_rows {
 public:
  using space = Space;
  using precision = Precision;
  using matrix = embedding_matrix<Space, Precision>;

  [[nodiscard]] std::size_t documents() const noexcept { return begins_.size() - 1; }
  [[nodiscard]] const matrix& vectors() const noexcept { return vectors_; }
  /// Document d has rows begin(d) .. begin(d + 1) - 1 of vectors().
  [[nodiscard]] std::size_t begin(std::size_t d) const noexcept { return begins_[d]; }
  [[nodiscard]] std::size_t length(std::size_t d) const noexcept { return begins_[d + 1] - begins_[d]; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return vectors_.memory_bytes() + begins_.capacity() * sizeof(std::size_t);
  }

  /// Room for so many vectors in all. Errors: out_of_memory.
  [[nodiscard]] result<> reserve(std::size_t vectors) { return vectors_.reserve(vectors); }
  /// The next document. Errors: out_of_memory, mismatch (vectors of another model); then nothing has changed.
  template <embedding_space RowSpace, tessera::precision RowPrecision>
  [[nodiscard]] result<> append(const embedding_matrix<RowSpace, RowPrecision>& document) {
    static_assert(std::is_same_v<RowSpace, Space>, "tessera: these documents hold another embedding space");
    static_assert(!std::is_same_v<RowSpace, Space> || std::is_same_v<RowPrecision, Precision>,
                  "tessera: these documents hold another precision; cast<> or quantize<> the vectors");
    if constexpr (std::is_same_v<RowSpace, Space> && std::is_same_v<RowPrecision, Precision>) {
      if (vectors_.made_by() && document.made_by() && vectors_.made_by() != document.made_by())
        return fail({.code = error_code::mismatch, .thing = "vectors of a document", .wanted = "those of one model", .found = "another's"});
      const std::size_t wanted = vectors_.rows() + document.rows();
      if (wanted > vectors_.capacity()) TESSERA_CHECK(vectors_.reserve(std::max(wanted, vectors_.capacity() + vectors_.capacity() / 2)));
      for (std::size_t i = 0; i < document.rows(); ++i) TESSERA_CHECK(vectors_.append(document.row(i)));
      if (document.made_by()) vectors_.set_made_by(document.made_by());
      begins_.push_back(vectors_.rows());
    }
    return {};
  }

 private:
  matrix vectors_;
  std::vector<std::size_t> begins_{0};
};

namespace detail {

/// Scores of documents first .. first + count - 1.
template <class Packed, class Space, class Precision>
void max_sims(const Packed& query, const token_rows<Space, Precision>& documents, std::size_t first, std::size_t count, float* out) {
  constexpr std::size_t tile = 64;
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const std::size_t queries = query.size();
  std::vector<float> panel(Packed::panel_size(tile));
  std::vector<float> products(queries * tile);
  std::vector<float> best(queries, -infinity);
  std::size_t d = first;
  const auto close = [&] {
    double sum = 0.0;
    for (const float one : best) sum += static_cast<double>(one);
    out[d - first] = documents.length(d) == 0 ? -infinity : static_cast<float>(sum);
    std::fill(best.begin(), best.end(), -infinity);
    ++d;
  };
  const std::size_t end = documents.begin(first + count);
  for (std::size_t from = documents.begin(first); from < end; from += tile) {
    const std::size_t now = std::min(tile, end - from);
    query.score(documents.vectors(), from, now, panel.data(), products.data(), tile);
    // A tile may hold the end of one document, several whole ones and the beginning of another.
    for (std::size_t at = from; at < from + now;) {
      while (documents.begin(d + 1) <= at) close();
      const std::size_t until = std::min(documents.begin(d + 1), from + now);
      for (std::size_t q = 0; q < queries; ++q) {
        float largest = best[q];
        const float* of = products.data() + q * tile;
        for (std::size_t i = at - from; i < until - from; ++i) largest = of[i] > largest || of[i] != of[i] ? of[i] : largest;
        best[q] = largest;
      }
      at = until;
    }
  }
  while (d < first + count) close();
}

}  // namespace detail

/// out[d] for every document; threads share documents. Errors: mismatch (vectors of two models).
template <embedding_space Space, precision QueryPrecision, embedding_space RowSpace, precision Precision>
[[nodiscard]] result<> max_sim(const embedding_matrix<Space, QueryPrecision>& query, const token_rows<RowSpace, Precision>& documents,
                               std::span<float> out, thread_pool* threads = nullptr) {
  static_assert(std::is_same_v<Space, RowSpace>, "tessera: query and documents are of different embedding spaces");
  if constexpr (std::is_same_v<Space, RowSpace>) {
    static_assert(many_to_many_metric<inner_product, QueryPrecision, Space, Precision>,
                  "tessera: max_sim takes query vectors in f32 or in the documents' precision");
    const fingerprint model = documents.vectors().made_by();
    if (model && query.made_by() && model != query.made_by())
      return fail({.code = error_code::mismatch, .thing = "query", .wanted = "vectors of the documents' model", .found = "another's"});
    if (out.size() != documents.documents())
      return fail({.code = error_code::mismatch,
                   .thing = "scores",
                   .wanted = std::to_string(documents.documents()) + ", one a document",
                   .found = std::to_string(out.size())});
    const packed_queries<inner_product, QueryPrecision, Space, Precision> packed(query, 0, query.rows());
    constexpr std::size_t part = 256;
    for_each(threads, (out.size() + part - 1) / part, [&](std::size_t p) {
      const std::size_t first = p * part;
      const std::size_t count = std::min(part, out.size() - first);
      if (query.rows() > 0) detail::max_sims(packed, documents, first, count, out.data() + first);
      else std::fill_n(out.data() + first, count, 0.0f);
    });
  }
  return {};
}

/// The k documents of the largest scores; ids are document numbers. options.filter is asked for these. Errors: mismatch, stopped.
template <embedding_space Space, precision QueryPrecision, embedding_space RowSpace, precision Precision>
[[nodiscard]] result<std::vector<hit>> max_sim_search(const embedding_matrix<Space, QueryPrecision>& query,
                                                      const token_rows<RowSpace, Precision>& documents, std::size_t k,
                                                      const search_options& options = {}) {
  if (options.interrupted()) return fail(detail::interruption(options, documents.documents()));
  std::vector<float> scores(documents.documents());
  TESSERA_CHECK(max_sim(query, documents, scores, options.threads));
  top_k<true> best(std::min(k, scores.size()));
  for (std::size_t d = 0; d < scores.size(); ++d)
    if (!options.filter || options.filter(d)) best.push(d, scores[d]);
  return best.take();
}

}  // namespace tessera::inline TESSERA_ABI
