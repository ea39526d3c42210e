// SPDX-License-Identifier: Apache-2.0
/// One rank's part of an index, and what it does with the requests of distributed/sharded_index.hpp.
///
///     ts::flat<space> part;                                              // any index (index/similarity_index.hpp)
///     if (ranks.rank() != 0) return ts::serve_shard(ranks, part);        // answers until rank 0 has no more questions
#pragma once

#include <tessera/distributed/conversation.hpp>
#include <tessera/distributed/shard_content.hpp>
#include <tessera/distributed/wire.hpp>
#include <tessera/index/similarity_index.hpp>

#include <chrono>
#include <string>

namespace tessera::inline TESSERA_ABI {

struct shard_options {
  thread_pool* threads = nullptr;  ///< shares rows or queries of one request
  std::stop_token stop = {};       ///< ends `serve_shard`
};

/// "DIRECTORY/shard-2-of-4.tsi", where a rank's part is saved, and a good name for the directory of its store: a row's rank depends on the
/// number of ranks.
[[nodiscard]] inline std::string shard_path(std::string_view directory, std::size_t rank, std::size_t ranks) {
  return std::string(directory) + "/shard-" + std::to_string(rank) + "-of-" + std::to_string(ranks) + ".tsi";
}
[[nodiscard]] inline std::string shard_path(std::string_view directory, const communicator& ranks) {
  return shard_path(directory, ranks.rank(), ranks.size());
}

namespace detail {

enum class shard_request : std::uint8_t { describe, add_rows, update, remove, contains, get, search, within, save, open };

/// What the ranks of one program must agree on.
template <class Index>
[[nodiscard]] std::string shard_type() {
  return std::string(Index::space::label()) + ' ' + std::to_string(Index::space::dimension) + ' ' +
         std::string(Index::precision::label) + ' ' + std::string(Index::metric::label);
}

/// Which rank has a row. Fixed: files of shards depend on it.
[[nodiscard]] constexpr std::size_t shard_of(std::uint64_t id, std::size_t ranks) noexcept {
  std::uint64_t mixed = (id ^ (id >> 33u)) * 0xFF51AFD7ED558CCDu;
  mixed = (mixed ^ (mixed >> 33u)) * 0xC4CEB9FE1A85EC53u;
  return static_cast<std::size_t>((mixed ^ (mixed >> 33u)) % ranks);
}

inline void put_options(std::string& out, const search_options& options) {
  append_le(out, std::uint64_t{options.effort});
  append_le(out, options.recall);
  std::int64_t left = -1;  // clocks of two machines are not one: what is left crosses
  if (options.deadline)
    left = std::max<std::int64_t>(
        0, std::chrono::duration_cast<std::chrono::microseconds>(*options.deadline - std::chrono::steady_clock::now())
               .count());
  append_le(out, left);
}
[[nodiscard]] inline result<search_options> read_options(byte_reader& reader, thread_pool* threads) {
  search_options made;
  made.threads = threads;
  TESSERA_TRY(const auto effort, reader.number<std::uint64_t>("effort"));
  made.effort = static_cast<std::size_t>(effort);
  TESSERA_TRY(made.recall, reader.number<double>("recall"));
  TESSERA_TRY(const auto left, reader.number<std::int64_t>("deadline"));
  if (left >= 0) made.deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(left);
  return made;
}

/// Answers requests to the part `index` of the rank `rank`.
template <similarity_index Index>
class shard_handler {
  using space = typename Index::space;
  using precision = typename Index::precision;
  using query_precision = query_precision_of<Index>;

 public:
  shard_handler(Index& index, std::size_t rank, std::size_t ranks, thread_pool* threads) noexcept
      : index_(&index), threads_(threads), rank_(rank), ranks_(ranks) {}

  [[nodiscard]] result<> operator()(byte_reader& request, std::string& answer) const {
    TESSERA_TRY(const auto kind, request.number<std::uint8_t>("kind of request"));
    switch (static_cast<shard_request>(kind)) {
      case shard_request::describe: return describe(answer);
      case shard_request::add_rows: return add_rows(request);
      case shard_request::update: return update(request);
      case shard_request::remove: return remove(request);
      case shard_request::contains: return contains(request, answer);
      case shard_request::get: return get(request, answer);
      case shard_request::search: return search(request, answer);
      case shard_request::within: return within(request, answer);
      case shard_request::save: return save(request);
      case shard_request::open: return open(request);
    }
    return request.wrong("kind of request", "0 to 9", std::to_string(kind));
  }

