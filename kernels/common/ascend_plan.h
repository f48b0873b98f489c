// Arithmetic that the tiling functions of the Ascend ops share. Host only.
#pragma once

#include <cstdint>

namespace fastxai {

// Of the 192 KiB of an A2 core: 256 bytes and, for Select, 8 KiB are CANN's own.
constexpr uint32_t kUnifiedBytes = 188160;
constexpr uint32_t kMaxCopyRows = 4095;  // pieces of one DataCopyPad

inline uint32_t plan_lanes(uint32_t count) { return (count + 7) / 8 * 8; }
inline uint32_t plan_pieces(uint32_t axis, uint32_t tile) { return (axis + tile - 1) / tile; }
// Tiles of about the same size, none above `most`.
inline uint32_t plan_even(uint32_t axis, uint32_t most) {
  return axis <= most ? axis : plan_pieces(axis, plan_pieces(axis, most));
}

}  // namespace fastxai
