#include "isa_probe.h"

#include "kernels/common/half.h"
#include "kernels/common/mask_words.h"
#include "kernels/common/oa_block.h"
#include "kernels/common/vec.h"

FASTXAI_ISA_BEGIN

void probe_philox(uint32_t* counter, uint32_t key0, uint32_t key1) {
  philox4x32(counter, key0, key1);
}

void probe_block(uint64_t seed, uint64_t index, uint32_t stream, uint32_t block, uint32_t* words) {
  word_block(seed, index, stream, block, words);
}

void probe_words(uint64_t seed, uint64_t index, uint32_t stream, int64_t first, uint32_t* words) {
  draw_words(seed, index, stream, first, words);
}

uint8_t probe_oa_code(const uint32_t* words, int64_t k) { return oa_code(words, k); }

uint16_t probe_half_bits(float x) { return half_bits(x); }
uint16_t probe_bfloat16_bits(float x) { return bfloat16_bits(x); }

// The value in every lane in turn, zeros beside it: the lanes must agree and not mix. Where they do
// not, the answer is 0xdead, a number that the tests never expect.
template <class Out>
static uint16_t every_lane(float x) {
  Out* const tag = nullptr;
  uint16_t first = 0;
  for (int lane = 0; lane < kVec; ++lane) {
    VecF v = {};
    v[lane] = x;
    const VecU16 out = narrow(v, tag);
    if (lane == 0) first = out[0];
    for (int other = 0; other < kVec; ++other) {
      if (out[other] != (other == lane ? first : 0)) return 0xdead;
    }
  }
  return first;
}

uint16_t probe_half_vector(float x) { return every_lane<Float16>(x); }
uint16_t probe_bfloat16_vector(float x) { return every_lane<BFloat16>(x); }

FASTXAI_ISA_END
