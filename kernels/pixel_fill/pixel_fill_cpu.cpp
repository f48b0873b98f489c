#include "pixel_fill.h"

#include "../common/any_address.h"

FASTXAI_ISA_BEGIN

constexpr int64_t kTile = 2048;  // pixels whose ranks and one channel stay in the first-level cache

// Ranks low..high-1, as the 32-bit numbers that ranks are.
struct RankInterval {
  int32_t low;
  int32_t high;
};

static inline int32_t clamped(int64_t value) {
  constexpr int64_t kLow = INT32_MIN;
  constexpr int64_t kHigh = INT32_MAX;  // no rank reaches it: an image has fewer pixels
  return static_cast<int32_t>(value < kLow ? kLow : (value > kHigh ? kHigh : value));
}

static inline void fill_run(RankInterval in, int covered, float base, const AnyFloat* image,
                            const AnyInt32* ranks, int64_t pixels, AnyFloat* out) {
  for (int64_t k = 0; k < pixels; ++k) {
    const int inside = static_cast<int>(ranks[k] >= in.low) & static_cast<int>(ranks[k] < in.high);
    out[k] = inside == covered ? base : image[k];
  }
}

void pixel_fill(const PixelFillParams& p, const AnyFloat* image, const AnyFloat* base,
                const AnyInt32* ranks, const AnyInt64* intervals, AnyFloat* out, int threads) {
  const int64_t plane = p.rows * p.cols;
  const int covered = p.outside ? 0 : 1;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t m = 0; m < p.count; ++m) {
    const RankInterval in{clamped(intervals[2 * m]), clamped(intervals[2 * m + 1])};
    AnyFloat* const copy = out + m * p.channels * plane;
    for (int64_t at = 0; at < plane; at += kTile) {
      const int64_t pixels = plane - at < kTile ? plane - at : kTile;
      for (int64_t c = 0; c < p.channels; ++c) {
        fill_run(in, covered, base[c], image + c * plane + at, ranks + at, pixels,
                 copy + c * plane + at);
      }
    }
  }
}

FASTXAI_ISA_END
