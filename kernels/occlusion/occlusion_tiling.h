// How occlusion_ascend.cpp is cut into pieces: written by op_host, read by the kernel.
#pragma once

#include <cstdint>

namespace fastxai {

// A tile is a rectangle of one channel; the work is every tile under every window.
struct OcclusionTiling {
  uint32_t images;  // M
  uint32_t channels;
  uint32_t rows;       // H
  uint32_t cols;       // W
  uint32_t tile_rows;  // the last tile of an axis may be smaller
  uint32_t tile_cols;
  uint32_t base_picture;  // 1: base is [C, H, W]; 0: [C]
};

}  // namespace fastxai
