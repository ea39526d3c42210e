// SPDX-License-Identifier: Apache-2.0
// What every rank of tests/distributed/run.py does: `ranks SCENARIO [PATH]`. Rank 0 prints one line, "right" or what was wrong.
#include <tests/model/support.hpp>

#include <tessera/distributed/encode_shared.hpp>
#include <tessera/distributed/sharded_index.hpp>
#include <tessera/index/certified.hpp>
#include <tessera/index/flat.hpp>
#include <tessera/index/hnsw.hpp>
#include <tessera/model/bert.hpp>
#include <tessera/store/store.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>
#include <thread>

namespace ts = tessera;

namespace {

using space = ts::space<"distributed", 40, ts::pooling::cls>;
using bert = ts::bert<ts::space<"bert_mean", 48, ts::pooling::mean, ts::unit_length>, tessera_tests::bert_mean_shape>;
constexpr std::size_t row_count = 4000;
constexpr std::chrono::milliseconds patience{3000};

ts::result<> expect(bool right, const char* what) {
  if (right) return {};
  return ts::fail({.code = ts::error_code::mismatch, .thing = what, .wanted = "to hold"});
}

template <class Value, std::size_t Size>
bool same_bits(std::span<const Value, Size> a, std::span<const Value, Size> b) {
  return std::ranges::equal(std::as_bytes(a), std::as_bytes(b));
}

template <class Precision>
ts::result<ts::embedding_matrix<space, Precision>> some_rows(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.3f, 1.0f);
  TESSERA_TRY(auto rows, ts::embedding_matrix<space>::make(count));
  for (std::size_t i = 0; i < count; ++i) {
    for (float& value : rows.values(i)) value = normal(random);
    if (i % 11 == 10) std::copy_n(rows.row(i - 1).data(), space::dimension, rows.values(i).data());  // equal scores
  }
  rows.set_made_by({77});
  if constexpr (std::is_same_v<Precision, ts::f32>) return rows;
  else if constexpr (ts::floating_precision<Precision>) return ts::cast<Precision>(rows);
  else return ts::quantize<Precision>(rows);
}
std::vector<std::uint64_t> some_ids(std::size_t count) {
  std::vector<std::uint64_t> ids(count);
  for (std::size_t i = 0; i < count; ++i) ids[i] = (i * 7919) % 1'000'003 + 5;
  return ids;
}

/// All ranks as one index give the answers of one index.
template <class Index>
ts::result<> as_one(ts::communicator& ranks, const std::string& directory, Index part = {}, Index whole = {}) {
  if (ranks.rank() != 0) return ts::serve_shard(ranks, part);
  TESSERA_TRY(auto index, ts::sharded_index<Index>::over(ranks, part));
  TESSERA_TRY(const auto rows, some_rows<typename Index::precision>(row_count, 1));
  TESSERA_TRY(const auto queries, some_rows<ts::detail::query_precision_of<Index>>(30, 2));
  const auto ids = some_ids(row_count);
  TESSERA_CHECK(whole.add_rows(ids, rows));
  TESSERA_CHECK(index.add_rows(ids, rows));
  TESSERA_CHECK(expect(index.size() == row_count && part.size() > row_count / 8 && part.size() < row_count / 2, "rows are spread"));
  const auto same = [&]() -> ts::result<> {
    for (const std::size_t k : {std::size_t{1}, std::size_t{10}, row_count + 1, std::size_t{0}}) {
      TESSERA_TRY(const auto found, index.search(queries, k));
      TESSERA_TRY(const auto wanted, whole.search(queries, k));
      TESSERA_CHECK(expect(found == wanted, "the k nearest of all parts are the k nearest"));
    }
    TESSERA_TRY(const auto near, whole.search(queries.row(3), 25));
    // Its f32 score is the 25th row rounded: an index that orders by wider sums may see the row just beyond it.
    TESSERA_TRY(const auto within, index.within(queries.row(3), near.back().score));
    TESSERA_TRY(const auto wanted, whole.within(queries.row(3), near.back().score));
    return expect(within == wanted && within.size() >= 24, "rows within a bound");
  };
  TESSERA_CHECK(same());
  // An id that is taken changes nothing anywhere.
  std::vector<std::uint64_t> again{1'000'004, 1'000'005, ids[17]};
  TESSERA_TRY(const auto more, some_rows<typename Index::precision>(3, 3));
  const auto refused = index.add_rows(again, more);
  TESSERA_CHECK(expect(!refused && refused.error().message().find("id " + std::to_string(ids[17])) != std::string::npos, "a taken id is refused"));
  again[2] = again[0];
  TESSERA_CHECK(expect(!index.add_rows(again, more), "an id that stands twice is refused"));
  TESSERA_CHECK(expect(index.size() == row_count, "nothing has changed"));
  for (std::size_t i = 0; i < 40; ++i) {
    TESSERA_CHECK(index.remove(ids[i * 3]));
    TESSERA_CHECK(whole.remove(ids[i * 3]));
    TESSERA_CHECK(index.update(ids[i * 3 + 1], more.row(i % 3)));
    TESSERA_CHECK(whole.update(ids[i * 3 + 1], more.row(i % 3)));
  }
  TESSERA_CHECK(same());
  const auto absent = index.remove(3);
  TESSERA_CHECK(expect(!absent && absent.error().code == ts::error_code::not_found, "an id that is not there"));
  TESSERA_TRY(const auto row, index.get(ids[1]));
  TESSERA_CHECK(expect(same_bits(row.values(), more.row(0).values()), "a row by its id"));
  const auto filtered = index.search(queries, 3, {.filter = [](std::uint64_t) { return true; }});
  TESSERA_CHECK(expect(!filtered && filtered.error().code == ts::error_code::unsupported, "filters are refused"));
  const auto late = index.search(queries, 3, {.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1)});
  TESSERA_CHECK(expect(!late && late.error().message().find("rank 3 of 4") != std::string::npos, "a deadline that has passed is each rank's error"));

  TESSERA_CHECK(index.save(directory));
  TESSERA_CHECK(expect(!index.open("/nowhere"), "a directory that is not there"));
  TESSERA_CHECK(index.open(directory));
  TESSERA_CHECK(same());
  TESSERA_TRY(const auto bytes, index.memory_bytes());
  TESSERA_CHECK(expect(bytes.size() == ranks.size() && bytes[3] > row_count / 8 * sizeof(float), "bytes of each rank"));
  return index.close();
}

