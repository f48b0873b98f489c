// Scores summed against coarse masks on Ascend AI vector cores, which have no float64: every sum is
// a pair of floats (high, low) that holds the rounding errors too. Formula: README.md.
// Not compiled by CANN or run on an NPU yet: docs/ascend.md.
#include "ascend_share.h"
#include "kernel_operator.h"
#include "saliency_accumulate_tiling.h"

using namespace AscendC;

namespace fastxai {

using Lanes = LocalTensor<float>;

// (high, low) += value, the error of the addition going to low (Knuth's two-sum). Changes value.
__aicore__ inline void add_to_pair(const Lanes& high, const Lanes& low, const Lanes& value,
                                   const Lanes& sum, const Lanes& part, const Lanes& error,
                                   int32_t n) {
  Add(sum, high, value, n);
  PipeBarrier<PIPE_V>();
  Sub(part, sum, high, n);  // of value, what reached the sum
  PipeBarrier<PIPE_V>();
  Sub(error, sum, part, n);
  Sub(value, value, part, n);
  PipeBarrier<PIPE_V>();
  Sub(error, high, error, n);
  PipeBarrier<PIPE_V>();
  Add(error, error, value, n);
  Muls(high, sum, 1.0f, n);
  PipeBarrier<PIPE_V>();
  Add(low, low, error, n);
  PipeBarrier<PIPE_V>();
}

class SaliencyAccumulate {
 public:
  __aicore__ inline explicit SaliencyAccumulate(const SaliencyAccumulateTiling& tiling)
      : t_(tiling) {}

  __aicore__ inline void set_batch(GM_ADDR scores, GM_ADDR cells, GM_ADDR shifts, GM_ADDR count) {
    scores_.SetGlobalBuffer(reinterpret_cast<__gm__ float*>(scores));
    cells_.SetGlobalBuffer(reinterpret_cast<__gm__ float*>(cells));
    shifts_.SetGlobalBuffer(reinterpret_cast<__gm__ int32_t*>(shifts));
    count_.SetGlobalBuffer(reinterpret_cast<__gm__ int32_t*>(count));
  }
  __aicore__ inline void set_sums(GM_ADDR sums, GM_ADDR moments, GM_ADDR new_sums,
                                  GM_ADDR new_moments) {
    sums_.SetGlobalBuffer(reinterpret_cast<__gm__ float*>(sums));
    moments_.SetGlobalBuffer(reinterpret_cast<__gm__ float*>(moments));
    new_sums_.SetGlobalBuffer(reinterpret_cast<__gm__ float*>(new_sums));
    new_moments_.SetGlobalBuffer(reinterpret_cast<__gm__ float*>(new_moments));
  }

  __aicore__ inline void run() {
    make_buffers();
    const int32_t wanted = count_.GetValue(0);
    masks_ = smaller(wanted < 0 ? 0 : static_cast<uint32_t>(wanted), t_.masks);
    const uint64_t pieces_of_shift = static_cast<uint64_t>(pieces(t_.targets, t_.tile_targets)) *
                                     pieces(t_.cells, t_.tile_cells);
    const Share share = share_of(t_.shifts * pieces_of_shift);
    for (uint64_t k = share.first; k < share.last; ++k) one_piece(k);
    const Share rows = share_of(pieces(t_.targets, t_.moment_targets));
    for (uint64_t k = rows.first; k < rows.last; ++k) {
      some_moments(static_cast<uint32_t>(k) * t_.moment_targets);
    }
  }

 private:
  __aicore__ static inline uint32_t pieces(uint32_t axis, uint32_t tile) {
    return (axis + tile - 1) / tile;
  }

  __aicore__ inline void make_buffers() {
    const uint32_t cells = whole_lanes(t_.tile_cells) * sizeof(float);
    const uint32_t plane = cells * t_.tile_targets;
    pipe_.InitBuffer(cells_in_, 2, cells);
    pipe_.InitBuffer(sums_in_, 1, 2 * plane);
    pipe_.InitBuffer(sums_out_, 1, 2 * plane);
    pipe_.InitBuffer(scratch_, 4 * plane);
    const uint32_t row = whole_lanes(t_.moment_targets) * sizeof(float);
    pipe_.InitBuffer(scores_in_, 2, row);
    pipe_.InitBuffer(moments_in_, 1, 4 * row);
    pipe_.InitBuffer(moments_out_, 1, 4 * row);
    pipe_.InitBuffer(row_scratch_, 8 * row);
  }

  // Targets first .. first + number - 1 of one shift, cells from .. from + cells - 1.
  struct Piece {
    uint32_t shift;
    uint32_t first, number;
    uint32_t from, cells;
    uint32_t pitch;  // floats from target to target in the unified buffer
  };

