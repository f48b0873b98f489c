#include "launch_cuda.h"

#include "csrc/common/params.h"
#include "device.h"
#include "kernels/mask_grid/mask_grid.h"

namespace fastxai {

namespace {

Status mask_source(const ParamTensor& params, int64_t batch, MaskSource* source) noexcept {
  *source = {};
  if (!params.on_device) return read_mask_params(params.values, batch, &source->params);
  source->device = params.values;
  return Status::kOk;
}

// The image's shape is known to the host in either case.
Status occlusion_source(const ParamTensor& params, const ImageShape& s, int64_t batch,
                        OcclusionSource* source) noexcept {
  *source = {};
  Status status = Status::kOk;
  if (params.on_device) {
    source->device = params.values;
    source->params.channels = s.channels;
    source->params.rows = s.rows;
    source->params.cols = s.cols;
  } else {
    status = read_occlusion_params(params.values, s.channels, s.rows, s.cols, &source->params);
  }
  source->params.count = batch;
  return status;
}

}  // namespace

Status cuda_mask_grid(const ParamTensor& params, int64_t batch, int64_t num_cells, uint8_t* cells,
                      int32_t* shifts, void* stream) noexcept {
  MaskSource source;
  const Status status = mask_source(params, batch, &source);
  if (status != Status::kOk) return status;
  if (batch < 0 || num_cells < 1) return Status::kShape;
  return queued(cuda::mask_grid(source, batch, num_cells, cells, shifts, stream));
}

Status cuda_mask_upsample(const MaskUpsampleParams& p, const int64_t* up_size, const uint8_t* cells,
                          const int32_t* shifts, float* masks, void* stream) noexcept {
  if (!good_grid(p.grid_rows, p.grid_cols, p.cols) || !good_shape({1, p.rows, p.cols}, p.count)) {
    return Status::kShape;
  }
  if (up_size == nullptr &&
      !(within(p.up_rows, p.rows, kMaxAxis) && within(p.up_cols, p.cols, kMaxAxis))) {
    return Status::kParams;
  }
  return queued(cuda::mask_upsample(p, up_size, cells, shifts, masks, stream));
}

Status cuda_masked_product(const ParamTensor& params, const float* image, const Base& base,
                           const BatchTensor& out, const Workspace& workspace,
                           void* stream) noexcept {
  MaskSource source;
  const Status status = mask_source(params, out.count, &source);
  if (status != Status::kOk) return status;
  // How many rows of cells parameters in device memory have, the kernels see.
  const int64_t grid_rows = params.on_device ? 0 : source.params.grid_rows;
  if (!good_shape(out.shape, out.count) ||
      workspace.room < cuda::masked_product_workspace(out.count, out.shape, grid_rows)) {
    return Status::kShape;
  }
  return queued(cuda::masked_product(source, out.shape, out.layout, out.type, image, base,
                                     out.count, out.data, workspace.data, workspace.room, stream));
}

Status cuda_saliency_accumulate(const ParamTensor& params, int64_t batch,
                                const AccumulatorShape& shape, const ScoreTable& scores,
                                double* sums, double* moments, int64_t* bad_row,
                                void* stream) noexcept {
  MaskSource source;
  const Status status = mask_source(params, batch, &source);
  if (status != Status::kOk) return status;
  const MaskParams& p = source.params;
  const bool same =
      params.on_device || (shape.shift_rows == p.shift_rows && shape.shift_cols == p.shift_cols &&
                           shape.grid_rows == p.grid_rows && shape.grid_cols == p.grid_cols);
  const bool whole = scores.columns != nullptr || shape.targets == scores.classes;
  if (!same || !whole || batch < 0 || shape.targets < 0) return Status::kShape;
  return queued(
      cuda::saliency_accumulate(source, shape, batch, scores, sums, moments, bad_row, stream));
}

Status cuda_saliency_expand(const SaliencyExpandParams& p, const double* sums, double* maps,
                            double* workspace, void* stream) noexcept {
  if (p.maps < 0 || !within(p.shift_rows, 1, kMaxAxis) || !within(p.shift_cols, 1, kMaxAxis) ||
      !good_grid(p.grid_rows, p.grid_cols, p.cols) ||
      p.grid_rows * p.cols > kMaxElements / p.shift_rows ||
      !good_shape({1, p.rows, p.cols}, p.maps)) {
    return Status::kShape;
  }
  return queued(cuda::saliency_expand(p, sums, maps, workspace, stream));
}

Status cuda_occlusion_fill(const ParamTensor& params, const float* image, const Base& base,
                           const BatchTensor& out, void* stream) noexcept {
  OcclusionSource source;
  const Status status = occlusion_source(params, out.shape, out.count, &source);
  if (status != Status::kOk) return status;
  if (!good_shape(out.shape, out.count)) return Status::kShape;
  return queued(cuda::occlusion_fill(source, out.layout, out.type, image, base, out.data, stream));
}

Status cuda_occlusion_patch(const int64_t* params, int64_t previous_first, const float* image,
                            const Base& base, const BatchTensor& batch, void* stream) noexcept {
  OcclusionSource source;
  const Status status = occlusion_source({params, false}, batch.shape, batch.count, &source);
  if (status != Status::kOk) return status;
  if (!within(previous_first, -kMaxFirst, kMaxFirst)) return Status::kParams;
  if (!good_shape(batch.shape, batch.count)) return Status::kShape;
  return queued(cuda::occlusion_patch(source.params, previous_first, batch.layout, batch.type,
                                      image, base, batch.data, stream));
}

Status cuda_occlusion_sum(const ParamTensor& params, const ImageShape& shape, int64_t targets,
                          int64_t windows, const double* drops, double* maps, double* workspace,
                          void* stream) noexcept {
  OcclusionSource source;
  const Status status = occlusion_source(params, shape, 0, &source);
  if (status != Status::kOk) return status;
  if (!good_shape({1, shape.rows, shape.cols}, targets) || windows < 0) return Status::kShape;
  const OcclusionParams& p = source.params;
  if (!params.on_device && windows != p.grid_rows * p.grid_cols) return Status::kShape;
  return queued(cuda::occlusion_sum(source, targets, windows, drops, maps, workspace, stream));
}

}  // namespace fastxai
