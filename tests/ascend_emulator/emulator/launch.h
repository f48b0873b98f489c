// What a kernel is told at its start: its tiling data, and the cores that it says it runs on.
#pragma once

#include <cstdint>

#include "core.h"
#include "fault.h"

// Kinds of cores that a kernel may ask for.
enum KernelMetaType {
  KERNEL_TYPE_AIV_ONLY,
  KERNEL_TYPE_AIC_ONLY,
  KERNEL_TYPE_MIX_AIV_1_0,
  KERNEL_TYPE_MIX_AIC_1_0,
  KERNEL_TYPE_MIX_AIC_1_1,
  KERNEL_TYPE_MIX_AIC_1_2,
};

namespace emu {

// The tiling of the run: what op_host wrote.
struct Tiling {
  const uint8_t* data = nullptr;
  uint64_t words = 0;
};
Tiling& tiling();

// Stands for the class that op_host registers with an array `words`; CANN generates it.
class TilingData {
 public:
  class Words {
   public:
    uint32_t operator[](uint64_t at) const {
      if (at >= tiling().words)
        fault("word %llu of a tiling of %llu", number(at), number(tiling().words));
      return reinterpret_cast<const uint32_t*>(tiling().data)[at];
    }

   private:
    static unsigned long long number(uint64_t value) { return value; }
  };

  explicit TilingData(const uint8_t* from) {
    if (from != tiling().data) fault("GET_TILING_DATA of what is not the kernel's tiling");
  }
  Words words;
};

// The cube unit is not modelled, so that a kernel must run on vector cores alone.
inline void set_task_type(KernelMetaType type) {
  if (type != KERNEL_TYPE_AIV_ONLY && type != KERNEL_TYPE_MIX_AIV_1_0) {
    fault("a kernel on cube cores");
  }
}

}  // namespace emu

#define GET_TILING_DATA(name, argument) const emu::TilingData name(argument)
#define KERNEL_TASK_TYPE_DEFAULT(type) emu::set_task_type(type)