  __aicore__ inline Piece piece_at(uint64_t index) {
    const uint32_t chunks = pieces(t_.cells, t_.tile_cells);
    const uint32_t groups = pieces(t_.targets, t_.tile_targets);
    Piece p;
    p.from = static_cast<uint32_t>(index % chunks) * t_.tile_cells;
    p.first = static_cast<uint32_t>(index / chunks % groups) * t_.tile_targets;
    p.shift = static_cast<uint32_t>(index / chunks / groups);
    p.cells = smaller(t_.tile_cells, t_.cells - p.from);
    p.number = smaller(t_.tile_targets, t_.targets - p.first);
    p.pitch = whole_lanes(p.cells);
    return p;
  }

  __aicore__ inline void one_piece(uint64_t index) {
    const Piece p = piece_at(index);
    const uint32_t plane = p.number * p.pitch;
    const uint64_t half = static_cast<uint64_t>(t_.targets) * t_.shifts * t_.cells;
    const uint64_t at = (static_cast<uint64_t>(p.first) * t_.shifts + p.shift) * t_.cells + p.from;
    const uint32_t gap = (t_.shifts * t_.cells - p.cells) * static_cast<uint32_t>(sizeof(float));
    Lanes before = sums_in_.AllocTensor<float>();
    for (uint32_t k = 0; k < 2; ++k) {
      DataCopyPad(before[k * plane], sums_[k * half + at], rows_of(p.number, p.cells, gap, 0),
                  zeros_after<float>(p.cells));
    }
    sums_in_.EnQue(before);
    before = sums_in_.DeQue<float>();
    Lanes pair = sums_out_.AllocTensor<float>();
    Muls(pair, before, 1.0f, static_cast<int32_t>(2 * plane));
    PipeBarrier<PIPE_V>();
    sums_in_.FreeTensor(before);
    for (uint32_t m = 0; m < masks_; ++m) {  // ascending, so that the order of a sum is fixed
      const int32_t row = shifts_.GetValue(2 * static_cast<uint64_t>(m));
      const int32_t col = shifts_.GetValue(2 * static_cast<uint64_t>(m) + 1);
      if (static_cast<uint32_t>(row) * t_.shift_cols + static_cast<uint32_t>(col) == p.shift) {
        add_mask(p, m, pair);
      }
    }
    sums_out_.EnQue(pair);
    pair = sums_out_.DeQue<float>();
    for (uint32_t k = 0; k < 2; ++k) {
      DataCopyPad(new_sums_[k * half + at], pair[k * plane], rows_of(p.number, p.cells, 0, gap));
    }
    sums_out_.FreeTensor(pair);
  }

  // A score times a cell of 0 or 1 is exact.
  __aicore__ inline void add_mask(const Piece& p, uint32_t mask, const Lanes& pair) {
    Lanes cells = cells_in_.AllocTensor<float>();
    DataCopyPad(cells, cells_[static_cast<uint64_t>(mask) * t_.cells + p.from],
                rows_of(1, p.cells, 0, 0), zeros_after<float>(p.cells));
    cells_in_.EnQue(cells);
    cells = cells_in_.DeQue<float>();
    const uint32_t plane = p.number * p.pitch;
    Lanes value = scratch_.Get<float>();
    for (uint32_t t = 0; t < p.number; ++t) {
      const uint64_t at = static_cast<uint64_t>(mask) * t_.targets + p.first + t;
      Muls(value[t * p.pitch], cells, scores_.GetValue(at), static_cast<int32_t>(p.pitch));
    }
    PipeBarrier<PIPE_V>();
    cells_in_.FreeTensor(cells);
    add_to_pair(pair, pair[plane], value, value[plane], value[2 * plane], value[3 * plane],
                static_cast<int32_t>(plane));
  }

  // Rows of the moments: pairs of the sum of f and of f^2.
  __aicore__ inline void some_moments(uint32_t first) {
    const uint32_t number = smaller(t_.moment_targets, t_.targets - first);
    const uint32_t pitch = whole_lanes(number);
    const uint32_t gap = (t_.targets - number) * static_cast<uint32_t>(sizeof(float));
    Lanes before = moments_in_.AllocTensor<float>();
    DataCopyPad(before, moments_[first], rows_of(4, number, gap, 0), zeros_after<float>(number));
    moments_in_.EnQue(before);
    before = moments_in_.DeQue<float>();
    Lanes rows = moments_out_.AllocTensor<float>();
    Muls(rows, before, 1.0f, static_cast<int32_t>(4 * pitch));
    PipeBarrier<PIPE_V>();
    moments_in_.FreeTensor(before);
    for (uint32_t m = 0; m < masks_; ++m) {
      Lanes scores = scores_in_.AllocTensor<float>();
      DataCopyPad(scores, scores_[static_cast<uint64_t>(m) * t_.targets + first],
                  rows_of(1, number, 0, 0), zeros_after<float>(number));
      scores_in_.EnQue(scores);
      scores = scores_in_.DeQue<float>();
      add_moments(rows, scores, pitch);
      scores_in_.FreeTensor(scores);
    }
    moments_out_.EnQue(rows);
    rows = moments_out_.DeQue<float>();
    DataCopyPad(new_moments_[first], rows, rows_of(4, number, 0, gap));
    moments_out_.FreeTensor(rows);
  }

