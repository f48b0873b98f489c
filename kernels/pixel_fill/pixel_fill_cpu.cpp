#include "pixel_fill.h"

#include "../common/any_address.h"
#include "../common/team.h"

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

// `base`: a level, or a pixel for each of the image's.
template <bool kPicture>
static inline void fill_run(RankInterval in, int covered, const AnyFloat* base,
                            const AnyFloat* image, const AnyInt32* ranks, int64_t pixels,
                            AnyFloat* out) {
  const float level = base[0];
  for (int64_t k = 0; k < pixels; ++k) {
    const float hidden = kPicture ? base[k] : level;
    const int inside = static_cast<int>(ranks[k] >= in.low) & static_cast<int>(ranks[k] < in.high);
    out[k] = inside == covered ? hidden : image[k];
  }
}

void pixel_fill(const PixelFillParams& p, const AnyFloat* image, const Base& base,
                const AnyInt32* ranks, const AnyInt64* intervals, AnyFloat* out, int threads) {
  const int64_t plane = p.rows * p.cols;
  const int covered = p.outside ? 0 : 1;
  each_in_team(p.count, threads, [&](int64_t m) {
    const RankInterval in{clamped(intervals[2 * m]), clamped(intervals[2 * m + 1])};
    AnyFloat* const copy = out + m * p.channels * plane;
    for (int64_t at = 0; at < plane; at += kTile) {
      const int64_t pixels = plane - at < kTile ? plane - at : kTile;
      for (int64_t c = 0; c < p.channels; ++c) {
        const int64_t from = c * plane + at;
        if (base.picture) {
          fill_run<true>(in, covered, base.values + from, image + from, ranks + at, pixels,
                         copy + from);
        } else {
          fill_run<false>(in, covered, base.values + c, image + from, ranks + at, pixels,
                          copy + from);
        }
      }
    }
  });
}

FASTXAI_ISA_END
