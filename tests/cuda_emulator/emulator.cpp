#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "cuda_runtime.h"

namespace cuda_emulator {

Position position;

namespace {

constexpr size_t kStack = size_t{1} << 16;
constexpr size_t kGuard = 64;
constexpr unsigned char kMark = 0xA5;
constexpr unsigned kMaxThreads = 1024;    // of a block, on every GPU
constexpr size_t kMaxShared = 48 * 1024;  // without asking for more
constexpr unsigned kMaxBlocks = (1u << 31) - 1;

enum class Order { kForward, kBackward, kShuffled };
Order order = Order::kForward;

struct Fiber {
  ucontext_t context;
  std::vector<unsigned char> stack;
  bool done;
};

std::vector<std::unique_ptr<Fiber>> fibers;
std::vector<unsigned char> shared;
ucontext_t scheduler;
Fiber* running = nullptr;
const std::function<void()>* body = nullptr;

void fiber_main() {
  (*body)();
  running->done = true;
  swapcontext(&running->context, &scheduler);
}

std::vector<unsigned> arranged(unsigned count) {
  std::vector<unsigned> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0u);
  if (order == Order::kBackward) std::reverse(numbers.begin(), numbers.end());
  if (order == Order::kShuffled) std::shuffle(numbers.begin(), numbers.end(), std::mt19937(7));
  return numbers;
}

void start_fibers(unsigned threads) {
  while (fibers.size() < threads) {
    fibers.push_back(std::make_unique<Fiber>());
    fibers.back()->stack.resize(kStack);
  }
  for (unsigned k = 0; k < threads; ++k) {
    Fiber& fiber = *fibers[k];
    fiber.done = false;
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.data();
    fiber.context.uc_stack.ss_size = kStack;
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, fiber_main, 0);
  }
}

// All threads go on to the next barrier, or all of them end.
void run_block(unsigned threads, size_t bytes) {
  shared.assign(bytes + kGuard + 16, kMark);
  start_fibers(threads);
  const std::vector<unsigned> numbers = arranged(threads);
  unsigned left = threads;
  while (left > 0) {
    unsigned ended = 0;
    for (const unsigned k : numbers) {
      position.thread_index = dim3(k, 0, 0);
      running = fibers[k].get();
      swapcontext(&scheduler, &running->context);
      ended += running->done ? 1 : 0;
    }
    if (ended != 0 && ended != threads) fail("a barrier that some threads of the block never meet");
    left -= ended;
  }
  const unsigned char* const end = shared_memory() + bytes;
  if (std::any_of(end, end + kGuard - 16, [](unsigned char c) { return c != kMark; })) {
    fail("write past the end of shared memory");
  }
}

}  // namespace

unsigned char* shared_memory() {
  const auto at = reinterpret_cast<uintptr_t>(shared.data());
  return shared.data() + (16 - at % 16) % 16;
}

void barrier() { swapcontext(&running->context, &scheduler); }

void fail(const char* what) {
  std::fprintf(stderr, "cuda_emulator: %s, block %u, thread %u\n", what, position.block_index.x,
               position.thread_index.x);
  std::abort();
}

cudaError_t run(const cudaLaunchConfig_t& config, const std::function<void()>& thread) {
  const dim3 grid = config.gridDim;
  const dim3 block = config.blockDim;
  if (grid.x < 1 || grid.x > kMaxBlocks || block.x < 1 || block.x > kMaxThreads ||
      config.dynamicSmemBytes > kMaxShared) {
    return cudaErrorInvalidConfiguration;
  }
  position.grid = grid;
  position.block = block;
  body = &thread;
  for (const unsigned k : arranged(grid.x)) {
    position.block_index = dim3(k, 0, 0);
    run_block(block.x, config.dynamicSmemBytes);
  }
  return cudaSuccess;
}

}  // namespace cuda_emulator

const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaSuccess ? "no error" : "invalid value or launch configuration";
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind,
                            cudaStream_t) {
  if (bytes > 0) std::memmove(to, from, bytes);
  return cudaSuccess;
}

// 0: blocks and threads in order; 1: in reverse; 2: shuffled.
extern "C" __attribute__((visibility("default"))) void cuda_emulator_order(int chosen) {
  cuda_emulator::order = static_cast<cuda_emulator::Order>(chosen);
}
