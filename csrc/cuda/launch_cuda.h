// One function per op: check the numbers that the host can see, queue the kernels. The plain-C
// interface and the MindSpore entry points both end here. Pointers are to device memory; nothing
// waits.
#pragma once

#include <cstdint>

#include "csrc/common/status.h"
#include "kernels/mask_upsample/mask_upsample.h"
#include "kernels/masked_product/masked_product.h"
#include "kernels/occlusion/occlusion.h"
#include "kernels/saliency_accumulate/saliency_accumulate.h"

namespace fastxai {

// A parameter tensor: in host memory it is checked here, in device memory by the kernels.
struct ParamTensor {
  const int64_t* values;
  bool on_device;
};

// A batch to write: shape, order, dtype, memory.
struct BatchTensor {
  int64_t count;  // M
  ImageShape shape;
  Layout layout;
  OutType type;
  void* data;
};

Status cuda_mask_grid(const ParamTensor& params, int64_t batch, int64_t num_cells, uint8_t* cells,
                      int32_t* shifts, void* stream) noexcept;

// up_size: [2] in device memory, or null for the numbers in `params`.
Status cuda_mask_upsample(const MaskUpsampleParams& params, const int64_t* up_size,
                          const uint8_t* cells, const int32_t* shifts, float* masks,
                          void* stream) noexcept;

// Numbers of float64 in device memory, aligned to 16 bytes.
struct Workspace {
  double* data;
  int64_t room;
};

// workspace: cuda::masked_product_workspace numbers.
Status cuda_masked_product(const ParamTensor& params, const float* image, const Base& base,
                           const BatchTensor& out, const Workspace& workspace,
                           void* stream) noexcept;

Status cuda_saliency_accumulate(const ParamTensor& params, int64_t batch,
                                const AccumulatorShape& shape, const ScoreTable& scores,
                                double* sums, double* moments, int64_t* bad_row,
                                void* stream) noexcept;

// workspace: cuda::saliency_expand_workspace numbers.
Status cuda_saliency_expand(const SaliencyExpandParams& params, const double* sums, double* maps,
                            double* workspace, void* stream) noexcept;

Status cuda_occlusion_fill(const ParamTensor& params, const float* image, const Base& base,
                           const BatchTensor& out, void* stream) noexcept;

Status cuda_occlusion_patch(const int64_t* params, int64_t previous_first, const float* image,
                            const Base& base, const BatchTensor& batch, void* stream) noexcept;

// workspace: cuda::occlusion_sum_workspace numbers.
Status cuda_occlusion_sum(const ParamTensor& params, const ImageShape& shape, int64_t targets,
                          int64_t windows, const double* drops, double* maps, double* workspace,
                          void* stream) noexcept;

}  // namespace fastxai
