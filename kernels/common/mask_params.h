// What defines a run of random masks: the struct that every mask kernel takes.
#pragma once

#include <cstdint>

#include "any_address.h"
#include "isa.h"
#include "limits.h"

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

constexpr int64_t kMaskParamCount = 9;

// Where a kernel on a device has its parameters from: its own arguments, or device memory that the
// host cannot read without waiting.
struct MaskSource {
  const int64_t* device;  // [9] in device memory; null: `params` holds them, checked
  MaskParams params;
};

// values: [seed, first, count, grid_rows, grid_cols, threshold, shift_rows, shift_cols, design].
// False if one of them is out of range.
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
  if (!in_range || p->design == kDesignIid) return in_range;
  // Design oa128 has a column for each cell and as many kept cells as hidden ones.
  return p->design == kDesignOa128 && p->threshold == kOaThreshold &&
         p->grid_rows * p->grid_cols <= kOaColumns;
}

}  // namespace fastxai
