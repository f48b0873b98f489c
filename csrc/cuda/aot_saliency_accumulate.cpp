#include "aot_cuda.h"
#include "csrc/cuda/device.h"

using fastxai::AotArgs;
using fastxai::Status;

// scores [M, K] float32, targets [T] int64, params [25] int64, sums [T+1, Sr, Sc, h, w] float64,
// moments [T+1, 2] float64 -> sums, moments (inputs plus this batch), bad_row [1] int64
FASTXAI_AOT fastxai_saliency_accumulate(FASTXAI_CUDA_AOT_ARGS) {
  const AotArgs all(nparam, params, ndims, shapes, dtypes);
  return fastxai::aot_call(__func__, 8, all, [stream](const AotArgs& a) {
    if (!a.is(0, "float32", 2) || !a.is(1, "int64", 1) || !a.is(2, "int64", 1) ||
        !a.is(3, "float64", 5) || !a.is(4, "float64", 2) || !a.is(5, "float64", 5) ||
        !a.is(6, "float64", 2) || !a.is(7, "int64", 1)) {
      return Status::kDtype;
    }
    const int64_t rows = a.dim(1, 0) + 1;
    const int64_t* const s = a.shape(3);
    if (a.dim(2, 0) != fastxai::kMaskParamCount || s[0] != rows || a.dim(4, 0) != rows ||
        a.dim(4, 1) != 2 || !a.same_shape(3, 5) || !a.same_shape(4, 6) || a.dim(7, 0) != 1) {
      return Status::kShape;
    }
    Status status = fastxai::copy_on_device(a.data<void>(5), a.data<void>(3),
                                            rows * s[1] * s[2] * s[3] * s[4] * 8, stream);
    if (status != Status::kOk) return status;
    status = fastxai::copy_on_device(a.data<void>(6), a.data<void>(4), rows * 2 * 8, stream);
    if (status != Status::kOk) return status;
    return fastxai::cuda_saliency_accumulate(
        {a.data<int64_t>(2), true}, a.dim(0, 0), {rows - 1, s[1], s[2], s[3], s[4]},
        {a.data<float>(0), a.dim(0, 1), a.data<int64_t>(1)}, a.data<double>(5), a.data<double>(6),
        a.data<int64_t>(7), stream);
  });
}

// sums [T, Sr, Sc, h, w] float64 -> maps [T, H, W] float64, workspace [T, Sr, h, W] float64
FASTXAI_AOT fastxai_saliency_expand(FASTXAI_CUDA_AOT_ARGS) {
  const AotArgs all(nparam, params, ndims, shapes, dtypes);
  return fastxai::aot_call(__func__, 3, all, [stream](const AotArgs& a) {
    if (!a.is(0, "float64", 5) || !a.is(1, "float64", 3) || !a.is(2, "float64", 4)) {
      return Status::kDtype;
    }
    const fastxai::SaliencyExpandParams p{a.dim(0, 0), a.dim(0, 1), a.dim(0, 2), a.dim(0, 3),
                                          a.dim(0, 4), a.dim(1, 1), a.dim(1, 2)};
    if (a.dim(1, 0) != p.maps || a.dim(2, 0) != p.maps || a.dim(2, 1) != p.shift_rows ||
        a.dim(2, 2) != p.grid_rows || a.dim(2, 3) != p.cols) {
      return Status::kShape;
    }
    return fastxai::cuda_saliency_expand(p, a.data<double>(0), a.data<double>(1), a.data<double>(2),
                                         stream);
  });
}
