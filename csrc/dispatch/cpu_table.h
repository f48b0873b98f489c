// The kernels of one instruction set as a table, and the choice of the table at run time.
#pragma once

#include "kernels/mask_grid/mask_grid.h"
#include "kernels/mask_upsample/mask_upsample.h"
#include "kernels/masked_product/masked_product.h"
#include "kernels/occlusion/occlusion.h"
#include "kernels/pixel_fill/pixel_fill.h"
#include "kernels/saliency_accumulate/saliency_accumulate.h"

namespace fastxai {

struct CpuTable {
  const char* name;
  MaskGridFn* mask_grid;
  MaskUpsampleScratchFn* mask_upsample_scratch;
  MaskUpsampleFn* mask_upsample;
  MaskedProductScratchFn* masked_product_scratch;
  MaskedProductFn<float>* masked_product_float32;
  MaskedProductFn<Float16>* masked_product_float16;
  MaskedProductFn<BFloat16>* masked_product_bfloat16;
  SaliencyAccumulateFn* saliency_accumulate;
  SaliencyExpandFn* saliency_expand;
  OcclusionFillFn* occlusion_fill;
  OcclusionPatchFn* occlusion_patch;
  OcclusionSumFn* occlusion_sum;
  PixelFillFn* pixel_fill;
};

// The table in use: the best this machine has, unless select_isa() named another.
const CpuTable& cpu_table() noexcept;

// Instruction sets this machine can run, plainest first: fills names, returns how many.
constexpr int kMaxIsas = 4;
int available_isas(const char** names /* [kMaxIsas] */) noexcept;

// False when the machine does not have it (then nothing changes).
bool select_isa(const char* name) noexcept;

}  // namespace fastxai
