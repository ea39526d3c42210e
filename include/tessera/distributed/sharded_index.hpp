// SPDX-License-Identifier: Apache-2.0
/// One index over all ranks: rows are spread by their ids, queries go to every rank, and the k nearest of all parts are the k nearest.
///
///     ts::flat<model::space, ts::f16> part;                                   // on every rank; hnsw, certified ... as well
///     if (ranks.rank() != 0) return ts::serve_shard(ranks, part);             // distributed/shard.hpp
///     TESSERA_TRY(auto index, ts::sharded_index<decltype(part)>::over(ranks, part));
///     TESSERA_CHECK(index.add_rows(ids, rows));
///     TESSERA_TRY(const auto hits, index.search(queries, 10));                // as one index of all rows would answer
///     TESSERA_CHECK(index.close());
///
/// Over parts that search exactly (`flat`, `certified`) the answer is that of one index holding all rows, bit for bit where all ranks
/// run one kind of processor: scores depend on query and row alone, and the order of hits is total. Over graphs each part answers for its
/// rows. Over stores (store/store.hpp), each with a directory of its own, payloads and metadata go with their rows, and what a call
/// acknowledged is as durable as the parts are.
///
/// A rank that does not answer within the communicator's patience makes the call an error that names it; no search gives the answer of
/// the others as if it were whole, then or later. `update`, `remove` and `get` ask the rank that has the id, and no other. Filters are
/// functions and do not cross: a search with one is an error. One thread at a time.
#pragma once

#include <tessera/distributed/shard.hpp>
#include <tessera/index/rules.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

template <similarity_index Index>
class sharded_index {
 public:
  using space = typename Index::space;
  using precision = typename Index::precision;
  using metric = typename Index::metric;
  using matrix = embedding_matrix<space, precision>;
  using found_row = typename detail::row_found<Index>::type;

  /// On rank 0, whose own part is `part`; the others serve theirs. Both objects outlive this. Errors: mismatch (a rank that serves another
  /// type of index, or rows of another model); io (a rank is lost); invalid_argument (called on another rank).
  [[nodiscard]] static result<sharded_index> over(communicator& ranks, Index& part, const shard_options& options = {}) {
    if (ranks.rank() != 0)
      return fail({.code = error_code::invalid_argument,
                   .thing = "sharded_index",
                   .wanted = "rank 0",
                   .found = ranks.name_of(ranks.rank())});
    sharded_index made(ranks, part, options);
    TESSERA_CHECK(made.look());
    return made;
  }

  /// Rows of all parts.
  [[nodiscard]] std::size_t size() const noexcept { return rows_; }
  [[nodiscard]] bool empty() const noexcept { return rows_ == 0; }
  [[nodiscard]] fingerprint made_by() const noexcept { return made_by_; }
  /// Bytes allocated on each rank. Errors: io.
  [[nodiscard]] result<std::vector<std::size_t>> memory_bytes() {
    TESSERA_CHECK(look());
    return bytes_;
  }

