// SPDX-License-Identifier: Apache-2.0
/// How narrow matrix products go through their operands: panels in groups, rows in blocks, the depth in slices.
///
/// Rows of `a` are brought into the weights' form one slice of a block at a time (`fill`), in a buffer that the tile
/// reads with a fixed stride; sums wait in f32 or i32 between slices, exactly. So nothing here changes the order of any
/// sum. Part 2 only: kernel/matmul_bf16.hpp and kernel/matmul_i8.hpp use it.
#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_MATMUL_BLOCKS_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_MATMUL_BLOCKS_PASS)
#undef TESSERA_KERNEL_MATMUL_BLOCKS_PASS
#else
#define TESSERA_KERNEL_MATMUL_BLOCKS_PASS
#endif

#include <tessera/kernel/matmul.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

/// Panels that a tile of so many rows takes side by side where weights are narrow. One row waits for memory, which is read faster as one
/// stream than as two or four (8 to 30 % in i8 and i4, 5 to 20 % in bf16), and two sums in flight keep up with it. From the caches more
/// sums would be faster, in bf16 by 10 to 25 %.
[[nodiscard]] constexpr std::size_t narrow_tile_panels(std::size_t rows) { return rows == 1 ? 1 : tile_panels(rows); }

/// Tiles of each height: of one panel, and of Tile::panels(rows).
template <class Tile>
struct tile_list {
  typename Tile::function one[tile_height + 1] = {};
  typename Tile::function several[tile_height + 1] = {};

  template <std::size_t Rows = tile_height>
  static constexpr tile_list of_all_heights(tile_list list = {}) {
    list.one[Rows] = Tile::template make<Rows, 1>();
    list.several[Rows] = Tile::template make<Rows, Tile::panels(Rows)>();
    if constexpr (Rows == 1) return list;
    else return of_all_heights<Rows - 1>(list);
  }
};

/// A product whose slice is that of a block of its own, where there is room for more than one.
template <class Product>
HWY_INLINE Product with_rows_of(const Product& product, std::size_t block) {
  if constexpr (Product::kept_blocks > 1) return product.of_block(block);
  else return product;
}

/// All tiles of a product of m rows by n columns over the depth k. `product` has the operands: see bf16_product.
template <class Product>
HWY_INLINE void multiply_blocks(const Product& product, std::size_t m, std::size_t n, std::size_t k) {
  if (m == 0 || n == 0) return;
  const std::size_t panels = (n + panel_width - 1) / panel_width;
  // A group of panels stays in the second-level cache while all rows pass; blocks of rows have nearly equal heights,
  // since a short last block would read the weights for little work.
  const std::size_t blocks = (m + Product::height - 1) / Product::height;
  // A row alone has the room of a whole block for its slices, so that a panel is read from beginning to end.
  const std::size_t depth = m == 1 ? Product::row_depth : Product::depth;
  const bool sliced = k > depth;
  const std::size_t fitting = Product::group_bytes / HWY_MAX(product.panel_bytes(), std::size_t{1});
  // Where the depth is sliced every group brings all rows into their form once more, which costs more than panels that only the third-level
  // cache holds: as many of them as there is room for sums (769 rows, depth 4096: 10 to 25 % less time in bf16, 30 % in i8).
  const std::size_t few = HWY_MAX(fitting, std::size_t{4});
  const std::size_t at_most = !sliced ? (blocks == 1 ? panels : few) : blocks == 1 ? HWY_MIN(few, group_panels) : group_panels;
  // Few rows wait for memory, and all of that in their first block: small groups, each fetched by the one before, spread it over all blocks
  // (10 to 20 % less time for a model of 16 rows in bf16). Rows keep their form from group to group.
  const bool kept = blocks > 1 && blocks <= Product::kept_blocks && !sliced;
  const std::size_t group = HWY_MIN(panels, kept ? std::size_t{2} : at_most);
  // Whether a column ends in registers must not depend on the panels beside its own, as its bits must not.
  const std::size_t whole_panels = n / panel_width;
  HWY_ALIGN float sums[Product::height * group_panels * panel_width];
  for (std::size_t first = 0; first < panels; first += group) {
    const std::size_t last = HWY_MIN(panels, first + group);
    std::size_t row = 0;
    for (std::size_t block = 0; block < blocks; ++block) {
      const std::size_t rows = m / blocks + (block < m % blocks ? 1 : 0);
      std::size_t begin = 0;
      do {
        const std::size_t length = HWY_MIN(depth, k - begin);
        const Product here = with_rows_of(product, kept ? block : 0);
        if (!kept || first == 0) here.fill(row, rows, begin, length);
        float* tile = sums;
        for (std::size_t panel = first; panel < last;) {
          const bool several = panel + Product::panels(rows) <= HWY_MIN(last, whole_panels);
          const std::size_t together = several ? Product::panels(rows) : 1;
          const std::size_t width = together * panel_width;
          const std::size_t column = panel * panel_width;
          // The first two blocks of several, not waiting for memory all the time, fetch half the next group's panel
          // each. Few blocks go on behind the last panel, where a model has the weights that come next (2 to 5 % less time for 24 rows in
          // i8); of many, whose group is a whole product, that would evict what they still need.
          const bool fetch = blocks > 1 && block < 2 && (blocks <= 4 || panel + group < panels);
          const bool whole = begin + length == k;
          const tile_end end = whole ? product.straight(row, column, width, n) : tile_end{};
          here.multiply(rows, several, panel, begin, length, tile, end, fetch ? group : 0, fetch ? block : 0);
          if (whole && end.c == nullptr) here.finish(tile, width, row, rows, column, HWY_MIN(n - column, width));
          panel += together;
          if (sliced) tile += rows * width;
        }
        begin += length;
      } while (begin < k);
      if (last == panels) product.end.complete(row, rows, n);
      row += rows;
    }
  }
}

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
