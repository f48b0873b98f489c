#include "aot.h"
#include "csrc/common/params.h"
#include "csrc/dispatch/launch.h"

using fastxai::AotArgs;
using fastxai::OutType;
using fastxai::Status;

// image [C, H, W] float32, base [C] or [C, H, W] float32, params [25] int64
// -> out [M, C, H, W] float32, float16 or bfloat16
FASTXAI_AOT fastxai_masked_product(FASTXAI_AOT_ARGS) {
  const AotArgs all(nparam, params, ndims, shapes, dtypes);
  return fastxai::aot_host_call(__func__, 4, 3, all, [](const AotArgs& a) {
    if (!a.is(0, "float32", 3) || !a.is_base(1) || !a.is(2, "int64", 1)) {
      return Status::kDtype;
    }
    OutType type = OutType::kFloat32;
    if (a.is(3, "float16", 4)) {
      type = OutType::kFloat16;
    } else if (a.is(3, "bfloat16", 4)) {
      type = OutType::kBFloat16;
    } else if (!a.is(3, "float32", 4)) {
      return Status::kDtype;
    }
    const fastxai::ImageShape shape{a.dim(0, 0), a.dim(0, 1), a.dim(0, 2)};
    if (!a.fits_base(1, shape) || a.dim(2, 0) != fastxai::kMaskParamCount ||
        a.dim(3, 1) != shape.channels || a.dim(3, 2) != shape.rows || a.dim(3, 3) != shape.cols) {
      return Status::kShape;
    }
    return fastxai::launch_masked_product(a.data<int64_t>(2), shape, a.data<float>(0), a.base(1),
                                          a.dim(3, 0), type, a.data<void>(3));
  });
}
