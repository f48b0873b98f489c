// The random words of a mask, and what they mean: cell k of mask i is kept iff word k is below the
// threshold; the two words after the last cell give the shift by multiply-high.
//
//   key     = (seed low, seed high)
//   counter = (block, mask index low, mask index high, stream)     word k = block k/4, lane k%4
#pragma once

#include <cstdint>

#include "mask_params.h"
#include "philox.h"

FASTXAI_ISA_BEGIN

constexpr uint32_t kStreamMasks = 0;  // last counter word: which use of the seed this is

// Word `word` of mask `index`.
FASTXAI_HD static inline void mask_block(uint64_t seed, uint64_t index, uint32_t block,
                                         uint32_t* words /* [4] */) {
  words[0] = block;
  words[1] = static_cast<uint32_t>(index);
  words[2] = static_cast<uint32_t>(index >> 32);
  words[3] = kStreamMasks;
  philox4x32(words, static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
}

FASTXAI_HD static inline bool cell_kept(uint32_t word, uint64_t threshold) {
  return word < threshold;
}

// A number in 0..range-1 from 32 random bits (bias below range / 2^32).
FASTXAI_HD static inline int32_t shift_from_word(uint32_t word, int64_t range) {
  return static_cast<int32_t>((static_cast<uint64_t>(word) * static_cast<uint64_t>(range)) >> 32);
}

// Mask `index`: cells [grid_rows * grid_cols] as 0 or 1 of type Cell, shift [2] (rows, cols).
// Blocks are made kLanes at a time in a layout that compilers vectorise.
template <class Cell>
static inline void draw_mask(const MaskParams& p, uint64_t index, Cell* cells, int32_t* shift) {
  constexpr int kLanes = 16;
  const int64_t num_cells = p.grid_rows * p.grid_cols;
  const int64_t num_words = num_cells + 2;
  for (int64_t first = 0; first < num_words; first += 4 * kLanes) {
    uint32_t c0[kLanes], c1[kLanes], c2[kLanes], c3[kLanes];
    for (int j = 0; j < kLanes; ++j) {
      c0[j] = static_cast<uint32_t>(first / 4 + j);
      c1[j] = static_cast<uint32_t>(index);
      c2[j] = static_cast<uint32_t>(index >> 32);
      c3[j] = kStreamMasks;
    }
    uint32_t key0 = static_cast<uint32_t>(p.seed);
    uint32_t key1 = static_cast<uint32_t>(p.seed >> 32);
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
    uint32_t words[4 * kLanes];
    for (int j = 0; j < kLanes; ++j) {
      words[4 * j] = c0[j];
      words[4 * j + 1] = c1[j];
      words[4 * j + 2] = c2[j];
      words[4 * j + 3] = c3[j];
    }
    const int64_t left = num_words - first;
    const int64_t here = left < 4 * kLanes ? left : 4 * kLanes;
    for (int64_t k = 0; k < here; ++k) {
      const int64_t word = first + k;
      if (word < num_cells) {
        cells[word] = static_cast<Cell>(cell_kept(words[k], p.threshold) ? 1 : 0);
      } else {
        const int64_t axis = word - num_cells;
        shift[axis] = shift_from_word(words[k], axis == 0 ? p.shift_rows : p.shift_cols);
      }
    }
  }
}

FASTXAI_ISA_END
