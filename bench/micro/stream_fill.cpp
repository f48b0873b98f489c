// What the machine can write: one value into a buffer, past the caches and through them.
// Compiled for the machine it runs on by bench/masked_product.py, never shipped.
#include <cstdint>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace {

constexpr int64_t kLineFloats = 16;  // a cache line of 64 bytes

// Lines `from` .. `to` - 1 of `out`, which is aligned to 64 bytes.
inline void stream_lines(float* out, int64_t from, int64_t to, float value) {
#if defined(__AVX512F__)
  const __m512 v = _mm512_set1_ps(value);
  for (int64_t k = from; k < to; ++k) _mm512_stream_ps(out + k * kLineFloats, v);
  _mm_sfence();
#elif defined(__AVX__)
  const __m256 v = _mm256_set1_ps(value);
  for (int64_t k = from; k < to; ++k) {
    _mm256_stream_ps(out + k * kLineFloats, v);
    _mm256_stream_ps(out + k * kLineFloats + 8, v);
  }
  _mm_sfence();
#elif defined(__SSE2__)
  const __m128 v = _mm_set1_ps(value);
  for (int64_t k = from; k < to; ++k) {
    for (int64_t part = 0; part < kLineFloats; part += 4) {
      _mm_stream_ps(out + k * kLineFloats + part, v);
    }
  }
  _mm_sfence();
#else
  for (int64_t k = from * kLineFloats; k < to * kLineFloats; ++k) out[k] = value;
#endif
}

inline void plain_lines(float* out, int64_t from, int64_t to, float value) {
  for (int64_t k = from * kLineFloats; k < to * kLineFloats; ++k) out[k] = value;
}

template <void (*kFill)(float*, int64_t, int64_t, float)>
void fill(float* out, int64_t lines, float value, int threads) {
#pragma omp parallel for schedule(static, 1) num_threads(threads)
  for (int t = 0; t < threads; ++t) {
    kFill(out, lines * t / threads, lines * (t + 1) / threads, value);
  }
}

}  // namespace

extern "C" {

// Bytes of one non-temporal store; 0 where there is none and stream_fill is a plain fill.
int stream_store_bytes() {
#if defined(__AVX512F__)
  return 64;
#elif defined(__AVX__)
  return 32;
#elif defined(__SSE2__)
  return 16;
#else
  return 0;
#endif
}

// `out` is aligned to 64 bytes and holds `lines` lines of 64 bytes.
void stream_fill(float* out, int64_t lines, float value, int threads) {
  fill<stream_lines>(out, lines, value, threads);
}

void plain_fill(float* out, int64_t lines, float value, int threads) {
  fill<plain_lines>(out, lines, value, threads);
}

}  // extern "C"