  /// Row i of the matrix under ids[i]. All ids are looked for first, so that one that is taken changes nothing; what fails later (memory,
  /// a lost rank) names the rank, and other ranks may have their rows. Errors: those of the index; io.
  [[nodiscard]] result<> add_rows(std::span<const std::uint64_t> ids, const matrix& rows) { return add_all(ids, rows, {}); }
  /// With contents[i]. Errors: likewise.
  [[nodiscard]] result<> add_rows(std::span<const std::uint64_t> ids, const matrix& rows, std::span<const row_content> contents)
    requires detail::keeps_content<Index>
  {
    return add_all(ids, rows, contents);
  }
  template <embedding_like Row>
  [[nodiscard]] result<> add(std::uint64_t id, const Row& row) {
    if constexpr (detail::index_holds<Index, Row>()) {
      TESSERA_TRY(const matrix one, one_row(row));
      return add_rows({&id, 1}, one);
    }
    return {};
  }
  template <embedding_like Row>
    requires detail::keeps_content<Index>
  [[nodiscard]] result<> add(std::uint64_t id, const Row& row, const row_content& content) {
    if constexpr (detail::index_holds<Index, Row>()) {
      TESSERA_TRY(const matrix one, one_row(row));
      return add_rows({&id, 1}, one, {&content, 1});
    }
    return {};
  }
  /// Errors: not_found; those of the index; io.
  template <embedding_like Row>
  [[nodiscard]] result<> update(std::uint64_t id, const Row& row) {
    return change(id, row, nullptr);
  }
  /// With another content; without one, a store's row keeps what it has. Errors: likewise.
  template <embedding_like Row>
    requires detail::keeps_content<Index>
  [[nodiscard]] result<> update(std::uint64_t id, const Row& row, const row_content& content) {
    return change(id, row, &content);
  }
  /// Errors: not_found; io.
  [[nodiscard]] result<> remove(std::uint64_t id) {
    std::string request = of(detail::shard_request::remove);
    append_le(request, id);
    TESSERA_CHECK(ask_owner(id, std::move(request)));
    --rows_;
    return {};
  }
  /// The row of that id; a store's with its content. Errors: not_found; those of the index; io.
  [[nodiscard]] result<found_row> get(std::uint64_t id) {
    std::string request = of(detail::shard_request::get);
    append_le(request, id);
    TESSERA_TRY(const std::string answer, ask_owner(id, std::move(request)));
    byte_reader reader(std::as_bytes(std::span(answer)), "an answer");
    TESSERA_TRY(const auto rows, (read_rows<space, precision>(reader)));
    if (rows.rows() != 1) return reader.wrong("rows", "1", std::to_string(rows.rows()));
    embedding<space, precision> vector(rows.row(0).values(), rows.facts(0), rows.made_by());
    if constexpr (detail::keeps_content<Index>) {
      TESSERA_TRY(const auto content, detail::read_content(reader));
      found_row made;
      made.vector = std::move(vector);
      made.payload.assign(content.payload.begin(), content.payload.end());
      made.metadata.assign(content.metadata.begin(), content.metadata.end());
      return made;
    } else {
      return vector;
    }
  }

  /// The k nearest rows of each query among all parts. Errors: those of the index; io; unsupported (a filter).
  template <embedding_space QuerySpace, tessera::precision QueryPrecision>
  [[nodiscard]] result<std::vector<std::vector<hit>>> search(const embedding_matrix<QuerySpace, QueryPrecision>& queries, std::size_t k,
                                                             const search_options& options = {}) {
    std::vector<std::vector<hit>> found(queries.rows());
    if constexpr (is_query<embedding_matrix<QuerySpace, QueryPrecision>>()) {
      TESSERA_CHECK(crosses(options));
      std::string request = of(detail::shard_request::search);
      append_le(request, std::uint64_t{k});
      detail::put_options(request, options);
      put_rows(request, queries);
      TESSERA_TRY(const auto answers, ask(std::vector<std::string>(ranks_->size(), request)));
      std::vector<top_k<metric::larger_is_nearer>> best(queries.rows(), top_k<metric::larger_is_nearer>(k));
      for (const std::string& answer : answers) {
        byte_reader reader(std::as_bytes(std::span(answer)), "an answer");
        for (auto& one : best) {
          TESSERA_TRY(const auto hits, read_hits(reader));
          for (const hit& each : hits) one.push(each);
        }
      }
      for (std::size_t q = 0; q < found.size(); ++q) found[q] = best[q].take();
    }
    return found;
  }
  /// Of one query. Errors: likewise.
  template <embedding_like Query>
  [[nodiscard]] result<std::vector<hit>> search(const Query& query, std::size_t k, const search_options& options = {}) {
    if constexpr (is_query<Query>()) {
      TESSERA_TRY(const auto one, one_row(query));
      TESSERA_TRY(auto found, search(one, k, options));
      return std::move(found.front());
    }
    return std::vector<hit>();
  }
  /// Every row of all parts that is at least as near as `bound`, nearest first. Errors: likewise.
  template <embedding_like Query>
  [[nodiscard]] result<std::vector<hit>> within(const Query& query, float bound, const search_options& options = {}) {
    std::vector<hit> found;
    if constexpr (is_query<Query>()) {
      TESSERA_CHECK(crosses(options));
      TESSERA_TRY(const auto one, one_row(query));
      std::string request = of(detail::shard_request::within);
      append_le(request, bound);
      detail::put_options(request, options);
      put_rows(request, one);
      TESSERA_TRY(const auto answers, ask(std::vector<std::string>(ranks_->size(), request)));
      for (const std::string& answer : answers) {
        byte_reader reader(std::as_bytes(std::span(answer)), "an answer");
        TESSERA_TRY(const auto hits, read_hits(reader));
        found.insert(found.end(), hits.begin(), hits.end());
      }
      std::sort(found.begin(), found.end(), ranks_before<metric::larger_is_nearer>);
    }
    return found;
  }

