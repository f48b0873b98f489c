#include "mask_rows.h"
#include "masked_product.h"

#include "../common/plane_tiles.h"

FASTXAI_ISA_BEGIN

constexpr int kMaxMasks = 32;  // of a block

// A block owns a tile of the plane and runs over some masks: what depends on the pixel alone (the
// image, positions) stays in registers, and all that moves is the batch, written once, and the rows
// of the masks, which the caches hold. Tiles of several pixel rows share what they load of these.
template <int kVec, Layout kOrder>
constexpr int kThreads = kOrder == Layout::kInterleaved && kVec == 8 ? 512 : 256;
template <int kVec, Layout kOrder>
constexpr int kTile = kVec * kThreads<kVec, kOrder>;

// What every block of a launch is told.
struct Job {
  ImageShape shape;
  const float* image;  // [C, H, W]
  Base base;
  int64_t batch;     // M
  PlaneTiles plane;  // how its blocks share the plane
  int chunk;         // masks of a block
  double* workspace;
};

// What a thread works on.
struct Share {
  Place place;        // of its vector
  int masks;          // of its block
  int64_t begin;      // the first of them, a row of the batch
  int64_t pitch;      // floats from a coarse row to the next
  int64_t mask_size;  // and from a mask to the next
  const float* rows;  // of its first mask
  const uint2* taps;  // of its pixel row under its first mask
};

// False where the parameters were no good.
template <int kVec, Layout kOrder>
__device__ static inline bool make_share(const Job& job, Share* a) {
  const ImageShape& s = job.shape;
  const MaskRows made = lay_out_rows(job.batch, s, job.workspace);
  const int64_t rows = made.header[0];
  const uint32_t tiles = static_cast<uint32_t>(job.plane.tiles);
  const uint32_t group = blockIdx.x / tiles;
  const int64_t tile = blockIdx.x - group * tiles;
  a->place = place_of(job.plane, tile * kTile<kVec, kOrder> + threadIdx.x * kVec);
  a->begin = static_cast<int64_t>(group) * job.chunk;
  const int64_t left = job.batch - a->begin;
  a->masks = left < job.chunk ? static_cast<int>(left) : job.chunk;
  a->pitch = made.pitch;
  a->mask_size = rows * made.pitch;
  a->rows = made.rows + a->begin * a->mask_size;
  a->taps = made.taps + a->begin * s.rows + a->place.y;
  return rows > 0;
}

// Parameters in device memory are not seen by the host: a batch of NaN says that they are wrong.
template <class Out>
__device__ static void fill_nan(int64_t numbers, Out* out) {
  const float nan = __builtin_nanf("");
  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t k = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x; k < numbers;
       k += step) {
    store_values<1>(&nan, out + k);
  }
}

template <class Out>
__device__ static inline void fill_nan(const Job& job, Out* out) {
  fill_nan(job.batch * job.shape.channels * job.shape.rows * job.shape.cols, out);
}

__device__ static inline float mask_value(float top, float bottom, float weight) {
  return top * (1.0f - weight) + bottom * weight;
}

// kPixels neighbours of a mask from column x on; kAligned: x is a multiple of 4.
template <int kPixels, bool kAligned>
__device__ static inline void mask_values(const uint2 tap, const float* rows, int64_t pitch,
                                          int64_t x, float* m) {
  const float* const top = rows + tap.x * pitch + x;
  const float* const bottom = top + pitch;
  const float weight = bits_float(tap.y);
  if constexpr (kAligned) {
    static_assert(kPixels % 4 == 0, "whole vectors");
#pragma unroll
    for (int i = 0; i < kPixels; i += 4) {
      const float4 t = __ldg(reinterpret_cast<const float4*>(top + i));
      const float4 b = __ldg(reinterpret_cast<const float4*>(bottom + i));
      m[i] = mask_value(t.x, b.x, weight);
      m[i + 1] = mask_value(t.y, b.y, weight);
      m[i + 2] = mask_value(t.z, b.z, weight);
      m[i + 3] = mask_value(t.w, b.w, weight);
    }
  } else {
#pragma unroll
    for (int i = 0; i < kPixels; ++i) m[i] = mask_value(__ldg(top + i), __ldg(bottom + i), weight);
  }
}

// kZero: the base is 0 or -0, and so is its product with 1 - m, 0 .. 1, of the same sign. A fused
// x m + base would not do: where x m underflows it keeps the sign of x.
template <bool kZero>
__device__ static inline float blend(float x, float m, float base) {
  return kZero ? x * m + base : x * m + base * (1.0f - m);
}

