#include "mask_upsample.h"

#include "../common/any_address.h"
#include "../common/expand.h"
#include "../common/team.h"

FASTXAI_ISA_BEGIN

// Per thread: one coarse row as float [w], the expanded rows [h, W + kVec], one mask row.
static inline int64_t thread_floats(const MaskUpsampleParams& p) {
  return p.grid_cols + p.grid_rows * (p.cols + kVec) + p.cols + kVec;
}

int64_t mask_upsample_scratch(const MaskUpsampleParams& p, int threads) {
  return column_table_floats(p.grid_cols, p.up_cols) + threads * thread_floats(p);
}

static inline int64_t clamp_shift(int64_t shift, int64_t limit) {
  return shift < 0 ? 0 : (shift > limit ? limit : shift);
}

void mask_upsample(const MaskUpsampleParams& p, const uint8_t* cells, const AnyInt32* shifts,
                   AnyFloat* masks, float* scratch, int threads) {
  const ColumnTable table = make_column_table(p.grid_cols, p.up_cols, scratch);
  float* const thread_scratch = scratch + column_table_floats(p.grid_cols, p.up_cols);
  const int64_t stride = p.cols + kVec;
  const auto one_mask = [&](int64_t m, float* coarse) {
    float* expanded = coarse + p.grid_cols;
    float* row = expanded + p.grid_rows * stride;
    const int64_t shift_rows = clamp_shift(shifts[2 * m], p.up_rows - p.rows);
    const int64_t shift_cols = clamp_shift(shifts[2 * m + 1], p.up_cols - p.cols);
    for (int64_t a = 0; a < p.grid_rows; ++a) {
      const uint8_t* source = cells + (m * p.grid_rows + a) * p.grid_cols;
      for (int64_t b = 0; b < p.grid_cols; ++b) coarse[b] = static_cast<float>(source[b]);
      expand_columns(table, coarse, p.grid_cols, shift_cols, p.cols, expanded + a * stride);
    }
    for (int64_t y = 0; y < p.rows; ++y) {
      expand_rows(expanded, stride, p.grid_rows, p.up_rows, shift_rows, y, 1, p.cols, row);
      __builtin_memcpy(masks + (m * p.rows + y) * p.cols, row,
                       static_cast<size_t>(p.cols) * sizeof(float));
    }
  };
  in_team(threads, [&](int share) {
    float* const own = thread_scratch + share * thread_floats(p);
    each_of_share(p.count, share, threads, [&](int64_t m) { one_mask(m, own); });
  });
}

FASTXAI_ISA_END
