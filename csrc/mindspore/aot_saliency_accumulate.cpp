#include <cstring>

#include "aot.h"
#include "csrc/common/params.h"
#include "csrc/dispatch/launch.h"

using fastxai::AotArgs;
using fastxai::Status;

// scores [M, K] float32, targets [T] int64, params [25] int64, sums [T+1, Sr, Sc, h, w] float64,
// moments [T+1, 2] float64 -> sums, moments (inputs plus this batch), bad_row [1] int64:
// kBadParams, and nothing added, where a number is out of range or not of this shape
FASTXAI_AOT fastxai_saliency_accumulate(FASTXAI_AOT_ARGS) {
  const AotArgs all(nparam, params, ndims, shapes, dtypes);
  return fastxai::aot_call(__func__, 8, all, [](const AotArgs& a) {
    if (!a.is(0, "float32", 2) || !a.is(1, "int64", 1) || !a.is(2, "int64", 1) ||
        !a.is(3, "float64", 5) || !a.is(4, "float64", 2) || !a.is(5, "float64", 5) ||
        !a.is(6, "float64", 2) || !a.is(7, "int64", 1)) {
      return Status::kDtype;
    }
    const int64_t targets = a.dim(1, 0);
    if (a.dim(2, 0) != fastxai::kMaskParamCount || a.dim(4, 0) != targets + 1 || a.dim(4, 1) != 2 ||
        !a.same_shape(3, 5) || !a.same_shape(4, 6) || a.dim(7, 0) != 1) {
      return Status::kShape;
    }
    std::memcpy(a.data<void>(5), a.data<void>(3), a.bytes(3));
    std::memcpy(a.data<void>(6), a.data<void>(4), a.bytes(4));
    const fastxai::ScoreTable scores{a.data<float>(0), a.dim(0, 1), a.data<int64_t>(1)};
    const Status status = fastxai::launch_saliency_accumulate(
        a.data<int64_t>(2), a.dim(0, 0), targets, a.shape(5), scores, a.data<double>(5),
        a.data<double>(6), a.data<int64_t>(7));
    if (status != Status::kParams) return status;
    const int64_t answer = fastxai::kBadParams;
    std::memcpy(a.data<void>(7), &answer, sizeof answer);
    return Status::kOk;
  });
}

// sums [T, Sr, Sc, h, w] float64 -> maps [T, H, W] float64
FASTXAI_AOT fastxai_saliency_expand(FASTXAI_AOT_ARGS) {
  const AotArgs all(nparam, params, ndims, shapes, dtypes);
  return fastxai::aot_call(__func__, 2, all, [](const AotArgs& a) {
    if (!a.is(0, "float64", 5) || !a.is(1, "float64", 3)) return Status::kDtype;
    if (a.dim(0, 0) != a.dim(1, 0)) return Status::kShape;
    const fastxai::SaliencyExpandParams p{a.dim(0, 0), a.dim(0, 1), a.dim(0, 2), a.dim(0, 3),
                                          a.dim(0, 4), a.dim(1, 1), a.dim(1, 2)};
    return fastxai::launch_saliency_expand(p, a.data<double>(0), a.data<double>(1));
  });
}
