// The inline helpers of kernels/common as functions that a test can call, once per instruction set.
#pragma once

#include <cstdint>

#include "kernels/common/isa.h"

namespace fastxai {

using ProbePhiloxFn = void(uint32_t* counter /* [4] in and out */, uint32_t key0, uint32_t key1);
using ProbeBlockFn = void(uint64_t seed, uint64_t index, uint32_t stream, uint32_t block,
                          uint32_t* words /* [4] */);
using ProbeWordsFn = void(uint64_t seed, uint64_t index, uint32_t stream, int64_t first,
                          uint32_t* words /* [64] */);
using ProbeCodeFn = uint8_t(const uint32_t* words /* [127] */, int64_t k);
using ProbeBitsFn = uint16_t(float x);

#define FASTXAI_DECLARE(isa)         \
  namespace isa {                    \
  ProbePhiloxFn probe_philox;        \
  ProbeBlockFn probe_block;          \
  ProbeWordsFn probe_words;          \
  ProbeCodeFn probe_oa_code;         \
  ProbeBitsFn probe_half_bits;       \
  ProbeBitsFn probe_bfloat16_bits;   \
  ProbeBitsFn probe_half_vector;     \
  ProbeBitsFn probe_bfloat16_vector; \
  }
FASTXAI_FOR_EACH_ISA(FASTXAI_DECLARE)
#undef FASTXAI_DECLARE

struct ProbeTable {
  const char* name;
  ProbePhiloxFn* philox;
  ProbeBlockFn* block;
  ProbeWordsFn* words;
  ProbeCodeFn* oa_code;
  ProbeBitsFn* half_bits;        // one value, kernels/common/half.h
  ProbeBitsFn* bfloat16_bits;    // the same
  ProbeBitsFn* half_vector;      // every lane of narrow() in kernels/common/vec.h
  ProbeBitsFn* bfloat16_vector;  // the same
};

constexpr ProbeTable kProbes[] = {
#define FASTXAI_ROW(isa)     \
  {#isa,                     \
   isa::probe_philox,        \
   isa::probe_block,         \
   isa::probe_words,         \
   isa::probe_oa_code,       \
   isa::probe_half_bits,     \
   isa::probe_bfloat16_bits, \
   isa::probe_half_vector,   \
   isa::probe_bfloat16_vector},
    FASTXAI_FOR_EACH_ISA(FASTXAI_ROW)
#undef FASTXAI_ROW
};

}  // namespace fastxai
