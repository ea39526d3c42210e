// SPDX-License-Identifier: Apache-2.0
// A warm encode_into allocates nothing: every allocation of this program is counted.
#include <tests/support/allocations.hpp>
#include <tests/text/support.hpp>

#if TESSERA_TEST_COUNTS
using namespace tessera_tests;

TEST_CASE("tokenizer: a warm call allocates nothing", "[text]") {
  const auto folder = full_fixture("text/tokenizers/minilm_wordpiece");
  const ts::tokenizer tokenizer = value_of(ts::tokenizer::open(folder.string()));
  std::vector<std::string> texts;
  for (const ts::json& line : json_lines(folder / "golden.jsonl"))
    texts.push_back(value_of(line.root().get<std::string>("text")));
  ts::encoding tokens;
  std::size_t failed = 0;
  const auto all = [&](const ts::encode_options& options) {
    const std::size_t before = allocations;
    for (const std::string& text : texts) failed += tokenizer.encode_into(text, options, tokens) ? 0U : 1U;
    return allocations - before;
  };
  CHECK(all({}) > 0);
  CHECK(all({}) == 0);
  CHECK(all({.max_length = 8}) == 0);
  CHECK(failed == 0);
}
#endif
