#include "aot_cuda.h"

using fastxai::AotArgs;
using fastxai::Status;

// image [C, H, W] float32, base [C] or [C, H, W] float32, params [6] int64
// -> out [M, C, H, W] float32, float16 or bfloat16
FASTXAI_AOT fastxai_occlusion_fill(FASTXAI_CUDA_AOT_ARGS) {
  const AotArgs all(nparam, params, ndims, shapes, dtypes);
  return fastxai::aot_call(__func__, 4, all, [stream](const AotArgs& a) {
    fastxai::BatchTensor out;
    const Status status = fastxai::check_batch(a, fastxai::kOcclusionParamCount, &out);
    if (status != Status::kOk) return status;
    return fastxai::cuda_occlusion_fill({a.data<int64_t>(2), true}, a.data<float>(0), a.base(1),
                                        out, stream);
  });
}

// drops [T, P] float64, params [6] int64 -> maps [T, H, W] float64, workspace [T, 2 P + 2] float64
FASTXAI_AOT fastxai_occlusion_sum(FASTXAI_CUDA_AOT_ARGS) {
  const AotArgs all(nparam, params, ndims, shapes, dtypes);
  return fastxai::aot_call(__func__, 4, all, [stream](const AotArgs& a) {
    if (!a.is(0, "float64", 2) || !a.is(1, "int64", 1) || !a.is(2, "float64", 3) ||
        !a.is(3, "float64", 2)) {
      return Status::kDtype;
    }
    const int64_t targets = a.dim(0, 0);
    const int64_t windows = a.dim(0, 1);
    if (a.dim(1, 0) != fastxai::kOcclusionParamCount || a.dim(2, 0) != targets ||
        a.dim(3, 0) * a.dim(3, 1) < fastxai::cuda::occlusion_sum_workspace(targets, windows)) {
      return Status::kShape;
    }
    return fastxai::cuda_occlusion_sum({a.data<int64_t>(1), true}, {1, a.dim(2, 1), a.dim(2, 2)},
                                       targets, windows, a.data<double>(0), a.data<double>(2),
                                       a.data<double>(3), stream);
  });
}
