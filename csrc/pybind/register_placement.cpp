#include "bindings.h"
#include "kernels/mask_grid/mask_grid.h"

namespace fastxai {

namespace {

void place(int64_t rows, int64_t cols, int64_t moves, Array<uint8_t> columns) {
  require(rows >= 1 && cols >= 1 && rows <= 127 && cols <= 127 && rows * cols <= 127,
          "the grid must have 1..127 cells");
  require(moves >= 0, "moves must be 0 or more");
  require(columns.ndim() == 1 && columns.shape(0) == rows * cols, "columns must be [h w]");
  uint8_t* const out = columns.mutable_data();
  const py::gil_scoped_release release;
  place_columns(rows, cols, moves, out);
}

}  // namespace

void register_placement(py::module_& module) {
  module.def("place_columns", &place, py::arg("rows"), py::arg("cols"), py::arg("moves"),
             py::arg("columns").noconvert());
}

}  // namespace fastxai
