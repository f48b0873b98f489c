// Random coarse masks from (seed, index). Formula and table: README.md.
#pragma once

#include <cstdint>

#include "../common/isa.h"
#include "../common/mask_params.h"

namespace fastxai {

using MaskGridFn = void(const MaskParams& params,
                        uint8_t* cells,   // [M, h, w] out, 0 or 1
                        int32_t* shifts,  // [M, 2]    out, rows then columns
                        int threads);

#define FASTXAI_DECLARE(isa) \
  namespace isa {            \
  MaskGridFn mask_grid;      \
  }
FASTXAI_FOR_EACH_ISA(FASTXAI_DECLARE)
#undef FASTXAI_DECLARE

}  // namespace fastxai
