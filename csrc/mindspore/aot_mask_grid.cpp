#include "aot.h"
#include "csrc/common/params.h"
#include "csrc/dispatch/launch.h"

using fastxai::AnyInt64;
using fastxai::AotArgs;
using fastxai::Status;

// params [25] int64 -> cells [M, h, w] uint8, shifts [M, 2] int32
FASTXAI_AOT fastxai_mask_grid(FASTXAI_AOT_ARGS) {
  const AotArgs all(nparam, params, ndims, shapes, dtypes);
  return fastxai::aot_host_call(__func__, 3, 1, all, [](const AotArgs& a) {
    if (!a.is(0, "int64", 1) || !a.is(1, "uint8", 3) || !a.is(2, "int32", 2)) return Status::kDtype;
    const AnyInt64* values = a.data<int64_t>(0);
    const int64_t batch = a.dim(1, 0);
    if (a.dim(0, 0) != fastxai::kMaskParamCount || a.dim(2, 0) != batch || a.dim(2, 1) != 2) {
      return Status::kShape;
    }
    if (a.dim(1, 1) != values[3] || a.dim(1, 2) != values[4]) return Status::kParams;
    return fastxai::launch_mask_grid(values, batch, a.data<uint8_t>(1), a.data<int32_t>(2));
  });
}
