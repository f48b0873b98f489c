#include "mask_grid.h"

#include "../common/mask_cell.h"
#include "../common/team.h"

FASTXAI_ISA_BEGIN

void mask_grid(const MaskParams& p, uint8_t* cells, AnyInt32* shifts, int threads) {
  const int64_t num_cells = p.grid_rows * p.grid_cols;
  in_team(threads, [&](int share) {
    OaBlock block;
    each_of_share(p.count, share, threads, [&](int64_t m) {
      draw_mask(p, static_cast<uint64_t>(p.first + m), &block, cells + m * num_cells,
                shifts + 2 * m);
    });
  });
}

FASTXAI_ISA_END
