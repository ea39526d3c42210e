// SPDX-License-Identifier: Apache-2.0
/// The rows of a store at one moment: what a search, a graph and a snapshot are made of.
#pragma once

#include <tessera/base/fingerprint.hpp>
#include <tessera/index/graph_links.hpp>
#include <tessera/store/row_table.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace tessera::inline TESSERA_ABI::detail {

/// Codes of the first rows, for searches to walk by; what they are the store's type knows (store/table_rows.hpp).
struct row_codes {
  std::shared_ptr<const void> of;
  std::size_t rows = 0, bytes = 0;
};

struct table_view {
  std::shared_ptr<row_table> rows;
  std::shared_ptr<const graph_links> graph;  ///< of the first rows; none: that of the table
  row_codes codes;
  std::size_t count = 0;
  std::uint32_t change = 0;
  std::uint64_t number = 0;  ///< changes that the store ever saw
  fingerprint made_by;
};

}  // namespace tessera::inline TESSERA_ABI::detail
