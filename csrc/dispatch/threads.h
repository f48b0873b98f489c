// How many OpenMP threads the kernels use.
#pragma once

namespace fastxai {

// What set_num_threads() said, else OpenMP's own default; 1 in a forked process.
int num_threads() noexcept;
void set_num_threads(int threads) noexcept;  // 0 returns to the default
bool has_openmp() noexcept;

}  // namespace fastxai
