// Random masks on a device, where the threads of a block share the work: words by position, blocks
// of design oa128, shifts.
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

// The parameters of a launch; false if they are out of range.
__device__ static inline bool load_params(const MaskSource& source, int64_t batch, MaskParams* p) {
  if (source.device != nullptr) return unpack_mask_params(source.device, batch, p);
  *p = source.params;
  return true;
}

__device__ static inline uint64_t oa_block_of(uint64_t index) { return index / kOaMasks; }

// Shift of mask `index`, of either design.
__device__ static inline void mask_shift(const MaskParams& p, uint64_t index, int32_t* shift) {
  const bool oa = p.design == kDesignOa128;
  const uint64_t counted = oa ? oa_block_of(index) : index;
  const uint32_t stream = oa ? kStreamOa128 : kStreamMasks;
  const int64_t word = oa ? kOaColumns : p.grid_rows * p.grid_cols;
  shift[0] = shift_from_word(word_at(p.seed, counted, stream, word), p.shift_rows);
  shift[1] = shift_from_word(word_at(p.seed, counted, stream, word + 1), p.shift_cols);
}

// Cell k of mask `index` of design iid.
__device__ static inline bool iid_cell(const MaskParams& p, uint64_t index, int64_t k) {
  return cell_kept(word_at(p.seed, index, kStreamMasks, k), p.threshold);
}

// What a block of threads keeps of some blocks of design oa128, in shared memory.
constexpr int kOaWordBlocks = (kOaWords + 3) / 4;
struct OaShared {
  uint32_t words[4 * kOaWordBlocks];
  uint8_t codes[kOaColumns + 1];
};

// Fills oa [blocks] with blocks first .. first + blocks - 1. Every thread of the block comes here.
__device__ static inline void load_oa_blocks(const MaskParams& p, uint64_t first, int blocks,
                                             OaShared* oa) {
  const int self = static_cast<int>(threadIdx.x);
  const int step = static_cast<int>(blockDim.x);
  for (int k = self; k < blocks * kOaWordBlocks; k += step) {
    const int b = k / kOaWordBlocks;
    const int block = k - b * kOaWordBlocks;
    word_block(p.seed, first + static_cast<uint64_t>(b), kStreamOa128, static_cast<uint32_t>(block),
               oa[b].words + 4 * block);
  }
  __syncthreads();
  const int cells = static_cast<int>(p.grid_rows * p.grid_cols);
  for (int k = self; k < blocks * cells; k += step) {
    const int b = k / cells;
    oa[b].codes[k - b * cells] = oa_code(oa[b].words, k - b * cells);
  }
  __syncthreads();
}

FASTXAI_ISA_END
