// SPDX-License-Identifier: Apache-2.0
// A table that shall stay in its file: what a reader without a file and a graph without such a table answer.
#include <tests/support/catch.hpp>
#include <tests/support/result.hpp>

#include <tessera/graph/graph.hpp>

namespace ts = tessera;
using namespace tessera_tests;
using Catch::Matchers::ContainsSubstring;

namespace {

struct no_file final : ts::weight_reader {
  std::size_t reads = 0;
  no_file() : ts::weight_reader(nullptr, ts::table_storage::mapped) {}
  ts::result<> read(std::string_view, std::span<float>) override {
    ++reads;
    return {};
  }
};

/// Rows of ids, without a table.
struct ids_as_rows {
  using input = ts::wants<ts::axis::ids>;
  using output = ts::produces<ts::axis::tokens, 4>;
  static constexpr std::string_view scope_name = "ids";
  template <class>
  struct weights {};
  template <class Sink>
  static constexpr void describe(Sink) {}
  template <class>
  static std::size_t memory_bytes() noexcept {
    return 0;
  }
  template <class Precision>
  static ts::result<> load(weights<Precision>&, const ts::weight_scope&) {
    return {};
  }
  static constexpr std::size_t output_bytes(ts::batch_size size) noexcept { return ts::workspace::piece_bytes(size.tokens * 4); }
  static constexpr std::size_t scratch_bytes(ts::batch_size) noexcept { return 0; }
  template <class Weights>
  static void forward(const Weights&, const ts::token_batch&, ts::activations&, ts::workspace&) noexcept {}
};

}  // namespace

TEST_CASE("token table: a reader that has no file refuses to map one, and reads nothing in its place", "[graph]") {
  using graph = ts::graph<ts::token_embedding<20, 8>, ts::pool<ts::pooling::mean>>;
  graph::weights<ts::f32> weights;
  no_file reader;
  const auto outcome = graph::load<ts::f32>(weights, reader);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == ts::error_code::unsupported);
  CHECK(outcome.error().thing == "token_embedding.weight");
  CHECK(reader.reads == 0);
}

TEST_CASE("token table: a graph without one says so, rather than copy", "[graph]") {
  using graph = ts::graph<ids_as_rows, ts::pool<ts::pooling::mean>>;
  CHECK(graph::memory_bytes<ts::f32>(ts::table_storage::mapped) == graph::memory_bytes<ts::f32>());
  graph::weights<ts::f32> weights;
  no_file reader;
  CHECK_THAT(message_of(graph::load<ts::f32>(weights, reader)), ContainsSubstring("token table: wanted token_embedding as the first stage"));
}

TEST_CASE("token table: in_f32 keeps its size in every precision", "[graph]") {
  using wide = ts::graph<ts::in_f32<ts::token_embedding<20, 8>>, ts::pool<ts::pooling::mean>>;
  using plain = ts::graph<ts::token_embedding<20, 8>, ts::pool<ts::pooling::mean>>;
  CHECK(wide::token_table_bytes<ts::i8>() == 640);
  CHECK(plain::token_table_bytes<ts::f32>() == 640);
  CHECK(plain::token_table_bytes<ts::i8>() == 320);
  CHECK(wide::memory_bytes<ts::i8>(ts::table_storage::mapped) == 0);
}
