// SPDX-License-Identifier: Apache-2.0
/// The files of usearch 2 (`index.save`): vectors in f32, f16, bf16 or bits with their keys, and the graph.
///
///     TESSERA_TRY(const ts::index_parts old, ts::read_usearch("old.usearch"));
///     TESSERA_CHECK(ts::write_usearch("new.usearch", old));        // usearch's load opens it
///
/// Read: keys of 64 bits, links of 32, one vector a key, metrics cos, ip, l2sq, hamming and tanimoto (jaccard of bits). Refused by name:
/// f64 and i8 (usearch keeps no scale beside its codes), vectors left out of the file, versions other than 2. Layout:
///
///     u32 rows N | u32 bytes a vector, or both as u64 | N vectors
///     "usearch" | u16 × 3 version | u8 metric | u8 scalar | u8 key 14 | u8 link 15 | u64 present | u64 removed | u64 dimension | u8 multi
///     | zeros up to 64 bytes
///     u64 N | u64 M | u64 links on level 0 | u64 highest level | u64 entry | N × i16 level
///     N × (u64 key | i16 level | u32 links, places × u32 on level 0 | levels × (u32 links, M × u32))
#pragma once

#include <tessera/io/index_parts.hpp>

namespace tessera::inline TESSERA_ABI {

/// Errors: those of `mapped_file::open`; malformed; unsupported.
[[nodiscard]] result<index_parts> read_usearch(std::string_view path);
/// The same from memory, which must outlive the parts.
[[nodiscard]] result<index_parts> view_usearch(std::span<const std::byte> bytes, std::string_view path);

/// Writes a graph over f32, f16, bf16 or binary rows, atomically. Errors: those of `atomic_file`; unsupported (no graph, a metric that the
/// file could not state); invalid_argument (parts that do not fit each other).
[[nodiscard]] result<> write_usearch(std::string_view path, const index_parts& parts);

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/io/usearch-inl.hpp>
#endif
