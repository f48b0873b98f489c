#include "../common/bilinear.h"
#include "../common/cuda.h"
#include "../common/limits.h"
#include "mask_upsample.h"

FASTXAI_ISA_BEGIN

constexpr int kThreads = 256;

__device__ static inline int64_t clamp_shift(int64_t shift, int64_t limit) {
  return shift < 0 ? 0 : (shift > limit ? limit : shift);
}

// Pixel (y, x) of the enlarged mask of cells [h, w].
__device__ static inline float enlarged(const MaskUpsampleParams& p, const uint8_t* cells,
                                        const FloatTap& v, int64_t x) {
  const FloatTap u = bilinear_tap_float(x, p.grid_cols, p.up_cols);
  const int64_t right = u.low + 1 < p.grid_cols ? u.low + 1 : u.low;
  const int64_t below = v.low + 1 < p.grid_rows ? v.low + 1 : v.low;
  const uint8_t* const top = cells + v.low * p.grid_cols;
  const uint8_t* const bottom = cells + below * p.grid_cols;
  const float upper = lerp(static_cast<float>(__ldg(top + u.low)),
                           static_cast<float>(__ldg(top + right)), u.weight);
  const float lower = lerp(static_cast<float>(__ldg(bottom + u.low)),
                           static_cast<float>(__ldg(bottom + right)), u.weight);
  return lerp(upper, lower, v.weight);
}

// kVec neighbours of a row a thread.
template <int kVec>
__global__ void __launch_bounds__(kThreads)
    mask_upsample_kernel(MaskUpsampleParams p, const int64_t* up_size, const uint8_t* cells,
                         const int32_t* shifts, float* masks) {
  if (up_size != nullptr) {
    p.up_rows = up_size[0];
    p.up_cols = up_size[1];
  }
  const bool good = within(p.up_rows, p.rows, kMaxAxis) && within(p.up_cols, p.cols, kMaxAxis);
  const int64_t vectors = p.cols / kVec;
  const int64_t vector = blockIdx.x * static_cast<int64_t>(kThreads) + threadIdx.x;
  if (vector >= p.count * p.rows * vectors) return;
  const int64_t row = vector / vectors;
  const int64_t x = (vector - row * vectors) * kVec;
  const int64_t m = row / p.rows;
  float values[kVec];
  for (int i = 0; i < kVec; ++i) values[i] = __builtin_nanf("");
  if (good) {
    const int64_t dy = clamp_shift(shifts[2 * m], p.up_rows - p.rows);
    const int64_t dx = clamp_shift(shifts[2 * m + 1], p.up_cols - p.cols);
    const FloatTap v = bilinear_tap_float(row - m * p.rows + dy, p.grid_rows, p.up_rows);
    const uint8_t* const own = cells + m * p.grid_rows * p.grid_cols;
    for (int i = 0; i < kVec; ++i) values[i] = enlarged(p, own, v, x + i + dx);
  }
  store_values<kVec>(values, masks + row * p.cols + x);
}

FASTXAI_ISA_END

namespace fastxai {
namespace cuda {

int mask_upsample(const MaskUpsampleParams& p, const int64_t* up_size, const uint8_t* cells,
                  const int32_t* shifts, float* masks, void* stream) {
  using namespace device;
  const int64_t numbers = p.count * p.rows * p.cols;
  if (p.cols % 4 == 0 && aligned_to_vector(masks)) {
    return launch(mask_upsample_kernel<4>, blocks_for(numbers / 4, kThreads), kThreads, 0, stream,
                  p, up_size, cells, shifts, masks);
  }
  return launch(mask_upsample_kernel<1>, blocks_for(numbers, kThreads), kThreads, 0, stream, p,
                up_size, cells, shifts, masks);
}

}  // namespace cuda
}  // namespace fastxai
