#include "bindings.h"
#include "csrc/common/params.h"

namespace fastxai {

namespace {

void mask_grid(const Array<int64_t>& params, Array<uint8_t> cells, Array<int32_t> shifts) {
  const AnyInt64* values = params_of(params, kMaskParamCount);
  require(cells.ndim() == 3 && cells.shape(1) == values[3] && cells.shape(2) == values[4],
          "cells must be [M, h, w]");
  require(shifts.ndim() == 2 && shifts.shape(0) == cells.shape(0) && shifts.shape(1) == 2,
          "shifts must be [M, 2]");
  const int64_t batch = cells.shape(0);
  uint8_t* const cells_out = cells.mutable_data();
  int32_t* const shifts_out = shifts.mutable_data();
  Status status;
  {
    const py::gil_scoped_release release;
    status = launch_mask_grid(values, batch, cells_out, shifts_out);
  }
  check(status);
}

}  // namespace

void register_mask_grid(py::module_& module) {
  module.def("mask_grid", &mask_grid, py::arg("params").noconvert(), py::arg("cells").noconvert(),
             py::arg("shifts").noconvert());
}

}  // namespace fastxai
