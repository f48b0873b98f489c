#include "run.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "emulator/core.h"
#include "emulator/launch.h"

namespace emu {

Tiling& tiling() {
  static Tiling of_the_run;
  return of_the_run;
}

}  // namespace emu

namespace {

template <size_t... kIndex>
void call(EmuKernel kernel, uint8_t* const* pointers, std::index_sequence<kIndex...>) {
  using Function = void (*)(decltype(static_cast<void>(kIndex), static_cast<uint8_t*>(nullptr))...);
  reinterpret_cast<Function>(kernel)(pointers[kIndex]...);
}

void call(EmuKernel kernel, const std::vector<uint8_t*>& pointers) {
  switch (pointers.size()) {
    case 4:
      return call(kernel, pointers.data(), std::make_index_sequence<4>());
    case 7:
      return call(kernel, pointers.data(), std::make_index_sequence<7>());
    case 10:
      return call(kernel, pointers.data(), std::make_index_sequence<10>());
    case 11:
      return call(kernel, pointers.data(), std::make_index_sequence<11>());
    default:
      emu::fault("no kernel takes %zu pointers", pointers.size());
  }
}

void run_all_blocks(const EmuRun& run) {
  emu::GlobalMemory memory(run.write_once != 0);
  std::vector<uint8_t*> pointers;
  for (int32_t k = 0; k < run.number; ++k) {
    const EmuTensor& tensor = run.tensors[k];
    memory.add(tensor.data, tensor.bytes, tensor.output != 0);
    pointers.push_back(tensor.data);
  }
  pointers.push_back(nullptr);  // workspace
  pointers.push_back(run.tiling);
  emu::tiling() = {run.tiling, run.tiling_bytes / sizeof(uint32_t)};
  std::vector<int> order(static_cast<size_t>(run.blocks));
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937_64(run.seed));
  for (const int block : order) {
    emu::Core core(block, run.blocks, &memory, static_cast<emu::Hazards>(run.hazards));
    emu::set_core(&core);
    call(run.kernel, pointers);
    core.finish();
  }
  memory.check_complete();
}

}  // namespace

int32_t emu_run(const EmuRun* run, char* message, int32_t room) {
  int32_t status = 0;
  try {
    run_all_blocks(*run);
  } catch (const emu::Fault& fault) {
    std::snprintf(message, static_cast<size_t>(room), "%s", fault.text.c_str());
    status = 1;
  }
  emu::set_core(nullptr);
  return status;
}
