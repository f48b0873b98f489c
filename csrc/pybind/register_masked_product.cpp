#include "bindings.h"
#include "csrc/common/params.h"

namespace fastxai {

namespace {

// `out` is float32, float16, or uint16 holding bfloat16 bits (NumPy has no bfloat16).
OutType out_type(const py::array& out) {
  if (py::isinstance<py::array_t<float>>(out)) return OutType::kFloat32;
  if (py::isinstance<py::array_t<uint16_t>>(out)) return OutType::kBFloat16;
  // NumPy's byte order of a dtype is '=' where it is the machine's.
  require(out.dtype().kind() == 'f' && out.itemsize() == 2 && out.dtype().byteorder() == '=',
          "out must be float32, float16 or uint16 (bfloat16 bits), in the machine's byte order");
  return OutType::kFloat16;
}

void masked_product(const Array<float>& image, const Array<float>& base,
                    const Array<int64_t>& params, py::array out) {
  const ImageShape shape = image_shape(image);
  const AnyInt64* values = params_of(params, kMaskParamCount);
  const Base base_in = base_of(base, shape);
  require(out.ndim() == 4 && out.shape(1) == shape.channels && out.shape(2) == shape.rows &&
              out.shape(3) == shape.cols && (out.flags() & py::array::c_style),
          "out must be contiguous [M, C, H, W]");
  const OutType type = out_type(out);
  const int64_t batch = out.shape(0);
  const float* const image_in = image.data();
  void* const data = out.mutable_data();
  Status status;
  {
    const py::gil_scoped_release release;
    status = launch_masked_product(values, shape, image_in, base_in, batch, type, data);
  }
  check(status);
}

}  // namespace

void register_masked_product(py::module_& module) {
  module.def("masked_product", &masked_product, py::arg("image").noconvert(),
             py::arg("base").noconvert(), py::arg("params").noconvert(),
             py::arg("out").noconvert());
}

}  // namespace fastxai
