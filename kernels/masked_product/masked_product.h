// An image under a batch of random masks, in one pass, no mask in memory. Formula: README.md.
#pragma once

#include <cstdint>

#include "../common/half.h"
#include "../common/image.h"
#include "../common/isa.h"
#include "../common/mask_params.h"

namespace fastxai {

// Floats of scratch that masked_product needs for `threads` threads.
using MaskedProductScratchFn = int64_t(const MaskParams& params, const ImageShape& shape,
                                       int threads);
template <class Out>
using MaskedProductFn = void(const MaskParams& params, const ImageShape& shape,
                             const float* image,  // [C, H, W]
                             const Base& base,    // what a cell of 0 shows
                             int64_t batch,       // M >= params.count; all M rows are written
                             Out* out,            // [M, C, H, W]
                             float* scratch, int threads);

#define FASTXAI_DECLARE(isa)                         \
  namespace isa {                                    \
  MaskedProductScratchFn masked_product_scratch;     \
  MaskedProductFn<float> masked_product_float32;     \
  MaskedProductFn<Float16> masked_product_float16;   \
  MaskedProductFn<BFloat16> masked_product_bfloat16; \
  }
FASTXAI_FOR_EACH_ISA(FASTXAI_DECLARE)
#undef FASTXAI_DECLARE

namespace cuda {
// Every pointer is to device memory; queued on `stream` (a cudaStream_t), nothing waits. Returns a
// cudaError_t, 0 if it was queued. Parameters in device memory that are out of range, or need a
// larger workspace, give NaN.
int masked_product(const MaskSource& masks, const ImageShape& shape, Layout layout, OutType type,
                   const float* image,  // [C, H, W]
                   const Base& base,    // in device memory
                   int64_t batch,       // M; all rows are written
                   void* out,           // [M, C, H, W] in the order that `layout` says
                   double* workspace,   // aligned to 16 bytes
                   int64_t room,        // numbers in it, at least 2
                   void* stream);
// Numbers of float64 for masks of `grid_rows` rows of cells.
int64_t masked_product_workspace(int64_t batch, const ImageShape& shape, int64_t grid_rows);
}  // namespace cuda

}  // namespace fastxai
