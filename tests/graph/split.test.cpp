// SPDX-License-Identifier: Apache-2.0
// Pieces of a stage: they cover everything once, begin at whole grains, and a graph's bits do not depend on them.
#include <tests/graph/random_weights.hpp>
#include <tests/support/catch.hpp>

#include <tessera/graph/encoder_layer.hpp>
#include <tessera/graph/graph.hpp>
#include <tessera/graph/split.hpp>

#include <algorithm>
#include <cstring>
#include <mutex>

namespace ts = tessera;
using namespace tessera_tests;

TEST_CASE("split covers everything once, in whole grains, in no more pieces than the work is worth", "[graph][threads]") {
  for (const std::size_t threads : {1u, 2u, 5u}) {
    ts::thread_pool pool(threads);
    for (const std::size_t count : {0u, 1u, 31u, 32u, 33u, 384u, 1000u})
      for (const std::size_t grain : {1u, 32u})
        for (const std::size_t work : {std::size_t{0}, ts::piece_work, 3 * ts::piece_work, 100 * ts::piece_work}) {
          std::vector<int> covered(count, 0);
          std::mutex mutex;
          std::vector<std::size_t> pieces;
          ts::split(&pool, count, grain, work, [&](std::size_t piece, std::size_t begin, std::size_t end) {
            const std::scoped_lock lock(mutex);
            pieces.push_back(piece);
            CHECK((begin % grain == 0 && begin <= end && end <= count));
            for (std::size_t i = begin; i < end; ++i) ++covered[i];
          });
          CHECK(std::ranges::all_of(covered, [](int times) { return times == 1; }));
          CHECK(pieces.size() <= std::max<std::size_t>(1, std::min(threads, work / ts::piece_work)));
          std::ranges::sort(pieces);
          for (std::size_t i = 0; i < pieces.size(); ++i) CHECK(pieces[i] == i);
        }
  }
}

TEMPLATE_TEST_CASE("graph: the same bits however many threads share a batch", "[graph][threads]", ts::f32, ts::bf16) {
  using layer = ts::encoder_layer<72, ts::heads<6, ts::kv_heads<3>>, ts::feed_forward<200, ts::gelu>>;
  using graph = ts::graph<ts::token_embedding<20, 72>, ts::repeat<2, layer>, ts::pool<ts::pooling::mean>>;
  random_weights reader;
  typename graph::template weights<TestType> weights;
  succeed(graph::template load<TestType>(weights, reader));
  ts::token_batch_builder batch;
  for (std::uint32_t i = 0; i < 700; ++i) batch.add_token(i * 7 % 20, i, 0);
  batch.end_text();
  for (std::uint32_t i = 0; i < 300; ++i) batch.add_token(i * 3 % 20, i, 0);
  batch.end_text();
  const auto vectors = [&](ts::thread_pool* pool) {
    ts::workspace memory;
    memory.set_threads(pool);
    succeed(memory.reserve(graph::workspace_bytes({.texts = 2, .tokens = 1000, .threads = pool == nullptr ? 1 : pool->size()})));
    const ts::activations made = graph::run(weights, batch.view(), memory);
    return std::vector<float>(made.data, made.data + made.rows * 72);
  };
  const auto alone = vectors(nullptr);
  for (const std::size_t threads : {2u, 3u, 7u}) {
    ts::thread_pool pool(threads);
    const auto shared = vectors(&pool);
    REQUIRE(shared.size() == alone.size());
    CHECK(std::memcmp(shared.data(), alone.data(), alone.size() * sizeof(float)) == 0);
  }
}
