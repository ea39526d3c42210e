// SPDX-License-Identifier: Apache-2.0
/// The files of FAISS (`write_index`, `write_index_binary`): flat, HNSW flat and binary flat indexes, with or without an id map.
///
///     TESSERA_TRY(const ts::index_parts old, ts::read_faiss("old.index"));   // IndexFlatIP, IndexHNSWFlat, IndexBinaryFlat, IndexIDMap
///     TESSERA_CHECK(ts::write_faiss("new.index", old));                      // faiss.read_index opens it
///
/// | four letters     | FAISS                                | here                                   |
/// | ---------------- | ------------------------------------ | -------------------------------------- |
/// | IxF2, IxFI, IxFl | IndexFlat: L2, inner product         | f32 rows                               |
/// | IHNf             | IndexHNSWFlat                        | f32 rows and a graph                   |
/// | IBxF             | IndexBinaryFlat                      | binary codes (hamming)                 |
/// | IxMp, IxM2, IBMp, IBM2 | IndexIDMap, IndexIDMap2 of those | their ids; without it 0, 1, 2 ...      |
///
/// Other kinds (PQ, IVF, scalar quantisers, pre-transforms) hold no vectors that could be given back: they are refused by name. FAISS
/// has no cosine: rows of length 1 are searched by their inner product.
#pragma once

#include <tessera/io/index_parts.hpp>

namespace tessera::inline TESSERA_ABI {

/// Errors: those of `mapped_file::open`; malformed; unsupported (another kind of index, another metric, vectors left out).
[[nodiscard]] result<index_parts> read_faiss(std::string_view path);
/// The same from memory, which must outlive the parts.
[[nodiscard]] result<index_parts> view_faiss(std::span<const std::byte> bytes, std::string_view path);

/// Writes f32 rows with their graph, if they have one, or binary codes; an id map only where ids are not 0, 1, 2 ... Errors: those of
/// `atomic_file`; unsupported (another precision, a graph over codes, a metric FAISS lacks, removed rows, an id beyond 2^63 - 1);
/// invalid_argument (parts that do not fit each other).
[[nodiscard]] result<> write_faiss(std::string_view path, const index_parts& parts);

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/io/faiss-inl.hpp>
#endif
