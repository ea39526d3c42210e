// SPDX-License-Identifier: Apache-2.0
// Search with a filter, hits that differ from each other, and another order at the end:   11_diverse_search
#include <tessera/index/hnsw.hpp>
#include <tessera/index/mmr.hpp>
#include <tessera/index/rerank.hpp>

#include <cmath>
#include <cstdio>

namespace ts = tessera;
using space = ts::space<"articles", 64, ts::pooling::mean, ts::unit_length>;

/// Stands for a model's vector: articles of one subject lie near each other.
ts::embedding<space> article(std::size_t subject, std::size_t i) {
  ts::embedding<space> made;
  for (std::size_t j = 0; j < 64; ++j)
    made[j] = std::sin(static_cast<float>(subject * 7 + 1) * static_cast<float>(j)) + 0.6f * std::sin(static_cast<float>(i * 13 + j * j));
  ts::kernel::kernels().norm.l2_normalize_f32(made.data(), made.data(), 64);
  return made;
}

// [diverse]
ts::result<> search() {
  ts::hnsw<space, ts::f16> index;
  for (std::size_t i = 0; i < 2000; ++i) TESSERA_CHECK(index.add(i, ts::cast<ts::f16>(article(i % 20, i))));
  const auto query = article(3, 5000);

  // Only ids that three divides; five hits whatever the filter leaves out, as long as five rows pass.
  const auto third = [](std::uint64_t id) { return id % 3 == 0; };
  TESSERA_TRY(const auto filtered, index.search(query, 5, {.filter = third}));

  // Near, but not all alike: 0 is the plain search, 1 looks for what is far apart.
  TESSERA_TRY(const auto diverse, ts::search_diverse(index, query, 5, {.diversity = 0.5f, .candidates = 200}));

  // Whatever knows better orders the fifty nearest: a cross-encoder (ts::read_by), or a rule such as this one.
  const auto newest = [](const ts::hit& one) { return one.score + 0.0001f * static_cast<float>(one.id); };
  TESSERA_TRY(const ts::reranked ordered, ts::search_reranked(index, query, 5, 50, newest));

  for (const auto& [name, hits] : {std::pair{"thirds", filtered}, {"diverse", diverse}, {"newest", ordered.hits}}) {
    std::printf("%-8s", name);
    for (const ts::hit& one : hits) std::printf("  %4d (%.3f)", static_cast<int>(one.id), static_cast<double>(one.score));
    std::printf("\n");
  }
  return {};
}
// [/diverse]

int main() {
  const auto done = search();
  if (!done) std::fprintf(stderr, "%s\n", done.error().message().c_str());
  return done ? 0 : 1;
}
