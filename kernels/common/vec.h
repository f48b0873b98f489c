// One vector of floats of the instruction set this file is compiled for, with the stores that the
// kernels need: plain, and past the caches (non-temporal). Arithmetic is the compiler's own.
#pragma once

#include <cstdint>
#include <cstring>

#include "any_address.h"
#include "half.h"
#include "isa.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

FASTXAI_ISA_BEGIN

#if defined(__AVX512F__)
constexpr int kVec = 16;
#elif defined(__AVX2__)
constexpr int kVec = 8;
#else
constexpr int kVec = 4;
#endif

typedef float VecF __attribute__((vector_size(kVec * 4)));
typedef uint32_t VecU32 __attribute__((vector_size(kVec * 4)));
typedef uint16_t VecU16 __attribute__((vector_size(kVec * 2)));

static inline VecF load(const AnyFloat* p) {
  VecF v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

template <class V, class T>
static inline void store(T* p, V v) {
  __builtin_memcpy(p, &v, sizeof v);
}

static inline VecF splat(float x) { return VecF{} + x; }

// ---- float32 to the output type -------------------------------------------------------------

static inline VecF narrow(VecF v, float*) { return v; }

static inline VecU16 narrow(VecF v, BFloat16*) {
  VecU32 u;
  __builtin_memcpy(&u, &v, sizeof u);
  const VecU32 rounded = (u + (0x7fffu + ((u >> 16) & 1u))) >> 16;
  const VecU32 quiet_nan = (u >> 16) | 0x40u;
  const VecU32 is_nan = (VecU32)((u & 0x7fffffffu) > 0x7f800000u);
  return __builtin_convertvector((quiet_nan & is_nan) | (rounded & ~is_nan), VecU16);
}

static inline VecU16 narrow(VecF v, Float16*) {
#if defined(__AVX512F__)
  return (VecU16)_mm512_maskz_cvtps_ph(0xffff, (__m512)v, _MM_FROUND_TO_NEAREST_INT);
#elif defined(__F16C__)
  return (VecU16)_mm256_cvtps_ph((__m256)v, _MM_FROUND_TO_NEAREST_INT);
#else
  VecU16 out;
  for (int k = 0; k < kVec; ++k) out[k] = half_bits(v[k]);
  return out;
#endif
}

static inline float narrow_one(float x, float*) { return x; }
static inline uint16_t narrow_one(float x, Float16*) { return half_bits(x); }
static inline uint16_t narrow_one(float x, BFloat16*) { return bfloat16_bits(x); }

// ---- non-temporal stores --------------------------------------------------------------------
// Lines that are written in pieces are combined only if every piece is non-temporal, so heads and
// tails of a run use the narrow forms. `p` is aligned to the size of what is stored.

#if defined(__x86_64__)
constexpr bool kCanStream = true;
static inline void stream(void* p, VecF v) {
#if defined(__AVX512F__)
  _mm512_stream_ps(static_cast<float*>(p), (__m512)v);
#elif defined(__AVX2__)
  _mm256_stream_ps(static_cast<float*>(p), (__m256)v);
#else
  _mm_stream_ps(static_cast<float*>(p), (__m128)v);
#endif
}
static inline void stream(void* p, VecU16 v) {
#if defined(__AVX512F__)
  _mm256_stream_si256(static_cast<__m256i*>(p), (__m256i)v);
#elif defined(__AVX2__)
  _mm_stream_si128(static_cast<__m128i*>(p), (__m128i)v);
#else
  _mm_stream_si64(static_cast<long long*>(p), (long long)v);
#endif
}
static inline void stream_one(float* p, float x) {
  int bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  _mm_stream_si32(reinterpret_cast<int*>(p), bits);
}
static inline void stream_one(uint16_t* p, uint16_t x) { store(p, x); }
static inline void stream_fence() { _mm_sfence(); }
#else
constexpr bool kCanStream = false;
template <class T, class V>
static inline void stream(T* p, V v) {
  store(p, v);
}
template <class T>
static inline void stream_one(T* p, T x) {
  store(p, x);
}
static inline void stream_fence() {}
#endif

FASTXAI_ISA_END
