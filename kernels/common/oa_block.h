// Design oa128: masks in blocks of 128, each block a randomised orthogonal array with one shift.
//
// Block b holds masks 128 b .. 128 b + 127. Its words have stream 1 and index b. Cell k takes a
// column of Sylvester's 128 x 128 Hadamard matrix and a sign, mask i the row r = i mod 128:
//
//   column_k = 1 + rank of word k among words 0..126, ties by position      (never column 0,
//   constant) cell k of mask i = parity(r & column_k) xor (word k & 1) shift = words 127 (rows) and
//   128 (columns) by multiply-high
//
// A rank needs no earlier draw, so each cell of a block can be had by itself on a device.
#pragma once

#include <cstdint>

#include "any_address.h"
#include "mask_params.h"
#include "mask_words.h"

FASTXAI_ISA_BEGIN

constexpr int kOaWords = static_cast<int>(kOaColumns) + 2;  // of a block: columns, then the shift

// What the masks of a block share.
struct OaBlock {
  int64_t index = -1;         // of the block; -1: nothing here yet
  uint8_t codes[kOaColumns];  // per cell its column, plus 128 if its sign is turned
  int32_t shift[2] = {0, 0};  // rows, columns
};

// The code of cell k from the words of its block, words [>= kOaColumns].
FASTXAI_HD static inline uint8_t oa_code(const uint32_t* words, int64_t k) {
  const uint32_t own = words[k];
  uint32_t rank = 0;
  for (int64_t j = 0; j < k; ++j) rank += words[j] <= own ? 1 : 0;
  for (int64_t j = k + 1; j < kOaColumns; ++j) rank += words[j] < own ? 1 : 0;
  return static_cast<uint8_t>((1 + rank) | (own & 1u) << 7);
}

// Whether the cell of this code is kept in row `row`, 0..127: bit 7 of the code meets a bit that is
// always set, so that one parity gives matrix entry and sign.
FASTXAI_HD static inline uint32_t oa_cell(uint8_t code, uint32_t row) {
  uint32_t bits = (row | 128u) & code;
  bits ^= bits >> 4;
  bits ^= bits >> 2;
  bits ^= bits >> 1;
  return bits & 1u;
}

static inline void make_oa_block(const MaskParams& p, int64_t index, OaBlock* block) {
  uint32_t words[(kOaWords + kWordsAtOnce - 1) / kWordsAtOnce * kWordsAtOnce];
  for (int first = 0; first < kOaWords; first += kWordsAtOnce) {
    draw_words(p.seed, static_cast<uint64_t>(index), kStreamOa128, first, words + first);
  }
  const int64_t num_cells = p.grid_rows * p.grid_cols;
  for (int64_t k = 0; k < num_cells; ++k) block->codes[k] = oa_code(words, k);
  block->shift[0] = shift_from_word(words[kOaColumns], p.shift_rows);
  block->shift[1] = shift_from_word(words[kOaColumns + 1], p.shift_cols);
  block->index = index;
}

// Mask `index`: cells [grid_rows * grid_cols] as 0 or 1 of type Cell, shift [2]. Makes its block
// unless `block` holds it.
template <class Cell>
static inline void draw_oa_mask(const MaskParams& p, uint64_t index, OaBlock* block, Cell* cells,
                                AnyInt32* shift) {
  const int64_t wanted = static_cast<int64_t>(index / kOaMasks);
  if (block->index != wanted) make_oa_block(p, wanted, block);
  const uint32_t row = static_cast<uint32_t>(index % kOaMasks);
  const int64_t num_cells = p.grid_rows * p.grid_cols;
  for (int64_t k = 0; k < num_cells; ++k) {
    cells[k] = static_cast<Cell>(oa_cell(block->codes[k], row));
  }
  shift[0] = block->shift[0];
  shift[1] = block->shift[1];
}

FASTXAI_ISA_END
