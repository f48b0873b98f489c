// How many OpenMP threads the kernels use.
#pragma once

namespace fastxai {

int num_threads() noexcept;  // what set_num_threads() said, else OpenMP's own default
void set_num_threads(int threads) noexcept;  // 0 returns to the default
bool has_openmp() noexcept;

}  // namespace fastxai
