#include "threads.h"

#include <atomic>

#if defined(_OPENMP)
#include <omp.h>
#include <pthread.h>
#endif

namespace fastxai {

namespace {
std::atomic<int> chosen{0};

#if defined(_OPENMP)
// libgomp keeps its threads for the next team, and a forked child has none of them: a team of more
// than one would wait for ever. Whether there were any nobody tells.
std::atomic<bool> forked{false};

void note_fork() noexcept { forked.store(true, std::memory_order_relaxed); }

[[maybe_unused]] const int kRegistered = pthread_atfork(nullptr, nullptr, note_fork);
#endif
}  // namespace

int num_threads() noexcept {
#if defined(_OPENMP)
  if (forked.load(std::memory_order_relaxed)) return 1;
#endif
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
