// The int64 parameter tensors of the ops, read and checked. The layouts are written once here and
// once in fastxai/ops/params.py; tests/ops/test_params.py holds the two together.
#pragma once

#include <cstdint>

#include "kernels/common/any_address.h"
#include "kernels/common/image.h"
#include "kernels/common/mask_params.h"
#include "kernels/occlusion/occlusion.h"
#include "status.h"

namespace fastxai {

constexpr int64_t kUpsampleParamCount = 2;

// [seed, first, count, grid_rows, grid_cols, threshold, shift_rows, shift_cols, design]
Status read_mask_params(const AnyInt64* values, int64_t batch, MaskParams* params) noexcept;

// [first, count, window_rows, window_cols, stride_rows, stride_cols], and the image's shape
Status read_occlusion_params(const AnyInt64* values, int64_t channels, int64_t rows, int64_t cols,
                             OcclusionParams* params) noexcept;

// Whether a batch of such images is within the limits.
bool good_shape(const ImageShape& shape, int64_t batch) noexcept;

// A coarse grid whose expanded rows [rows, width] and cells are of a size that can be allocated.
bool good_grid(int64_t rows, int64_t cols, int64_t width) noexcept;

}  // namespace fastxai
