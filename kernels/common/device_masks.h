// Random masks on a device, where the threads of a block share the work: words by position, blocks
// of the designs that have them, shifts.
#pragma once

#include "cuda.h"
#include "mask_cell.h"
#include "mask_params.h"

FASTXAI_ISA_BEGIN

// Word k of (seed, index, stream).
__device__ static inline uint32_t word_at(uint64_t seed, uint64_t index, uint32_t stream,
                                          int64_t k) {
  uint32_t words[4];
  word_block(seed, index, stream, static_cast<uint32_t>(k / 4), words);
  const int lane = static_cast<int>(k % 4);
  return lane == 0 ? words[0] : lane == 1 ? words[1] : lane == 2 ? words[2] : words[3];
}

// The parameters of a launch but for the columns; false if they are out of range.
__device__ static inline bool load_params(const MaskSource& source, int64_t batch, MaskParams* p) {
  if (source.device != nullptr) return unpack_mask_params(source.device, batch, p);
  *p = source.params;
  return true;
}

__device__ static inline uint64_t oa_block_of(uint64_t index) { return index / kOaMasks; }

// Shift of mask `index`, of any design.
__device__ static inline void mask_shift(const MaskParams& p, uint64_t index, int32_t* shift) {
  const bool blocks = in_blocks(p.design);
  const uint64_t counted = blocks ? oa_block_of(index) : index;
  uint32_t words[2];
  if (p.design == kDesignLattice) {
    lattice_words(p.seed, counted, words);
  } else {
    const uint32_t stream = blocks ? kStreamBlocks : kStreamMasks;
    const int64_t word = blocks ? kShiftWord : p.grid_rows * p.grid_cols;
    words[0] = word_at(p.seed, counted, stream, word);
    words[1] = word_at(p.seed, counted, stream, word + 1);
  }
  shift[0] = shift_from_word(words[0], p.shift_rows);
  shift[1] = shift_from_word(words[1], p.shift_cols);
}

// Cell k of mask `index` of design iid.
__device__ static inline bool iid_cell(const MaskParams& p, uint64_t index, int64_t k) {
  return cell_kept(word_at(p.seed, index, kStreamMasks, k), p.threshold);
}

// What a block of threads keeps of some blocks of masks, in shared memory.
constexpr int kOaWordBlocks = (kOaWords + 3) / 4;
struct OaShared {
  uint32_t words[4 * kOaWordBlocks];
  uint8_t codes[kOaColumns + 1];
};

// Fills oa [blocks] with blocks first .. first + blocks - 1. Every thread of the block comes here.
// The columns come from `source`: a copy of them would be in local memory.
__device__ static inline void load_oa_blocks(const MaskSource& source, const MaskParams& p,
                                             uint64_t first, int blocks, OaShared* oa) {
  const int self = static_cast<int>(threadIdx.x);
  const int step = static_cast<int>(blockDim.x);
  for (int k = self; k < blocks * kOaWordBlocks; k += step) {
    const int b = k / kOaWordBlocks;
    const int block = k - b * kOaWordBlocks;
    word_block(p.seed, first + static_cast<uint64_t>(b), kStreamBlocks,
               static_cast<uint32_t>(block), oa[b].words + 4 * block);
  }
  __syncthreads();
  const int cells = static_cast<int>(p.grid_rows * p.grid_cols);
  const bool placed = has_placed_columns(p.design);
  const auto* const columns = source.device != nullptr
                                  ? reinterpret_cast<const uint64_t*>(source.device + kMaskNumbers)
                                  : source.params.columns;
  for (int k = self; k < blocks * cells; k += step) {
    const int b = k / cells;
    const int cell = k - b * cells;
    oa[b].codes[cell] =
        placed ? placed_code(p, columns, oa[b].words, cell) : oa_code(oa[b].words, cell);
  }
  __syncthreads();
}

// Cells of mask `index` as 0 or 1 into `own` [h w]. Every thread of the block comes here; `oa` is
// in shared memory. A barrier of the caller's before `own` is read.
__device__ static inline void draw_cells(const MaskSource& source, const MaskParams& p,
                                         uint64_t index, OaShared* oa, uint8_t* own) {
  const int64_t num_cells = p.grid_rows * p.grid_cols;
  if (in_blocks(p.design)) {
    load_oa_blocks(source, p, oa_block_of(index), 1, oa);
    const uint32_t row = static_cast<uint32_t>(index % kOaMasks);
    for (int64_t k = threadIdx.x; k < num_cells; k += blockDim.x) {
      own[k] = static_cast<uint8_t>(oa_cell(oa->codes[k], row));
    }
    return;
  }
  for (int64_t block = threadIdx.x; 4 * block < num_cells; block += blockDim.x) {
    uint32_t words[4];
    word_block(p.seed, index, kStreamMasks, static_cast<uint32_t>(block), words);
    for (int i = 0; i < 4 && 4 * block + i < num_cells; ++i) {
      own[4 * block + i] = cell_kept(words[i], p.threshold) ? 1 : 0;
    }
  }
}

FASTXAI_ISA_END
