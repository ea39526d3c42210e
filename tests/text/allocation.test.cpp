// SPDX-License-Identifier: Apache-2.0
// A warm encode_into allocates nothing: every allocation of this program is counted.
#include <tests/text/support.hpp>

#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TESSERA_TEST_COUNTS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TESSERA_TEST_COUNTS 0
#endif
#endif
#ifndef TESSERA_TEST_COUNTS
#define TESSERA_TEST_COUNTS 1
#endif

#if TESSERA_TEST_COUNTS
namespace {
thread_local std::size_t allocations = 0;
}
void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

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
