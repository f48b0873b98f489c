// Masks enlarged along their columns, a small kernel once for all the blocks that multiply by them.
//
// Enlarging is separable: a pixel of a mask lies between two coarse rows, which all pixel rows
// between them share. The workspace holds every coarse row of every mask at the image's columns,
// and for each pixel row of a mask the upper one of its two coarse rows and the weight of the lower
// one. A pixel then takes two loads, two products and a sum.
#pragma once

#include "../common/bilinear.h"
#include "../common/device_masks.h"
#include "masked_product.h"

FASTXAI_ISA_BEGIN

// The workspace, in this order; everything in it begins at a multiple of 16 bytes.
struct MaskRows {
  int64_t* header;  // [2]: coarse rows of a mask and one, 0: the parameters are no good; unused
  uint2* taps;      // [M, H]: coarse row above a pixel row; bits of the weight of the one below
  float* rows;      // [M, h + 1, pitch]: the last coarse row is there twice
  int64_t pitch;    // W and at least one more
};

FASTXAI_HD static inline int64_t row_pitch(int64_t cols) { return (cols + 4) / 4 * 4; }

FASTXAI_HD static inline MaskRows lay_out_rows(int64_t batch, const ImageShape& s,
                                               double* workspace) {
  MaskRows m;
  m.pitch = row_pitch(s.cols);
  m.header = reinterpret_cast<int64_t*>(workspace);
  m.taps = reinterpret_cast<uint2*>(workspace + 2);
  m.rows = reinterpret_cast<float*>(workspace + 2 + (batch * s.rows + 1) / 2 * 2);
  return m;
}

// Numbers of float64.
FASTXAI_HD static inline int64_t mask_rows_size(int64_t batch, const ImageShape& s,
                                                int64_t grid_rows) {
  return 2 + (batch * s.rows + 1) / 2 * 2 + batch * (grid_rows + 1) * row_pitch(s.cols) / 2;
}

constexpr int kRowThreads = 256;
constexpr int64_t kSharedCells = 8192;  // of a mask, drawn once; others for each pixel again

struct DrawnMask {
  OaShared oa;
  int32_t shift[2];
  uint8_t cells[kSharedCells];
};

__device__ static inline bool cell_of(const MaskParams& p, uint64_t index, const DrawnMask& drawn,
                                      int64_t k) {
  if (p.grid_rows * p.grid_cols <= kSharedCells) return drawn.cells[k] != 0;
  return iid_cell(p, index, k);  // designs in blocks have fewer cells
}

// The value between two neighbours of a coarse row. As they are 0 or 1, choosing has the bits of
// multiplying.
__device__ static inline float between(bool left, bool right, float weight) {
  return (left ? 1.0f - weight : 0.0f) + (right ? weight : 0.0f);
}

// Block m makes the rows of mask m.
__global__ void __launch_bounds__(kRowThreads)
    enlarge_rows(MaskSource source, ImageShape s, int64_t batch, double* workspace, int64_t room) {
  auto& drawn = *reinterpret_cast<DrawnMask*>(shared_memory());
  const MaskRows out = lay_out_rows(batch, s, workspace);
  const int64_t m = blockIdx.x;
  MaskParams p;
  const bool good = load_params(source, batch, &p) && mask_rows_size(batch, s, p.grid_rows) <= room;
  if (m == 0 && threadIdx.x == 0) out.header[0] = good ? p.grid_rows + 1 : 0;
  if (!good) return;
  const uint64_t index = static_cast<uint64_t>(p.first + m);
  if (threadIdx.x == 0) mask_shift(p, index, drawn.shift);
  if (p.grid_rows * p.grid_cols <= kSharedCells) {
    draw_cells(source, p, index, &drawn.oa, drawn.cells);
  }
  __syncthreads();
  const int64_t up_rows = s.rows + p.shift_rows - 1;
  const int64_t up_cols = s.cols + p.shift_cols - 1;
  for (int64_t y = threadIdx.x; y < s.rows; y += kRowThreads) {
    const FloatTap tap = bilinear_tap_float(y + drawn.shift[0], p.grid_rows, up_rows);
    out.taps[m * s.rows + y] = {static_cast<uint32_t>(tap.low), float_bits(tap.weight)};
  }
  float* const own = out.rows + m * (p.grid_rows + 1) * out.pitch;
  for (int64_t x = threadIdx.x; x < out.pitch; x += kRowThreads) {
    const int64_t column = x < s.cols ? x : s.cols - 1;
    const FloatTap tap = bilinear_tap_float(column + drawn.shift[1], p.grid_cols, up_cols);
    const int64_t right = tap.low + 1 < p.grid_cols ? 1 : 0;
    for (int64_t r = 0; r <= p.grid_rows; ++r) {
      const int64_t at = (r < p.grid_rows ? r : r - 1) * p.grid_cols + tap.low;
      own[r * out.pitch + x] =
          between(cell_of(p, index, drawn, at), cell_of(p, index, drawn, at + right), tap.weight);
    }
  }
}

FASTXAI_ISA_END