/// Stores as parts: exact as one index, contents go with their rows, and all of it is there when the parts are opened again.
ts::result<> stores(ts::communicator& ranks, const std::string& directory) {
  using store = ts::store<space, ts::f16, ts::inner_product>;
  const ts::store_options options{.sync = ts::sync_policy::none(), .exact = true};
  const std::string saved = directory + "/saved", own = directory + "/own", one = directory + "/one-" + std::to_string(ranks.rank());
  for (const auto& made : {saved, own}) std::filesystem::create_directories(made);
  {
    TESSERA_TRY(auto part, store::open(directory + "/part-" + std::to_string(ranks.rank()), options));
    TESSERA_TRY(auto whole, store::open(one, options));
    TESSERA_CHECK(as_one<store>(ranks, saved, std::move(part), std::move(whole)));
  }
  const auto rows = *some_rows<ts::f16>(row_count, 1);
  const auto ids = some_ids(row_count);
  std::vector<std::string> texts(row_count);
  std::vector<ts::row_content> contents(row_count);
  for (std::size_t i = 0; i < row_count; ++i) {
    texts[i] = "text " + std::to_string(i * i);
    contents[i] = ts::row_content::text(texts[i], std::string_view(texts[i]).substr(5));
  }
  for (const bool again : {false, true}) {
    TESSERA_TRY(auto part, store::open(ts::shard_path(own, ranks), options));
    if (ranks.rank() != 0) {
      TESSERA_CHECK(ts::serve_shard(ranks, part));
      continue;
    }
    TESSERA_TRY(auto index, ts::sharded_index<store>::over(ranks, part));
    const auto holds = [&](std::size_t row, std::string_view payload, std::string_view metadata) -> ts::result<> {
      TESSERA_TRY(const auto found, index.get(ids[row]));
      return expect(found.payload_text() == payload && found.metadata_text() == metadata, "a row's content");
    };
    if (!again) {
      TESSERA_CHECK(expect(!index.add_rows(ids, rows, std::span(contents).first(3)), "as many contents as rows"));
      TESSERA_CHECK(index.add_rows(ids, rows, contents));
      TESSERA_CHECK(index.update(ids[5], rows.row(6)));
      TESSERA_CHECK(index.update(ids[7], rows.row(6), ts::row_content::text("new", "words")));
      TESSERA_CHECK(index.add(2, rows.row(9), ts::row_content::text("two")));
    }
    TESSERA_CHECK(expect(index.size() == row_count + 1, "every row is there"));
    for (std::size_t i = 0; i < row_count; i += 13)
      if (i != 7) TESSERA_CHECK(holds(i, texts[i], std::string_view(texts[i]).substr(5)));
    TESSERA_CHECK(holds(5, texts[5], std::string_view(texts[5]).substr(5)));
    TESSERA_CHECK(holds(7, "new", "words"));
    TESSERA_TRY(const auto two, index.get(2));
    TESSERA_CHECK(expect(two.payload_text() == "two" && two.metadata.empty(), "one row with content"));
    TESSERA_CHECK(expect(same_bits(two.values(), rows.row(9).values()), "its vector"));
    TESSERA_CHECK(index.close());
  }
  return {};
}

