// Coarse masks enlarged and cropped at their shifts. Formula and table: README.md.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../common/isa.h"

namespace fastxai {

struct MaskUpsampleParams {
  int64_t count;      // M
  int64_t grid_rows;  // h
  int64_t grid_cols;  // w
  int64_t rows;       // H of the cropped mask
  int64_t cols;       // W
  int64_t up_rows;    // rows of the enlarged mask before the crop, >= H
  int64_t up_cols;    // columns of it, >= W
};

// Floats of scratch that mask_upsample needs for `threads` threads.
using MaskUpsampleScratchFn = int64_t(const MaskUpsampleParams& params, int threads);
// Shifts outside 0..up - size are clamped, so that no input can make it read out of bounds.
using MaskUpsampleFn = void(const MaskUpsampleParams& params,
                            const uint8_t* cells,   // [M, h, w] 0 or 1
                            const int32_t* shifts,  // [M, 2]
                            float* masks,           // [M, 1, H, W] out
                            float* scratch, int threads);

#define FASTXAI_DECLARE(isa)                   \
  namespace isa {                              \
  MaskUpsampleScratchFn mask_upsample_scratch; \
  MaskUpsampleFn mask_upsample;                \
  }
FASTXAI_FOR_EACH_ISA(FASTXAI_DECLARE)
#undef FASTXAI_DECLARE

namespace cuda {
// Pointers to device memory; queued on `stream`. Returns a cudaError_t. up_size: [2] in device
// memory, or null for up_rows and up_cols of `params`; out of range it gives NaN.
int mask_upsample(const MaskUpsampleParams& params, const int64_t* up_size,
                  const uint8_t* cells,   // [M, h, w]
                  const int32_t* shifts,  // [M, 2]
                  float* masks,           // [M, 1, H, W] out
                  void* stream);
}  // namespace cuda

}  // namespace fastxai
