// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target without libFuzzer: every file as it is, then with a fixed number of changes drawn from a fixed
// seed, so that the same inputs are tried on every machine and by every compiler.
//
//     fuzz_json [--mutations N] [--kind M] FILE...      N of each file, and at least M of all files that end alike (".log", ".snapshot")
//
// What a target finds wrong ends the process (a sanitizer's report, a trap); the input is then in the file named on the
// last line.
#include <tests/fuzz/target.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

/// SplitMix64 (Steele, Lea, Flood 2014).
class random_source {
 public:
  explicit random_source(std::uint64_t seed) : state_(seed) {}
  std::size_t below(std::size_t end) {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return end == 0 ? 0 : static_cast<std::size_t>((z ^ (z >> 31U)) % end);
  }

 private:
  std::uint64_t state_;
};

/// One change: of bits or bytes, of a number to an edge of its range, of length, or a piece taken from another input.
void mutate(std::string& text, const std::vector<std::string>& corpus, random_source& random) {
  const std::size_t at = random.below(text.size() + 1);
  switch (random.below(7)) {
    case 0:
      if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << random.below(8)));
      break;
    case 1:
      if (at < text.size()) text[at] = static_cast<char>(random.below(256));
      break;
    case 2: {
      constexpr std::uint64_t edges[] = {0,
                                         1,
                                         0x7f,
                                         0x80,
                                         0xff,
                                         0x7fff,
                                         0xffff,
                                         0x7fffffff,
                                         0x80000000,
                                         0xffffffff,
                                         0x7fffffffffffffff,
                                         0x8000000000000000,
                                         0xffffffffffffffff,
                                         0xfffffffffffffff8,
                                         0x4000000000000001};
      const std::uint64_t edge = edges[random.below(std::size(edges))];
      const std::size_t width = std::size_t{1} << random.below(4);
      if (at + width <= text.size()) std::memcpy(text.data() + at, &edge, width);
      break;
    }
    case 3: text.resize(at); break;
    case 4: text.erase(at, 1 + random.below(16)); break;
    case 5: text.insert(at, text.substr(random.below(text.size() + 1), 1 + random.below(64))); break;
    default: {
      const std::string& other = corpus[random.below(corpus.size())];
      text.insert(at, other.substr(random.below(other.size() + 1), 1 + random.below(64)));
      break;
    }
  }
}

/// Kept on the disk while it runs where TESSERA_FUZZ_KEEP names a file, so that an input which ends the process can be
/// looked at.
void run(const std::string& text) {
  static const char* const keep = std::getenv("TESSERA_FUZZ_KEEP");
  if (keep != nullptr)
    std::ofstream(keep, std::ios::binary).write(text.data(), static_cast<std::streamsize>(text.size()));
  // An allocation of exactly this size: a sanitizer sees the first byte beyond it.
  std::vector<std::uint8_t> exact(text.begin(), text.end());
  exact.shrink_to_fit();
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t mutations = 0, of_kind = 0;
  std::vector<std::string> corpus, kinds;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if ((word == "--mutations" || word == "--kind") && i + 1 < argc) {
      (word == "--kind" ? of_kind : mutations) = std::strtoul(argv[++i], nullptr, 10);
      continue;
    }
    std::ifstream file(argv[i], std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "%s: cannot read\n", argv[i]);
      return 1;
    }
    std::ostringstream contents;
    contents << file.rdbuf();
    corpus.push_back(std::move(contents).str());
    kinds.push_back(std::filesystem::path(word).extension().string());
  }
  if (corpus.empty()) {
    std::fprintf(stderr, "usage: %s [--mutations N] [--kind M] FILE...\n", argv[0]);
    return 1;
  }
  constexpr std::size_t most_bytes = 1 << 20;
  random_source random(1);
  std::size_t runs = 0;
  for (std::size_t file = 0; file < corpus.size(); ++file) {
    const std::string& seed = corpus[file];
    run(seed);
    std::string text = seed;
    const auto alike = static_cast<std::size_t>(std::count(kinds.begin(), kinds.end(), kinds[file]));
    const std::size_t changes = std::max(mutations, (of_kind + alike - 1) / alike);
    for (std::size_t i = 0; i < changes; ++i, ++runs) {
      // A few changes in a row, then back to the seed: near misses reach deepest.
      if (random.below(4) == 0 || text.size() > most_bytes) text = seed;
      mutate(text, corpus, random);
      run(text);
    }
  }
  std::printf("%zu files, %zu changed inputs\n1 passed, 0 failed, 0 skipped\n", corpus.size(), runs);
  return 0;
}