  /// Each rank writes DIRECTORY/shard-R-of-N.tsi, where it runs. Errors: those of the index; io.
  [[nodiscard]] result<> save(std::string_view directory, const provenance& origin = {}) {
    TESSERA_CHECK(ask(std::vector<std::string>(ranks_->size(), filed(detail::shard_request::save, directory, origin))));
    return {};
  }
  /// Each rank opens its file in the place of its part. Errors: those of the index's `open`, of each rank that has one; io.
  [[nodiscard]] result<> open(std::string_view directory, const provenance& expected = {}) {
    TESSERA_CHECK(ask(std::vector<std::string>(ranks_->size(), filed(detail::shard_request::open, directory, expected))));
    return look();
  }

  /// The other ranks' `serve_shard` returns. Errors: io.
  [[nodiscard]] result<> close() { return end_conversation(*ranks_); }

 private:
  sharded_index(communicator& ranks, Index& part, const shard_options& options)
      : ranks_(&ranks), own_(detail::shard_handler<Index>(part, 0, ranks.size(), options.threads)) {}

  [[nodiscard]] result<> add_all(std::span<const std::uint64_t> ids, const matrix& rows, std::span<const row_content> contents) {
    TESSERA_CHECK(detail::one_a_row("ids", ids.size(), rows.rows()));
    TESSERA_TRY(const fingerprint model, detail::same_model<space>(made_by_, rows.made_by(), "rows"));
    std::vector<std::vector<std::uint32_t>> which(ranks_->size());
    std::vector<std::vector<std::uint64_t>> theirs(ranks_->size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const std::size_t to = detail::shard_of(ids[i], ranks_->size());
      which[to].push_back(static_cast<std::uint32_t>(i));
      theirs[to].push_back(ids[i]);
    }
    if (!contents.empty()) TESSERA_CHECK(detail::one_a_row("contents", contents.size(), rows.rows()));
    TESSERA_CHECK(none_is_taken(theirs));
    std::vector<std::string> requests(ranks_->size());
    for (std::size_t rank = 0; rank < requests.size(); ++rank) {
      if (theirs[rank].empty()) continue;
      requests[rank] = of(detail::shard_request::add_rows);
      put_ids(requests[rank], theirs[rank]);
      put_rows(requests[rank], rows, which[rank]);
      if (contents.empty()) continue;
      for (const std::uint32_t i : which[rank]) detail::put_content(requests[rank], contents[i].metadata, contents[i].payload);
    }
    TESSERA_CHECK(ask(requests));
    rows_ += ids.size();
    made_by_ = model;
    return {};
  }
  template <class Row>
  [[nodiscard]] result<> change(std::uint64_t id, const Row& row, const row_content* content) {
    if constexpr (detail::index_holds<Index, Row>()) {
      TESSERA_TRY(const matrix one, one_row(row));
      std::string request = of(detail::shard_request::update);
      append_le(request, id);
      put_rows(request, one);
      if (content != nullptr) detail::put_content(request, content->metadata, content->payload);
      TESSERA_CHECK(ask_owner(id, std::move(request)));
    }
    return {};
  }
  template <class Query>
  [[nodiscard]] static consteval bool is_query() {
    if constexpr (detail::index_answers<Index, Query>()) {
      constexpr bool widest = std::is_same_v<typename Query::precision, detail::query_precision_of<Index>>;
      static_assert(widest, "tessera: queries to all ranks go in f32 (in b1 to an index of codes); cast<f32> the query");
      return widest;
    }
    return false;
  }
  template <class Row>
  [[nodiscard]] static result<embedding_matrix<typename Row::space, typename Row::precision>> one_row(const Row& row) {
    embedding_matrix<typename Row::space, typename Row::precision> made;
    TESSERA_CHECK(made.append(row));
    made.set_made_by(row.made_by());
    return made;
  }
  [[nodiscard]] static result<> crosses(const search_options& options) {
    if (!options.filter) return {};
    return fail({.code = error_code::unsupported, .thing = "filter", .wanted = "none: a function cannot go to other processes"});
  }
  [[nodiscard]] static std::string of(detail::shard_request kind) { return std::string(1, static_cast<char>(kind)); }
  [[nodiscard]] static std::string filed(detail::shard_request kind, std::string_view directory, const provenance& origin) {
    std::string request = of(kind);
    append_le(request, static_cast<std::uint8_t>(origin.weights ? 1 : 0));
    if (origin.weights) request.append(reinterpret_cast<const char*>(origin.weights->data()), origin.weights->size());
    put_string(request, directory);
    return request;
  }
  [[nodiscard]] result<std::vector<std::string>> ask(const std::vector<std::string>& requests) { return ask_all(*ranks_, requests, own_); }
  /// The rank that has the id, and no other.
  [[nodiscard]] result<std::string> ask_owner(std::uint64_t id, std::string request) {
    std::vector<std::string> requests(ranks_->size());
    const std::size_t owner = detail::shard_of(id, ranks_->size());
    requests[owner] = std::move(request);
    TESSERA_TRY(auto answers, ask(requests));
    return std::move(answers[owner]);
  }
  [[nodiscard]] result<> none_is_taken(const std::vector<std::vector<std::uint64_t>>& theirs) {
    std::vector<std::string> requests(ranks_->size());
    for (std::size_t rank = 0; rank < requests.size(); ++rank) {
      if (theirs[rank].empty()) continue;
      requests[rank] = of(detail::shard_request::contains);
      put_ids(requests[rank], theirs[rank]);
    }
    TESSERA_TRY(const auto answers, ask(requests));
    for (const std::string& answer : answers) {
      if (answer.empty()) continue;
      byte_reader reader(std::as_bytes(std::span(answer)), "an answer");
      TESSERA_TRY(const auto count, reader.number<std::uint64_t>("count"));
      TESSERA_TRY(const auto which, reader.number<std::uint64_t>("id"));
      if (count > 0) return detail::no_new_id(which, "one that is taken");
    }
    for (auto ids : theirs) {
      std::sort(ids.begin(), ids.end());
      const auto twice = std::adjacent_find(ids.begin(), ids.end());
      if (twice != ids.end()) return detail::no_new_id(*twice, "one that stands twice");
    }
    return {};
  }
  /// What all parts hold.
  [[nodiscard]] result<> look() {
    TESSERA_TRY(const auto answers, ask(std::vector<std::string>(ranks_->size(), of(detail::shard_request::describe))));
    rows_ = 0;
    bytes_.clear();
    for (std::size_t rank = 0; rank < answers.size(); ++rank) {
      byte_reader reader(std::as_bytes(std::span(answers[rank])), "an answer");
      TESSERA_TRY(const auto rows, reader.number<std::uint64_t>("rows"));
      TESSERA_TRY(const auto bytes, reader.number<std::uint64_t>("bytes"));
      TESSERA_TRY(const auto model, reader.number<std::uint64_t>("fingerprint"));
      const std::string found = answers[rank].substr(24);
      if (found != detail::shard_type<Index>())
        return fail({.code = error_code::mismatch, .thing = ranks_->name_of(rank), .wanted = detail::shard_type<Index>(), .found = found});
      auto same = detail::same_model<space>(made_by_, {model}, "rows");
      if (!same) return fail({.code = error_code::mismatch, .thing = ranks_->name_of(rank), .causes = {std::move(same).error()}});
      made_by_ = *same;
      rows_ += static_cast<std::size_t>(rows);
      bytes_.push_back(static_cast<std::size_t>(bytes));
    }
    return {};
  }

  communicator* ranks_;
  request_handler own_;
  std::size_t rows_ = 0;
  fingerprint made_by_;
  std::vector<std::size_t> bytes_;
};

}  // namespace tessera::inline TESSERA_ABI