 private:
  [[nodiscard]] result<> describe(std::string& answer) const {
    append_le(answer, std::uint64_t{index_->size()});
    append_le(answer, std::uint64_t{index_->memory_bytes()});
    append_le(answer, index_->made_by().value);
    answer += shard_type<Index>();
    return {};
  }
  [[nodiscard]] result<> add_rows(byte_reader& request) const {
    TESSERA_TRY(const auto ids, read_ids(request));
    TESSERA_TRY(auto rows, (read_rows<space, precision>(request)));
    if constexpr (keeps_content<Index>) {
      std::vector<row_content> contents;
      while (request.left() > 0) {
        TESSERA_TRY(contents.emplace_back(), read_content(request));
      }
      return index_->add_rows(ids, rows, contents);
    } else {
      return index_->add_rows(ids, rows);
    }
  }
  [[nodiscard]] result<> update(byte_reader& request) const {
    TESSERA_TRY(const auto id, request.number<std::uint64_t>("id"));
    TESSERA_TRY(const auto rows, (read_rows<space, precision>(request)));
    if (rows.rows() != 1) return request.wrong("rows", "1", std::to_string(rows.rows()));
    const embedding<space, precision> row(rows.row(0).values(), rows.facts(0), rows.made_by());
    if constexpr (keeps_content<Index>) {
      if (request.left() > 0) {
        TESSERA_TRY(const auto content, read_content(request));
        return index_->update(id, row, content);
      }
    }
    return index_->update(id, row);
  }
  [[nodiscard]] result<> remove(byte_reader& request) const {
    TESSERA_TRY(const auto id, request.number<std::uint64_t>("id"));
    return index_->remove(id);
  }
  /// How many of these ids are here, and one of them.
  [[nodiscard]] result<> contains(byte_reader& request, std::string& answer) const {
    TESSERA_TRY(const auto ids, read_ids(request));
    std::uint64_t count = 0;
    std::uint64_t which = 0;
    for (const std::uint64_t id : ids)
      if (index_->contains(id)) ++count, which = id;
    append_le(answer, count);
    append_le(answer, which);
    return {};
  }
  [[nodiscard]] result<> get(byte_reader& request, std::string& answer) const {
    TESSERA_TRY(const auto id, request.number<std::uint64_t>("id"));
    TESSERA_TRY(const auto row, index_->get(id));
    auto one = embedding_matrix<space, precision>();
    TESSERA_CHECK(one.append(row));
    one.set_made_by(index_->made_by());
    put_rows(answer, one);
    if constexpr (keeps_content<Index>) put_content(answer, row.metadata, row.payload);
    return {};
  }
  [[nodiscard]] result<> search(byte_reader& request, std::string& answer) const {
    TESSERA_TRY(const auto k, request.number<std::uint64_t>("k"));
    TESSERA_TRY(const auto options, read_options(request, threads_));
    TESSERA_TRY(const auto queries, (read_rows<space, query_precision>(request)));
    TESSERA_TRY(const auto found, index_->search(queries, static_cast<std::size_t>(k), options));
    for (const auto& hits : found) put_hits(answer, hits);
    return {};
  }
  [[nodiscard]] result<> within(byte_reader& request, std::string& answer) const {
    TESSERA_TRY(const auto bound, request.number<float>("bound"));
    TESSERA_TRY(const auto options, read_options(request, threads_));
    TESSERA_TRY(const auto queries, (read_rows<space, query_precision>(request)));
    if (queries.rows() != 1) return request.wrong("queries", "1", std::to_string(queries.rows()));
    const embedding<space, query_precision> query(queries.row(0).values(), queries.facts(0), queries.made_by());
    TESSERA_TRY(const auto hits, index_->within(query, bound, options));
    put_hits(answer, hits);
    return {};
  }
  /// A provenance: a byte, and 32 where it is 1.
  [[nodiscard]] static result<provenance> read_origin(byte_reader& request) {
    provenance made;
    TESSERA_TRY(const auto given, request.number<std::uint8_t>("provenance"));
    if (given != 0) {
      TESSERA_TRY(const auto bytes, request.take(32, "provenance"));
      std::copy(bytes.begin(), bytes.end(), made.weights.emplace().begin());
    }
    return made;
  }
  [[nodiscard]] result<> save(byte_reader& request) const {
    TESSERA_TRY(const auto origin, read_origin(request));
    TESSERA_TRY(const auto directory, request.string("directory"));
    return index_->save(shard_path(directory, rank_, ranks_), origin);
  }
  [[nodiscard]] result<> open(byte_reader& request) const {
    TESSERA_TRY(const auto origin, read_origin(request));
    TESSERA_TRY(const auto directory, request.string("directory"));
    TESSERA_TRY(*index_, Index::open(shard_path(directory, rank_, ranks_), origin));
    return {};
  }

  Index* index_;
  thread_pool* threads_;
  std::size_t rank_, ranks_;
};

}  // namespace detail

/// Answers rank 0's questions about this rank's part until it has no more. Errors: io (rank 0 is lost), stopped.
template <similarity_index Index>
[[nodiscard]] result<> serve_shard(communicator& ranks, Index& part, const shard_options& options = {}) {
  return answer_all(ranks, detail::shard_handler<Index>(part, ranks.rank(), ranks.size(), options.threads), options.stop);
}

}  // namespace tessera::inline TESSERA_ABI
