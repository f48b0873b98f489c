// What the threads of a block need to know of some masks to have the mask's value at any of their
// pixels by a few instructions: bilinear weights by column and row, and the cells as bits of words.
//
// Only for grids of at most 31 x 31 cells and shift ranges of at most 64 pixels; for others each
// pixel is computed from the random words of its four cells (`far_value`), slowly.
#pragma once

#include "../common/bilinear.h"
#include "../common/device_masks.h"
#include "../common/plane_tiles.h"

FASTXAI_ISA_BEGIN

constexpr int kMaxMasks = 32;      // of a block: they meet at most two blocks of masks
constexpr int kMaxTileGrid = 31;   // a word has a bit for each column of cells and the last again
constexpr int kMaxTileShift = 64;  // range of an axis
constexpr int kBitRows = kMaxTileGrid + 1;

struct MaskTile {
  float* weights;   // [copies, cols]  of the right cell; copy s is moved by s columns, so that
  uint8_t* lows;    // [copies, cols]  left cell        four columns from any on can be loaded
  FloatTap* rows;   // [tile rows + shifts]             as one aligned vector
  uint32_t* bits;   // [kMaxMasks, kBitRows]  cells; last row and column twice
  int32_t* shifts;  // [kMaxMasks, 2]
  OaShared* oa;     // [2]
  int64_t cols;     // capacity of a copy
  int64_t first_x;  // pixel that the tables begin with
  int64_t first_y;
};

// Capacity of the tables for a tile of `tile` numbers.
FASTXAI_HD static inline int64_t tile_cols(const ImageShape& s, int tile) {
  const int64_t cols = s.cols < tile + 1 ? s.cols : tile + 1;
  return (cols + kMaxTileShift + 8 + 3) / 4 * 4;
}
FASTXAI_HD static inline int64_t tile_rows(const PlaneTiles& t, int tile) {
  const int64_t rows = tile / t.padded + 2;
  return (rows < t.rows ? rows : t.rows) + kMaxTileShift;
}

// Bytes of shared memory.
static inline int64_t mask_tile_bytes(const ImageShape& s, const PlaneTiles& t, int tile,
                                      int copies) {
  return copies * tile_cols(s, tile) * 5 + tile_rows(t, tile) * 8 + kMaxMasks * (kBitRows + 2) * 4 +
         2 * static_cast<int64_t>(sizeof(OaShared)) + 16;
}

__device__ static inline MaskTile lay_out_tile(const ImageShape& s, const PlaneTiles& t, int tile,
                                               int copies, Layout layout, int64_t first) {
  MaskTile m;
  m.cols = tile_cols(s, tile);
  m.weights = reinterpret_cast<float*>(shared_memory());
  m.rows = reinterpret_cast<FloatTap*>(m.weights + copies * m.cols);
  m.bits = reinterpret_cast<uint32_t*>(m.rows + tile_rows(t, tile));
  m.shifts = reinterpret_cast<int32_t*>(m.bits + kMaxMasks * kBitRows);
  m.oa = reinterpret_cast<OaShared*>(m.shifts + 2 * kMaxMasks);
  m.lows = reinterpret_cast<uint8_t*>(m.oa + 2);
  const Place place = place_of(t, first);
  m.first_y = place.y;
  m.first_x = t.padded == t.row && t.row < tile ? 0
              : layout == Layout::kPlanar       ? place.at
                                                : place.at / s.channels;
  return m;
}

__device__ static inline bool fits_tile(const MaskParams& p) {
  return p.grid_rows <= kMaxTileGrid && p.grid_cols <= kMaxTileGrid &&
         p.shift_rows <= kMaxTileShift && p.shift_cols <= kMaxTileShift;
}

__device__ static inline void fill_tables(const MaskParams& p, const ImageShape& s,
                                          const PlaneTiles& t, int tile, int copies,
                                          const MaskTile& m) {
  const int64_t up_rows = s.rows + p.shift_rows - 1;
  const int64_t up_cols = s.cols + p.shift_cols - 1;
  for (int64_t k = threadIdx.x; k < copies * m.cols; k += blockDim.x) {
    const int copy = static_cast<int>(k / m.cols);
    const int64_t column = m.first_x + k - copy * m.cols + copy;
    FloatTap tap = {0, 0.0f};
    if (column < up_cols) tap = bilinear_tap_float(column, p.grid_cols, up_cols);
    m.weights[k] = tap.weight;
    m.lows[k] = static_cast<uint8_t>(tap.low);
  }
  for (int64_t k = threadIdx.x; k < tile_rows(t, tile); k += blockDim.x) {
    const int64_t row = m.first_y + k;
    FloatTap tap = {0, 0.0f};
    if (row < up_rows) tap = bilinear_tap_float(row, p.grid_rows, up_rows);
    m.rows[k] = tap;
  }
}

__device__ static inline void set_cell(const MaskParams& p, uint32_t* bits, int k) {
  const int row = k / static_cast<int>(p.grid_cols);
  const int col = k - row * static_cast<int>(p.grid_cols);
  uint32_t bit = 1u << col;
  if (col + 1 == p.grid_cols) bit |= bit << 1;
  atomicOr(bits + row, bit);
  if (row + 1 == p.grid_rows) atomicOr(bits + row + 1, bit);
}

