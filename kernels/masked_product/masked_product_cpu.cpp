#include "masked_product.h"

#include "../common/any_address.h"
#include "../common/expand.h"
#include "../common/mask_cell.h"
#include "../common/team.h"

FASTXAI_ISA_BEGIN

// A tile of rows of one mask is expanded, then multiplied into every channel. Small enough to stay
// in the first-level cache, and for the stores of one tile to drain while the next is expanded:
// with 4096 the kernel reached 0.84 of a streaming fill, with 1024 0.94 (AVX-512, one thread).
constexpr int64_t kTileFloats = 1024;
// Above this size the batch will not be read from the caches: write past them.
constexpr int64_t kStreamBytes = int64_t{4} << 20;

static inline int64_t tile_rows(const ImageShape& s) {
  const int64_t rows = kTileFloats / s.cols;
  return rows < 1 ? 1 : (rows > s.rows ? s.rows : rows);
}

// Per thread: cells [h, w], expanded rows [h, W + kVec], one tile of the mask.
static inline int64_t thread_floats(const MaskParams& p, const ImageShape& s) {
  return p.grid_rows * p.grid_cols + p.grid_rows * (s.cols + kVec) + tile_rows(s) * s.cols + kVec;
}

static inline int64_t up_cols(const MaskParams& p, const ImageShape& s) {
  return s.cols + p.shift_cols - 1;
}

int64_t masked_product_scratch(const MaskParams& p, const ImageShape& s, int threads) {
  return column_table_floats(p.grid_cols, up_cols(p, s)) + threads * thread_floats(p, s);
}

template <class Out>
struct Storage {
  using Type = uint16_t;
};
template <>
struct Storage<float> {
  using Type = float;
};

static inline float blend(float x, float m, float base) { return x * m + base * (1.0f - m); }

// out[k] = x[k] m[k] + base (1 - m[k]) for k < n. Reads up to kVec floats past m, never past x.
// `base`: a level, or n pixels.
template <class Out, bool kStream, bool kPicture>
static inline void blend_run(const AnyFloat* x, const float* m, const AnyFloat* base, int64_t n,
                             typename Storage<Out>::Type* out) {
  Out* const tag = nullptr;
  constexpr uintptr_t kAlign = sizeof(typename Storage<Out>::Type) * kVec;
  const float level = base[0];
  const auto base_at = [=](int64_t at) { return kPicture ? base[at] : level; };
  int64_t k = 0;
  if (kStream) {
    while (k < n && reinterpret_cast<uintptr_t>(out + k) % kAlign != 0) {
      stream_one(out + k, narrow_one(blend(x[k], m[k], base_at(k)), tag));
      ++k;
    }
  }
  const VecF vlevel = splat(level);
  for (; k + kVec <= n; k += kVec) {
    const VecF vm = load(m + k);
    const VecF vbase = kPicture ? load(base + k) : vlevel;
    const auto value = narrow(load(x + k) * vm + vbase * (1.0f - vm), tag);
    if (kStream) {
      stream(out + k, value);
    } else {
      store(out + k, value);
    }
  }
  for (; k < n; ++k) {
    const auto value = narrow_one(blend(x[k], m[k], base_at(k)), tag);
    if (kStream) {
      stream_one(out + k, value);
    } else {
      store(out + k, value);
    }
  }
}

template <class Out, bool kStream>
static void one_mask(const MaskParams& p, const ImageShape& s, const ColumnTable& table,
                     const AnyFloat* image, const Base& base, int64_t m, OaBlock* block,
                     typename Storage<Out>::Type* out, float* scratch) {
  const int64_t stride = s.cols + kVec;
  const int64_t plane = s.rows * s.cols;
  const int64_t up_rows = s.rows + p.shift_rows - 1;
  float* const cells = scratch;
  float* const expanded = cells + p.grid_rows * p.grid_cols;
  float* const tile = expanded + p.grid_rows * stride;
  int32_t shift[2];
  draw_mask(p, static_cast<uint64_t>(p.first + m), block, cells, shift);
  for (int64_t a = 0; a < p.grid_rows; ++a) {
    expand_columns(table, cells + a * p.grid_cols, p.grid_cols, shift[1], s.cols,
                   expanded + a * stride);
  }
  const int64_t step = tile_rows(s);
  for (int64_t y = 0; y < s.rows; y += step) {
    const int64_t rows = s.rows - y < step ? s.rows - y : step;
    expand_rows(expanded, stride, p.grid_rows, up_rows, shift[0], y, rows, s.cols, tile);
    for (int64_t c = 0; c < s.channels; ++c) {
      const int64_t at = c * plane + y * s.cols;
      if (base.picture) {
        blend_run<Out, kStream, true>(image + at, tile, base.values + at, rows * s.cols, out + at);
      } else {
        blend_run<Out, kStream, false>(image + at, tile, base.values + c, rows * s.cols, out + at);
      }
    }
  }
}

template <class Out, bool kStream>
static void all_masks(const MaskParams& p, const ImageShape& s, const AnyFloat* image,
                      const Base& base, int64_t batch, typename Storage<Out>::Type* out,
                      float* scratch, int threads) {
  const ColumnTable table = make_column_table(p.grid_cols, up_cols(p, s), scratch);
  float* const thread_scratch = scratch + column_table_floats(p.grid_cols, up_cols(p, s));
  const int64_t size = s.channels * s.rows * s.cols;
  in_team(threads, [&](int share) {
    float* const own = thread_scratch + share * thread_floats(p, s);
    OaBlock block;
    each_of_share(batch, share, threads, [&](int64_t m) {
      one_mask<Out, kStream>(p, s, table, image, base, m, &block, out + m * size, own);
    });
    if (kStream) stream_fence();
  });
}

template <class Out>
static void masked_product(const MaskParams& p, const ImageShape& s, const float* image,
                           const Base& base, int64_t batch, Out* out, float* scratch, int threads) {
  auto* const raw = reinterpret_cast<typename Storage<Out>::Type*>(out);
  const int64_t bytes = batch * s.channels * s.rows * s.cols * static_cast<int64_t>(sizeof(*raw));
  // Stores past the caches need aligned elements, which some arrays do not have.
  const bool aligned = reinterpret_cast<uintptr_t>(out) % sizeof(*raw) == 0;
  if (kCanStream && aligned && bytes >= kStreamBytes) {
    all_masks<Out, true>(p, s, image, base, batch, raw, scratch, threads);
  } else {
    all_masks<Out, false>(p, s, image, base, batch, raw, scratch, threads);
  }
}

void masked_product_float32(const MaskParams& p, const ImageShape& s, const float* image,
                            const Base& base, int64_t batch, float* out, float* scratch,
                            int threads) {
  masked_product(p, s, image, base, batch, out, scratch, threads);
}

void masked_product_float16(const MaskParams& p, const ImageShape& s, const float* image,
                            const Base& base, int64_t batch, Float16* out, float* scratch,
                            int threads) {
  masked_product(p, s, image, base, batch, out, scratch, threads);
}

void masked_product_bfloat16(const MaskParams& p, const ImageShape& s, const float* image,
                             const Base& base, int64_t batch, BFloat16* out, float* scratch,
                             int threads) {
  masked_product(p, s, image, base, batch, out, scratch, threads);
}

FASTXAI_ISA_END