// The masks of a block over a planar image. Of kChannels > 0 channels under levels the pixels stay
// in registers; else each is read again for each mask.
template <class Out, int kVec, int kChannels, bool kPicture, bool kZero>
__device__ static inline void planar_masks(const Job& job, const Share& a, const float* level,
                                           const float (*kept)[kVec], Out* row) {
  const ImageShape& s = job.shape;
  const int64_t plane = s.rows * s.cols;
  const int64_t pixel = a.place.y * s.cols + a.place.at;
  const float* rows = a.rows;
  const uint2* taps = a.taps;
  for (int j = 0; j < a.masks; ++j, rows += a.mask_size, taps += s.rows) {
    float m[kVec];
    float v[kVec];
    mask_values<kVec, kVec % 4 == 0>(__ldg(taps), rows, a.pitch, a.place.at, m);
    if constexpr (kChannels > 0) {
#pragma unroll
      for (int c = 0; c < kChannels; ++c, row += plane) {
#pragma unroll
        for (int i = 0; i < kVec; ++i) v[i] = blend<kZero>(kept[c][i], m[i], level[c]);
        store_values<kVec>(v, row);
      }
    } else {
      for (int64_t c = 0; c < s.channels; ++c, row += plane) {
        const float* const x = job.image + c * plane + pixel;
        const float* const b = job.base.values + (kPicture ? c * plane + pixel : c);
#pragma unroll
        for (int i = 0; i < kVec; ++i) {
          v[i] = blend<kZero>(__ldg(x + i), m[i], __ldg(kPicture ? b + i : b));
        }
        store_values<kVec>(v, row);
      }
    }
  }
}

// Four blocks a multiprocessor: 64 registers a thread, of which kept pixels need no spill.
template <class Out, int kVec, int kChannels, bool kPicture>
__global__ void __launch_bounds__(kThreads<kVec, Layout::kPlanar>, kChannels > 0 ? 4 : 1)
    planar_product(Job job, Out* out) {
  static_assert(kChannels == 0 || !kPicture, "levels alone are kept");
  Share a;
  if (!make_share<kVec, Layout::kPlanar>(job, &a)) return fill_nan(job, out);
  if (!a.place.inside) return;
  const ImageShape& s = job.shape;
  const int64_t plane = s.rows * s.cols;
  const int64_t pixel = a.place.y * s.cols + a.place.at;
  Out* const row = out + a.begin * s.channels * plane + pixel;
  constexpr int kKept = kChannels > 0 ? kChannels : 1;
  float kept[kKept][kVec];
  float level[kKept];
  bool zero = kChannels > 0;
#pragma unroll
  for (int c = 0; c < kChannels; ++c) {
    level[c] = job.base.values[c];
    zero = zero && level[c] == 0.0f;
#pragma unroll
    for (int i = 0; i < kVec; ++i) kept[c][i] = job.image[c * plane + pixel + i];
  }
  if (zero) {
    planar_masks<Out, kVec, kChannels, kPicture, kChannels != 0>(job, a, level, kept, row);
  } else {
    planar_masks<Out, kVec, kChannels, kPicture, false>(job, a, level, kept, row);
  }
}

// The masks of a block over an interleaved image [H, W, C]: vectors of kVec numbers of 3 channels,
// or single numbers of any. `phase`: channel of the first number.
template <class Out, int kVec, bool kZero>
__device__ static inline void interleaved_masks(const Job& job, const Share& a, int64_t x,
                                                int phase, const float* kept, const float* level,
                                                Out* row) {
  constexpr int kPixels = kVec == 1 ? 1 : (kVec + 1) / 3 + 1;  // that a vector may meet
  const int64_t size = job.shape.channels * job.shape.rows * job.shape.cols;
  const float* rows = a.rows;
  const uint2* taps = a.taps;
  for (int j = 0; j < a.masks; ++j, rows += a.mask_size, taps += job.shape.rows, row += size) {
    float m[kPixels];
    float v[kVec];
    mask_values<kPixels, false>(__ldg(taps), rows, a.pitch, x, m);
#pragma unroll
    for (int i = 0; i < kVec; ++i) {  // pixel (phase + i) / 3 is one of two neighbours
      float own = m[i / 3];
      if (kVec > 1 && i % 3 != 0) own = phase + i % 3 >= 3 ? m[i / 3 + 1] : own;
      v[i] = blend<kZero>(kept[i], own, level[i]);
    }
    store_values<kVec>(v, row);
  }
}

