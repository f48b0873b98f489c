#include "../common/plane_tiles.h"
#include "occlusion.h"

FASTXAI_ISA_BEGIN

constexpr int kTile = 1024;       // numbers of a plane that a block of the fill owns
constexpr int kSingleTile = 256;  // where they are written one by one
constexpr int kMaxImages = 32;    // of a block
constexpr int kThreads = 256;

template <int kVec>
constexpr int kTileOf = kVec == 1 ? kSingleTile : kTile;

// Corner of window `index`, or a corner below the image where there is none.
struct Corner {
  int32_t top;
  int32_t left;
};

__device__ static inline Corner corner_of(const OcclusionParams& p, int64_t index) {
  const bool none = index < 0 || index >= p.grid_rows * p.grid_cols;
  const int64_t top = none ? p.rows : index / p.grid_cols * p.stride_rows;
  const int64_t left = none ? p.cols : index % p.grid_cols * p.stride_cols;
  return {static_cast<int32_t>(top), static_cast<int32_t>(left)};
}

__device__ static inline bool load_params(const OcclusionSource& source, OcclusionParams* p) {
  *p = source.params;
  if (source.device == nullptr) return true;
  const int64_t batch = p->count;
  const bool good = unpack_occlusion_params(source.device, p);
  p->count = batch;
  return good;
}

__device__ static inline bool covers(const OcclusionParams& p, const Corner& c, int64_t y,
                                     int64_t x) {
  return y >= c.top && y < c.top + p.window_rows && x >= c.left && x < c.left + p.window_cols;
}

// A thread owns kVec neighbours of a row in every image of its block; in a planar batch it does so
// for one channel after the other.
template <class Out, int kVec>
__global__ void __launch_bounds__(kTileOf<kVec> / kVec)
    fill_windows(OcclusionSource source, Layout layout, const float* image, Base base, int chunk,
                 Out* out) {
  auto* const corners = reinterpret_cast<Corner*>(shared_memory());  // [kMaxImages]
  OcclusionParams p;
  const bool good = load_params(source, &p);
  const bool planar = layout == Layout::kPlanar;
  const PlaneTiles plane = plane_tiles({p.channels, p.rows, p.cols}, layout, kTileOf<kVec>);
  const int64_t group = blockIdx.x / plane.tiles;
  const int64_t tile = blockIdx.x - group * plane.tiles;
  const int64_t begin = group * chunk;
  const int images = static_cast<int>(p.count - begin < chunk ? p.count - begin : chunk);
  for (int j = static_cast<int>(threadIdx.x); j < images; j += static_cast<int>(blockDim.x)) {
    corners[j] = good ? corner_of(p, p.first + begin + j) : Corner{0, 0};
  }
  __syncthreads();
  const Place place = place_of(plane, tile * kTileOf<kVec> + threadIdx.x * kVec);
  if (!place.inside) return;
  const int64_t size = p.rows * p.cols;
  const uint32_t window_rows = static_cast<uint32_t>(p.window_rows);
  const uint32_t window_cols = static_cast<uint32_t>(p.window_cols);
  for (int64_t c = 0; c < (planar ? p.channels : 1); ++c) {
    float shown[kVec];
    float hidden[kVec];
    int32_t x[kVec];
    for (int i = 0; i < kVec; ++i) {
      x[i] = static_cast<int32_t>(planar ? place.at + i : (place.at + i) / p.channels);
      const int64_t channel = planar ? c : (place.at + i) % p.channels;
      const int64_t at = channel * size + place.y * p.cols + x[i];
      shown[i] = good ? image[at] : __builtin_nanf("");
      hidden[i] = good ? base.values[base.picture ? at : channel] : __builtin_nanf("");
    }
    Out* row = out + begin * p.channels * size + c * size + place.y * plane.row + place.at;
    for (int j = 0; j < images; ++j, row += p.channels * size) {
      // Unsigned: one comparison for both ends of a window.
      const Corner corner = corners[j];
      const uint32_t below = static_cast<uint32_t>(place.y) - static_cast<uint32_t>(corner.top);
      const uint32_t width = below < window_rows ? window_cols : 0;
      float v[kVec];
      for (int i = 0; i < kVec; ++i) {
        const uint32_t across = static_cast<uint32_t>(x[i]) - static_cast<uint32_t>(corner.left);
        v[i] = across < width ? hidden[i] : shown[i];
      }
      store_values<kVec>(v, row);
    }
  }
}

