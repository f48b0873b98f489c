// Windows of an image covered one at a time, and the score drops summed over them.
// Formulas and tables: README.md.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../common/any_address.h"
#include "../common/image.h"
#include "../common/isa.h"
#include "../common/limits.h"

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

constexpr int64_t kOcclusionParamCount = 6;

// Where a kernel on a device has its parameters from; see MaskSource.
struct OcclusionSource {
  const int64_t* device;   // [6] in device memory; null: `params` holds them, checked
  OcclusionParams params;  // count, channels, rows and cols are right in either case
};

// values: [first, count, window_rows, window_cols, stride_rows, stride_cols]; the image's shape is
// in `p` already. False if one of them is out of range.
FASTXAI_HD static inline bool unpack_occlusion_params(const AnyInt64* values, OcclusionParams* p) {
  p->first = values[0];
  p->count = values[1];
  p->window_rows = values[2];
  p->window_cols = values[3];
  p->stride_rows = values[4];
  p->stride_cols = values[5];
  if (!within(p->first, -kMaxFirst, kMaxFirst) || p->count < 0 ||
      !within(p->window_rows, 1, p->rows) || !within(p->window_cols, 1, p->cols) ||
      !within(p->stride_rows, 1, kMaxAxis) || !within(p->stride_cols, 1, kMaxAxis)) {
    return false;
  }
  p->grid_rows = (p->rows - p->window_rows) / p->stride_rows + 1;
  p->grid_cols = (p->cols - p->window_cols) / p->stride_cols + 1;
  return true;
}

// Every image of the batch: a copy of `image` with its window set to `base`.
using OcclusionFillFn = void(const OcclusionParams& params,
                             const float* image,  // [C, H, W]
                             const Base& base,    // what a covered pixel shows
                             float* out,          // [M, C, H, W]
                             int threads);
// The same in a batch that holds windows previous_first.. of the same image: only the pixels of
// the old and of the new windows are written.
using OcclusionPatchFn = void(const OcclusionParams& params, int64_t previous_first,
                              const float* image,  // [C, H, W]
                              const Base& base,
                              float* batch,  // [M, C, H, W] in and out
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

namespace cuda {
// Pointers to device memory; queued on `stream`. Return a cudaError_t. Parameters in device memory
// that are out of range give NaN.
int occlusion_fill(const OcclusionSource& windows, Layout layout, OutType type,
                   const float* image,  // [C, H, W]
                   const Base& base,    // in device memory
                   void* out,           // [M, C, H, W] in the order that `layout` says
                   void* stream);
int occlusion_patch(const OcclusionParams& windows, int64_t previous_first, Layout layout,
                    OutType type, const float* image, const Base& base, void* batch, void* stream);
// Numbers of float64 that occlusion_sum needs as workspace, of T targets and P windows.
int64_t occlusion_sum_workspace(int64_t targets, int64_t windows);
int occlusion_sum(const OcclusionSource& windows, int64_t targets, int64_t num_windows,
                  const double* drops,  // [T, P]
                  double* maps,         // [T, H, W] out
                  double* workspace, void* stream);
}  // namespace cuda

}  // namespace fastxai
