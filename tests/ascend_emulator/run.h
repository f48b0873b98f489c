// The emulator for Python (ctypes): one call runs a kernel on all its blocks.
#pragma once

#include <cstdint>

extern "C" {

struct EmuTensor {
  uint8_t* data;
  uint64_t bytes;
  int32_t output;
};

// The kernel gets the tensors, a workspace (none) and its tiling: a function of that many pointers.
using EmuKernel = void (*)();

struct EmuRun {
  EmuKernel kernel;
  const EmuTensor* tensors;
  int32_t number;  // of tensors
  uint8_t* tiling;
  uint64_t tiling_bytes;
  int32_t blocks;
  int32_t hazards;     // emu::Hazards
  int32_t write_once;  // whether every output byte must be written exactly once
  uint64_t seed;       // of the order of the blocks
};

// 0, or 1 with what was wrong in `message`.
int32_t emu_run(const EmuRun* run, char* message, int32_t room);
}
