#include "launch.h"

#include <algorithm>

#include "cpu_table.h"
#include "csrc/common/params.h"
#include "csrc/common/scratch.h"
#include "threads.h"

namespace fastxai {

namespace {

// Values written or added per thread below which a team of threads costs more than it saves: on a
// busy machine the barrier at its end can take milliseconds.
constexpr int64_t kValuesPerThread = int64_t{1} << 19;

// At most one thread per unit of work, and none for less than kValuesPerThread.
int threads_for(int64_t units, int64_t values) noexcept {
  int64_t threads = num_threads();
  if (units < threads) threads = units;
  if (values / kValuesPerThread < threads) threads = values / kValuesPerThread;
  return threads < 1 ? 1 : static_cast<int>(threads);
}

int64_t size_of(const ImageShape& s) noexcept { return s.channels * s.rows * s.cols; }

bool columns_fit(const ScoreTable& scores, int64_t targets) noexcept {
  if (scores.columns == nullptr) return targets == scores.classes;
  const auto fits = [&](int64_t column) { return column >= 0 && column < scores.classes; };
  const AnyInt64* const columns = scores.columns;
  return std::all_of(columns, columns + targets, fits);
}

}  // namespace

Status launch_mask_grid(const int64_t* params, int64_t batch, uint8_t* cells,
                        int32_t* shifts) noexcept {
  MaskParams p;
  const Status status = read_mask_params(params, batch, &p);
  if (status != Status::kOk) return status;
  p.count = batch;  // every row is written, padding too
  const int64_t values = batch * p.grid_rows * p.grid_cols;
  cpu_table().mask_grid(p, cells, shifts, threads_for(batch, values));
  return Status::kOk;
}

Status launch_mask_upsample(const MaskUpsampleParams& p, const uint8_t* cells,
                            const int32_t* shifts, float* masks) noexcept {
  if (p.count < 0 || !good_grid(p.grid_rows, p.grid_cols, p.cols)) return Status::kShape;
  if (!good_shape({1, p.rows, p.cols}, p.count)) return Status::kShape;
  if (p.up_rows < p.rows || p.up_cols < p.cols || p.up_rows > kMaxAxis || p.up_cols > kMaxAxis) {
    return Status::kParams;
  }
  const CpuTable& table = cpu_table();
  const int threads = threads_for(p.count, p.count * p.rows * p.cols);
  const Scratch<float> scratch(table.mask_upsample_scratch(p, threads));
  if (!scratch.ok()) return Status::kMemory;
  table.mask_upsample(p, cells, shifts, masks, scratch.get(), threads);
  return Status::kOk;
}

Status launch_masked_product(const int64_t* params, const ImageShape& shape, const float* image,
                             const Base& base, int64_t batch, OutType type, void* out) noexcept {
  MaskParams p;
  const Status status = read_mask_params(params, batch, &p);
  if (status != Status::kOk) return status;
  if (!good_shape(shape, batch)) return Status::kShape;
  const CpuTable& table = cpu_table();
  const int threads = threads_for(batch, batch * size_of(shape));
  const Scratch<float> scratch(table.masked_product_scratch(p, shape, threads));
  if (!scratch.ok()) return Status::kMemory;
  switch (type) {
    case OutType::kFloat32:
      table.masked_product_float32(p, shape, image, base, batch, static_cast<float*>(out),
                                   scratch.get(), threads);
      break;
    case OutType::kFloat16:
      table.masked_product_float16(p, shape, image, base, batch, static_cast<Float16*>(out),
                                   scratch.get(), threads);
      break;
    case OutType::kBFloat16:
      table.masked_product_bfloat16(p, shape, image, base, batch, static_cast<BFloat16*>(out),
                                    scratch.get(), threads);
      break;
  }
  return Status::kOk;
}

Status launch_saliency_accumulate(const int64_t* params, int64_t batch, int64_t targets,
                                  const int64_t* shape, const ScoreTable& scores, double* sums,
                                  double* moments, int64_t* bad_row) noexcept {
  MaskParams p;
  const Status status = read_mask_params(params, batch, &p);
  if (status != Status::kOk) return status;
  if (shape[0] != targets + 1) return Status::kShape;
  if (shape[1] != p.shift_rows || shape[2] != p.shift_cols || shape[3] != p.grid_rows ||
      shape[4] != p.grid_cols) {
    return Status::kParams;
  }
  AnyInt64* const answer = bad_row;
  *answer = kBadColumn;
  if (!columns_fit(scores, targets)) return Status::kOk;
  if (p.count * p.grid_rows > kMaxElements / p.grid_cols) return Status::kShape;
  const Scratch<uint8_t> cells(p.count * p.grid_rows * p.grid_cols);
  const Scratch<int32_t> shifts(2 * p.count);
  if (!cells.ok() || !shifts.ok()) return Status::kMemory;
  const int64_t values = (targets + 1) * p.count * p.grid_rows * p.grid_cols;
  *answer = cpu_table().saliency_accumulate(p, targets, scores, sums, moments, cells.get(),
                                            shifts.get(), threads_for(targets + 1, values));
  return Status::kOk;
}

Status launch_saliency_expand(const SaliencyExpandParams& p, const double* sums,
                              double* maps) noexcept {
  if (p.maps < 0 || p.shift_rows < 1 || p.shift_rows > kMaxAxis || p.shift_cols < 1 ||
      p.shift_cols > kMaxAxis || !good_grid(p.grid_rows, p.grid_cols, p.cols) ||
      p.grid_rows * p.cols > kMaxElements / p.shift_rows ||
      !good_shape({1, p.rows, p.cols}, p.maps)) {
    return Status::kShape;
  }
  const Scratch<double> scratch(p.shift_rows * p.grid_rows * p.cols);
  if (!scratch.ok()) return Status::kMemory;
  const int64_t values = p.rows * p.cols * p.shift_rows;
  cpu_table().saliency_expand(p, sums, maps, scratch.get(), threads_for(p.rows, values));
  return Status::kOk;
}

Status launch_occlusion_fill(const int64_t* params, const ImageShape& shape, int64_t batch,
                             const float* image, const Base& base, float* out) noexcept {
  OcclusionParams p;
  const Status status = read_occlusion_params(params, shape.channels, shape.rows, shape.cols, &p);
  if (status != Status::kOk) return status;
  if (!good_shape(shape, batch)) return Status::kShape;
  p.count = batch;
  cpu_table().occlusion_fill(p, image, base, out, threads_for(batch, batch * size_of(shape)));
  return Status::kOk;
}

Status launch_occlusion_patch(const int64_t* params, int64_t previous_first,
                              const ImageShape& shape, int64_t batch, const float* image,
                              const Base& base, float* buffer) noexcept {
  OcclusionParams p;
  const Status status = read_occlusion_params(params, shape.channels, shape.rows, shape.cols, &p);
  if (status != Status::kOk) return status;
  if (previous_first < -kMaxFirst || previous_first > kMaxFirst) return Status::kParams;
  if (!good_shape(shape, batch)) return Status::kShape;
  p.count = batch;
  const int64_t values = 2 * batch * p.channels * p.window_rows * p.window_cols;
  cpu_table().occlusion_patch(p, previous_first, image, base, buffer, threads_for(batch, values));
  return Status::kOk;
}

Status launch_occlusion_sum(const int64_t* params, const ImageShape& shape, int64_t targets,
                            int64_t windows, const double* drops, double* maps) noexcept {
  OcclusionParams p;
  const Status status = read_occlusion_params(params, 1, shape.rows, shape.cols, &p);
  if (status != Status::kOk) return status;
  if (!good_shape({1, shape.rows, shape.cols}, targets)) return Status::kShape;
  if (windows != p.grid_rows * p.grid_cols) return Status::kParams;
  const Scratch<double> scratch(targets * (p.grid_rows + 1) * (p.grid_cols + 1));
  if (!scratch.ok()) return Status::kMemory;
  const int64_t values = targets * p.rows * p.cols;
  cpu_table().occlusion_sum(p, targets, drops, maps, scratch.get(),
                            threads_for(targets * p.rows, values));
  return Status::kOk;
}

Status launch_pixel_fill(const AnyInt64* params, const ImageShape& shape, int64_t batch,
                         const float* image, const Base& base, const int32_t* ranks,
                         const int64_t* intervals, float* out) noexcept {
  if (params[0] != 0 && params[0] != 1) return Status::kParams;
  if (!good_shape(shape, batch)) return Status::kShape;
  const PixelFillParams p{batch, params[0] == 1, shape.channels, shape.rows, shape.cols};
  const int threads = threads_for(batch, batch * size_of(shape));
  cpu_table().pixel_fill(p, image, base, ranks, intervals, out, threads);
  return Status::kOk;
}

}  // namespace fastxai
