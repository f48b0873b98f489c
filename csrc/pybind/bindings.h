// The pieces of the Python module, one register function per op.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <stdexcept>
#include <string>

#include "csrc/common/status.h"
#include "csrc/dispatch/launch.h"

namespace fastxai {

namespace py = pybind11;

// C-contiguous array of exactly this dtype; never a converted copy (bind with .noconvert()).
template <class T>
using Array = py::array_t<T, py::array::c_style>;

void register_mask_grid(py::module_& module);
void register_mask_upsample(py::module_& module);
void register_masked_product(py::module_& module);
void register_saliency_accumulate(py::module_& module);
void register_occlusion(py::module_& module);
void register_pixel_fill(py::module_& module);
void register_placement(py::module_& module);
void register_runtime(py::module_& module);
void register_signals(py::module_& module);

inline void check(Status status) {
  if (status != Status::kOk)
    throw std::runtime_error(std::string("native: ") + status_text(status));
}

inline void require(bool condition, const char* what) {
  if (!condition) throw py::value_error(what);
}

inline ImageShape image_shape(const py::array& image) {
  require(image.ndim() == 3, "image must be [C, H, W]");
  return {image.shape(0), image.shape(1), image.shape(2)};
}

// What a masked pixel shows: [C], or a picture [C, H, W].
inline Base base_of(const Array<float>& base, const ImageShape& s) {
  const bool picture = base.ndim() == 3 && base.shape(0) == s.channels && base.shape(1) == s.rows &&
                       base.shape(2) == s.cols;
  require(picture || (base.ndim() == 1 && base.shape(0) == s.channels),
          "base must be [C] or [C, H, W]");
  return {base.data(), picture};
}

inline const AnyInt64* params_of(const Array<int64_t>& params, int64_t count) {
  require(params.ndim() == 1 && params.shape(0) == count, "params has the wrong length");
  return params.data();
}

}  // namespace fastxai