/// Each rank embeds its share of the texts.
ts::result<> embed(ts::communicator& ranks, const char* directory) {
  TESSERA_TRY(const auto encoder, ts::load<bert>(directory));
  if (ranks.rank() != 0) return ts::serve_encoder(ranks, encoder);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 700; ++i) {
    texts.emplace_back();
    for (std::size_t word = 0; word < i % 37; ++word) texts.back() += "word" + std::to_string((i * 31 + word * 7) % 97) + ' ';
  }
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  TESSERA_TRY(const auto wanted, encoder.encode(views));
  TESSERA_TRY(const auto found, ts::encode_shared(ranks, encoder, views));
  TESSERA_CHECK(expect(found.rows() == wanted.rows() && found.made_by() == wanted.made_by(), "as many rows"));
  for (std::size_t i = 0; i < wanted.rows(); ++i)
    TESSERA_CHECK(expect(same_bits(found.row(i).values(), wanted.row(i).values()), "the same bits"));
  const auto unknown = ts::encode_shared(ranks, encoder, views, {.prompt = "nonsense"});
  TESSERA_CHECK(expect(!unknown && unknown.error().message().find("rank 2 of 4") != std::string::npos, "a rank's error names it"));
  TESSERA_TRY(const auto none, ts::encode_shared(ranks, encoder, std::span<const std::string_view>()));
  TESSERA_CHECK(expect(none.empty(), "no texts"));
  return ts::end_conversation(ranks);
}

/// Rank 2 is gone when the second search comes: an error that names it, soon, and no answer ever after.
ts::result<> lose(ts::communicator& ranks, const std::function<void()>& go) {
  using index_type = ts::flat<space>;
  index_type part;
  if (ranks.rank() == 2) {
    std::size_t requests = 0;
    const ts::detail::shard_handler<index_type> handler(part, 2, ranks.size(), nullptr);
    return ts::answer_all(ranks, [&](ts::byte_reader& request, std::string& answer) -> ts::result<> {
      if (++requests == 5) go();  // describe, contains, add_rows, search, and now
      return handler(request, answer);
    });
  }
  if (ranks.rank() != 0) return ts::serve_shard(ranks, part);
  TESSERA_TRY(auto index, ts::sharded_index<index_type>::over(ranks, part));
  TESSERA_TRY(const auto rows, some_rows<ts::f32>(row_count, 1));
  TESSERA_CHECK(index.add_rows(some_ids(row_count), rows));
  TESSERA_CHECK(index.search(rows.row(0), 10));
  for (int turn = 0; turn < 2; ++turn) {
    const auto begin = std::chrono::steady_clock::now();
    const auto found = index.search(rows.row(0), 10);
    const auto waited = std::chrono::steady_clock::now() - begin;
    TESSERA_CHECK(expect(!found, "no answer without rank 2"));
    TESSERA_CHECK(expect(found.error().message().find("rank 2 of 4") != std::string::npos, found.error().message().c_str()));
    TESSERA_CHECK(expect(waited < 2 * patience, "the error comes in time"));
  }
  return index.close();
}

ts::result<> run(std::string_view scenario, const char* path) {
  TESSERA_TRY(auto ranks, ts::communicator::join({.patience = patience}));
  if (ranks.size() != 4) return expect(false, "four ranks");
  const auto done = [&]() -> ts::result<> {
    if (scenario == "flat") return as_one<ts::flat<space>>(ranks, path);
    if (scenario == "flat_i8") return as_one<ts::flat<space, ts::i8, ts::squared_l2>>(ranks, path);
    if (scenario == "bits") return as_one<ts::flat<space, ts::b1, ts::hamming>>(ranks, path);
    if (scenario == "certified") return as_one<ts::certified<space, ts::f32, ts::inner_product>>(ranks, path);
    if (scenario == "store") return stores(ranks, path);
    if (scenario == "embed") return embed(ranks, path);
    if (scenario == "hangs") return lose(ranks, [] { std::this_thread::sleep_for(10 * patience); });
    if (scenario == "killed") return lose(ranks, [] { std::raise(SIGKILL); });
    return expect(false, "a known scenario");
  }();
  if (ranks.rank() == 0) std::printf("%s\n", done ? "right" : done.error().message().c_str());
  std::fflush(stdout);
  // After a loss nothing can be finalised in common: the process ends as it is.
  if (ranks.is_lost(2) || scenario == "hangs" || scenario == "killed") std::_Exit(0);
  return done;
}

}  // namespace

int main(int argc, char** argv) { return argc > 1 && run(argv[1], argc > 2 ? argv[2] : "") ? 0 : 1; }
