// What every CUDA kernel needs: launching, shared memory, vectors of 16 bytes, the output types.
//
// These sources are compiled by nvcc for the GPU and, in the tests, by g++ with the headers of
// tests/cuda_emulator, so what differs between the two hangs on __CUDA_ARCH__ and stands here.
// Floating-point contraction is off (-fmad=false), so that results have the CPU's bits.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#endif

#include "half.h"
#include "image.h"
#include "isa.h"

FASTXAI_ISA_BEGIN

// Queues a kernel; waits for nothing. Returns a cudaError_t, 0 if it was queued.
template <class... Params, class... Args>
static inline int launch(void (*kernel)(Params...), int64_t blocks, int threads, int64_t shared,
                         void* stream, Args... args) {
  if (blocks <= 0) return 0;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(blocks));
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.dynamicSmemBytes = static_cast<size_t>(shared);
  config.stream = static_cast<cudaStream_t>(stream);
  return static_cast<int>(cudaLaunchKernelEx(&config, kernel, args...));
}

// Blocks of a kernel that the current device runs at a time.
template <class Kernel>
static inline int64_t resident_blocks(Kernel kernel, int threads, int64_t shared) {
  int device = 0;
  int processors = 0;
  int each = 0;
  const bool known =
      cudaGetDevice(&device) == cudaSuccess &&
      cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device) == cudaSuccess &&
      cudaOccupancyMaxActiveBlocksPerMultiprocessor(&each, kernel, threads,
                                                    static_cast<size_t>(shared)) == cudaSuccess;
  const int64_t blocks = static_cast<int64_t>(processors) * each;
  return known && blocks > 0 ? blocks : 1;  // the launch itself will tell what is wrong
}

static inline int64_t blocks_for(int64_t items, int64_t per_block) {
  return (items + per_block - 1) / per_block;
}

#if defined(__CUDACC__)
__device__ static inline unsigned char* shared_memory() {
  extern __shared__ uint4 fastxai_shared[];  // uint4: aligned to 16 bytes
  return reinterpret_cast<unsigned char*>(fastxai_shared);
}
#else
static inline unsigned char* shared_memory() { return cuda_emulator::shared_memory(); }
#endif

// The bits of two neighbours in an output of 16-bit numbers, rounded to nearest even. A NaN stays
// one; which of the NaNs is the machine's choice.
__device__ static inline uint32_t narrow_pair(float low, float high, Float16*) {
#if defined(__CUDA_ARCH__)
  const __half2 pair = __floats2half2_rn(low, high);
  return *reinterpret_cast<const uint32_t*>(&pair);
#else
  return half_bits(low) | static_cast<uint32_t>(half_bits(high)) << 16;
#endif
}
__device__ static inline uint32_t narrow_pair(float low, float high, BFloat16*) {
#if defined(__CUDA_ARCH__)
  const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
  return *reinterpret_cast<const uint32_t*>(&pair);
#else
  return bfloat16_bits(low) | static_cast<uint32_t>(bfloat16_bits(high)) << 16;
#endif
}

// Stores values [kVec] at `out`: as one vector of 16 bytes, past the caches' first choice of what
// to keep (the network reads the batch once), or as a single number.
template <int kVec>
__device__ static inline void store_values(const float* v, float* out) {
  if constexpr (kVec == 4) {
    const uint4 bits =
        make_uint4(float_bits(v[0]), float_bits(v[1]), float_bits(v[2]), float_bits(v[3]));
    __stcs(reinterpret_cast<uint4*>(out), bits);
  } else {
    static_assert(kVec == 1, "a vector of float32 has 4 numbers");
    *out = v[0];
  }
}
template <int kVec, class Half>
__device__ static inline void store_values(const float* v, Half* out) {
  Half* const tag = nullptr;
  if constexpr (kVec == 8) {
    const uint4 bits = make_uint4(narrow_pair(v[0], v[1], tag), narrow_pair(v[2], v[3], tag),
                                  narrow_pair(v[4], v[5], tag), narrow_pair(v[6], v[7], tag));
    __stcs(reinterpret_cast<uint4*>(out), bits);
  } else {
    static_assert(kVec == 1, "a vector of 16-bit numbers has 8 of them");
    out->bits = static_cast<uint16_t>(narrow_pair(v[0], 0.0f, tag));
  }
}

__device__ static inline float bits_float(uint32_t bits) {
#if defined(__CUDA_ARCH__)
  return __uint_as_float(bits);
#else
  float x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
#endif
}

// Numbers of type Out in a vector of 16 bytes.
template <class Out>
constexpr int kVectorOf = static_cast<int>(16 / sizeof(Out));

// A number known to the compiler, as an argument.
template <int kValue>
struct Constant {
  static constexpr int value = kValue;
};

static inline bool aligned_to_vector(const void* p) {
  return reinterpret_cast<uintptr_t>(p) % 16 == 0;
}

FASTXAI_ISA_END
