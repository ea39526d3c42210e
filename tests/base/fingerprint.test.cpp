// SPDX-License-Identifier: Apache-2.0
// The digest that names a model in files: its values never change, and every bit counts.
#include <tests/support/catch.hpp>

#include <tessera/base/fingerprint.hpp>

#include <limits>
#include <set>
#include <string_view>
#include <vector>

namespace ts = tessera;

namespace {

std::vector<std::byte> counting(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i);
  return bytes;
}

std::uint64_t digest_of(std::string_view text) { return ts::digest64(std::as_bytes(std::span(text))); }

}  // namespace

TEST_CASE("digest64 has the values that index files hold", "[base][fingerprint]") {
  // Worked out from the definition with Python's integers.
  CHECK(digest_of("") == 0x2fd45bbf27ab40e9u);
  CHECK(digest_of("a") == 0xef8642a4d98f8f41u);
  CHECK(digest_of("tessera") == 0xfb6cd8c4f80eb377u);
  CHECK(ts::digest64(counting(32)) == 0xdd6d3dbd9d1d3f79u);
  CHECK(ts::digest64(counting(100)) == 0xd12fd768ff22b182u);
  CHECK(ts::digest64(counting(100), 5) == 0x8696d2697be4c3c5u);
  CHECK(ts::digest64({}, std::numeric_limits<std::uint64_t>::max()) == 0xdf4e0a268ad8d725u);
}

TEST_CASE("digest64 tells apart every bit, every length, every order of words and every seed", "[base][fingerprint]") {
  std::set<std::uint64_t> seen;
  const auto is_new = [&seen](std::uint64_t digest) { return seen.insert(digest).second; };
  std::vector<std::byte> bytes = counting(100);
  CHECK(is_new(ts::digest64(bytes)));
  std::size_t repeated = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    for (unsigned bit = 0; bit < 8; ++bit) {
      bytes[i] ^= static_cast<std::byte>(1u << bit);
      repeated += is_new(ts::digest64(bytes)) ? 0u : 1u;
      bytes[i] ^= static_cast<std::byte>(1u << bit);
    }
  for (std::size_t i = 0; i + 8 <= 96; i += 8)
    for (std::size_t j = i + 8; j + 8 <= 96; j += 8) {
      std::swap_ranges(bytes.begin() + static_cast<std::ptrdiff_t>(i), bytes.begin() + static_cast<std::ptrdiff_t>(i + 8),
                       bytes.begin() + static_cast<std::ptrdiff_t>(j));
      repeated += is_new(ts::digest64(bytes)) ? 0u : 1u;
      std::swap_ranges(bytes.begin() + static_cast<std::ptrdiff_t>(i), bytes.begin() + static_cast<std::ptrdiff_t>(i + 8),
                       bytes.begin() + static_cast<std::ptrdiff_t>(j));
    }
  const std::vector<std::byte> zeros(200);  // only their number differs
  for (std::size_t length = 0; length <= zeros.size(); ++length)
    repeated += is_new(ts::digest64(std::span(zeros).first(length))) ? 0u : 1u;
  for (std::uint64_t seed = 1; seed < 100; ++seed) repeated += is_new(ts::digest64(bytes, seed)) ? 0u : 1u;
  CHECK(repeated == 0);
}

TEST_CASE("digest64 does not see where its bytes stand", "[base][fingerprint]") {
  const std::vector<std::byte> bytes = counting(77);
  for (std::size_t offset = 0; offset < 16; ++offset) {
    std::vector<std::byte> moved(offset, std::byte{0xAA});
    moved.insert(moved.end(), bytes.begin(), bytes.end());
    CHECK(ts::digest64(std::span(moved).subspan(offset)) == ts::digest64(bytes));
  }
}

TEST_CASE("a fingerprint of zero says that no model made the vector", "[base][fingerprint]") {
  STATIC_CHECK(!ts::fingerprint{});
  STATIC_CHECK(ts::fingerprint{1});
  STATIC_CHECK(ts::fingerprint{1} == ts::fingerprint{1});
  STATIC_CHECK(ts::fingerprint{1} != ts::fingerprint{2});
}
