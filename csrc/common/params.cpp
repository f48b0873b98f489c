#include "params.h"

namespace fastxai {

Status read_mask_params(const AnyInt64* values, int64_t batch, MaskParams* p) noexcept {
  const bool good =
      unpack_mask_params(values, batch, p) && unpack_columns(values + kMaskNumbers, p);
  return good ? Status::kOk : Status::kParams;
}

Status read_occlusion_params(const AnyInt64* values, int64_t channels, int64_t rows, int64_t cols,
                             OcclusionParams* p) noexcept {
  p->channels = channels;
  p->rows = rows;
  p->cols = cols;
  return unpack_occlusion_params(values, p) ? Status::kOk : Status::kParams;
}

bool good_shape(const ImageShape& s, int64_t batch) noexcept {
  if (s.channels < 0 || s.rows < 1 || s.cols < 1 || batch < 0) return false;
  if (s.rows > kMaxAxis || s.cols > kMaxAxis || s.channels > kMaxElements) return false;
  const int64_t plane = s.rows * s.cols;  // < 2^44
  if (plane >= kMaxElements) return false;
  // No channels or images count as one: a batch of them is as long to loop over.
  if (s.channels > 0 && plane > kMaxElements / s.channels) return false;
  const int64_t size = plane * (s.channels > 0 ? s.channels : 1);
  return size < (batch > 0 ? (kMaxElements + batch - 1) / batch : kMaxElements);
}

bool good_grid(int64_t rows, int64_t cols, int64_t width) noexcept {
  return rows >= 1 && rows <= kMaxAxis && cols >= 1 && cols <= kMaxAxis && width >= 1 &&
         width <= kMaxAxis && rows * cols < kMaxElements && rows * width < kMaxElements;
}

}  // namespace fastxai
