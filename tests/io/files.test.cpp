// SPDX-License-Identifier: Apache-2.0
#include <tests/io/support.hpp>

#include <tessera/io/atomic_file.hpp>
#include <tessera/io/mapped_file.hpp>
#include <tessera/io/sha256.hpp>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cctype>
#include <chrono>
#include <csignal>

namespace ts = tessera;
using Catch::Matchers::ContainsSubstring;
using tessera_tests::message_of;
using tessera_tests::succeed;
using tessera_tests::value_of;

namespace {

std::vector<std::string> names_in(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace

TEST_CASE("mapped_file: contents, empty files, moves", "[files]") {
  const scratch_directory scratch;
  write_file(scratch / "a", std::string("ab\0cd", 5));
  write_file(scratch / "empty", "");
  ts::mapped_file file = value_of(ts::mapped_file::open((scratch / "a").string()));
  CHECK(file.size() == 5);
  CHECK(file.text() == std::string_view("ab\0cd", 5));
  CHECK(file.stamp().size == 5);
  const ts::mapped_file moved = std::move(file);
  CHECK(moved.bytes()[4] == std::byte{'d'});
  succeed(moved.unchanged());
  const ts::mapped_file empty = value_of(ts::mapped_file::open((scratch / "empty").string()));
  CHECK(empty.bytes().empty());
  succeed(empty.unchanged());
  succeed(ts::mapped_file().unchanged());
}

TEST_CASE("mapped_file: a part outlives the file's object and its path", "[files]") {
  const scratch_directory scratch;
  std::string text;
  for (std::size_t i = 0; i < 20'000; ++i) text += static_cast<char>(i * 31 % 251);
  write_file(scratch / "a", text);
  const auto is_at = [&](const std::shared_ptr<const std::byte>& part, std::size_t begin, std::size_t size) {
    return std::memcmp(part.get(), text.data() + begin, size) == 0;
  };
  std::shared_ptr<const std::byte> first, middle, last;
  {
    const ts::mapped_file file = value_of(ts::mapped_file::open((scratch / "a").string()));
    first = value_of(file.part(file.bytes().first(1)));
    middle = value_of(file.part(file.bytes().subspan(4095, 9000)));
    last = value_of(file.part(file.bytes().last(1)));
    CHECK(file.contains(file.bytes()));
    CHECK_FALSE(file.contains(bytes_of(text)));
    for (const std::span<const std::byte> none : {file.bytes().first(0), bytes_of(text), std::span<const std::byte>()})
      CHECK(file.part(none).error().code == ts::error_code::invalid_argument);
  }
  std::filesystem::remove(scratch / "a");
  CHECK((is_at(first, 0, 1) && is_at(middle, 4095, 9000) && is_at(last, 19'999, 1)));
  CHECK(ts::mapped_file().part({}).error().code == ts::error_code::invalid_argument);
}

TEST_CASE("mapped_file: what is no file is refused by name", "[files]") {
  const scratch_directory scratch;
  const auto missing = ts::mapped_file::open((scratch / "none").string());
  CHECK(missing.error().code == ts::error_code::not_found);
  CHECK_THAT(message_of(missing), ContainsSubstring("none: cannot open: No such file"));
  const auto directory = ts::mapped_file::open(scratch.path().string());
  CHECK(directory.error().code == ts::error_code::unsupported);
  CHECK_THAT(message_of(directory), ContainsSubstring("wanted a regular file, found a directory"));
  REQUIRE(::mkfifo((scratch / "pipe").c_str(), 0600) == 0);
  CHECK_THAT(message_of(ts::mapped_file::open((scratch / "pipe").string())), ContainsSubstring("a pipe or device"));
  CHECK_FALSE(ts::mapped_file::open(std::string_view("a\0b", 3)).has_value());
  CHECK_FALSE(ts::mapped_file::open("").has_value());
  write_file(scratch / "file", "x");
  CHECK(ts::mapped_file::open((scratch / "file/below").string()).error().code == ts::error_code::not_found);
  if (::geteuid() != 0) {
    std::filesystem::permissions(scratch / "file", std::filesystem::perms::none);
    CHECK(ts::mapped_file::open((scratch / "file").string()).error().code == ts::error_code::io);
  }
}

TEST_CASE("mapped_file: a file that changes while it is read is noticed", "[files]") {
  const scratch_directory scratch;
  const auto path = scratch / "a";
  write_file(path, "first");
  const auto grown = value_of(ts::mapped_file::open(path.string()));
  write_file(path, "longer than before");
  CHECK_THAT(message_of(grown.unchanged()), ContainsSubstring("file changed while it was read"));
  const auto rewritten = value_of(ts::mapped_file::open(path.string()));
  std::filesystem::last_write_time(path, std::filesystem::last_write_time(path) + std::chrono::seconds(2));
  CHECK_THAT(message_of(rewritten.unchanged()), ContainsSubstring("found newer contents"));
  // Replacing by renaming leaves what was opened as it was.
  const auto replaced = value_of(ts::mapped_file::open(path.string()));
  succeed(ts::write_file(path.string(), "other"));
  CHECK(replaced.text() == "longer than before");
}

TEST_CASE("atomic_file: the old contents or the new, and nothing else", "[files]") {
  const scratch_directory scratch;
  const auto path = (scratch / "out").string();
  succeed(ts::write_file(path, "one"));
  CHECK(read_file(path) == "one");
  {
    auto file = value_of(ts::atomic_file::create(path));
    succeed(file.write("two"));
    CHECK(read_file(path) == "one");
  }
  CHECK(names_in(scratch.path()) == std::vector<std::string>{"out"});
  std::string large;
  auto file = value_of(ts::atomic_file::create(path));
  for (int i = 0; i < 300'000; ++i) {
    const std::string piece = std::to_string(i) + '\n';
    large += piece;
    succeed(file.write(piece));
  }
  succeed(file.write(bytes_of(large)));
  CHECK(file.size() == 2 * large.size());
  auto moved = std::move(file);
  succeed(moved.commit());
  CHECK(read_file(path) == large + large);
  CHECK(names_in(scratch.path()) == std::vector<std::string>{"out"});
}

TEST_CASE("atomic_file: permissions stay, two writers do not meet", "[files]") {
  const scratch_directory scratch;
  const auto path = (scratch / "out").string();
  succeed(ts::write_file(path, "one"));
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  auto a = value_of(ts::atomic_file::create(path));
  auto b = value_of(ts::atomic_file::create(path));
  succeed(a.write("from a"));
  succeed(b.write("from b"));
  succeed(b.commit());
  CHECK(read_file(path) == "from b");
  succeed(a.commit());
  CHECK(read_file(path) == "from a");
  CHECK((std::filesystem::status(path).permissions() & std::filesystem::perms::all) ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

TEST_CASE("atomic_file: failures leave nothing behind", "[files]") {
  const scratch_directory scratch;
  CHECK(ts::write_file((scratch / "no/such/out").string(), "x").error().code == ts::error_code::not_found);
  std::filesystem::create_directory(scratch / "directory");
  CHECK_THAT(message_of(ts::write_file((scratch / "directory").string(), "x")), ContainsSubstring("found a directory"));
  CHECK_FALSE(ts::write_file("", "x").has_value());
  CHECK_FALSE(ts::write_file(std::string_view("a\0b", 3), "x").has_value());

  // A disk that fills up, by the limit on the size of files.
  const auto path = (scratch / "out").string();
  succeed(ts::write_file(path, "old"));
  rlimit old{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &old) == 0);
  rlimit small = old;
  small.rlim_cur = 4096;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const auto outcome = ts::write_file(path, std::string(3'000'000, 'x'));
  std::string after_failure;
  if (auto file = ts::atomic_file::create(path)) {
    static_cast<void>(file->write(std::string(3'000'000, 'x')));
    if (const auto committed = file->commit(); !committed) after_failure = committed.error().message();
  }
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &old) == 0);
  std::signal(SIGXFSZ, handler);
  REQUIRE_FALSE(outcome.has_value());
  CHECK(outcome.error().code == ts::error_code::io);
  CHECK(outcome.error().system != 0);
  CHECK_THAT(after_failure, ContainsSubstring("an earlier write failed"));
  CHECK(read_file(path) == "old");
  CHECK(names_in(scratch.path()) == std::vector<std::string>{"directory", "out"});
}

TEST_CASE("sha256: the examples of FIPS 180-4", "[files]") {
  const auto hex = [](std::string_view text) { return ts::to_hex(value_of(ts::sha256(bytes_of(text)))); };
  CHECK(hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(hex(std::string(1'000'000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("sha256: hexadecimal both ways", "[files]") {
  const auto digest = value_of(ts::sha256({}));
  std::string digits = ts::to_hex(digest);
  CHECK(value_of(ts::digest_from_hex(digits)) == digest);
  for (char& c : digits) c = static_cast<char>(std::toupper(c));
  CHECK(value_of(ts::digest_from_hex(digits)) == digest);
  CHECK_FALSE(ts::digest_from_hex(digits.substr(1)).has_value());
  digits[63] = 'g';
  CHECK_FALSE(ts::digest_from_hex(digits).has_value());
}

TEST_CASE("sha256: of a file, and remembered beside it until it changes", "[files]") {
  const scratch_directory scratch;
  const auto path = (scratch / "weights").string();
  write_file(path, "abc");
  const auto abc = value_of(ts::sha256_file(path));
  CHECK(ts::to_hex(abc) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(value_of(ts::remembered_sha256(value_of(ts::mapped_file::open(path)))) == abc);
  const auto note = scratch / "weights.sha256";
  REQUIRE(std::filesystem::exists(note));
  // What the note says is believed while size and time agree ...
  std::string line = read_file(note);
  const std::string zeros(64, '0');
  write_file(note, zeros + line.substr(64));
  CHECK(ts::to_hex(value_of(ts::remembered_sha256(value_of(ts::mapped_file::open(path))))) == zeros);
  // ... and not after, nor where it is no note at all.
  std::filesystem::last_write_time(path, std::filesystem::last_write_time(path) + std::chrono::seconds(1));
  CHECK(value_of(ts::remembered_sha256(value_of(ts::mapped_file::open(path)))) == abc);
  write_file(note, std::string(200, 'z'));
  CHECK(value_of(ts::remembered_sha256(value_of(ts::mapped_file::open(path)))) == abc);
  CHECK(ts::sha256_file((scratch / "none").string()).error().code == ts::error_code::not_found);
}
