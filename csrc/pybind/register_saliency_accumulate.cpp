#include "bindings.h"
#include "csrc/common/params.h"

namespace fastxai {

namespace {

int64_t saliency_accumulate(const Array<float>& scores, const Array<int64_t>& params,
                            Array<double> sums, Array<double> moments) {
  const int64_t* values = params_of(params, kMaskParamCount);
  require(scores.ndim() == 2, "scores must be [M, T]");
  const int64_t targets = scores.shape(1);
  require(sums.ndim() == 5, "sums must be [T + 1, Sr, Sc, h, w]");
  require(moments.ndim() == 2 && moments.shape(0) == targets + 1 && moments.shape(1) == 2,
          "moments must be [T + 1, 2]");
  const int64_t batch = scores.shape(0);
  const int64_t shape[5] = {sums.shape(0), sums.shape(1), sums.shape(2), sums.shape(3),
                            sums.shape(4)};
  const ScoreTable table{scores.data(), targets, nullptr};
  double* const sums_out = sums.mutable_data();
  double* const moments_out = moments.mutable_data();
  int64_t bad_row = -1;
  Status status;
  {
    const py::gil_scoped_release release;
    status = launch_saliency_accumulate(values, batch, targets, shape, table, sums_out, moments_out,
                                        &bad_row);
  }
  check(status);
  return bad_row;
}

void saliency_expand(const Array<double>& sums, Array<double> maps) {
  require(sums.ndim() == 5, "sums must be [T, Sr, Sc, h, w]");
  require(maps.ndim() == 3 && maps.shape(0) == sums.shape(0), "maps must be [T, H, W]");
  const SaliencyExpandParams p{sums.shape(0), sums.shape(1), sums.shape(2), sums.shape(3),
                               sums.shape(4), maps.shape(1), maps.shape(2)};
  const double* const sums_in = sums.data();
  double* const maps_out = maps.mutable_data();
  Status status;
  {
    const py::gil_scoped_release release;
    status = launch_saliency_expand(p, sums_in, maps_out);
  }
  check(status);
}

}  // namespace

void register_saliency_accumulate(py::module_& module) {
  module.def("saliency_accumulate", &saliency_accumulate, py::arg("scores").noconvert(),
             py::arg("params").noconvert(), py::arg("sums").noconvert(),
             py::arg("moments").noconvert());
  module.def("saliency_expand", &saliency_expand, py::arg("sums").noconvert(),
             py::arg("maps").noconvert());
}

}  // namespace fastxai
