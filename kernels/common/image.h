// Shape, dtype and order of a batch of images.
#pragma once

#include <cstdint>

namespace fastxai {

struct ImageShape {
  int64_t channels;  // C
  int64_t rows;      // H
  int64_t cols;      // W
};

enum class OutType { kFloat32, kFloat16, kBFloat16 };

// Order of a batch in memory; its axes are [M, C, H, W] in either.
enum class Layout {
  kPlanar,       // NCHW
  kInterleaved,  // NHWC, "channels last"
};

}  // namespace fastxai