// Which block in `oa` mask `index` is in, where the first mask of the thread block is `first`.
__device__ static inline int oa_slot(uint64_t index, uint64_t first) {
  return static_cast<int>(oa_block_of(index) - oa_block_of(first));
}

__device__ static inline void draw_bits(const MaskParams& p, uint64_t first, int masks,
                                        const MaskTile& m) {
  const int cells = static_cast<int>(p.grid_rows * p.grid_cols);
  const bool oa = in_blocks(p.design);
  const int items = oa ? cells : (cells + 3) / 4;
  for (int k = static_cast<int>(threadIdx.x); k < masks * items;
       k += static_cast<int>(blockDim.x)) {
    const int j = k / items;
    const int item = k - j * items;
    const uint64_t index = first + static_cast<uint64_t>(j);
    uint32_t* const bits = m.bits + j * kBitRows;
    if (oa) {
      const uint8_t code = m.oa[oa_slot(index, first)].codes[item];
      if (oa_cell(code, static_cast<uint32_t>(index % kOaMasks))) set_cell(p, bits, item);
      continue;
    }
    uint32_t words[4];
    word_block(p.seed, index, kStreamMasks, static_cast<uint32_t>(item), words);
    for (int i = 0; i < 4 && 4 * item + i < cells; ++i) {
      if (cell_kept(words[i], p.threshold)) set_cell(p, bits, 4 * item + i);
    }
  }
}

// Makes the tile of masks first .. first + masks - 1; every thread of the block comes here.
__device__ static inline void make_mask_tile(const MaskSource& source, const MaskParams& p,
                                             const ImageShape& s, const PlaneTiles& t, int tile,
                                             int copies, uint64_t first, int masks,
                                             const MaskTile& m) {
  const int self = static_cast<int>(threadIdx.x);
  const int step = static_cast<int>(blockDim.x);
  const bool fits = fits_tile(p);
  if (fits) {
    fill_tables(p, s, t, tile, copies, m);
    for (int k = self; k < masks * kBitRows; k += step) m.bits[k] = 0;
  }
  for (int j = self; j < masks; j += step) {
    mask_shift(p, first + static_cast<uint64_t>(j), m.shifts + 2 * j);
  }
  if (in_blocks(p.design)) {
    const int blocks = 1 + oa_slot(first + masks - 1, first);
    load_oa_blocks(source, p, oa_block_of(first), blocks, m.oa);
  } else {
    __syncthreads();
  }
  if (fits) draw_bits(p, first, masks, m);
  __syncthreads();
}

// ---- values -----------------------------------------------------------------------------------

// Bit 0 of a pair is the left cell, bit 1 the right one. As the cells are 0 or 1, choosing has the
// bits of multiplying.
__device__ static inline float pair_value(uint32_t pair, float weight) {
  return ((pair & 1u) != 0 ? 1.0f - weight : 0.0f) + ((pair & 2u) != 0 ? weight : 0.0f);
}

// Of mask j, what a row of pixels needs.
struct MaskRow {
  uint32_t top;     // cells of the upper row
  uint32_t bottom;  // and of the lower
  float weight;     // of the lower row
  int dx;           // shift of the columns
};

__device__ static inline MaskRow mask_row(const MaskTile& m, int j, int64_t y) {
  const FloatTap tap = m.rows[y - m.first_y + m.shifts[2 * j]];
  const uint32_t* const bits = m.bits + j * kBitRows + tap.low;
  return {bits[0], bits[1], tap.weight, m.shifts[2 * j + 1]};
}

__device__ static inline float mask_value(const MaskRow& row, int low, float weight) {
  const float top = pair_value(row.top >> low, weight);
  const float bottom = pair_value(row.bottom >> low, weight);
  return top * (1.0f - row.weight) + bottom * row.weight;
}

// Pixel (y, x) of mask `index`, without tables; `j` is its place in the tile.
__device__ __noinline__ static float far_value(const MaskParams& p, const ImageShape& s,
                                               const MaskTile& m, uint64_t first, int j, int64_t y,
                                               int64_t x) {
  const uint64_t index = first + static_cast<uint64_t>(j);
  const FloatTap v =
      bilinear_tap_float(y + m.shifts[2 * j], p.grid_rows, s.rows + p.shift_rows - 1);
  const FloatTap u =
      bilinear_tap_float(x + m.shifts[2 * j + 1], p.grid_cols, s.cols + p.shift_cols - 1);
  const int64_t below = v.low + 1 < p.grid_rows ? p.grid_cols : 0;
  const int64_t right = u.low + 1 < p.grid_cols ? 1 : 0;
  const int64_t at = v.low * p.grid_cols + u.low;
  const int64_t cells[4] = {at, at + right, at + below, at + below + right};
  uint32_t pairs = 0;
  for (int k = 0; k < 4; ++k) {
    const bool kept = in_blocks(p.design) ? oa_cell(m.oa[oa_slot(index, first)].codes[cells[k]],
                                                    static_cast<uint32_t>(index % kOaMasks)) != 0
                                          : iid_cell(p, index, cells[k]);
    if (kept) pairs |= 1u << k;
  }
  const float top = pair_value(pairs, u.weight);
  const float bottom = pair_value(pairs >> 2, u.weight);
  return top * (1.0f - v.weight) + bottom * v.weight;
}

FASTXAI_ISA_END
