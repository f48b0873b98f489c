#include "occlusion.h"

#include "../common/team.h"

FASTXAI_ISA_BEGIN

// Calls edit(pixels [window_cols], c, offset of them in an image) for each row of window `index`.
template <class Edit>
static inline void each_window_row(const OcclusionParams& p, int64_t index, AnyFloat* image,
                                   Edit edit) {
  if (index < 0 || index >= p.grid_rows * p.grid_cols) return;
  const int64_t top = index / p.grid_cols * p.stride_rows;
  const int64_t left = index % p.grid_cols * p.stride_cols;
  for (int64_t c = 0; c < p.channels; ++c) {
    for (int64_t y = top; y < top + p.window_rows; ++y) {
      const int64_t at = (c * p.rows + y) * p.cols + left;
      edit(image + at, c, at);
    }
  }
}

// Shows the pixels of `source` [C, H, W] in window `index`.
static inline void show(const OcclusionParams& p, int64_t index, const AnyFloat* source,
                        AnyFloat* image) {
  each_window_row(p, index, image, [&](AnyFloat* pixels, int64_t, int64_t at) {
    for (int64_t x = 0; x < p.window_cols; ++x) pixels[x] = source[at + x];
  });
}

static inline void cover(const OcclusionParams& p, int64_t index, const Base& base,
                         AnyFloat* image) {
  if (base.picture) return show(p, index, base.values, image);
  each_window_row(p, index, image, [&](AnyFloat* pixels, int64_t c, int64_t) {
    for (int64_t x = 0; x < p.window_cols; ++x) pixels[x] = base.values[c];
  });
}

void occlusion_fill(const OcclusionParams& p, const AnyFloat* image, const Base& base,
                    AnyFloat* out, int threads) {
  const int64_t size = p.channels * p.rows * p.cols;
  each_in_team(p.count, threads, [&](int64_t m) {
    AnyFloat* const copy = out + m * size;
    __builtin_memcpy(copy, image, static_cast<size_t>(size) * sizeof(float));
    cover(p, p.first + m, base, copy);
  });
}

void occlusion_patch(const OcclusionParams& p, int64_t previous_first, const AnyFloat* image,
                     const Base& base, AnyFloat* batch, int threads) {
  const int64_t size = p.channels * p.rows * p.cols;
  each_in_team(p.count, threads, [&](int64_t m) {
    show(p, previous_first + m, image, batch + m * size);
    cover(p, p.first + m, base, batch + m * size);
  });
}

// Positions whose window covers pixel y of an axis: low..high-1.
struct Cover {
  int64_t low;
  int64_t high;
};

static inline Cover cover_of(int64_t y, int64_t window, int64_t stride, int64_t positions) {
  const int64_t low = y < window ? 0 : (y - window) / stride + 1;
  const int64_t high = y / stride + 1 < positions ? y / stride + 1 : positions;
  return {low, high > low ? high : low};
}

static inline int64_t windows_of(const OcclusionParams& p) { return p.grid_rows * p.grid_cols; }

// table [grid_rows + 1, grid_cols + 1]: sums of the drops above and to the left of a position.
static inline void integrate(const OcclusionParams& p, const AnyDouble* drops, double* table) {
  const int64_t stride = p.grid_cols + 1;
  for (int64_t j = 0; j < stride; ++j) table[j] = 0.0;
  for (int64_t i = 0; i < p.grid_rows; ++i) {
    double row = 0.0;
    table[(i + 1) * stride] = 0.0;
    for (int64_t j = 0; j < p.grid_cols; ++j) {
      row += drops[i * p.grid_cols + j];
      table[(i + 1) * stride + j + 1] = table[i * stride + j + 1] + row;
    }
  }
}

// The drops of some positions added up one by one.
static inline double direct_sum(const OcclusionParams& p, const AnyDouble* drops, Cover v,
                                Cover h) {
  double sum = 0.0;
  for (int64_t i = v.low; i < v.high; ++i) {
    for (int64_t j = h.low; j < h.high; ++j) sum += drops[i * p.grid_cols + j];
  }
  return sum;
}

void occlusion_sum(const OcclusionParams& p, int64_t targets, const AnyDouble* drops,
                   AnyDouble* maps, double* scratch, int threads) {
  const int64_t stride = p.grid_cols + 1;
  const int64_t table_size = (p.grid_rows + 1) * stride;
  each_in_team(targets, threads, [&](int64_t t) {
    integrate(p, drops + t * windows_of(p), scratch + t * table_size);
  });
  each_in_team(targets * p.rows, threads, [&](int64_t k) {
    const double* const table = scratch + k / p.rows * table_size;
    const Cover v = cover_of(k % p.rows, p.window_rows, p.stride_rows, p.grid_rows);
    const double* const above = table + v.low * stride;
    const double* const below = table + v.high * stride;
    for (int64_t x = 0; x < p.cols; ++x) {
      const Cover h = cover_of(x, p.window_cols, p.stride_cols, p.grid_cols);
      const int64_t windows = (v.high - v.low) * (h.high - h.low);
      double sum = (below[h.high] - above[h.high]) - (below[h.low] - above[h.low]);
      // A drop that is not finite is in every sum below and to the right of it.
      if (!(sum - sum == 0.0)) sum = direct_sum(p, drops + k / p.rows * windows_of(p), v, h);
      maps[k * p.cols + x] = windows > 0 ? sum / static_cast<double>(1 + windows) : 0.0;
    }
  });
}

FASTXAI_ISA_END
