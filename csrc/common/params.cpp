#include "params.h"

namespace fastxai {

namespace {

bool in_range(int64_t value, int64_t low, int64_t high) noexcept {
  return value >= low && value <= high;
}

// Design oa128 has a column for each cell and as many kept cells as hidden ones.
bool good_design(const MaskParams& p) noexcept {
  if (p.design == kDesignIid) return true;
  return p.design == kDesignOa128 && p.threshold == kOaThreshold &&
         p.grid_rows * p.grid_cols <= kOaColumns;
}

}  // namespace

Status read_mask_params(const int64_t* v, int64_t batch, MaskParams* p) noexcept {
  p->seed = static_cast<uint64_t>(v[0]);
  p->first = v[1];
  p->count = v[2];
  p->grid_rows = v[3];
  p->grid_cols = v[4];
  p->threshold = static_cast<uint64_t>(v[5]);
  p->shift_rows = v[6];
  p->shift_cols = v[7];
  p->design = v[8];
  const bool ok = in_range(p->first, 0, kMaxFirst) && in_range(p->count, 0, batch) &&
                  in_range(p->grid_rows, 1, kMaxAxis) && in_range(p->grid_cols, 1, kMaxAxis) &&
                  in_range(p->grid_rows * p->grid_cols, 1, kMaxElements) &&
                  in_range(v[5], 0, int64_t{1} << 32) && in_range(p->shift_rows, 1, kMaxAxis) &&
                  in_range(p->shift_cols, 1, kMaxAxis) && good_design(*p);
  return ok ? Status::kOk : Status::kParams;
}

Status read_occlusion_params(const int64_t* v, int64_t channels, int64_t rows, int64_t cols,
                             OcclusionParams* p) noexcept {
  p->first = v[0];
  p->count = v[1];
  p->window_rows = v[2];
  p->window_cols = v[3];
  p->stride_rows = v[4];
  p->stride_cols = v[5];
  p->channels = channels;
  p->rows = rows;
  p->cols = cols;
  const bool ok = in_range(p->first, -kMaxFirst, kMaxFirst) && p->count >= 0 &&
                  in_range(p->window_rows, 1, rows) && in_range(p->window_cols, 1, cols) &&
                  in_range(p->stride_rows, 1, kMaxAxis) && in_range(p->stride_cols, 1, kMaxAxis);
  if (!ok) return Status::kParams;
  p->grid_rows = (rows - p->window_rows) / p->stride_rows + 1;
  p->grid_cols = (cols - p->window_cols) / p->stride_cols + 1;
  return Status::kOk;
}

}  // namespace fastxai
