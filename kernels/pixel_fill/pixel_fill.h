// Copies of an image with the pixels of an interval of ranks set to a base value.
// Formulas and tables: README.md.
#pragma once

#include <cstdint>

#include "../common/image.h"
#include "../common/isa.h"

namespace fastxai {

struct PixelFillParams {
  int64_t count;     // M, copies
  bool outside;      // cover the ranks outside the interval instead of those inside
  int64_t channels;  // C
  int64_t rows;      // H
  int64_t cols;      // W
};

using PixelFillFn = void(const PixelFillParams& params,
                         const float* image,        // [C, H, W]
                         const Base& base,          // what a covered pixel shows
                         const int32_t* ranks,      // [H, W]
                         const int64_t* intervals,  // [M, 2] low, high: low <= rank < high
                         float* out,                // [M, C, H, W]
                         int threads);

#define FASTXAI_DECLARE(isa) \
  namespace isa {            \
  PixelFillFn pixel_fill;    \
  }
FASTXAI_FOR_EACH_ISA(FASTXAI_DECLARE)
#undef FASTXAI_DECLARE

}  // namespace fastxai
