// Masks in blocks of 128, each block a randomised orthogonal array with one shift: designs oa128,
// placed and lattice.
//
// Block b holds masks 128 b .. 128 b + 127. Its words have stream 1 and index b. Cell k takes a
// column of Sylvester's 128 x 128 Hadamard matrix (never column 0, which is constant) and a sign,
// mask i the row r = i mod 128:
//
//   cell k of mask i = parity(r & column_k) xor (word k & 1)
//   oa128:           column_k = 1 + rank of word k among words 0..126, ties by position
//   placed, lattice: column_k = factor * (column of cell g(k) in the parameters), a product in the
//                    field of 128 elements, which keeps every xor of columns; factor = 1 + word 129
//                    multiply-high 127; g flips the grid by the bits of word 130
//   oa128, placed:   shift = words 127 (rows) and 128 (columns) by multiply-high
//   lattice:         shift = (start + b step) mod 2^32 by multiply-high, start = words 0 and 1 of
//                    stream 2, index 0
//
// No cell needs another one's draw, so each cell of a block can be had by itself on a device.
#pragma once

#include <cstdint>

#include "any_address.h"
#include "mask_params.h"
#include "mask_words.h"

FASTXAI_ISA_BEGIN

constexpr int kShiftWord = static_cast<int>(kOaColumns);  // and the next one
constexpr int kFactorWord = kShiftWord + 2;
constexpr int kFlipWord = kShiftWord + 3;
constexpr int kOaWords = kShiftWord + 4;

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

// Product in the field of 128 elements: polynomials over two elements modulo x^7 + x + 1.
FASTXAI_HD static inline uint32_t field_product(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (int bit = 6; bit >= 0; --bit) {
    product <<= 1;
    if ((product & 128u) != 0) product ^= 131u;
    if (((a >> bit) & 1u) != 0) product ^= b;
  }
  return product;
}

// The cell whose column cell k of a block takes: the grid flipped by `flips`, rows by bit 0,
// columns by bit 1, and, if it is square, transposed by bit 2.
FASTXAI_HD static inline int64_t flipped_cell(const MaskParams& p, uint32_t flips, int64_t k) {
  int64_t row = k / p.grid_cols;
  int64_t col = k - row * p.grid_cols;
  if (p.grid_rows == p.grid_cols && (flips & 4u) != 0) {
    const int64_t swapped = row;
    row = col;
    col = swapped;
  }
  if ((flips & 1u) != 0) row = p.grid_rows - 1 - row;
  if ((flips & 2u) != 0) col = p.grid_cols - 1 - col;
  return row * p.grid_cols + col;
}

// The code of cell k with placed columns; `columns` as in MaskParams.
FASTXAI_HD static inline uint8_t placed_code(const MaskParams& p, const uint64_t* columns,
                                             const uint32_t* words, int64_t k) {
  const uint32_t factor =
      1u + static_cast<uint32_t>(shift_from_word(words[kFactorWord], kOaColumns));
  const uint32_t column = column_of(columns, flipped_cell(p, words[kFlipWord], k)) & 127u;
  return static_cast<uint8_t>(field_product(factor, column) | (words[k] & 1u) << 7);
}

// The steps of the lattice's shifts from block to block, rows and columns, as fractions of 2^32:
// the inverse of the plastic number and of its square, whose multiples fill a square evenly.
constexpr uint32_t kLatticeRows = 3242174889u;
constexpr uint32_t kLatticeCols = 2447445414u;

// The two words of a block that its shift is made of.
FASTXAI_HD static inline void lattice_words(uint64_t seed, uint64_t index, uint32_t* words) {
  uint32_t start[4];
  word_block(seed, 0, kStreamLattice, 0, start);
  words[0] = start[0] + static_cast<uint32_t>(index) * kLatticeRows;
  words[1] = start[1] + static_cast<uint32_t>(index) * kLatticeCols;
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
    draw_words(p.seed, static_cast<uint64_t>(index), kStreamBlocks, first, words + first);
  }
  const int64_t num_cells = p.grid_rows * p.grid_cols;
  const bool placed = has_placed_columns(p.design);
  for (int64_t k = 0; k < num_cells; ++k) {
    block->codes[k] = placed ? placed_code(p, p.columns, words, k) : oa_code(words, k);
  }
  if (p.design == kDesignLattice) {
    lattice_words(p.seed, static_cast<uint64_t>(index), words + kShiftWord);
  }
  block->shift[0] = shift_from_word(words[kShiftWord], p.shift_rows);
  block->shift[1] = shift_from_word(words[kShiftWord + 1], p.shift_cols);
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
