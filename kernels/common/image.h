// Shape, dtype and order of a batch of images.
#pragma once

#include <cstdint>

#include "any_address.h"

namespace fastxai {

struct ImageShape {
  int64_t channels;  // C
  int64_t rows;      // H
  int64_t cols;      // W
};

// What a masked pixel shows: a level per channel, or the pixel of a picture.
struct Base {
  const AnyFloat* values;  // [C], or [C, H, W]
  bool picture;            // which of the two

  // Levels, where nothing else is said.
  constexpr Base(const AnyFloat* numbers, bool is_picture = false) noexcept
      : values(numbers), picture(is_picture) {}
};

enum class OutType { kFloat32, kFloat16, kBFloat16 };

// Order of a batch in memory; its axes are [M, C, H, W] in either.
enum class Layout {
  kPlanar,       // NCHW
  kInterleaved,  // NHWC, "channels last"
};

}  // namespace fastxai
