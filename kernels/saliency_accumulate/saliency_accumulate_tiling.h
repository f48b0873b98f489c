// How saliency_accumulate_ascend.cpp is cut into pieces: written by op_host, read by the kernel.
#pragma once

#include <cstdint>

namespace fastxai {

// A piece is one shift, some rows of the accumulator and some cells of the grid.
struct SaliencyAccumulateTiling {
  uint32_t masks;         // M
  uint32_t targets;       // rows of the accumulators, T + 1
  uint32_t shifts;        // Sr Sc
  uint32_t shift_cols;    // Sc
  uint32_t cells;         // h w
  uint32_t tile_targets;  // the last piece of an axis may be smaller
  uint32_t tile_cells;
  uint32_t moment_targets;  // rows of the moments at a time
};

}  // namespace fastxai
