// SPDX-License-Identifier: Apache-2.0
/// What the index files of other libraries hold, in one form: vectors, ids, and the graph where there is one.
///
///     TESSERA_TRY(const ts::index_parts old, ts::read_hnswlib("old.bin"));   // also read_faiss, read_usearch
///     old.rows, old.dimension, old.metric, old.graph.has_value();
///
/// `index/exchange.hpp` makes an index of ours of it and the other way round. Vectors are not copied: they lie in the mapped file, or
/// in the index that they are taken from, which must outlive this.
#pragma once

#include <tessera/base/result.hpp>
#include <tessera/io/dtype.hpp>
#include <tessera/io/mapped_file.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// What a file says its distances are; `unstated` where the format has no place for it.
enum class stated_metric : std::uint8_t { unstated, cosine, inner_product, squared_l2, hamming, jaccard };

[[nodiscard]] std::string_view to_string(stated_metric metric) noexcept;

/// The links of a hierarchical small-world graph (arXiv:1603.09320).
struct graph_parts {
  static constexpr std::uint32_t none = 0xFFFFFFFFu;
  static constexpr std::size_t most_degree = 65535;

  std::size_t degree = 16;            ///< links a row has on levels above 0; twice as many on level 0
  std::size_t build_effort = 200;     ///< where the file says it
  std::uint32_t entry = none;         ///< where searches begin; `none` in an empty graph
  std::vector<std::uint8_t> levels;   ///< [rows]: the highest level of each
  std::vector<std::uint32_t> ground;  ///< [rows, 2 · degree]: links on level 0, then `none`
  std::vector<std::uint32_t> upper;   ///< [sum of levels, degree]: links on level 1, 2 ... of the rows in order, then `none`

  [[nodiscard]] std::span<const std::uint32_t> on_ground(std::size_t row) const noexcept {
    return std::span(ground).subspan(row * 2 * degree, 2 * degree);
  }
  /// The used ones of a list.
  [[nodiscard]] static std::span<const std::uint32_t> used(std::span<const std::uint32_t> list) noexcept {
    std::size_t count = 0;
    while (count < list.size() && list[count] != none) ++count;
    return list.first(count);
  }
};

struct index_parts {
  std::string format;  ///< "hnswlib", "FAISS IxF2", "usearch"
  stated_metric metric = stated_metric::unstated;
  dtype type = dtype::f32;  ///< f32, f16 or bf16; u8 for binary codes, 8 components a byte
  std::size_t dimension = 0;
  std::size_t rows = 0;
  std::span<const std::byte> vectors;  ///< row i begins at byte i · stride
  std::size_t stride = 0;
  std::vector<std::uint64_t> ids;
  std::vector<std::uint8_t> removed;  ///< [rows], 1 for rows that must not be found; empty where none is removed
  std::optional<graph_parts> graph;
  std::string path;
  std::shared_ptr<const mapped_file> file;  ///< keeps the vectors of a file that was opened

  [[nodiscard]] std::size_t row_bytes() const noexcept;
  [[nodiscard]] std::span<const std::byte> vector(std::size_t row) const noexcept { return vectors.subspan(row * stride, row_bytes()); }
  /// Every row has length 1 within 1/1000, so that inner product, cosine and squared L2 find the same rows.
  [[nodiscard]] bool has_unit_rows() const noexcept;
  [[nodiscard]] bool is_removed(std::size_t row) const noexcept { return !removed.empty() && removed[row] != 0; }
};

namespace detail {

/// Gathers the lists of a file into `graph_parts`, whatever places the file has for them. A link to the row itself or to one named
/// before is left out: some builders leave such behind, and no search sees a difference.
class graph_gatherer {
 public:
  /// `ground` and `above`: places of a list on level 0 and above. Errors: malformed, unsupported.
  [[nodiscard]] static result<graph_gatherer> make(std::size_t rows, std::uint64_t ground, std::uint64_t above, std::string_view path);

  /// A row's level, in the order of the rows, before its lists. Errors: unsupported.
  [[nodiscard]] result<> level(std::uint64_t level);
  /// The next list of that row; links stand little-endian, 4 bytes each. Errors: malformed.
  [[nodiscard]] result<> list(std::size_t row, std::size_t level, std::span<const std::byte> links, std::uint64_t offset);
  /// Links name rows that reach their level, and the entry is of the highest. Errors: malformed.
  [[nodiscard]] result<graph_parts> finish(std::uint64_t entry) &&;

 private:
  graph_parts made_;
  std::size_t rows_ = 0;
  std::string_view path_;
};

/// The parts of a file that `view` reads in memory; they keep it mapped. Errors: those of `mapped_file::open` and `view`.
[[nodiscard]] result<index_parts> open_parts(std::string_view path,
                                             result<index_parts> (*view)(std::span<const std::byte>, std::string_view));

/// What a writer wants of its parts. Errors: invalid_argument.
[[nodiscard]] result<> parts_fit(const index_parts& parts);

}  // namespace detail

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/io/index_parts-inl.hpp>
#endif
