// Windows of an image covered one at a time, and the score drops summed over them.
// Formulas and tables: README.md.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../common/isa.h"

namespace fastxai {

// Windows are numbered row-major over the positions (grid_rows x grid_cols); an index outside
// 0..grid_rows*grid_cols-1 means "nothing covered".
struct OcclusionParams {
  int64_t first;        // index of the first window of this batch
  int64_t count;        // M, images of this batch
  int64_t window_rows;  // size of a window, 1..H
  int64_t window_cols;  // 1..W
  int64_t stride_rows;  // >= 1
  int64_t stride_cols;
  int64_t grid_rows;  // positions from top to bottom, (H - window_rows) / stride_rows + 1
  int64_t grid_cols;
  int64_t channels;  // C
  int64_t rows;      // H
  int64_t cols;      // W
};

// Every image of the batch: a copy of `image` with its window set to `base`.
using OcclusionFillFn = void(const OcclusionParams& params,
                             const float* image,  // [C, H, W]
                             const float* base,   // [C]
                             float* out,          // [M, C, H, W]
                             int threads);
// The same in a batch that holds windows previous_first.. of the same image: only the pixels of
// the old and of the new windows are written.
using OcclusionPatchFn = void(const OcclusionParams& params, int64_t previous_first,
                              const float* image,  // [C, H, W]
                              const float* base,   // [C]
                              float* batch,        // [M, C, H, W] in and out
                              int threads);
// maps[t, y, x] = sum of drops of the windows over the pixel / (1 + how many there are).
using OcclusionSumFn = void(const OcclusionParams& params, int64_t targets,
                            const double* drops,  // [T, grid_rows * grid_cols]
                            double* maps,         // [T, H, W] out
                            double* scratch,      // [T, grid_rows + 1, grid_cols + 1]
                            int threads);

#define FASTXAI_DECLARE(isa)        \
  namespace isa {                   \
  OcclusionFillFn occlusion_fill;   \
  OcclusionPatchFn occlusion_patch; \
  OcclusionSumFn occlusion_sum;     \
  }
FASTXAI_FOR_EACH_ISA(FASTXAI_DECLARE)
#undef FASTXAI_DECLARE

}  // namespace fastxai