// One image a block: shows what its old window hid, unless the new one does, and hides the new one.
template <class Out>
__global__ void __launch_bounds__(kThreads)
    patch_windows(OcclusionParams p, int64_t previous_first, Layout layout, const float* image,
                  Base base, Out* batch) {
  const int64_t m = blockIdx.x;
  const Corner before = corner_of(p, previous_first + m);
  const Corner after = corner_of(p, p.first + m);
  const int64_t window = p.window_rows * p.window_cols;
  const int64_t size = p.rows * p.cols;
  Out* const own = batch + m * p.channels * size;
  for (int64_t k = threadIdx.x; k < 2 * window * p.channels; k += kThreads) {
    const int64_t c = k / (2 * window);
    const int64_t which = k - c * 2 * window;  // below `window`: in the old one
    const Corner& corner = which < window ? before : after;
    if (corner.top >= p.rows) continue;
    const int64_t at = which % window;
    const int64_t y = corner.top + at / p.window_cols;
    const int64_t x = corner.left + at % p.window_cols;
    const int64_t pixel = y * p.cols + x;
    const float hidden = base.values[base.picture ? c * size + pixel : c];
    const float v = covers(p, after, y, x) ? hidden : image[c * size + pixel];
    store_values<1>(&v,
                    own + (layout == Layout::kPlanar ? c * size + pixel : pixel * p.channels + c));
  }
}

// ---- sums -------------------------------------------------------------------------------------

__device__ static inline bool good_sum(const OcclusionParams& p, int64_t windows) {
  return p.grid_rows * p.grid_cols == windows;
}

// table [T, grid_rows + 1, grid_cols + 1]: running sums along each row of windows, a row a thread.
__global__ void __launch_bounds__(kThreads)
    sum_rows(OcclusionSource source, int64_t targets, int64_t windows, const double* drops,
             double* table) {
  OcclusionParams p;
  if (!load_params(source, &p) || !good_sum(p, windows)) return;
  const int64_t row = blockIdx.x * static_cast<int64_t>(kThreads) + threadIdx.x;
  if (row >= targets * (p.grid_rows + 1)) return;
  const int64_t t = row / (p.grid_rows + 1);
  const int64_t i = row - t * (p.grid_rows + 1);
  double* const sums = table + row * (p.grid_cols + 1);
  const double* const own = drops + (t * p.grid_rows + i - 1) * p.grid_cols;
  double sum = 0.0;
  for (int64_t j = 0; j <= p.grid_cols; ++j) {
    if (i > 0 && j > 0) sum += own[j - 1];
    sums[j] = sum;
  }
}

// The same along columns, a column a thread.
__global__ void __launch_bounds__(kThreads)
    sum_columns(OcclusionSource source, int64_t targets, int64_t windows, double* table) {
  OcclusionParams p;
  if (!load_params(source, &p) || !good_sum(p, windows)) return;
  const int64_t stride = p.grid_cols + 1;
  const int64_t column = blockIdx.x * static_cast<int64_t>(kThreads) + threadIdx.x;
  if (column >= targets * stride) return;
  const int64_t t = column / stride;
  double* const own = table + t * (p.grid_rows + 1) * stride + column % stride;
  double sum = 0.0;
  for (int64_t i = 1; i <= p.grid_rows; ++i) {
    sum += own[i * stride];
    own[i * stride] = sum;
  }
}

// Positions whose window covers pixel y of an axis: low .. high - 1.
struct Cover {
  int64_t low;
  int64_t high;
};

__device__ static inline Cover cover_of(int64_t y, int64_t window, int64_t stride,
                                        int64_t positions) {
  const int64_t low = y < window ? 0 : (y - window) / stride + 1;
  const int64_t high = y / stride + 1 < positions ? y / stride + 1 : positions;
  return {low, high > low ? high : low};
}

// The drops of some positions added up one by one.
__device__ static inline double direct_sum(const OcclusionParams& p, const double* drops, Cover v,
                                           Cover h) {
  double sum = 0.0;
  for (int64_t i = v.low; i < v.high; ++i) {
    for (int64_t j = h.low; j < h.high; ++j) sum += drops[i * p.grid_cols + j];
  }
  return sum;
}

__global__ void __launch_bounds__(kThreads)
    mean_drops(OcclusionSource source, int64_t targets, int64_t windows, const double* drops,
               const double* tables, double* maps) {
  OcclusionParams p;
  const bool good = load_params(source, &p) && good_sum(p, windows);
  const int64_t number = blockIdx.x * static_cast<int64_t>(kThreads) + threadIdx.x;
  if (number >= targets * p.rows * p.cols) return;
  if (!good) {
    maps[number] = __builtin_nan("");
    return;
  }
  const int64_t x = number % p.cols;
  const int64_t y = number / p.cols % p.rows;
  const int64_t t = number / (p.rows * p.cols);
  const int64_t stride = p.grid_cols + 1;
  const double* const table = tables + t * (p.grid_rows + 1) * stride;
  const Cover v = cover_of(y, p.window_rows, p.stride_rows, p.grid_rows);
  const Cover h = cover_of(x, p.window_cols, p.stride_cols, p.grid_cols);
  const double* const above = table + v.low * stride;
  const double* const below = table + v.high * stride;
  const int64_t covering = (v.high - v.low) * (h.high - h.low);
  double sum = (below[h.high] - above[h.high]) - (below[h.low] - above[h.low]);
  // A drop that is not finite is in every sum below and to the right of it.
  if (!(sum - sum == 0.0)) sum = direct_sum(p, drops + t * windows, v, h);
  maps[number] = covering > 0 ? sum / static_cast<double>(1 + covering) : 0.0;
}

