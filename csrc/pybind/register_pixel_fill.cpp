#include "bindings.h"

namespace fastxai {

namespace {

void pixel_fill(const Array<float>& image, const Array<float>& base, const Array<int32_t>& ranks,
                const Array<int64_t>& intervals, const Array<int64_t>& params, Array<float> out) {
  const ImageShape shape = image_shape(image);
  const int64_t* values = params_of(params, 1);
  const Base base_in = base_of(base, shape);
  require(ranks.ndim() == 2 && ranks.shape(0) == shape.rows && ranks.shape(1) == shape.cols,
          "ranks must be [H, W]");
  require(out.ndim() == 4 && out.shape(1) == shape.channels && out.shape(2) == shape.rows &&
              out.shape(3) == shape.cols,
          "out must be [M, C, H, W]");
  require(intervals.ndim() == 2 && intervals.shape(0) == out.shape(0) && intervals.shape(1) == 2,
          "intervals must be [M, 2]");
  const int64_t batch = out.shape(0);
  const float* const image_in = image.data();
  const int32_t* const ranks_in = ranks.data();
  const int64_t* const intervals_in = intervals.data();
  float* const data = out.mutable_data();
  Status status;
  {
    const py::gil_scoped_release release;
    status =
        launch_pixel_fill(values, shape, batch, image_in, base_in, ranks_in, intervals_in, data);
  }
  check(status);
}

}  // namespace

void register_pixel_fill(py::module_& module) {
  module.def("pixel_fill", &pixel_fill, py::arg("image").noconvert(), py::arg("base").noconvert(),
             py::arg("ranks").noconvert(), py::arg("intervals").noconvert(),
             py::arg("params").noconvert(), py::arg("out").noconvert());
}

}  // namespace fastxai
