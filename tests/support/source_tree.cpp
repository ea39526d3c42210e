// SPDX-License-Identifier: Apache-2.0
/// The one file that knows where the tree is, so that all others are the same bytes to a compiler cache wherever it is.
#include <tests/support/fixtures.hpp>

namespace tessera_tests {

const std::filesystem::path& source_tree() {
  static const std::filesystem::path path = TESSERA_SOURCE_DIR;
  return path;
}

}  // namespace tessera_tests
