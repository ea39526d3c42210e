// SPDX-License-Identifier: Apache-2.0
// The demo's texts, as they stand in a file.
#include <tests/support/catch.hpp>
#include <tests/support/fixtures.hpp>
#include <tools/programs/demo/texts.hpp>

namespace ts = tessera;

TEST_CASE("a text file is lines of name, tab and text") {
  const scratch_directory scratch;
  const std::string path = (scratch / "texts.tsv").string();
  write_file(path, "a\tfirst text\n\nb c\twith\ttab\r\nd\tÄ\u0085\u2028 last");
  const auto texts = demo::text_file::open(path);
  REQUIRE(texts);
  REQUIRE(texts->size() == 3);
  CHECK((*texts)[0].name == "a");
  CHECK((*texts)[0].text == "first text");
  CHECK((*texts)[1].name == "b c");
  CHECK((*texts)[1].text == "with\ttab");
  CHECK((*texts)[2].text == "Ä\u0085\u2028 last");  // lines end at LF only
  const auto digest = texts->digest();
  write_file(path, "a\tfirst text\n\nb c\twith\ttab\r\nd\tÄ\u0085\u2028 lasu");
  CHECK(demo::text_file::open(path)->digest() != digest);
}

TEST_CASE("a text file that is none is an error with the line") {
  const scratch_directory scratch;
  const std::string path = (scratch / "texts.tsv").string();
  const std::pair<std::string, std::string> cases[] = {
      {"a\tb\nno tab here\n", "line 2"}, {"a\tb\n\n\ttext\n", "line 3"}, {"a\t\n", "line 1"}, {"a\tb\nc\t\xff\n", "line 2"}, {"", "none"}, {"\n\n", "none"}};
  for (const auto& [contents, words] : cases) {
    write_file(path, contents);
    const auto texts = demo::text_file::open(path);
    REQUIRE_FALSE(texts);
    CHECK_THAT(texts.error().message(), Catch::Matchers::ContainsSubstring(words));
    CHECK_THAT(texts.error().message(), Catch::Matchers::ContainsSubstring(path));
  }
}
