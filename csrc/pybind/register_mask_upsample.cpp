#include "bindings.h"

namespace fastxai {

namespace {

void mask_upsample(const Array<uint8_t>& cells, const Array<int32_t>& shifts, int64_t up_rows,
                   int64_t up_cols, Array<float> masks) {
  require(cells.ndim() == 3 && masks.ndim() == 4, "cells must be [M, h, w], masks [M, 1, H, W]");
  require(shifts.ndim() == 2 && shifts.shape(0) == cells.shape(0) && shifts.shape(1) == 2,
          "shifts must be [M, 2]");
  require(masks.shape(0) == cells.shape(0) && masks.shape(1) == 1, "masks must be [M, 1, H, W]");
  const MaskUpsampleParams p{cells.shape(0), cells.shape(1), cells.shape(2), masks.shape(2),
                             masks.shape(3), up_rows,        up_cols};
  const uint8_t* const cells_in = cells.data();
  const int32_t* const shifts_in = shifts.data();
  float* const out = masks.mutable_data();
  Status status;
  {
    const py::gil_scoped_release release;
    status = launch_mask_upsample(p, cells_in, shifts_in, out);
  }
  check(status);
}

}  // namespace

void register_mask_upsample(py::module_& module) {
  module.def("mask_upsample", &mask_upsample, py::arg("cells").noconvert(),
             py::arg("shifts").noconvert(), py::arg("up_rows"), py::arg("up_cols"),
             py::arg("masks").noconvert());
}

}  // namespace fastxai
