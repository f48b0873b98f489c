#include "mask_tile.h"
#include "masked_product.h"

FASTXAI_ISA_BEGIN

// A block owns a tile of the plane and runs over some masks: what depends on the pixel alone (the
// image, positions) stays in registers, and all that moves is the batch, written once.
template <int kVec>
constexpr int kThreads = kVec == 8 ? 128 : 256;  // tiles of 1024 numbers, or 256 one by one
template <int kVec>
constexpr int kTile = kVec * kThreads<kVec>;

__device__ static inline float blend(float x, float m, float base) {
  return x * m + base * (1.0f - m);
}

// What a block works on.
struct Share {
  MaskParams params;
  PlaneTiles plane;
  MaskTile tile;
  Place place;    // of the thread's vector
  int64_t begin;  // row of the batch
  int masks;
  uint64_t first;  // index of its mask
};

// False where the parameters are out of range.
template <int kVec>
__device__ static inline bool make_share(const MaskSource& source, const ImageShape& s,
                                         Layout layout, int64_t batch, int chunk, int copies,
                                         Share* share) {
  if (!load_params(source, batch, &share->params)) return false;
  share->plane = plane_tiles(s, layout, kTile<kVec>);
  const int64_t group = blockIdx.x / share->plane.tiles;
  const int64_t tile = blockIdx.x - group * share->plane.tiles;
  share->begin = group * chunk;
  const int64_t left = batch - share->begin;
  share->masks = left < chunk ? static_cast<int>(left) : chunk;
  share->first = static_cast<uint64_t>(share->params.first + share->begin);
  const int64_t start = tile * kTile<kVec>;
  share->tile = lay_out_tile(s, share->plane, kTile<kVec>, copies, layout, start);
  share->place = place_of(share->plane, start + threadIdx.x * kVec);
  make_mask_tile(source, share->params, s, share->plane, kTile<kVec>, copies, share->first,
                 share->masks, share->tile);
  return true;
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

// Mask j at the thread's kVec pixels of a planar image.
template <int kVec, bool kNear>
__device__ static inline void planar_values(const Share& a, const ImageShape& s, int j, float* m) {
  if constexpr (!kNear) {
    for (int i = 0; i < kVec; ++i) {
      m[i] = far_value(a.params, s, a.tile, a.first, j, a.place.y, a.place.at + i);
    }
    return;
  }
  const MaskRow row = mask_row(a.tile, j, a.place.y);
  const int64_t x = a.place.at - a.tile.first_x;
  if constexpr (kVec == 1) {
    m[0] = mask_value(row, a.tile.lows[x + row.dx], a.tile.weights[x + row.dx]);
    return;
  }
  const int64_t at = (row.dx & 3) * a.tile.cols + x + (row.dx & ~3);
  for (int i = 0; i < kVec; i += 4) {
    const float4 weights = *reinterpret_cast<const float4*>(a.tile.weights + at + i);
    const uint32_t lows = *reinterpret_cast<const uint32_t*>(a.tile.lows + at + i);
    m[i] = mask_value(row, lows & 0xff, weights.x);
    m[i + 1] = mask_value(row, (lows >> 8) & 0xff, weights.y);
    m[i + 2] = mask_value(row, (lows >> 16) & 0xff, weights.z);
    m[i + 3] = mask_value(row, lows >> 24, weights.w);
  }
}

// The masks of a block over a planar image. kChannels: C where it is known, so that the image stays
// in registers, else 0.
// Of 3 channels under levels the pixels stay in registers; else each is read again for each mask.
template <class Out, int kVec, int kChannels, bool kPicture, bool kNear>
__device__ static inline void planar_masks(const Share& a, const ImageShape& s, const float* image,
                                           const float* base, Out* out) {
  static_assert(kChannels == 0 || !kPicture, "levels alone are kept");
  if (!a.place.inside) return;
  const int64_t plane = s.rows * s.cols;
  const int64_t pixel = a.place.y * s.cols + a.place.at;
  const int64_t channels = kChannels > 0 ? kChannels : s.channels;
  constexpr int kKept = kChannels > 0 ? kChannels : 1;
  float kept[kKept][kVec];
  float level[kKept];
  for (int c = 0; c < kChannels; ++c) {
    level[c] = base[c];
    for (int i = 0; i < kVec; ++i) kept[c][i] = image[c * plane + pixel + i];
  }
  Out* row = out + a.begin * channels * plane + pixel;
  for (int j = 0; j < a.masks; ++j) {
    float m[kVec];
    float v[kVec];
    planar_values<kVec, kNear>(a, s, j, m);
    if constexpr (kChannels > 0) {
#pragma unroll
      for (int c = 0; c < kChannels; ++c, row += plane) {
        for (int i = 0; i < kVec; ++i) v[i] = blend(kept[c][i], m[i], level[c]);
        store_values<kVec>(v, row);
      }
    } else {
      for (int64_t c = 0; c < channels; ++c, row += plane) {
        const float* const x = image + c * plane + pixel;
        const float* const b = kPicture ? base + c * plane + pixel : base + c;
        for (int i = 0; i < kVec; ++i) {
          v[i] = blend(__ldg(x + i), m[i], __ldg(kPicture ? b + i : b));
        }
        store_values<kVec>(v, row);
      }
    }
  }
}

template <class Out, int kVec, int kChannels, bool kPicture>
__global__ void __launch_bounds__(kThreads<kVec>)
    planar_product(MaskSource source, ImageShape s, const float* image, Base base, int64_t batch,
                   int chunk, Out* out) {
  Share a;
  constexpr int kCopies = kVec > 1 ? 4 : 1;
  if (!make_share<kVec>(source, s, Layout::kPlanar, batch, chunk, kCopies, &a)) {
    fill_nan(batch * s.channels * s.rows * s.cols, out);
  } else if (fits_tile(a.params)) {
    planar_masks<Out, kVec, kChannels, kPicture, true>(a, s, image, base.values, out);
  } else {
    const Share far = a;  // its address is taken; `a` stays in registers
    const ImageShape shape = s;
    planar_masks<Out, kVec, kChannels, kPicture, false>(far, shape, image, base.values, out);
  }
}

// The masks of a block over an interleaved image [H, W, C]: vectors of kVec numbers of 3 channels,
// or single numbers of any.
template <class Out, int kVec, bool kNear>
__device__ static inline void interleaved_masks(const Share& a, const ImageShape& s,
                                                const float* image, const Base& base, Out* out) {
  if (!a.place.inside) return;
  constexpr int kPixels = kVec == 1 ? 1 : (kVec + 1) / 3 + 1;  // that a vector may meet
  const int64_t plane = s.rows * s.cols;
  const int64_t x = a.place.at / s.channels;
  const int phase = static_cast<int>(a.place.at - x * s.channels);  // channel of the first number
  float kept[kVec];
  float level[kVec];
  for (int i = 0; i < kVec; ++i) {
    const int c = kVec == 1 ? phase : (phase + i) % 3;
    const int64_t pixel = a.place.y * s.cols + x + (kVec == 1 ? 0 : (phase + i) / 3);
    kept[i] = image[c * plane + pixel];
    level[i] = base.values[base.picture ? c * plane + pixel : c];
  }
  const int64_t size = s.channels * plane;
  Out* row = out + a.begin * size + a.place.y * a.plane.row + a.place.at;
  for (int j = 0; j < a.masks; ++j, row += size) {
    float m[kPixels];
    if constexpr (kNear) {
      const MaskRow line = mask_row(a.tile, j, a.place.y);
      const int64_t at = x - a.tile.first_x + line.dx;
      for (int i = 0; i < kPixels; ++i) {
        m[i] = mask_value(line, a.tile.lows[at + i], a.tile.weights[at + i]);
      }
    } else {
      for (int i = 0; i < kPixels; ++i) {
        m[i] = far_value(a.params, s, a.tile, a.first, j, a.place.y,
                         x + i < s.cols ? x + i : s.cols - 1);
      }
    }
    float v[kVec];
    for (int i = 0; i < kVec; ++i) {  // pixel (phase + i) / 3 is one of two neighbours
      const bool next = kVec > 1 && phase + i % 3 >= 3;
      v[i] = blend(kept[i], m[i / 3 + (next ? 1 : 0)], level[i]);
    }
    store_values<kVec>(v, row);
  }
}

template <class Out, int kVec>
__global__ void __launch_bounds__(kThreads<kVec>)
    interleaved_product(MaskSource source, ImageShape s, const float* image, Base base,
                        int64_t batch, int chunk, Out* out) {
  Share a;
  if (!make_share<kVec>(source, s, Layout::kInterleaved, batch, chunk, 1, &a)) {
    fill_nan(batch * s.channels * s.rows * s.cols, out);
  } else if (fits_tile(a.params)) {
    interleaved_masks<Out, kVec, true>(a, s, image, base, out);
  } else {
    const Share far = a;
    const ImageShape shape = s;
    interleaved_masks<Out, kVec, false>(far, shape, image, base, out);
  }
}

template <int kVec, class Out>
static int launch_product(void (*kernel)(MaskSource, ImageShape, const float*, Base, int64_t, int,
                                         Out*),
                          Layout layout, int copies, const MaskSource& source, const ImageShape& s,
                          const float* image, const Base& base, int64_t batch, Out* out,
                          void* stream) {
  const PlaneTiles plane = plane_tiles(s, layout, kTile<kVec>);
  const int64_t shared = mask_tile_bytes(s, plane, kTile<kVec>, copies);
  const int64_t resident = resident_blocks(kernel, kThreads<kVec>, shared);
  const int chunk = images_per_block(batch, plane.tiles, kMaxMasks, resident);
  return launch(kernel, plane.tiles * blocks_for(batch, chunk), kThreads<kVec>, shared, stream,
                source, s, image, base, batch, chunk, out);
}

template <class Out>
static int product(const MaskSource& source, const ImageShape& s, Layout layout, const float* image,
                   const Base& base, int64_t batch, Out* out, void* stream) {
  constexpr int kVec = kVectorOf<Out>;
  const auto run = [&](auto vec, auto kernel, Layout order, int copies) {
    return launch_product<decltype(vec)::value>(kernel, order, copies, source, s, image, base,
                                                batch, out, stream);
  };
  using Vector = Constant<kVec>;
  using Single = Constant<1>;
  if (s.channels == 0) return 0;
  const bool aligned = aligned_to_vector(out);
  if (layout == Layout::kPlanar || s.channels == 1) {
    constexpr Layout kOrder = Layout::kPlanar;
    if (!aligned || s.cols % kVec != 0) {
      return base.picture ? run(Single{}, planar_product<Out, 1, 0, true>, kOrder, 1)
                          : run(Single{}, planar_product<Out, 1, 0, false>, kOrder, 1);
    }
    if (base.picture) return run(Vector{}, planar_product<Out, kVec, 0, true>, kOrder, 4);
    return s.channels == 3 ? run(Vector{}, planar_product<Out, kVec, 3, false>, kOrder, 4)
                           : run(Vector{}, planar_product<Out, kVec, 0, false>, kOrder, 4);
  }
  if (aligned && s.channels == 3 && s.cols * 3 % kVec == 0) {
    return run(Vector{}, interleaved_product<Out, kVec>, Layout::kInterleaved, 1);
  }
  return run(Single{}, interleaved_product<Out, 1>, Layout::kInterleaved, 1);
}

FASTXAI_ISA_END

namespace fastxai {
namespace cuda {

int masked_product(const MaskSource& masks, const ImageShape& shape, Layout layout, OutType type,
                   const float* image, const Base& base, int64_t batch, void* out, void* stream) {
  using namespace device;
  switch (type) {
    case OutType::kFloat32:
      return product(masks, shape, layout, image, base, batch, static_cast<float*>(out), stream);
    case OutType::kFloat16:
      return product(masks, shape, layout, image, base, batch, static_cast<Float16*>(out), stream);
    case OutType::kBFloat16:
      return product(masks, shape, layout, image, base, batch, static_cast<BFloat16*>(out), stream);
  }
  return 1;  // cudaErrorInvalidValue
}

}  // namespace cuda
}  // namespace fastxai
