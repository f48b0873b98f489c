// Philox words by (seed, index, stream), one word block or many at a time.
#pragma once

#include <cstdint>

#include "philox.h"

FASTXAI_ISA_BEGIN

// The last counter word: which use of the seed this is.
constexpr uint32_t kStreamMasks = 0;    // design iid; index is the mask's
constexpr uint32_t kStreamBlocks = 1;   // designs in blocks; index is the block's
constexpr uint32_t kStreamLattice = 2;  // design lattice; index 0: where its shifts begin

// Words 4 word_block .. 4 word_block + 3.
FASTXAI_HD static inline void word_block(uint64_t seed, uint64_t index, uint32_t stream,
                                         uint32_t word_block, uint32_t* words /* [4] */) {
  words[0] = word_block;
  words[1] = static_cast<uint32_t>(index);
  words[2] = static_cast<uint32_t>(index >> 32);
  words[3] = stream;
  philox4x32(words, static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
}

// A number in 0..range-1 from 32 random bits (bias below range / 2^32).
FASTXAI_HD static inline int32_t shift_from_word(uint32_t word, int64_t range) {
  return static_cast<int32_t>((static_cast<uint64_t>(word) * static_cast<uint64_t>(range)) >> 32);
}

constexpr int kWordsAtOnce = 64;

// Words first .. first + kWordsAtOnce - 1, `first` a multiple of 4: 16 word blocks in a layout that
// compilers vectorise.
static inline void draw_words(uint64_t seed, uint64_t index, uint32_t stream, int64_t first,
                              uint32_t* words /* [kWordsAtOnce] */) {
  constexpr int kLanes = kWordsAtOnce / 4;
  uint32_t c0[kLanes], c1[kLanes], c2[kLanes], c3[kLanes];
  for (int j = 0; j < kLanes; ++j) {
    c0[j] = static_cast<uint32_t>(first / 4 + j);
    c1[j] = static_cast<uint32_t>(index);
    c2[j] = static_cast<uint32_t>(index >> 32);
    c3[j] = stream;
  }
  uint32_t key0 = static_cast<uint32_t>(seed);
  uint32_t key1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < kPhiloxRounds; ++round) {
    for (int j = 0; j < kLanes; ++j) {
      const uint64_t p0 = static_cast<uint64_t>(kPhiloxMul0) * c0[j];
      const uint64_t p1 = static_cast<uint64_t>(kPhiloxMul1) * c2[j];
      c0[j] = static_cast<uint32_t>(p1 >> 32) ^ c1[j] ^ key0;
      c1[j] = static_cast<uint32_t>(p1);
      c2[j] = static_cast<uint32_t>(p0 >> 32) ^ c3[j] ^ key1;
      c3[j] = static_cast<uint32_t>(p0);
    }
    key0 += kPhiloxWeyl0;
    key1 += kPhiloxWeyl1;
  }
  for (int j = 0; j < kLanes; ++j) {
    words[4 * j] = c0[j];
    words[4 * j + 1] = c1[j];
    words[4 * j + 2] = c2[j];
    words[4 * j + 3] = c3[j];
  }
}

FASTXAI_ISA_END