// ---- launches ---------------------------------------------------------------------------------

template <int kVec, class Out>
static int launch_fill(const OcclusionSource& source, Layout layout, const float* image,
                       const Base& base, Out* out, void* stream) {
  const OcclusionParams& p = source.params;
  const PlaneTiles plane = plane_tiles({p.channels, p.rows, p.cols}, layout, kTileOf<kVec>);
  const auto kernel = fill_windows<Out, kVec>;
  constexpr int kBlock = kTileOf<kVec> / kVec;
  constexpr int64_t kShared = kMaxImages * sizeof(Corner);
  const int64_t resident = resident_blocks(kernel, kBlock, kShared);
  const int chunk = images_per_block(p.count, plane.tiles, kMaxImages, resident);
  return launch(kernel, plane.tiles * blocks_for(p.count, chunk), kBlock, kShared, stream, source,
                layout, image, base, chunk, out);
}

template <class Out>
static int fill(const OcclusionSource& source, Layout layout, const float* image, const Base& base,
                Out* out, void* stream) {
  constexpr int kVec = kVectorOf<Out>;
  const OcclusionParams& p = source.params;
  if (p.channels == 0) return 0;
  const int64_t row = layout == Layout::kPlanar ? p.cols : p.cols * p.channels;
  if (aligned_to_vector(out) && row % kVec == 0) {
    return launch_fill<kVec>(source, layout, image, base, out, stream);
  }
  return launch_fill<1>(source, layout, image, base, out, stream);
}

template <class Out>
static int patch(const OcclusionParams& p, int64_t previous_first, Layout layout,
                 const float* image, const Base& base, Out* batch, void* stream) {
  return launch(patch_windows<Out>, p.channels == 0 ? 0 : p.count, kThreads, 0, stream, p,
                previous_first, layout, image, base, batch);
}

FASTXAI_ISA_END

namespace fastxai {
namespace cuda {

int occlusion_fill(const OcclusionSource& windows, Layout layout, OutType type, const float* image,
                   const Base& base, void* out, void* stream) {
  using device::fill;
  switch (type) {
    case OutType::kFloat32:
      return fill(windows, layout, image, base, static_cast<float*>(out), stream);
    case OutType::kFloat16:
      return fill(windows, layout, image, base, static_cast<Float16*>(out), stream);
    case OutType::kBFloat16:
      return fill(windows, layout, image, base, static_cast<BFloat16*>(out), stream);
  }
  return 1;  // cudaErrorInvalidValue
}

int occlusion_patch(const OcclusionParams& p, int64_t previous_first, Layout layout, OutType type,
                    const float* image, const Base& base, void* batch, void* stream) {
  using device::patch;
  switch (type) {
    case OutType::kFloat32:
      return patch(p, previous_first, layout, image, base, static_cast<float*>(batch), stream);
    case OutType::kFloat16:
      return patch(p, previous_first, layout, image, base, static_cast<Float16*>(batch), stream);
    case OutType::kBFloat16:
      return patch(p, previous_first, layout, image, base, static_cast<BFloat16*>(batch), stream);
  }
  return 1;
}

// (grid_rows + 1) (grid_cols + 1) is at most this, whatever the grid's shape.
int64_t occlusion_sum_workspace(int64_t targets, int64_t windows) {
  return targets * (2 * windows + 2);
}

int occlusion_sum(const OcclusionSource& source, int64_t targets, int64_t windows,
                  const double* drops, double* maps, double* workspace, void* stream) {
  using namespace device;
  const OcclusionParams& p = source.params;
  // A grid of `windows` positions has at most that many rows, and at most that many columns.
  const int64_t lines = blocks_for(targets * (windows + 1), kThreads);
  int error =
      launch(sum_rows, lines, kThreads, 0, stream, source, targets, windows, drops, workspace);
  if (error == 0) {
    error = launch(sum_columns, lines, kThreads, 0, stream, source, targets, windows, workspace);
  }
  if (error != 0) return error;
  return launch(mean_drops, blocks_for(targets * p.rows * p.cols, kThreads), kThreads, 0, stream,
                source, targets, windows, drops, workspace, maps);
}

}  // namespace cuda
}  // namespace fastxai
