// The random words of a mask, and what they mean.
//
//   key     = (seed low, seed high)
//   counter = (word block, index low, index high, stream)    word k = lane k%4 of word block k/4
//
// Design iid: stream 0, index of the mask. Cell k is kept iff word k is below the threshold; the
// two words after the last cell give the shift by multiply-high. Designs in blocks: oa_block.h.
#pragma once

#include <cstdint>

#include "any_address.h"
#include "mask_params.h"
#include "mask_words.h"
#include "oa_block.h"

FASTXAI_ISA_BEGIN

FASTXAI_HD static inline bool cell_kept(uint32_t word, uint64_t threshold) {
  return word < threshold;
}

// Mask `index` of design iid: cells [grid_rows * grid_cols] as 0 or 1 of type Cell, shift [2].
template <class Cell>
static inline void draw_iid_mask(const MaskParams& p, uint64_t index, Cell* cells,
                                 AnyInt32* shift) {
  const int64_t num_cells = p.grid_rows * p.grid_cols;
  const int64_t num_words = num_cells + 2;
  for (int64_t first = 0; first < num_words; first += kWordsAtOnce) {
    uint32_t words[kWordsAtOnce];
    draw_words(p.seed, index, kStreamMasks, first, words);
    const int64_t left = num_words - first;
    const int64_t here = left < kWordsAtOnce ? left : kWordsAtOnce;
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

// Mask `index` of a run: cells [grid_rows * grid_cols] as 0 or 1 of type Cell, shift [2] (rows,
// cols). `block` is the caller's memory of what the last mask shared with its block: one per
// thread, fresh at first; masks in ascending order use it best.
//
// Never inlined: in the middle of masked_product's loop the designs' code made GCC 12's SSE2
// code for the loop itself 1.3 times slower.
template <class Cell>
__attribute__((noinline)) static void draw_mask(const MaskParams& p, uint64_t index, OaBlock* block,
                                                Cell* cells, AnyInt32* shift) {
  if (in_blocks(p.design)) {
    draw_oa_mask(p, index, block, cells, shift);
  } else {
    draw_iid_mask(p, index, cells, shift);
  }
}

FASTXAI_ISA_END
