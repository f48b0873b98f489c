// One function per op: check the numbers, find scratch memory, call the chosen kernel. The pybind11
// bindings and the MindSpore entry points both end here.
#pragma once

#include <cstdint>

#include "csrc/common/status.h"
#include "kernels/mask_upsample/mask_upsample.h"
#include "kernels/masked_product/masked_product.h"
#include "kernels/saliency_accumulate/saliency_accumulate.h"

namespace fastxai {

Status launch_mask_grid(const int64_t* params, int64_t batch, uint8_t* cells,
                        int32_t* shifts) noexcept;

Status launch_mask_upsample(const MaskUpsampleParams& params, const uint8_t* cells,
                            const int32_t* shifts, float* masks) noexcept;

Status launch_masked_product(const int64_t* params, const ImageShape& shape, const float* image,
                             const Base& base, int64_t batch, OutType type, void* out) noexcept;

// sums [targets + 1, Sr, Sc, h, w] must have the shape that `params` says: `sums_shape` [5].
// bad_row: batch row of the first score that is not finite, or -1; kBadColumn for a column outside
// the scores. Nothing is added in all cases but -1.
Status launch_saliency_accumulate(const int64_t* params, int64_t batch, int64_t targets,
                                  const int64_t* sums_shape, const ScoreTable& scores, double* sums,
                                  double* moments, int64_t* bad_row) noexcept;

Status launch_saliency_expand(const SaliencyExpandParams& params, const double* sums,
                              double* maps) noexcept;

Status launch_occlusion_fill(const int64_t* params, const ImageShape& shape, int64_t batch,
                             const float* image, const Base& base, float* out) noexcept;

Status launch_occlusion_patch(const int64_t* params, int64_t previous_first,
                              const ImageShape& shape, int64_t batch, const float* image,
                              const Base& base, float* buffer) noexcept;

Status launch_occlusion_sum(const int64_t* params, const ImageShape& shape, int64_t targets,
                            int64_t windows, const double* drops, double* maps) noexcept;

// params: [outside], 0 or 1.
Status launch_pixel_fill(const int64_t* params, const ImageShape& shape, int64_t batch,
                         const float* image, const Base& base, const int32_t* ranks,
                         const int64_t* intervals, float* out) noexcept;

}  // namespace fastxai
