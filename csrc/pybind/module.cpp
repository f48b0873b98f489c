#include "bindings.h"

PYBIND11_MODULE(_native, module) {
  module.doc() = "Native kernels of fastxai; use them through fastxai.ops.";
  fastxai::register_runtime(module);
  fastxai::register_signals(module);
  fastxai::register_placement(module);
  fastxai::register_mask_grid(module);
  fastxai::register_mask_upsample(module);
  fastxai::register_masked_product(module);
  fastxai::register_saliency_accumulate(module);
  fastxai::register_occlusion(module);
  fastxai::register_pixel_fill(module);
}
