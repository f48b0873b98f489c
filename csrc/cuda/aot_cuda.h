// MindSpore's ahead-of-time custom operators on a GPU: as csrc/mindspore/aot.h, with data pointers
// to device memory and a cudaStream_t. Parameter tensors lie in device memory too, so that the host
// can check shapes and dtypes alone; the kernels answer for the numbers.
#pragma once

#include "csrc/cuda/launch_cuda.h"
#include "csrc/mindspore/aot.h"

#define FASTXAI_CUDA_AOT_ARGS \
  int nparam, void **params, int *ndims, int64_t **shapes, const char **dtypes, void *stream, void *

namespace fastxai {

// The dtype of a batch, if it is one that the ops write.
inline bool out_type_of(const AotArgs& a, int tensor, OutType* type) noexcept {
  if (a.is(tensor, "float32", 4)) {
    *type = OutType::kFloat32;
  } else if (a.is(tensor, "float16", 4)) {
    *type = OutType::kFloat16;
  } else if (a.is(tensor, "bfloat16", 4)) {
    *type = OutType::kBFloat16;
  } else {
    return false;
  }
  return true;
}

// Tensors image (C, H, W), base (C,) or (C, H, W), params (numbers,) and out (M, C, H, W): dtypes
// and shapes.
inline Status check_batch(const AotArgs& a, int64_t numbers, BatchTensor* out) noexcept {
  if (!a.is(0, "float32", 3) || !a.is_base(1) || !a.is(2, "int64", 1) ||
      !out_type_of(a, 3, &out->type)) {
    return Status::kDtype;
  }
  out->count = a.dim(3, 0);
  out->shape = {a.dim(0, 0), a.dim(0, 1), a.dim(0, 2)};
  out->layout = Layout::kPlanar;
  out->data = a.data<void>(3);
  if (!a.fits_base(1, out->shape) || a.dim(2, 0) != numbers || a.dim(3, 1) != out->shape.channels ||
      a.dim(3, 2) != out->shape.rows || a.dim(3, 3) != out->shape.cols) {
    return Status::kShape;
  }
  return Status::kOk;
}

}  // namespace fastxai
