#include "device.h"

#include <cuda_runtime.h>

namespace fastxai {

namespace {

thread_local int last_error = 0;

}  // namespace

Status queued(int cuda_error) noexcept {
  if (cuda_error == 0) return Status::kOk;
  last_error = cuda_error;
  cudaGetLastError();  // or the next library that asks would take it for its own
  return Status::kDevice;
}

const char* device_error_text() noexcept {
  return last_error == 0 ? "" : cudaGetErrorString(static_cast<cudaError_t>(last_error));
}

Status copy_on_device(void* to, const void* from, int64_t bytes, void* stream) noexcept {
  return queued(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyDeviceToDevice,
                                static_cast<cudaStream_t>(stream)));
}

}  // namespace fastxai
