// Every tolerance of the kernel tests, with where it comes from; the twin of tests/_compare.py.
#pragma once

#include <cmath>
#include <limits>

namespace fastxai {

constexpr double kEps32 = static_cast<double>(std::numeric_limits<float>::epsilon());

// A mask value is two nested lerps of 0..1 values: per lerp two products and a sum of float32, each
// rounded by at most eps/2, and a weight rounded once.
constexpr double kMaskAtol = 3 * kEps32;
// The product adds 1 - m, two products and a sum: relative to the largest of |x| and |base|.
constexpr double kProductRtol = 4 * kEps32;
// float16 keeps 11 bits, bfloat16 8: half a unit in the last place on top.
constexpr double kHalfRtol = 1.0 / 2048 + kProductRtol;
constexpr double kBFloatRtol = 1.0 / 256 + kProductRtol;
// float64 sums of a few thousand terms, relative to the sum of their absolute values.
constexpr double kSum64Rtol = 1e-12;

// False for a NaN too.
inline bool close(double actual, double expected, double tolerance) {
  return std::fabs(actual - expected) <= tolerance;
}

}  // namespace fastxai
