// SPDX-License-Identifier: Apache-2.0
/// The files of hnswlib (`saveIndex`, `save_index`): vectors of f32 with their labels, and the graph.
///
///     TESSERA_TRY(const ts::index_parts old, ts::read_hnswlib("old.bin"));
///     TESSERA_CHECK(ts::write_hnswlib("new.bin", old));        // hnswlib opens it
///
/// The format has neither a name nor a version nor the metric: the program that opens a file must know that it searched with "l2", "ip"
/// or "cosine" (for which hnswlib keeps normalised vectors and their inner product). What can be checked is: every size against the
/// file's, every link, label and level. Layout, as hnswlib 0.6 to 0.8 write it on 64-bit little-endian machines:
///
///     u64 0 | u64 capacity | u64 rows N | u64 bytes an element E | u64 place of the label | u64 place of the vector
///     i32 highest level | u32 entry | u64 M | u64 2·M | u64 M | f64 1 / ln M | u64 build effort
///     N × (u16 links, u8 removed, u8 0, 2·M × u32 link, d × f32, u64 label)
///     N × (u32 bytes of the lists, levels × (u32 links, M × u32 link))
#pragma once

#include <tessera/io/index_parts.hpp>

namespace tessera::inline TESSERA_ABI {

/// Errors: those of `mapped_file::open`; malformed; unsupported.
[[nodiscard]] result<index_parts> read_hnswlib(std::string_view path);
/// The same from memory, which must outlive the parts.
[[nodiscard]] result<index_parts> view_hnswlib(std::span<const std::byte> bytes, std::string_view path);

/// Writes a graph over f32 rows, atomically. Errors: those of `atomic_file`; unsupported (no graph, another precision, cosine over
/// rows that have not length 1);
/// invalid_argument (parts that do not fit each other).
[[nodiscard]] result<> write_hnswlib(std::string_view path, const index_parts& parts);

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/io/hnswlib-inl.hpp>
#endif
