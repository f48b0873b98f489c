#include "saliency_accumulate.h"

#include "../common/any_address.h"
#include "../common/bilinear.h"
#include "../common/mask_cell.h"
#include "../common/team.h"

FASTXAI_ISA_BEGIN

static inline bool is_finite(float x) {
  uint32_t u;
  __builtin_memcpy(&u, &x, sizeof u);
  return (u & 0x7f800000u) != 0x7f800000u;
}

static inline float score_of(const ScoreTable& s, int64_t mask, int64_t target) {
  const AnyFloat* const values = s.values;
  const AnyInt64* const columns = s.columns;
  return values[mask * s.classes + (columns == nullptr ? target : columns[target])];
}

int64_t saliency_accumulate(const MaskParams& p, int64_t targets, const ScoreTable& scores,
                            AnyDouble* sums, AnyDouble* moments, uint8_t* cells, int32_t* shifts,
                            int threads) {
  for (int64_t m = 0; m < p.count; ++m) {
    for (int64_t t = 0; t < targets; ++t) {
      if (!is_finite(score_of(scores, m, t))) return m;
    }
  }
  const int64_t num_cells = p.grid_rows * p.grid_cols;
  OaBlock block;
  for (int64_t m = 0; m < p.count; ++m) {
    draw_mask(p, static_cast<uint64_t>(p.first + m), &block, cells + m * num_cells, shifts + 2 * m);
  }
  const int64_t per_target = p.shift_rows * p.shift_cols * num_cells;
  // Split by target, masks in ascending order: the same sums for any number of threads.
  each_in_team(targets + 1, threads, [&](int64_t t) {
    double first_moment = moments[2 * t];
    double second_moment = moments[2 * t + 1];
    for (int64_t m = 0; m < p.count; ++m) {
      const double f = t < targets ? static_cast<double>(score_of(scores, m, t)) : 1.0;
      const int64_t bin = shifts[2 * m] * p.shift_cols + shifts[2 * m + 1];
      AnyDouble* const sum = sums + t * per_target + bin * num_cells;
      const uint8_t* const cell = cells + m * num_cells;
      for (int64_t k = 0; k < num_cells; ++k) sum[k] += f * static_cast<double>(cell[k]);
      first_moment += f;
      second_moment += f * f;
    }
    moments[2 * t] = first_moment;
    moments[2 * t + 1] = second_moment;
  });
  return -1;
}

// One coarse row of one shift row, all shift columns: out[x] = sum_sx crop_sx(expanded A)[x].
static inline void expand_row(const SaliencyExpandParams& p, const AnyDouble* sums, double* out) {
  const int64_t up_cols = p.cols + p.shift_cols - 1;
  const int64_t next_shift = p.grid_rows * p.grid_cols;
  for (int64_t x = 0; x < p.cols; ++x) out[x] = 0.0;
  for (int64_t sx = 0; sx < p.shift_cols; ++sx) {
    const AnyDouble* row = sums + sx * next_shift;
    for (int64_t x = 0; x < p.cols; ++x) {
      const BilinearTap tap = bilinear_tap(x + sx, p.grid_cols, up_cols);
      out[x] += row[tap.low] * (1.0 - tap.weight) + row[tap.high] * tap.weight;
    }
  }
}

// One map: coarse rows first (a separable product), then pixel rows.
static inline void expand_map(const SaliencyExpandParams& p, const AnyDouble* sums, AnyDouble* map,
                              double* scratch, int threads) {
  const int64_t up_rows = p.rows + p.shift_rows - 1;
  each_in_team(p.shift_rows * p.grid_rows, threads, [&](int64_t k) {  // k = sy h + a
    const int64_t bin = k / p.grid_rows * p.shift_cols;
    expand_row(p, sums + (bin * p.grid_rows + k % p.grid_rows) * p.grid_cols, scratch + k * p.cols);
  });
  each_in_team(p.rows, threads, [&](int64_t y) {
    AnyDouble* const out = map + y * p.cols;
    for (int64_t x = 0; x < p.cols; ++x) out[x] = 0.0;
    for (int64_t sy = 0; sy < p.shift_rows; ++sy) {
      const BilinearTap tap = bilinear_tap(y + sy, p.grid_rows, up_rows);
      const double* const low = scratch + (sy * p.grid_rows + tap.low) * p.cols;
      const double* const high = scratch + (sy * p.grid_rows + tap.high) * p.cols;
      for (int64_t x = 0; x < p.cols; ++x) {
        out[x] += low[x] * (1.0 - tap.weight) + high[x] * tap.weight;
      }
    }
  });
}

void saliency_expand(const SaliencyExpandParams& p, const AnyDouble* sums, AnyDouble* maps,
                     double* scratch, int threads) {
  const int64_t per_map = p.shift_rows * p.shift_cols * p.grid_rows * p.grid_cols;
  for (int64_t t = 0; t < p.maps; ++t) {
    expand_map(p, sums + t * per_map, maps + t * p.rows * p.cols, scratch, threads);
  }
}

FASTXAI_ISA_END
