// The part of CUDA's run time that the kernels use, on the host: what g++ finds in place of
// <cuda_runtime.h> when it compiles kernels/*/*_cuda.cu for the tests.
//
// Every thread of a block is a fiber that runs until it ends or meets __syncthreads(). Blocks run
// one after the other. Shared memory holds rubbish at first and is followed by guard bytes. Threads
// and blocks can run in other orders (cuda_emulator_order), in which a missing barrier shows.
//
// It shows that indices, tails, barriers and arithmetic are right; not memory orders, warps, real
// races between blocks, nor anything about speed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#define __global__
#define __device__
#define __host__
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct alignas(16) uint4 {
  uint32_t x, y, z, w;
};
struct alignas(8) uint2 {
  uint32_t x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
inline uint4 make_uint4(uint32_t x, uint32_t y, uint32_t z, uint32_t w) { return {x, y, z, w}; }

using cudaStream_t = void*;
enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidValue = 1, cudaErrorInvalidConfiguration = 9 };
enum cudaMemcpyKind { cudaMemcpyDeviceToDevice = 3 };
struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes;
  cudaStream_t stream;
};
enum cudaDeviceAttr { cudaDevAttrMultiProcessorCount = 16 };
// A device of 4 multiprocessors with 2 blocks each: kernels take several images a block even in
// small batches.
inline cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
inline cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int) {
  *value = 4;
  return cudaSuccess;
}
template <class Kernel>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, Kernel, int, size_t) {
  *blocks = 2;
  return cudaSuccess;
}
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
const char* cudaGetErrorString(cudaError_t error);
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream);

namespace cuda_emulator {

// Of the fiber that runs now.
struct Position {
  dim3 grid, block, block_index, thread_index;
};
extern Position position;

unsigned char* shared_memory();
void barrier();
// Runs `thread` for every thread of every block; an error for sizes that no GPU takes.
cudaError_t run(const cudaLaunchConfig_t& config, const std::function<void()>& thread);
// Ends the process, saying what a kernel did.
[[noreturn]] void fail(const char* what);

}  // namespace cuda_emulator

// Names of CUDA for it; macros would also rewrite the fields of cudaLaunchConfig_t.
static const dim3& gridDim = cuda_emulator::position.grid;
static const dim3& blockDim = cuda_emulator::position.block;
static const dim3& blockIdx = cuda_emulator::position.block_index;
static const dim3& threadIdx = cuda_emulator::position.thread_index;

inline void __syncthreads() { cuda_emulator::barrier(); }

template <class T>
T __ldg(const T* p) {
  if (reinterpret_cast<uintptr_t>(p) % alignof(T) != 0) cuda_emulator::fail("misaligned load");
  return *p;
}
template <class T>
void __stcs(T* p, T value) {
  if (reinterpret_cast<uintptr_t>(p) % sizeof(T) != 0) cuda_emulator::fail("misaligned store");
  *p = value;
}
template <class T>
T atomicOr(T* p, T value) {
  const T before = *p;
  *p = before | value;
  return before;
}
template <class T>
T atomicMin(T* p, T value) {
  const T before = *p;
  *p = before < value ? before : value;
  return before;
}

template <class... Params, class... Args>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Params...),
                               Args&&... args) {
  return cuda_emulator::run(*config, [&] { kernel(args...); });
}
