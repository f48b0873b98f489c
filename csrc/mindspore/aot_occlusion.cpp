#include "aot.h"
#include "csrc/common/params.h"
#include "csrc/dispatch/launch.h"

using fastxai::AotArgs;
using fastxai::Status;

// image [C, H, W] float32, base [C] or [C, H, W] float32, params [6] int64 -> out [M, C, H, W]
// float32
FASTXAI_AOT fastxai_occlusion_fill(FASTXAI_AOT_ARGS) {
  const AotArgs all(nparam, params, ndims, shapes, dtypes);
  return fastxai::aot_host_call(__func__, 4, 3, all, [](const AotArgs& a) {
    if (!a.is(0, "float32", 3) || !a.is_base(1) || !a.is(2, "int64", 1) || !a.is(3, "float32", 4)) {
      return Status::kDtype;
    }
    const fastxai::ImageShape shape{a.dim(0, 0), a.dim(0, 1), a.dim(0, 2)};
    if (!a.fits_base(1, shape) || a.dim(2, 0) != fastxai::kOcclusionParamCount ||
        a.dim(3, 1) != shape.channels || a.dim(3, 2) != shape.rows || a.dim(3, 3) != shape.cols) {
      return Status::kShape;
    }
    return fastxai::launch_occlusion_fill(a.data<int64_t>(2), shape, a.dim(3, 0), a.data<float>(0),
                                          a.base(1), a.data<float>(3));
  });
}

// drops [T, P] float64, params [6] int64 -> maps [T, H, W] float64
FASTXAI_AOT fastxai_occlusion_sum(FASTXAI_AOT_ARGS) {
  const AotArgs all(nparam, params, ndims, shapes, dtypes);
  return fastxai::aot_host_call(__func__, 3, 2, all, [](const AotArgs& a) {
    if (!a.is(0, "float64", 2) || !a.is(1, "int64", 1) || !a.is(2, "float64", 3)) {
      return Status::kDtype;
    }
    if (a.dim(1, 0) != fastxai::kOcclusionParamCount || a.dim(0, 0) != a.dim(2, 0)) {
      return Status::kShape;
    }
    const fastxai::ImageShape shape{1, a.dim(2, 1), a.dim(2, 2)};
    return fastxai::launch_occlusion_sum(a.data<int64_t>(1), shape, a.dim(0, 0), a.dim(0, 1),
                                         a.data<double>(0), a.data<double>(2));
  });
}
