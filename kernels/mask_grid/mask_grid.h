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
