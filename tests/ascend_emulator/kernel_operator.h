// The subset of Ascend C that fastxai's kernels use, for the host: written from the public
// descriptions of the interface, to find out whether a kernel keeps its rules and what it computes.
// README.md says what this proves.
#pragma once

#include "emulator/launch.h"
#include "emulator/vectors.h"

inline int64_t get_block_idx() { return emu::core().block(); }
inline int64_t get_block_num() { return emu::core().blocks(); }
inline void pipe_barrier(pipe_t pipe) {
  if (pipe == PIPE_ALL) {
    emu::core().barrier_all();
  } else {
    emu::core().barrier(emu::pipe_of(pipe));
  }
}

namespace AscendC {

inline int64_t GetBlockIdx() { return get_block_idx(); }
inline int64_t GetBlockNum() { return get_block_num(); }

template <pipe_t kPipe>
void PipeBarrier() {
  pipe_barrier(kPipe);
}

struct EventPipes {
  emu::Pipe from;
  emu::Pipe to;
};
constexpr EventPipes pipes_of(HardEvent event) {
  constexpr EventPipes kPipesOf[] = {
      {emu::kCopyIn, emu::kVector},  {emu::kVector, emu::kCopyIn},  {emu::kVector, emu::kCopyOut},
      {emu::kCopyOut, emu::kVector}, {emu::kCopyIn, emu::kCopyOut}, {emu::kCopyOut, emu::kCopyIn},
      {emu::kCopyIn, emu::kScalar},  {emu::kScalar, emu::kCopyIn},  {emu::kVector, emu::kScalar},
      {emu::kScalar, emu::kVector},  {emu::kCopyOut, emu::kScalar}, {emu::kScalar, emu::kCopyOut},
  };
  return kPipesOf[static_cast<int>(event)];
}
template <HardEvent kEvent>
void SetFlag(TEventID id) {
  emu::core().set_flag(pipes_of(kEvent).from, pipes_of(kEvent).to, id);
}
template <HardEvent kEvent>
void WaitFlag(TEventID id) {
  emu::core().wait_flag(pipes_of(kEvent).from, pipes_of(kEvent).to, id);
}

}  // namespace AscendC
