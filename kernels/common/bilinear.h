// Half-pixel-centre bilinear coordinates, edges clamped, by exact integer arithmetic.
//
// Output pixel y of an axis enlarged from `cells` to `up` samples reads the source coordinate
//   s = (y + 0.5) * cells / up - 0.5 = ((2 y + 1) * cells - up) / (2 up),
// so that the cell is an integer quotient and the weight one division: the same bits on every
// backend. Rounded to float32 the weight equals the float32 division (a quotient of 24-bit numbers
// survives rounding to 53 bits first), so a backend without float64 may divide in float32.
#pragma once

#include <cstdint>

#include "isa.h"

FASTXAI_ISA_BEGIN

struct BilinearTap {
  int32_t low;    // cell above or left
  int32_t high;   // cell below or right
  double weight;  // of `high`; the weight of `low` is 1 - weight
};

FASTXAI_HD static inline BilinearTap bilinear_tap(int64_t y, int64_t cells, int64_t up) {
  const int64_t denominator = 2 * up;
  int64_t numerator = (2 * y + 1) * cells - up;
  if (numerator < 0) numerator = 0;
  int64_t low = numerator / denominator;
  int64_t rest = numerator - low * denominator;
  if (low > cells - 1) {
    low = cells - 1;
    rest = 0;
  }
  const int64_t high = low + 1 < cells ? low + 1 : low;
  return {static_cast<int32_t>(low), static_cast<int32_t>(high),
          static_cast<double>(rest) / static_cast<double>(denominator)};
}

// The same with the weight as float32, by 32-bit arithmetic where that is exact: what a device
// computes a mask with. `high` is the cell after `low`, or `low` where that is the last.
struct FloatTap {
  int32_t low;
  float weight;  // of the cell after `low`
};

FASTXAI_HD static inline FloatTap bilinear_tap_float(int64_t y, int64_t cells, int64_t up) {
  if ((2 * y + 1) * cells + 2 * up >= (int64_t{1} << 31)) {
    const BilinearTap tap = bilinear_tap(y, cells, up);
    return {tap.low, static_cast<float>(tap.weight)};
  }
  const int32_t denominator = static_cast<int32_t>(2 * up);
  const int32_t raw = static_cast<int32_t>((2 * y + 1) * cells - up);
  const int32_t numerator = raw < 0 ? 0 : raw;
  const int32_t low = numerator / denominator;
  const int32_t last = static_cast<int32_t>(cells) - 1;
  if (low > last) return {last, 0.0f};
  return {low, static_cast<float>(numerator - low * denominator) / static_cast<float>(denominator)};
}

// The order of operations is the contract (mul, mul, add, never contracted).
FASTXAI_HD static inline float lerp(float low, float high, float weight) {
#if defined(__CUDA_ARCH__)
  return __fadd_rn(__fmul_rn(low, __fsub_rn(1.0f, weight)), __fmul_rn(high, weight));
#else
  return low * (1.0f - weight) + high * weight;
#endif
}

FASTXAI_ISA_END
