// Scores summed against coarse masks, and the sums enlarged to a map. Formula: README.md.
#pragma once

#include <cstdint>

#include "../common/isa.h"
#include "../common/mask_params.h"

namespace fastxai {

// Scores of a batch and which of them to sum: column columns[t] of row m is target t of mask m.
struct ScoreTable {
  const float* values;     // [>= params.count, classes]
  int64_t classes;         // K
  const int64_t* columns;  // [T], each in 0..K-1; null: T = K, in order
};

// What bad_row says besides a row and -1: a column is outside the scores; the parameters are out of
// range or not of the accumulators' shape.
constexpr int64_t kBadColumn = -2;
constexpr int64_t kBadParams = -3;

// Row T of the accumulators has weight 1 for every mask: the sum of the masks themselves.
// Returns the batch row of the first score that is not finite (then nothing was added), or -1.
using SaliencyAccumulateFn = int64_t(const MaskParams& params, int64_t targets,
                                     const ScoreTable& scores,
                                     double* sums,     // [T + 1, Sr, Sc, h, w] in and out
                                     double* moments,  // [T + 1, 2] in and out: sum f, sum f^2
                                     uint8_t* cells,   // scratch [params.count, h, w]
                                     int32_t* shifts,  // scratch [params.count, 2]
                                     int threads);

struct SaliencyExpandParams {
  int64_t maps;        // T
  int64_t shift_rows;  // Sr
  int64_t shift_cols;  // Sc
  int64_t grid_rows;   // h
  int64_t grid_cols;   // w
  int64_t rows;        // H
  int64_t cols;        // W
};

using SaliencyExpandFn = void(const SaliencyExpandParams& params,
                              const double* sums,  // [T, Sr, Sc, h, w]
                              double* maps,        // [T, H, W] out
                              double* scratch,     // [Sr, h, W]
                              int threads);

#define FASTXAI_DECLARE(isa)                \
  namespace isa {                           \
  SaliencyAccumulateFn saliency_accumulate; \
  SaliencyExpandFn saliency_expand;         \
  }
FASTXAI_FOR_EACH_ISA(FASTXAI_DECLARE)
#undef FASTXAI_DECLARE

struct AccumulatorShape {
  int64_t targets;  // T
  int64_t shift_rows;
  int64_t shift_cols;
  int64_t grid_rows;
  int64_t grid_cols;
};

namespace cuda {
// Pointers to device memory, those in `scores` too; queued on `stream`. Returns a cudaError_t.
// bad_row: [1] out: the row of a score that is not finite, kBadColumn, kBadParams, or -1. In all
// cases but -1 nothing is added.
int saliency_accumulate(const MaskSource& masks, const AccumulatorShape& shape,
                        int64_t batch,  // M, rows of the scores
                        const ScoreTable& scores,
                        double* sums,     // [T + 1, Sr, Sc, h, w] in and out
                        double* moments,  // [T + 1, 2] in and out
                        int64_t* bad_row, void* stream);

// Numbers of float64 that saliency_expand needs as workspace: [T, Sr, h, W].
int64_t saliency_expand_workspace(const SaliencyExpandParams& params);
int saliency_expand(const SaliencyExpandParams& params, const double* sums, double* maps,
                    double* workspace, void* stream);
}  // namespace cuda

}  // namespace fastxai
