// How masked_product_ascend.cpp is cut into pieces: written by op_host, read by the kernel.
#pragma once

#include <cstdint>

namespace fastxai {

// A tile is a rectangle of some channels; the work is every tile under every mask.
struct MaskedProductTiling {
  uint32_t masks;          // M
  uint32_t channels;       // C
  uint32_t rows;           // H
  uint32_t cols;           // W
  uint32_t grid_rows;      // h
  uint32_t grid_cols;      // w
  uint32_t up_rows;        // rows of an enlarged mask, >= H
  uint32_t up_cols;        // >= W
  uint32_t tile_channels;  // the last tile of an axis may be smaller
  uint32_t tile_rows;
  uint32_t tile_cols;
  uint32_t base_picture;  // 1: base is [C, H, W]; 0: [C]
  uint32_t tile_cells;    // floats that the coarse rows under a tile may need
};

}  // namespace fastxai
