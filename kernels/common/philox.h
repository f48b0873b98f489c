// Philox4x32-10, the counter-based generator of Salmon et al., "Parallel random numbers: as easy
// as 1, 2, 3" (SC 2011). One text for CPU and CUDA; known answers in tests/data/philox_kat.txt.
#pragma once

#include <cstdint>

#include "isa.h"

FASTXAI_ISA_BEGIN

constexpr uint32_t kPhiloxMul0 = 0xD2511F53u;
constexpr uint32_t kPhiloxMul1 = 0xCD9E8D57u;
constexpr uint32_t kPhiloxWeyl0 = 0x9E3779B9u;  // golden ratio
constexpr uint32_t kPhiloxWeyl1 = 0xBB67AE85u;  // sqrt(3) - 1
constexpr int kPhiloxRounds = 10;

// counter: [4], in and out. key0, key1: by value.
FASTXAI_HD static inline void philox4x32(uint32_t* counter, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const uint64_t p0 = static_cast<uint64_t>(kPhiloxMul0) * counter[0];
    const uint64_t p1 = static_cast<uint64_t>(kPhiloxMul1) * counter[2];
    const uint32_t c1 = counter[1];
    const uint32_t c3 = counter[3];
    counter[0] = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ key0;
    counter[1] = static_cast<uint32_t>(p1);
    counter[2] = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ key1;
    counter[3] = static_cast<uint32_t>(p0);
    key0 += kPhiloxWeyl0;
    key1 += kPhiloxWeyl1;
  }
}

FASTXAI_ISA_END
