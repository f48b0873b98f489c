#include "../common/device_masks.h"
#include "mask_grid.h"

FASTXAI_ISA_BEGIN

constexpr int kThreads = 128;

// One mask a block.
__global__ void __launch_bounds__(kThreads)
    mask_grid_kernel(MaskSource source, int64_t batch, int64_t num_cells, uint8_t* cells,
                     int32_t* shifts) {
  auto* const oa = reinterpret_cast<OaShared*>(shared_memory());
  const int64_t m = blockIdx.x;
  uint8_t* const own = cells + m * num_cells;
  MaskParams p;
  // A batch made for another grid, like numbers out of range, shows as cells of 255.
  const bool good = load_params(source, batch, &p) && p.grid_rows * p.grid_cols == num_cells;
  if (!good) {
    for (int64_t k = threadIdx.x; k < num_cells; k += blockDim.x) own[k] = 255;
    if (threadIdx.x < 2) shifts[2 * m + threadIdx.x] = -1;
    return;
  }
  const uint64_t index = static_cast<uint64_t>(p.first + m);
  if (threadIdx.x == 0) mask_shift(p, index, shifts + 2 * m);
  draw_cells(source, p, index, oa, own);
}

FASTXAI_ISA_END

namespace fastxai {
namespace cuda {

int mask_grid(const MaskSource& masks, int64_t batch, int64_t num_cells, uint8_t* cells,
              int32_t* shifts, void* stream) {
  return device::launch(device::mask_grid_kernel, batch, device::kThreads, sizeof(device::OaShared),
                        stream, masks, batch, num_cells, cells, shifts);
}

}  // namespace cuda
}  // namespace fastxai
