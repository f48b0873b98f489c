// The int64 parameter tensors of the ops, read and checked. The layouts are written once here and
// once in fastxai/ops/params.py; tests/ops/test_params.py holds the two together.
#pragma once

#include <cstdint>

#include "kernels/common/mask_params.h"
#include "kernels/occlusion/occlusion.h"
#include "status.h"

namespace fastxai {

constexpr int64_t kMaskParamCount = 9;
constexpr int64_t kOcclusionParamCount = 6;
constexpr int64_t kUpsampleParamCount = 2;
constexpr int64_t kMaxElements = int64_t{1} << 31;  // per tensor
constexpr int64_t kMaxFirst = int64_t{1} << 62;     // of an index: first + count never overflows
constexpr int64_t kMaxAxis = int64_t{1} << 22;      // keeps coordinates exact in float32

// [seed, first, count, grid_rows, grid_cols, threshold, shift_rows, shift_cols, design]
Status read_mask_params(const int64_t* values, int64_t batch, MaskParams* params) noexcept;

// [first, count, window_rows, window_cols, stride_rows, stride_cols], and the image's shape
Status read_occlusion_params(const int64_t* values, int64_t channels, int64_t rows, int64_t cols,
                             OcclusionParams* params) noexcept;

}  // namespace fastxai
