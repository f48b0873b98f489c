#include "aot.h"
#include "csrc/common/params.h"
#include "csrc/dispatch/launch.h"

using fastxai::AnyInt64;
using fastxai::AotArgs;
using fastxai::Status;

// cells [M, h, w] uint8, shifts [M, 2] int32, up_size [2] int64 -> masks [M, 1, H, W] float32
FASTXAI_AOT fastxai_mask_upsample(FASTXAI_AOT_ARGS) {
  const AotArgs all(nparam, params, ndims, shapes, dtypes);
  return fastxai::aot_host_call(__func__, 4, 3, all, [](const AotArgs& a) {
    if (!a.is(0, "uint8", 3) || !a.is(1, "int32", 2) || !a.is(2, "int64", 1) ||
        !a.is(3, "float32", 4)) {
      return Status::kDtype;
    }
    const int64_t batch = a.dim(0, 0);
    if (a.dim(1, 0) != batch || a.dim(1, 1) != 2 || a.dim(3, 0) != batch || a.dim(3, 1) != 1 ||
        a.dim(2, 0) != fastxai::kUpsampleParamCount) {
      return Status::kShape;
    }
    const AnyInt64* up = a.data<int64_t>(2);
    const fastxai::MaskUpsampleParams p{batch,       a.dim(0, 1), a.dim(0, 2), a.dim(3, 2),
                                        a.dim(3, 3), up[0],       up[1]};
    return fastxai::launch_mask_upsample(p, a.data<uint8_t>(0), a.data<int32_t>(1),
                                         a.data<float>(3));
  });
}
