#include "threads.h"

#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <thread>

namespace fastxai {

namespace {
std::atomic<int> chosen{0};

// A forked child has none of its parent's threads, and their locks as they happened to be.
std::atomic<bool> forked{false};

void note_fork() noexcept { forked.store(true, std::memory_order_relaxed); }

[[maybe_unused]] const int kRegistered = pthread_atfork(nullptr, nullptr, note_fork);

int default_threads() noexcept {
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof cores, &cores) == 0) return CPU_COUNT(&cores);
  const unsigned known = std::thread::hardware_concurrency();
  return known == 0 ? 1 : static_cast<int>(known);
}

const int kDefault = default_threads();  // when the library is loaded: engines pin their callers
}  // namespace

bool is_forked() noexcept { return forked.load(std::memory_order_relaxed); }

int num_threads() noexcept {
  if (is_forked()) return 1;
  const int threads = chosen.load(std::memory_order_relaxed);
  if (threads > 0) return threads;
  return kDefault;
}

void set_num_threads(int threads) noexcept { chosen.store(threads, std::memory_order_relaxed); }

}  // namespace fastxai
