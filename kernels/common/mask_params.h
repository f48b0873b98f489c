// What defines a run of random masks: the struct that every mask kernel takes.
#pragma once

#include <cstdint>

#include "any_address.h"
#include "isa.h"
#include "limits.h"

namespace fastxai {

// How the masks of a run belong together. Formulas: kernels/mask_grid/README.md.
constexpr int64_t kDesignIid = 0;     // all cells and shifts independent
constexpr int64_t kDesignOa128 = 1;   // blocks of 128 masks: an orthogonal array and one shift each
constexpr int64_t kDesignPlaced = 2;  // the same, its columns placed over the grid
constexpr int64_t kDesignLattice = 3;  // placed, the blocks' shifts from a lattice

constexpr int64_t kOaMasks = 128;    // masks of a block of a design other than iid
constexpr int64_t kOaColumns = 127;  // columns to draw from, one per cell: the most cells it takes
constexpr uint64_t kOaThreshold = uint64_t{1} << 31;  // its keep probability is 1/2
constexpr int kColumnWords = 16;                      // bytes of a column per cell, eight a word

// Mask i is a pure function of (seed, i), of the six numbers after `count` and of the columns.
struct MaskParams {
  uint64_t seed;                // Philox key: low word, high word
  int64_t first;                // index of the first mask of this batch, >= 0
  int64_t count;                // masks of this batch that count; rows beyond it are padding
  int64_t grid_rows;            // h, coarse cells from top to bottom, >= 1
  int64_t grid_cols;            // w, coarse cells from left to right, >= 1
  uint64_t threshold;           // iid: a cell is kept iff its 32-bit word < threshold; 0..2^32
  int64_t shift_rows;           // shifts are 0..shift_rows-1, >= 1
  int64_t shift_cols;           // shifts are 0..shift_cols-1, >= 1
  int64_t design = kDesignIid;  // others: threshold is kOaThreshold and h w <= kOaColumns
  uint64_t columns[kColumnWords] = {};  // placed and lattice: column of cell k in byte k, 1..127
};

constexpr int64_t kMaskNumbers = 9;  // without the columns
constexpr int64_t kMaskParamCount = kMaskNumbers + kColumnWords;

// Where a kernel on a device has its parameters from: its own arguments, or device memory that the
// host cannot read without waiting.
struct MaskSource {
  const int64_t* device;  // [25] in device memory; null: `params` holds them, checked
  MaskParams params;
};

FASTXAI_HD static inline bool in_blocks(int64_t design) { return design != kDesignIid; }

FASTXAI_HD static inline bool has_placed_columns(int64_t design) {
  return design == kDesignPlaced || design == kDesignLattice;
}

// Column of cell k.
FASTXAI_HD static inline uint32_t column_of(const uint64_t* columns, int64_t k) {
  return static_cast<uint32_t>(columns[k / 8] >> (8 * (k % 8))) & 255u;
}

// values: [seed, first, count, grid_rows, grid_cols, threshold, shift_rows, shift_cols, design].
// False if one of them is out of range. The columns that follow are `unpack_columns`'s.
FASTXAI_HD static inline bool unpack_mask_params(const AnyInt64* values, int64_t batch,
                                                 MaskParams* p) {
  p->seed = static_cast<uint64_t>(values[0]);
  p->first = values[1];
  p->count = values[2];
  p->grid_rows = values[3];
  p->grid_cols = values[4];
  p->threshold = static_cast<uint64_t>(values[5]);
  p->shift_rows = values[6];
  p->shift_cols = values[7];
  p->design = values[8];
  const bool in_range = within(p->first, 0, kMaxFirst) && within(p->count, 0, batch) &&
                        within(p->grid_rows, 1, kMaxAxis) && within(p->grid_cols, 1, kMaxAxis) &&
                        within(p->grid_rows * p->grid_cols, 1, kMaxElements) &&
                        within(values[5], 0, int64_t{1} << 32) &&
                        within(p->shift_rows, 1, kMaxAxis) && within(p->shift_cols, 1, kMaxAxis);
  if (!in_range || !in_blocks(p->design)) return in_range;
  // Blocks have a column for each cell and as many kept cells as hidden ones.
  return within(p->design, kDesignOa128, kDesignLattice) && p->threshold == kOaThreshold &&
         p->grid_rows * p->grid_cols <= kOaColumns;
}

// The 16 words of columns after the numbers. False if a cell of a placed design has none, or one
// that another has.
static inline bool unpack_columns(const AnyInt64* values, MaskParams* p) {
  for (int k = 0; k < kColumnWords; ++k) p->columns[k] = static_cast<uint64_t>(values[k]);
  if (!has_placed_columns(p->design)) return true;
  bool taken[kOaColumns + 1] = {true};  // column 0 is constant
  for (int64_t k = 0; k < p->grid_rows * p->grid_cols; ++k) {
    const uint32_t column = column_of(p->columns, k);
    if (column > kOaColumns || taken[column]) return false;
    taken[column] = true;
  }
  return true;
}

}  // namespace fastxai
