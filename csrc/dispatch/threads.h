// How many threads the kernels use.
#pragma once

namespace fastxai {

// What set_num_threads() said, else the cores it may run on; 1 in a forked process.
int num_threads() noexcept;
void set_num_threads(int threads) noexcept;  // 0 returns to the default
bool is_forked() noexcept;                   // since this library was loaded

}  // namespace fastxai
