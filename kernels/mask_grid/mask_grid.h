// Random coarse masks from (seed, index). Formula and table: README.md.
#pragma once

#include <cstdint>

#include "../common/isa.h"
#include "../common/mask_params.h"

namespace fastxai {

using MaskGridFn = void(const MaskParams& params,
                        uint8_t* cells,   // [M, h, w] out, 0 or 1
                        int32_t* shifts,  // [M, 2]    out, rows then columns
                        int threads);

#define FASTXAI_DECLARE(isa) \
  namespace isa {            \
  MaskGridFn mask_grid;      \
  }
FASTXAI_FOR_EACH_ISA(FASTXAI_DECLARE)
#undef FASTXAI_DECLARE

// Columns of the 128 x 128 Hadamard matrix for the cells of a grid, distinct and 1..127, such that
// near cells interact into columns that no cell has: threshold accepting (Dueck and Scheuer, J.
// Comput. Phys. 90, 1990) in integers, so that every machine finds the same. What is made small,
// and why: fastxai/ops/placement.py. rows cols is 1..127.
void place_columns(int64_t rows, int64_t cols, int64_t moves,
                   uint8_t* columns /* [rows cols] out */);

namespace cuda {
// Pointers to device memory; queued on `stream`. Returns a cudaError_t. Parameters in device memory
// that are out of range, or of another grid, give cells of 255 and shifts of -1.
int mask_grid(const MaskSource& masks, int64_t batch,
              int64_t num_cells,  // h w
              uint8_t* cells,     // [M, h, w] out
              int32_t* shifts,    // [M, 2]    out
              void* stream);
}  // namespace cuda

}  // namespace fastxai
