#include "aot_cuda.h"

using fastxai::AotArgs;
using fastxai::Status;

// image [C, H, W] float32, base [C] or [C, H, W] float32, params [25] int64
// -> out [M, C, H, W] float32, float16 or bfloat16, workspace [n] float64
FASTXAI_AOT fastxai_masked_product(FASTXAI_CUDA_AOT_ARGS) {
  const AotArgs all(nparam, params, ndims, shapes, dtypes);
  return fastxai::aot_call(__func__, 5, all, [stream](const AotArgs& a) {
    fastxai::BatchTensor out;
    const Status status = fastxai::check_batch(a, fastxai::kMaskParamCount, &out);
    if (status != Status::kOk) return status;
    if (!a.is(4, "float64", 1)) return Status::kDtype;
    return fastxai::cuda_masked_product({a.data<int64_t>(2), true}, a.data<float>(0), a.base(1),
                                        out, {a.data<double>(4), a.dim(4, 0)}, stream);
  });
}
