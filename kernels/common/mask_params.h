// What defines a run of random masks: the struct that every mask kernel takes.
#pragma once

#include <cstdint>

namespace fastxai {

// How the masks of a run belong together. Formulas: kernels/mask_grid/README.md.
constexpr int64_t kDesignIid = 0;    // all cells and shifts independent
constexpr int64_t kDesignOa128 = 1;  // blocks of 128 masks: an orthogonal array and one shift each

constexpr int64_t kOaMasks = 128;    // masks of a block of design oa128
constexpr int64_t kOaColumns = 127;  // columns to draw from, one per cell: the most cells it takes
constexpr uint64_t kOaThreshold = uint64_t{1} << 31;  // its keep probability is 1/2

// Mask i is a pure function of (seed, i) and of the six numbers after `count`.
struct MaskParams {
  uint64_t seed;                // Philox key: low word, high word
  int64_t first;                // index of the first mask of this batch, >= 0
  int64_t count;                // masks of this batch that count; rows beyond it are padding
  int64_t grid_rows;            // h, coarse cells from top to bottom, >= 1
  int64_t grid_cols;            // w, coarse cells from left to right, >= 1
  uint64_t threshold;           // iid: a cell is kept iff its 32-bit word < threshold; 0..2^32
  int64_t shift_rows;           // shifts are 0..shift_rows-1, >= 1
  int64_t shift_cols;           // shifts are 0..shift_cols-1, >= 1
  int64_t design = kDesignIid;  // oa128: threshold is kOaThreshold and h w <= kOaColumns
};

}  // namespace fastxai
