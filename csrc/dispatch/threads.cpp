#include "threads.h"

#include <atomic>

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace fastxai {

namespace {
std::atomic<int> chosen{0};
}

int num_threads() noexcept {
  const int threads = chosen.load(std::memory_order_relaxed);
  if (threads > 0) return threads;
#if defined(_OPENMP)
  return omp_get_max_threads();
#else
  return 1;
#endif
}

void set_num_threads(int threads) noexcept { chosen.store(threads, std::memory_order_relaxed); }

bool has_openmp() noexcept {
#if defined(_OPENMP)
  return true;
#else
  return false;
#endif
}

}  // namespace fastxai
