#include "bindings.h"
#include "csrc/common/params.h"

namespace fastxai {

namespace {

struct FillArgs {
  const int64_t* params;
  ImageShape shape;
  int64_t batch;
  const float* image;
  Base base;
  float* out;
};

FillArgs fill_args(const Array<float>& image, const Array<float>& base,
                   const Array<int64_t>& params, Array<float>& out) {
  const ImageShape shape = image_shape(image);
  require(out.ndim() == 4 && out.shape(1) == shape.channels && out.shape(2) == shape.rows &&
              out.shape(3) == shape.cols,
          "out must be [M, C, H, W]");
  return {params_of(params, kOcclusionParamCount),
          shape,
          out.shape(0),
          image.data(),
          base_of(base, shape),
          out.mutable_data()};
}

void occlusion_fill(const Array<float>& image, const Array<float>& base,
                    const Array<int64_t>& params, Array<float> out) {
  const FillArgs a = fill_args(image, base, params, out);
  Status status;
  {
    const py::gil_scoped_release release;
    status = launch_occlusion_fill(a.params, a.shape, a.batch, a.image, a.base, a.out);
  }
  check(status);
}

void occlusion_patch(const Array<float>& image, const Array<float>& base,
                     const Array<int64_t>& params, int64_t previous_first, Array<float> batch) {
  const FillArgs a = fill_args(image, base, params, batch);
  Status status;
  {
    const py::gil_scoped_release release;
    status =
        launch_occlusion_patch(a.params, previous_first, a.shape, a.batch, a.image, a.base, a.out);
  }
  check(status);
}

void occlusion_sum(const Array<double>& drops, const Array<int64_t>& params, Array<double> maps) {
  require(drops.ndim() == 2 && maps.ndim() == 3 && maps.shape(0) == drops.shape(0),
          "drops must be [T, P], maps [T, H, W]");
  const int64_t* values = params_of(params, kOcclusionParamCount);
  const ImageShape shape{1, maps.shape(1), maps.shape(2)};
  const int64_t targets = drops.shape(0);
  const int64_t windows = drops.shape(1);
  const double* const drops_in = drops.data();
  double* const maps_out = maps.mutable_data();
  Status status;
  {
    const py::gil_scoped_release release;
    status = launch_occlusion_sum(values, shape, targets, windows, drops_in, maps_out);
  }
  check(status);
}

}  // namespace

void register_occlusion(py::module_& module) {
  module.def("occlusion_fill", &occlusion_fill, py::arg("image").noconvert(),
             py::arg("base").noconvert(), py::arg("params").noconvert(),
             py::arg("out").noconvert());
  module.def("occlusion_patch", &occlusion_patch, py::arg("image").noconvert(),
             py::arg("base").noconvert(), py::arg("params").noconvert(), py::arg("previous_first"),
             py::arg("batch").noconvert());
  module.def("occlusion_sum", &occlusion_sum, py::arg("drops").noconvert(),
             py::arg("params").noconvert(), py::arg("maps").noconvert());
}

}  // namespace fastxai
