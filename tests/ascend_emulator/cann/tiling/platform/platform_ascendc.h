// A stand-in for CANN's header of the same name; see op_def_registry.h.
#pragma once

#include <cstdint>

namespace platform_ascendc {

class PlatformAscendC {
 public:
  explicit PlatformAscendC(const uint32_t* cores) : cores_(*cores) {}
  uint32_t GetCoreNumAiv() const { return cores_; }

 private:
  uint32_t cores_;
};

}  // namespace platform_ascendc
