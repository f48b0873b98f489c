// What defines a run of random masks: the struct that every mask kernel takes.
#pragma once

#include <cstdint>

namespace fastxai {

// Mask i is a pure function of (seed, i) and of the six numbers after them.
struct MaskParams {
  uint64_t seed;       // Philox key: low word, high word
  int64_t first;       // index of the first mask of this batch, >= 0
  int64_t count;       // masks of this batch that count; rows beyond it are padding
  int64_t grid_rows;   // h, coarse cells from top to bottom, >= 1
  int64_t grid_cols;   // w, coarse cells from left to right, >= 1
  uint64_t threshold;  // a cell is kept iff its 32-bit word < threshold; 0..2^32
  int64_t shift_rows;  // shifts are 0..shift_rows-1, >= 1
  int64_t shift_cols;  // shifts are 0..shift_cols-1, >= 1
};

}  // namespace fastxai
