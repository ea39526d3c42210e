// SPDX-License-Identifier: Apache-2.0
// What the demo keeps between calls: texts as they stand in a file, and vectors in a file that may be cut at any byte.
#include <tests/support/catch.hpp>
#include <tests/support/fixtures.hpp>
#include <tools/programs/demo/texts.hpp>
#include <tools/programs/demo/vector_log.hpp>

namespace ts = tessera;

namespace {

constexpr demo::log_identity three_a_row{.model = 7, .texts = 8, .rows = 9, .dimension = 3};

std::vector<float> row_values(std::size_t row) {
  const auto base = static_cast<float>(row);
  return {base, base + 0.25f, -base};
}

/// Appends rows first .. first + count - 1, `padding` floats apart.
void append(demo::vector_log& log, std::size_t first, std::size_t count, std::size_t padding = 0) {
  std::vector<float> values;
  for (std::size_t i = 0; i < count; ++i) {
    const auto row = row_values(first + i);
    values.insert(values.end(), row.begin(), row.end());
    values.insert(values.end(), padding, -1.0f);
  }
  REQUIRE(log.append(values.data(), count, 3 + padding));
}

/// The log holds exactly the rows 0 .. rows() - 1, each with its own values.
void check_contents(const demo::vector_log& log) {
  std::size_t next = 0;
  REQUIRE(log.read([&](std::size_t row, std::span<const std::byte> bytes) {
    CHECK(row == next++);
    std::vector<float> values(3);
    REQUIRE(ts::copy_le<float>(bytes, values));
    CHECK(values == row_values(row));
  }));
  CHECK(next == log.rows());
}

demo::vector_log reopened(const std::string& path, const demo::log_identity& identity = three_a_row) {
  auto log = demo::vector_log::open(path, identity);
  REQUIRE(log);
  return std::move(*log);
}

}  // namespace

TEST_CASE("a vector log cut at any byte goes on after its last whole record, and ends as if never cut") {
  const scratch_directory scratch;
  const std::string path = (scratch / "log").string();
  {
    auto log = reopened(path);
    append(log, 0, 2, 5);
    append(log, 2, 1);
    append(log, 3, 4, 1);
  }
  const std::string whole = read_file(path);
  const std::size_t head = 48, ends[] = {head, head + 16 + 24, head + 32 + 36, head + 48 + 84};
  REQUIRE(whole.size() == ends[3]);
  const std::size_t rows_after[] = {0, 2, 3, 7};
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    INFO("cut at byte " << cut);
    write_file(path, std::string_view(whole).substr(0, cut));
    auto log = reopened(path);
    std::size_t records = 0;
    while (records < 3 && cut >= ends[records + 1]) ++records;
    REQUIRE(log.rows() == rows_after[records]);
    check_contents(log);
    if (records < 1) append(log, 0, 2);
    if (records < 2) append(log, 2, 1);
    if (records < 3) append(log, 3, 4);
    REQUIRE(read_file(path) == whole);
  }
}

TEST_CASE("a vector log with a changed byte keeps only the records before it") {
  const scratch_directory scratch;
  const std::string path = (scratch / "log").string();
  {
    auto log = reopened(path);
    for (std::size_t row = 0; row < 4; ++row) append(log, row, 1);
  }
  const std::string whole = read_file(path);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    INFO("byte " << at);
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    write_file(path, changed);
    const auto log = reopened(path);
    CHECK(log.rows() == (at < 48 ? 0 : (at - 48) / 28));
    check_contents(log);
  }
}

TEST_CASE("a record that was moved is not taken for another") {
  const scratch_directory scratch;
  const std::string path = (scratch / "log").string();
  {
    auto log = reopened(path);
    append(log, 0, 1);
    append(log, 1, 1);
  }
  const std::string whole = read_file(path);
  write_file(path, whole.substr(0, 48) + whole.substr(48 + 28));  // the first record is gone
  CHECK(reopened(path).rows() == 0);
}

TEST_CASE("a vector log of another model, other texts or another shape begins anew") {
  const scratch_directory scratch;
  for (auto change : {&demo::log_identity::model, &demo::log_identity::texts, &demo::log_identity::rows, &demo::log_identity::dimension}) {
    const std::string path = (scratch / "log").string();
    {
      auto log = reopened(path);
      append(log, 0, 3);
    }
    auto other = three_a_row;
    other.*change += 1;
    CHECK(reopened(path, other).rows() == 0);
    CHECK(reopened(path).rows() == 0);  // the other one took the file
  }
}

TEST_CASE("a directory where the log should be is an error that names it") {
  const scratch_directory scratch;
  const auto log = demo::vector_log::open(scratch.path().string(), three_a_row);
  REQUIRE_FALSE(log);
  CHECK(log.error().path == scratch.path().string());
}

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