  // f^2 = square + error exactly, with f = high + low of 12 bits each (Dekker).
  __aicore__ inline void add_moments(const Lanes& rows, const Lanes& f, uint32_t pitch) {
    const auto n = static_cast<int32_t>(pitch);
    Lanes sum = row_scratch_.Get<float>();
    Lanes part = sum[pitch], rest = sum[2 * pitch], square = sum[3 * pitch];
    Lanes high = sum[4 * pitch], low = sum[5 * pitch], error = sum[6 * pitch];
    Lanes value = sum[7 * pitch];
    Muls(value, f, 1.0f, n);
    Muls(high, f, 4097.0f, n);
    Mul(square, f, f, n);
    PipeBarrier<PIPE_V>();
    Sub(low, high, f, n);
    PipeBarrier<PIPE_V>();
    Sub(high, high, low, n);
    PipeBarrier<PIPE_V>();
    Sub(low, f, high, n);
    Mul(error, high, high, n);
    PipeBarrier<PIPE_V>();
    Sub(error, error, square, n);
    Mul(high, high, low, n);
    PipeBarrier<PIPE_V>();
    Muls(high, high, 2.0f, n);
    Mul(low, low, low, n);
    PipeBarrier<PIPE_V>();
    Add(error, error, high, n);
    PipeBarrier<PIPE_V>();
    Add(error, error, low, n);
    PipeBarrier<PIPE_V>();
    add_to_pair(rows, rows[2 * pitch], value, sum, part, rest, n);
    add_to_pair(rows[pitch], rows[3 * pitch], square, sum, part, rest, n);
    Add(rows[3 * pitch], rows[3 * pitch], error, n);
    PipeBarrier<PIPE_V>();
  }

  SaliencyAccumulateTiling t_;
  uint32_t masks_ = 0;  // that count
  TPipe pipe_;
  TQue<QuePosition::VECIN, 1> cells_in_;      // [tile cells]
  TQue<QuePosition::VECIN, 1> sums_in_;       // [2, tile targets, pitch]
  TQue<QuePosition::VECOUT, 1> sums_out_;     // [2, tile targets, pitch]
  TQue<QuePosition::VECIN, 1> scores_in_;     // [moment targets]
  TQue<QuePosition::VECIN, 1> moments_in_;    // [2 high and low, 2, moment targets]
  TQue<QuePosition::VECOUT, 1> moments_out_;  // [2, 2, moment targets]
  TBuf<TPosition::VECCALC> scratch_;          // [4, tile targets, pitch]
  TBuf<TPosition::VECCALC> row_scratch_;      // [8, moment targets]

  GlobalTensor<float> scores_;    // [M, T + 1], the last column 1
  GlobalTensor<float> cells_;     // [M, h w] 0 or 1
  GlobalTensor<int32_t> shifts_;  // [M, 2] rows, columns
  GlobalTensor<int32_t> count_;   // [1] masks that count; the rest is padding
  GlobalTensor<float> sums_;      // [2 high and low, T + 1, Sr, Sc, h w]
  GlobalTensor<float> moments_;   // [2 high and low, 2 sum f and f^2, T + 1]
  GlobalTensor<float> new_sums_;
  GlobalTensor<float> new_moments_;
};

}  // namespace fastxai

extern "C" __global__ __aicore__ void fastxai_saliency_accumulate(
    GM_ADDR scores, GM_ADDR cells, GM_ADDR shifts, GM_ADDR count, GM_ADDR sums, GM_ADDR moments,
    GM_ADDR new_sums, GM_ADDR new_moments, GM_ADDR workspace, GM_ADDR tiling) {
  KERNEL_TASK_TYPE_DEFAULT(KERNEL_TYPE_AIV_ONLY);
  GET_TILING_DATA(tiling_data, tiling);
  (void)workspace;  // CANN knows the parameter by its name
  const auto values = fastxai::tiling_of<fastxai::SaliencyAccumulateTiling>(tiling_data.words);
  fastxai::SaliencyAccumulate op(values);
  op.set_batch(scores, cells, shifts, count);
  op.set_sums(sums, moments, new_sums, new_moments);
  op.run();
}
