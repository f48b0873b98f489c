// The framework-neutral interface of libfastxai_cuda.so: plain C, device pointers, the caller's
// stream. Every function returns a Status (0: queued) and waits for nothing.
//
//   params     the numbers of MaskSpec.params or OcclusionSpec.params, in device memory if
//              `on_device`, else in host memory
//   sizes      int64 in host memory, as each function says
//   base       what a masked pixel shows: [C], or [C, H, W] if `picture`
//   layout     0 NCHW, 1 NHWC          type  0 float32, 1 float16, 2 bfloat16
//   stream     a cudaStream_t
//   workspace  float64 in device memory, as many as the function of that name says
//   room       numbers of float64 in the workspace
#include "csrc/cuda/device.h"
#include "csrc/cuda/launch_cuda.h"

#define FASTXAI_CUDA_API extern "C" __attribute__((visibility("default")))

namespace {

using fastxai::BatchTensor;
using fastxai::Layout;
using fastxai::OutType;
using fastxai::ParamTensor;

constexpr int kAbi = 3;  // of this file; Python refuses a library with another

// sizes: [M, C, H, W]
BatchTensor batch_of(const int64_t* sizes, int layout, int type, void* data) {
  return {sizes[0],
          {sizes[1], sizes[2], sizes[3]},
          layout == 1 ? Layout::kInterleaved : Layout::kPlanar,
          static_cast<OutType>(type),
          data};
}

// sizes: [T, Sr, Sc, h, w, H, W]
fastxai::SaliencyExpandParams expansion_of(const int64_t* sizes) {
  return {sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6]};
}

int number(fastxai::Status status) { return static_cast<int>(status); }

}  // namespace

FASTXAI_CUDA_API int fastxai_cuda_abi() { return kAbi; }

FASTXAI_CUDA_API const char* fastxai_cuda_status_text(int status) {
  return fastxai::status_text(static_cast<fastxai::Status>(status));
}

// What CUDA said of the calling thread's last failure.
FASTXAI_CUDA_API const char* fastxai_cuda_error_text() { return fastxai::device_error_text(); }

// sizes: [M, h, w]
FASTXAI_CUDA_API int fastxai_cuda_mask_grid(const int64_t* params, int on_device,
                                            const int64_t* sizes, uint8_t* cells, int32_t* shifts,
                                            void* stream) {
  return number(fastxai::cuda_mask_grid({params, on_device != 0}, sizes[0], sizes[1] * sizes[2],
                                        cells, shifts, stream));
}

// sizes: [M, h, w, H, W, up_rows, up_cols]
FASTXAI_CUDA_API int fastxai_cuda_mask_upsample(const int64_t* sizes, const uint8_t* cells,
                                                const int32_t* shifts, float* masks, void* stream) {
  const fastxai::MaskUpsampleParams p{sizes[0], sizes[1], sizes[2], sizes[3],
                                      sizes[4], sizes[5], sizes[6]};
  return number(fastxai::cuda_mask_upsample(p, nullptr, cells, shifts, masks, stream));
}

// sizes: [M, C, H, W, h]
FASTXAI_CUDA_API int64_t fastxai_cuda_masked_product_workspace(const int64_t* sizes) {
  return fastxai::cuda::masked_product_workspace(sizes[0], {sizes[1], sizes[2], sizes[3]},
                                                 sizes[4]);
}

// sizes: [M, C, H, W]; workspace aligned to 16 bytes
FASTXAI_CUDA_API int fastxai_cuda_masked_product(const int64_t* params, int on_device,
                                                 const int64_t* sizes, int layout, int type,
                                                 const float* image, const float* base, int picture,
                                                 void* out, double* workspace, int64_t room,
                                                 void* stream) {
  return number(fastxai::cuda_masked_product({params, on_device != 0}, image, {base, picture != 0},
                                             batch_of(sizes, layout, type, out), {workspace, room},
                                             stream));
}

// sizes: [M, K, T, Sr, Sc, h, w]; columns may be null: T = K, in order
FASTXAI_CUDA_API int fastxai_cuda_saliency_accumulate(const int64_t* params, int on_device,
                                                      const int64_t* sizes, const float* scores,
                                                      const int64_t* columns, double* sums,
                                                      double* moments, int64_t* bad_row,
                                                      void* stream) {
  const fastxai::AccumulatorShape shape{sizes[2], sizes[3], sizes[4], sizes[5], sizes[6]};
  return number(fastxai::cuda_saliency_accumulate({params, on_device != 0}, sizes[0], shape,
                                                  {scores, sizes[1], columns}, sums, moments,
                                                  bad_row, stream));
}

// sizes: [T, Sr, Sc, h, w, H, W]
FASTXAI_CUDA_API int64_t fastxai_cuda_saliency_expand_workspace(const int64_t* sizes) {
  return fastxai::cuda::saliency_expand_workspace(expansion_of(sizes));
}

FASTXAI_CUDA_API int fastxai_cuda_saliency_expand(const int64_t* sizes, const double* sums,
                                                  double* maps, double* workspace, void* stream) {
  return number(fastxai::cuda_saliency_expand(expansion_of(sizes), sums, maps, workspace, stream));
}

// sizes: [M, C, H, W]
FASTXAI_CUDA_API int fastxai_cuda_occlusion_fill(const int64_t* params, int on_device,
                                                 const int64_t* sizes, int layout, int type,
                                                 const float* image, const float* base, int picture,
                                                 void* out, void* stream) {
  return number(fastxai::cuda_occlusion_fill({params, on_device != 0}, image, {base, picture != 0},
                                             batch_of(sizes, layout, type, out), stream));
}

// sizes: [M, C, H, W]; params in host memory
FASTXAI_CUDA_API int fastxai_cuda_occlusion_patch(const int64_t* params, int64_t previous_first,
                                                  const int64_t* sizes, int layout, int type,
                                                  const float* image, const float* base,
                                                  int picture, void* batch, void* stream) {
  return number(fastxai::cuda_occlusion_patch(params, previous_first, image, {base, picture != 0},
                                              batch_of(sizes, layout, type, batch), stream));
}

// sizes: [T, P, H, W]
FASTXAI_CUDA_API int64_t fastxai_cuda_occlusion_sum_workspace(const int64_t* sizes) {
  return fastxai::cuda::occlusion_sum_workspace(sizes[0], sizes[1]);
}

FASTXAI_CUDA_API int fastxai_cuda_occlusion_sum(const int64_t* params, int on_device,
                                                const int64_t* sizes, const double* drops,
                                                double* maps, double* workspace, void* stream) {
  return number(fastxai::cuda_occlusion_sum({params, on_device != 0}, {1, sizes[2], sizes[3]},
                                            sizes[0], sizes[1], drops, maps, workspace, stream));
}
