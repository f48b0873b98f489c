// A coarse mask expanded along its columns, then row by row: shared by mask_upsample and
// masked_product, so that both give the same bits.
#pragma once

#include <cstdint>

#include "bilinear.h"
#include "isa.h"
#include "vec.h"

FASTXAI_ISA_BEGIN

// Where the columns of an enlarged mask fall in the coarse grid.
struct ColumnTable {
  float* low_weight;   // [up_cols + kVec]  1 - weight of the right cell
  float* high_weight;  // [up_cols + kVec]
  int32_t* begin;      // [grid_cols + 1]   first column whose left cell is k; the last is up_cols
};

static inline int64_t column_table_floats(int64_t grid_cols, int64_t up_cols) {
  return 2 * (up_cols + kVec) + grid_cols + 1;
}

static inline ColumnTable make_column_table(int64_t grid_cols, int64_t up_cols, float* scratch) {
  ColumnTable t;
  t.low_weight = scratch;
  t.high_weight = t.low_weight + up_cols + kVec;
  t.begin = reinterpret_cast<int32_t*>(t.high_weight + up_cols + kVec);
  int64_t cell = 0;
  t.begin[0] = 0;
  for (int64_t x = 0; x < up_cols; ++x) {
    const BilinearTap tap = bilinear_tap(x, grid_cols, up_cols);
    t.high_weight[x] = static_cast<float>(tap.weight);
    t.low_weight[x] = 1.0f - t.high_weight[x];
    while (cell < tap.low) t.begin[++cell] = static_cast<int32_t>(x);
  }
  while (cell < grid_cols) t.begin[++cell] = static_cast<int32_t>(up_cols);
  for (int64_t x = up_cols; x < up_cols + kVec; ++x) t.high_weight[x] = t.low_weight[x] = 0.0f;
  return t;
}

// cells [grid_cols] -> row [cols + kVec], columns shift .. shift + cols of the enlarged row.
// Whole vectors are written; what runs over a cell's last column is overwritten by the next cell.
static inline void expand_columns(const ColumnTable& t, const float* cells, int64_t grid_cols,
                                  int64_t shift, int64_t cols, float* row) {
  for (int64_t k = 0; k < grid_cols; ++k) {
    const int64_t first = t.begin[k] - shift;
    const int64_t last = t.begin[k + 1] - shift;
    const int64_t from = first < 0 ? 0 : first;
    const int64_t to = last < cols ? last : cols;
    const VecF low = splat(cells[k]);
    const VecF high = splat(cells[k + 1 < grid_cols ? k + 1 : k]);
    for (int64_t x = from; x < to; x += kVec) {
      store(row + x, low * load(t.low_weight + x + shift) + high * load(t.high_weight + x + shift));
    }
  }
}

// Rows first_row .. first_row + rows of the cropped mask into mask [rows, cols (+ kVec at the
// end)].
static inline void expand_rows(const float* expanded, int64_t stride, int64_t grid_rows,
                               int64_t up_rows, int64_t shift, int64_t first_row, int64_t rows,
                               int64_t cols, float* mask) {
  for (int64_t r = 0; r < rows; ++r) {
    const BilinearTap tap = bilinear_tap(first_row + r + shift, grid_rows, up_rows);
    const float weight = static_cast<float>(tap.weight);
    const VecF high_weight = splat(weight);
    const VecF low_weight = splat(1.0f - weight);
    const float* low = expanded + tap.low * stride;
    const float* high = expanded + tap.high * stride;
    float* out = mask + r * cols;
    for (int64_t x = 0; x < cols; x += kVec) {
      store(out + x, load(low + x) * low_weight + load(high + x) * high_weight);
    }
  }
}

FASTXAI_ISA_END
