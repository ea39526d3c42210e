// SPDX-License-Identifier: Apache-2.0
/// Where the tests find files: fixtures made with the reference implementations, and a scratch directory of their own.
///
///     const auto model = fixture("text/bert_mean");            // skips the test where neither place has it
///     const scratch_directory scratch;                         // removed with everything in it
///     write_file(scratch / "broken.json", "{");
#pragma once

#include <tests/support/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

namespace tessera_tests {

/// The directory of this repository.
const std::filesystem::path& source_tree();

/// The fixture below tests/data (a small core that travels with the repository), else below ../shared/fixtures, or none.
inline std::optional<std::filesystem::path> find_fixture(std::string_view name) {
  for (const auto& place : {source_tree() / "tests/data", source_tree().parent_path() / "shared/fixtures"}) {
    std::error_code ignored;
    if (std::filesystem::exists(place / name, ignored)) return place / name;
  }
  return std::nullopt;
}

/// The fixture, or the test is skipped, which its last line counts.
inline std::filesystem::path fixture(std::string_view name) {
  auto path = find_fixture(name);
  if (!path) SKIP("no fixture " << name << " in tests/data or ../shared/fixtures");
  return *path;
}

/// A directory for what a test writes, removed when it goes out of scope.
class scratch_directory {
 public:
  scratch_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "tessera-test-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  ~scratch_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file.good());
  std::string bytes(static_cast<std::size_t>(std::filesystem::file_size(path)), '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  REQUIRE(file.good());
  return bytes;
}

inline void write_file(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  REQUIRE(file.good());
}

}  // namespace tessera_tests

using tessera_tests::find_fixture;
using tessera_tests::fixture;
using tessera_tests::read_file;
using tessera_tests::scratch_directory;
using tessera_tests::write_file;
