// What the border asks of CUDA itself.
#pragma once

#include <cstdint>

#include "csrc/common/status.h"

namespace fastxai {

// kOk for 0, else kDevice; keeps a cudaError_t for device_error_text.
Status queued(int cuda_error) noexcept;

// What CUDA said of the calling thread's last failure, "" if there was none.
const char* device_error_text() noexcept;

// Queues a copy within device memory.
Status copy_on_device(void* to, const void* from, int64_t bytes, void* stream) noexcept;

}  // namespace fastxai
