// The tiling of masked_product on an Ascend core. Host only: op_host and tests.
#pragma once

#include "ascend_plan.h"
#include "masked_product_tiling.h"

namespace fastxai {

constexpr uint32_t kMaskedTileCols = 512;
constexpr uint32_t kMaskedTileChannels = 8;

// Floats of the coarse rows that `rows` pixel rows can need.
inline uint32_t masked_product_cells(const MaskedProductTiling& t, uint32_t rows) {
  const uint64_t span = static_cast<uint64_t>(rows - 1) * t.grid_rows / t.up_rows + 3;
  return static_cast<uint32_t>(span < t.grid_rows ? span : t.grid_rows) * t.grid_cols;
}

// Bytes of the unified buffer that the kernel takes with tiles of `rows` rows.
inline uint64_t masked_product_bytes(const MaskedProductTiling& t, uint32_t rows) {
  const uint64_t pitch = plan_lanes(t.tile_cols);
  const uint64_t plane = pitch * rows;
  const uint64_t cells = plan_lanes(masked_product_cells(t, rows));
  const uint64_t pictures = t.base_picture != 0 ? 2 : 1;
  // The image, and the base if it is one; mask, 1 - mask and base term; two outputs. Two taps of 4
  // rows, 4 rows of scratch.
  return sizeof(float) * ((pictures * t.tile_channels + 5) * plane + 2 * cells + 12 * pitch);
}

// Fills the tile sizes in; the shapes are there. Returns the number of cores to use, or 0: the
// coarse grid is too wide for a core.
inline uint32_t plan_masked_product(MaskedProductTiling* t, uint32_t cores) {
  if (t->masks == 0 || t->channels == 0) return 0;
  t->tile_channels = plan_even(t->channels, kMaskedTileChannels);
  t->tile_cols = plan_even(t->cols, kMaskedTileCols);
  uint32_t rows = t->rows < kMaxCopyRows ? t->rows : kMaxCopyRows;
  while (rows > 0 && masked_product_bytes(*t, rows) > kUnifiedBytes) --rows;
  if (rows == 0) return 0;
  const uint64_t others = static_cast<uint64_t>(t->masks) *
                          plan_pieces(t->channels, t->tile_channels) *
                          plan_pieces(t->cols, t->tile_cols);
  while (rows > 8 && others * plan_pieces(t->rows, rows) < cores) rows = (rows + 1) / 2;
  t->tile_rows = plan_even(t->rows, rows);
  t->tile_cells = masked_product_cells(*t, t->tile_rows);
  const uint64_t items = others * plan_pieces(t->rows, t->tile_rows);
  return items < cores ? static_cast<uint32_t>(items) : cores;
}

}  // namespace fastxai
