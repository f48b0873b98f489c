#include "aot_cuda.h"

using fastxai::AotArgs;
using fastxai::Status;

// params [25] int64 -> cells [M, h, w] uint8, shifts [M, 2] int32
FASTXAI_AOT fastxai_mask_grid(FASTXAI_CUDA_AOT_ARGS) {
  const AotArgs all(nparam, params, ndims, shapes, dtypes);
  return fastxai::aot_call(__func__, 3, all, [stream](const AotArgs& a) {
    if (!a.is(0, "int64", 1) || !a.is(1, "uint8", 3) || !a.is(2, "int32", 2)) {
      return Status::kDtype;
    }
    if (a.dim(0, 0) != fastxai::kMaskParamCount || a.dim(2, 0) != a.dim(1, 0) || a.dim(2, 1) != 2) {
      return Status::kShape;
    }
    return fastxai::cuda_mask_grid({a.data<int64_t>(0), true}, a.dim(1, 0),
                                   a.dim(1, 1) * a.dim(1, 2), a.data<uint8_t>(1),
                                   a.data<int32_t>(2), stream);
  });
}
