// The tiling of occlusion_fill on an Ascend core. Host only: op_host and tests.
#pragma once

#include "ascend_plan.h"
#include "occlusion_tiling.h"

namespace fastxai {

constexpr uint32_t kOcclusionTileCols = 1024;

// Fills the tile sizes in; the shapes are there. Returns the number of cores to use, or 0.
inline uint32_t plan_occlusion(OcclusionTiling* t, uint32_t cores) {
  if (t->images == 0 || t->channels == 0) return 0;
  t->tile_cols = plan_even(t->cols, kOcclusionTileCols);
  // A tile of the image, one of a base level, two for columns that are loaded again.
  const uint32_t row = 4 * plan_lanes(t->tile_cols) * static_cast<uint32_t>(sizeof(float));
  const uint32_t most = kUnifiedBytes / row;
  uint32_t rows = t->rows < most ? t->rows : most;
  const uint64_t others =
      static_cast<uint64_t>(t->images) * t->channels * plan_pieces(t->cols, t->tile_cols);
  while (rows > 8 && others * plan_pieces(t->rows, rows) < cores) rows = (rows + 1) / 2;
  t->tile_rows = plan_even(t->rows, rows < kMaxCopyRows ? rows : kMaxCopyRows);
  const uint64_t items = others * plan_pieces(t->rows, t->tile_rows);
  return items < cores ? static_cast<uint32_t>(items) : cores;
}

}  // namespace fastxai
