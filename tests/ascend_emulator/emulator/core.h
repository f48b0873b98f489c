// One vector core: unified buffer, four pipes that run side by side, and who knows what is done.
//
// The scalar unit hands instructions to the pipes in program order. Each pipe works by itself, so
// an instruction may rely on an earlier one only where something orders the two: a queue, a barrier
// or a flag. That is kept as vector clocks. known[p][q] = s says: whatever pipe p starts now, the
// instructions 1 .. s of pipe q are done. Each 32-byte block of the buffer remembers the last
// instruction that wrote it and the last ones that read it; touching it without knowing that they
// are done is a hazard.
//
// Copies are lazy: their bytes move when somebody gets to know that they are done, no earlier.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "global_memory.h"

namespace emu {

constexpr uint32_t kUnifiedBytes = 188160;  // 192 KiB less what CANN keeps for itself
constexpr uint32_t kBlockBytes = 32;
constexpr int kMaxBuffers = 64;
constexpr int kMaxQueueBuffers = 8;  // from one pipe to another: each takes a hardware flag
constexpr int kMaxEvents = 8;        // flags of one kind

enum Pipe : int { kScalar, kVector, kCopyIn, kCopyOut, kPipes };  // S, V, MTE2, MTE3
using Clock = std::array<uint64_t, kPipes>;

struct Range {
  uint32_t begin;  // bytes in the unified buffer
  uint32_t end;
};

enum class Hazards {
  kFault,   // end the run: every dependence must be stated by the kernel
  kInsert,  // wait, as code compiled with automatic synchronisation does
  kIgnore,  // carry on with whatever the bytes are, as hardware does
};

enum class State { kFree, kAllocated, kQueued, kTaken };

// A buffer of a queue, or scratch.
struct Buffer {
  Range range;
  State state = State::kFree;
  uint32_t generation = 0;  // counts hand-overs: an older handle is stale
  Clock freed{};            // what its last user had done when it gave the buffer back
  bool queued = true;       // of a queue; scratch is never free
};

class Core {
 public:
  Core(int block, int blocks, GlobalMemory* memory, Hazards hazards);

  int block() const { return block_; }
  int blocks() const { return blocks_; }
  GlobalMemory& memory() { return *memory_; }
  uint8_t* unified(uint32_t at) { return unified_.data() + at; }

  Buffer* add_buffer(uint32_t bytes, bool queued);
  void count_queue_buffers(Pipe from, Pipe to, int number);
  // A new owner finds garbage in a buffer.
  void poison(const Range& range);
  // These bytes hold something from now on.
  void fill(const Range& range);

  // Checks an instruction against all before it, then has it done: now, or, a copy, later. What a
  // copy in really fills (there may be gaps in `writes`) its effect says itself.
  void issue(Pipe pipe, const char* name, const std::vector<Range>& reads,
             const std::vector<Range>& writes, std::function<void()> effect);

  // What `pipe` has been given so far and knew while doing it.
  Clock done_of(Pipe pipe) const;
  void learn(Pipe pipe, const Clock& done);
  void barrier(Pipe pipe);
  void barrier_all();
  void set_flag(Pipe from, Pipe to, int id);
  void wait_flag(Pipe from, Pipe to, int id);

  void open_pipe_object();
  void close_pipe_object() { pipe_object_ = false; }
  // The kernel has returned: hardware finishes what is under way.
  void finish();

 private:
  struct Block {
    int writer = -1;
    uint64_t written = 0;
    Clock read{};
  };
  struct Copy {
    uint64_t number;
    std::function<void()> effect;
  };
  struct Flag {
    bool set = false;
    Clock done{};
  };

  void complete(Pipe pipe, uint64_t number);
  void check(Pipe pipe, const char* name, const Range& range, bool writes);
  void hazard(Pipe pipe, Pipe other, const char* name, const char* kind, uint32_t at);
  Flag& flag(Pipe from, Pipe to, int id);

  int block_;
  int blocks_;
  GlobalMemory* memory_;
  Hazards hazards_;
  std::vector<uint8_t> unified_;
  std::vector<uint8_t> written_;  // bytes that hold something
  std::vector<Block> touched_;
  std::deque<Buffer> buffers_;
  std::array<int, kPipes * kPipes> queue_buffers_{};
  uint32_t used_ = 0;
  bool pipe_object_ = false;
  Clock issued_{};
  std::array<Clock, kPipes> known_{};
  std::array<std::deque<Copy>, kPipes> pending_;
  std::array<Flag, kPipes * kPipes * kMaxEvents> flags_{};
};

// The core whose kernel runs now.
Core& core();
void set_core(Core* core);

}  // namespace emu
