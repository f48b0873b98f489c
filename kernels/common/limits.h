// The largest sizes and indices that an op takes.
#pragma once

#include <cstdint>

#include "isa.h"

namespace fastxai {

constexpr int64_t kMaxElements = int64_t{1} << 31;  // per tensor
constexpr int64_t kMaxFirst = int64_t{1} << 62;     // of an index: first + count never overflows
constexpr int64_t kMaxAxis = int64_t{1} << 22;      // keeps coordinates exact in float32

FASTXAI_HD static inline bool within(int64_t value, int64_t low, int64_t high) {
  return value >= low && value <= high;
}

}  // namespace fastxai
