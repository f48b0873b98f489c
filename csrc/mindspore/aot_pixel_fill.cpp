#include "aot.h"
#include "csrc/dispatch/launch.h"

using fastxai::AotArgs;
using fastxai::Status;

// image [C, H, W] float32, base [C] or [C, H, W] float32, ranks [H, W] int32, intervals [M, 2]
// int64, params [1] int64 -> out [M, C, H, W] float32
FASTXAI_AOT fastxai_pixel_fill(FASTXAI_AOT_ARGS) {
  const AotArgs all(nparam, params, ndims, shapes, dtypes);
  return fastxai::aot_host_call(__func__, 6, 5, all, [](const AotArgs& a) {
    if (!a.is(0, "float32", 3) || !a.is_base(1) || !a.is(2, "int32", 2) || !a.is(3, "int64", 2) ||
        !a.is(4, "int64", 1) || !a.is(5, "float32", 4)) {
      return Status::kDtype;
    }
    const fastxai::ImageShape shape{a.dim(0, 0), a.dim(0, 1), a.dim(0, 2)};
    if (!a.fits_base(1, shape) || a.dim(2, 0) != shape.rows || a.dim(2, 1) != shape.cols ||
        a.dim(3, 0) != a.dim(5, 0) || a.dim(3, 1) != 2 || a.dim(4, 0) != 1 ||
        a.dim(5, 1) != shape.channels || a.dim(5, 2) != shape.rows || a.dim(5, 3) != shape.cols) {
      return Status::kShape;
    }
    return fastxai::launch_pixel_fill(a.data<int64_t>(4), shape, a.dim(5, 0), a.data<float>(0),
                                      a.base(1), a.data<int32_t>(2), a.data<int64_t>(3),
                                      a.data<float>(5));
  });
}