template <class Out, int kVec>
__global__ void __launch_bounds__(kThreads<kVec, Layout::kInterleaved>,
                                  kVec > 1 ? 1024 / kThreads<kVec, Layout::kInterleaved> : 1)
    interleaved_product(Job job, Out* out) {
  Share a;
  if (!make_share<kVec, Layout::kInterleaved>(job, &a)) return fill_nan(job, out);
  if (!a.place.inside) return;
  const ImageShape& s = job.shape;
  const int64_t plane = s.rows * s.cols;
  const int64_t channels = kVec > 1 ? 3 : s.channels;  // a division by 3 is a product
  const int64_t x = a.place.at / channels;
  const int phase = static_cast<int>(a.place.at - x * channels);
  float kept[kVec];
  float level[kVec];
  bool zero = true;
#pragma unroll
  for (int i = 0; i < kVec; ++i) {
    const int c = kVec == 1 ? phase : (phase + i) % 3;
    const int64_t pixel = a.place.y * s.cols + x + (kVec == 1 ? 0 : (phase + i) / 3);
    kept[i] = job.image[c * plane + pixel];
    level[i] = job.base.values[job.base.picture ? c * plane + pixel : c];
    zero = zero && level[i] == 0.0f;
  }
  Out* const row =
      out + a.begin * s.channels * plane + a.place.y * s.cols * s.channels + a.place.at;
  if (zero) {
    interleaved_masks<Out, kVec, true>(job, a, x, phase, kept, level, row);
  } else {
    interleaved_masks<Out, kVec, false>(job, a, x, phase, kept, level, row);
  }
}

template <int kVec, Layout kOrder, class Out>
static int launch_product(void (*kernel)(Job, Out*), Job job, Out* out, void* stream) {
  constexpr int kBlock = kThreads<kVec, kOrder>;
  job.plane = plane_tiles(job.shape, kOrder, kTile<kVec, kOrder>);
  const int64_t resident = resident_blocks(kernel, kBlock, 0);
  job.chunk = images_per_block(job.batch, job.plane.tiles, kMaxMasks, resident);
  const int64_t blocks = job.plane.tiles * blocks_for(job.batch, job.chunk);
  return launch(kernel, blocks, kBlock, 0, stream, job, out);
}

template <class Out>
static int product(const Job& job, Layout layout, Out* out, void* stream) {
  constexpr int kVec = kVectorOf<Out>;
  const ImageShape& s = job.shape;
  const bool aligned = aligned_to_vector(out);
  if (layout == Layout::kPlanar || s.channels == 1) {
    constexpr Layout kOrder = Layout::kPlanar;
    if (!aligned || s.cols % kVec != 0) {
      return launch_product<1, kOrder>(
          job.base.picture ? planar_product<Out, 1, 0, true> : planar_product<Out, 1, 0, false>,
          job, out, stream);
    }
    const auto some =
        s.channels == 3 ? planar_product<Out, kVec, 3, false> : planar_product<Out, kVec, 0, false>;
    return launch_product<kVec, kOrder>(
        job.base.picture ? planar_product<Out, kVec, 0, true> : some, job, out, stream);
  }
  constexpr Layout kOrder = Layout::kInterleaved;
  if (aligned && s.channels == 3 && s.cols * 3 % kVec == 0) {
    return launch_product<kVec, kOrder>(interleaved_product<Out, kVec>, job, out, stream);
  }
  return launch_product<1, kOrder>(interleaved_product<Out, 1>, job, out, stream);
}

FASTXAI_ISA_END

namespace fastxai {
namespace cuda {

int64_t masked_product_workspace(int64_t batch, const ImageShape& shape, int64_t grid_rows) {
  return device::mask_rows_size(batch, shape, grid_rows);
}

int masked_product(const MaskSource& masks, const ImageShape& shape, Layout layout, OutType type,
                   const float* image, const Base& base, int64_t batch, void* out,
                   double* workspace, int64_t room, void* stream) {
  using namespace device;
  if (shape.channels == 0) return 0;
  const int error = launch(enlarge_rows, batch, kRowThreads, sizeof(DrawnMask), stream, masks,
                           shape, batch, workspace, room);
  if (error != 0) return error;
  const Job job{shape, image, base, batch, {}, 0, workspace};
  switch (type) {
    case OutType::kFloat32:
      return product(job, layout, static_cast<float*>(out), stream);
    case OutType::kFloat16:
      return product(job, layout, static_cast<Float16*>(out), stream);
    case OutType::kBFloat16:
      return product(job, layout, static_cast<BFloat16*>(out), stream);
  }
  return 1;  // cudaErrorInvalidValue
}

}  // namespace cuda
}  // namespace fastxai
