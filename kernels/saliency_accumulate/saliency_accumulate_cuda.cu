#include "../common/bilinear.h"
#include "../common/device_masks.h"
#include "saliency_accumulate.h"

FASTXAI_ISA_BEGIN

constexpr int kCheckThreads = 1024;
constexpr int kThreads = 128;
constexpr int kMasksAtOnce = 1024;  // of a launch; launches follow each other in order
constexpr int kMaxRowBlocks = 64;   // of the grid along the rows T; a block takes every 64th

__device__ static inline bool is_finite(float x) {
  return (float_bits(x) & 0x7f800000u) != 0x7f800000u;
}

__device__ static inline int64_t column_of(const ScoreTable& scores, int64_t target) {
  return scores.columns == nullptr ? target : scores.columns[target];
}

// One block looks at all scores before anything is added. Answers: the row of the first score that
// is not finite, -1: all are, -2: a column that the scores do not have, -3: parameters out of range
// or not of the accumulators' shape.
__global__ void __launch_bounds__(kCheckThreads)
    check_scores(MaskSource source, AccumulatorShape shape, int64_t batch, ScoreTable scores,
                 int64_t* bad_row) {
  auto* const worst = reinterpret_cast<int*>(shared_memory());  // [2]: bad row, bad column
  if (threadIdx.x < 2) worst[threadIdx.x] = 0x7fffffff;
  __syncthreads();
  MaskParams p;
  const bool good = load_params(source, batch, &p) && p.shift_rows == shape.shift_rows &&
                    p.shift_cols == shape.shift_cols && p.grid_rows == shape.grid_rows &&
                    p.grid_cols == shape.grid_cols;
  for (int64_t t = threadIdx.x; good && t < shape.targets; t += blockDim.x) {
    if (!within(column_of(scores, t), 0, scores.classes - 1)) atomicMin(worst + 1, 0);
  }
  __syncthreads();
  const bool columns_fit = worst[1] != 0;
  const int64_t numbers = good && columns_fit ? p.count * shape.targets : 0;
  for (int64_t k = threadIdx.x; k < numbers; k += blockDim.x) {
    const int64_t m = k / shape.targets;
    const int64_t column = column_of(scores, k - m * shape.targets);
    if (!is_finite(scores.values[m * scores.classes + column])) {
      atomicMin(worst, static_cast<int>(m));
    }
  }
  __syncthreads();
  if (threadIdx.x != 0) return;
  *bad_row = !good                    ? kBadParams
             : !columns_fit           ? kBadColumn
             : worst[0] == 0x7fffffff ? -1
                                      : worst[0];
}

// Shared memory of a block that adds.
struct AddShared {
  float scores[kMasksAtOnce];           // of one row of the accumulators
  uint32_t members[kMasksAtOnce / 32];  // a bit for each mask with the block's shift
  OaShared oa;
};

__device__ static inline bool is_member(const AddShared& a, int m) {
  return (a.members[m / 32] >> (m % 32) & 1u) != 0;
}

// Scores of masks begin .. begin + masks - 1 for row t; 1 in the last row.
__device__ static inline void load_scores(const ScoreTable& scores, int64_t targets, int64_t t,
                                          int64_t begin, int masks, AddShared* a) {
  __syncthreads();  // the row before this one has been used up
  const int64_t column = t < targets ? column_of(scores, t) : 0;
  for (int m = static_cast<int>(threadIdx.x); m < masks; m += kThreads) {
    a->scores[m] = t < targets ? scores.values[(begin + m) * scores.classes + column] : 1.0f;
  }
  __syncthreads();
}

// Moments of row t, in ascending order of masks: thread 0 sums f, thread 1 its squares.
__device__ static inline void add_moments(const AddShared& a, int masks, double* moments) {
  if (threadIdx.x >= 2) return;
  double sum = moments[threadIdx.x];
  for (int m = 0; m < masks; ++m) {
    const double f = static_cast<double>(a.scores[m]);
    sum += threadIdx.x == 0 ? f : f * f;
  }
  moments[threadIdx.x] = sum;
}

// Marks the masks that have the shift of mask `own`. False if one of them comes before it: then
// another block adds them.
__device__ static inline bool find_members(const MaskParams& p, uint64_t first, int masks, int own,
                                           AddShared* a) {
  for (int k = static_cast<int>(threadIdx.x); k < kMasksAtOnce / 32; k += kThreads) {
    a->members[k] = 0;
  }
  __syncthreads();
  int32_t wanted[2];
  mask_shift(p, first + static_cast<uint64_t>(own), wanted);
  for (int m = static_cast<int>(threadIdx.x); m < masks; m += kThreads) {
    int32_t shift[2];
    mask_shift(p, first + static_cast<uint64_t>(m), shift);
    if (shift[0] == wanted[0] && shift[1] == wanted[1]) {
      atomicOr(a->members + m / 32, 1u << (m % 32));
    }
  }
  __syncthreads();
  for (int m = 0; m < own; m += 32) {
    const uint32_t before = own - m < 32 ? (1u << (own - m)) - 1u : 0xffffffffu;
    if ((a->members[m / 32] & before) != 0) return false;
  }
  return true;
}

// Adds the members, in ascending order, to sum [h, w] of their shift.
__device__ static inline void add_iid(const MaskParams& p, uint64_t first, int masks,
                                      const AddShared& a, double* sum) {
  const int64_t cells = p.grid_rows * p.grid_cols;
  for (int64_t k = threadIdx.x; k < cells; k += kThreads) {
    double total = sum[k];
    for (int m = 0; m < masks; ++m) {
      if (!is_member(a, m)) continue;
      const bool kept = iid_cell(p, first + static_cast<uint64_t>(m), k);
      total += kept ? static_cast<double>(a.scores[m]) : 0.0;
    }
    sum[k] = total;
  }
}

// The same for the other designs, where members come in whole blocks.
__device__ static inline void add_oa(const MaskSource& source, const MaskParams& p, uint64_t first,
                                     int masks, AddShared* a, double* sum) {
  const int k = static_cast<int>(threadIdx.x);
  const bool mine = k < p.grid_rows * p.grid_cols;
  double total = mine ? sum[k] : 0.0;
  int m = 0;
  while (m < masks) {
    const uint64_t index = first + static_cast<uint64_t>(m);
    const int in_block = static_cast<int>(kOaMasks - static_cast<int64_t>(index % kOaMasks));
    const int end = m + in_block < masks ? m + in_block : masks;
    if (is_member(*a, m)) {
      load_oa_blocks(source, p, oa_block_of(index), 1, &a->oa);
      for (; mine && m < end; ++m) {
        const uint64_t row = (first + static_cast<uint64_t>(m)) % kOaMasks;
        const bool kept = oa_cell(a->oa.codes[k], static_cast<uint32_t>(row)) != 0;
        total += kept ? static_cast<double>(a->scores[m]) : 0.0;
      }
    }
    m = end;
  }
  if (mine) sum[k] = total;
}

// Block (m, r) of the grid: the masks that share the shift of mask `begin + m`, if that is the
// first of them, in rows r, r + row_blocks, ... The last m has the moments instead.
__global__ void __launch_bounds__(kThreads)
    add_scores(MaskSource source, int64_t targets, int64_t batch, int64_t begin, int row_blocks,
               ScoreTable scores, const int64_t* bad_row, double* sums, double* moments) {
  auto* const a = reinterpret_cast<AddShared*>(shared_memory());
  MaskParams p;
  if (*bad_row != -1 || !load_params(source, batch, &p) || begin >= p.count) return;
  const int masks =
      static_cast<int>(p.count - begin < kMasksAtOnce ? p.count - begin : kMasksAtOnce);
  const int own = static_cast<int>(blockIdx.x) / row_blocks;
  const int start = static_cast<int>(blockIdx.x) % row_blocks;
  const bool for_moments = own == kMasksAtOnce || begin + own == batch;
  const uint64_t first = static_cast<uint64_t>(p.first + begin);
  if (!for_moments && (own >= masks || !find_members(p, first, masks, own, a))) return;
  const int64_t cells = p.grid_rows * p.grid_cols;
  int32_t shift[2] = {0, 0};
  if (!for_moments) mask_shift(p, first + static_cast<uint64_t>(own), shift);
  for (int64_t t = start; t <= targets; t += row_blocks) {
    load_scores(scores, targets, t, begin, masks, a);
    const int64_t bin = (t * p.shift_rows + shift[0]) * p.shift_cols + shift[1];
    if (for_moments) {
      add_moments(*a, masks, moments + 2 * t);
    } else if (in_blocks(p.design)) {
      add_oa(source, p, first, masks, a, sums + bin * cells);
    } else {
      add_iid(p, first, masks, *a, sums + bin * cells);
    }
  }
}

// ---- expansion --------------------------------------------------------------------------------

// rows [T, Sr, h, W]: every coarse row, all shifts of the columns, one number a thread.
__global__ void __launch_bounds__(kThreads)
    expand_columns(SaliencyExpandParams p, const double* sums, double* rows) {
  const int64_t number = blockIdx.x * static_cast<int64_t>(kThreads) + threadIdx.x;
  if (number >= p.maps * p.shift_rows * p.grid_rows * p.cols) return;
  const int64_t x = number % p.cols;
  const int64_t row = number / p.cols;  // (t Sr + sy) h + a
  const int64_t bin = row / p.grid_rows * p.shift_cols;
  const double* cells = sums + (bin * p.grid_rows + row % p.grid_rows) * p.grid_cols;
  const int64_t up_cols = p.cols + p.shift_cols - 1;
  double total = 0.0;
  for (int64_t sx = 0; sx < p.shift_cols; ++sx, cells += p.grid_rows * p.grid_cols) {
    const BilinearTap tap = bilinear_tap(x + sx, p.grid_cols, up_cols);
    total += cells[tap.low] * (1.0 - tap.weight) + cells[tap.high] * tap.weight;
  }
  rows[number] = total;
}

// maps [T, H, W] from rows [T, Sr, h, W], one pixel a thread.
__global__ void __launch_bounds__(kThreads)
    expand_rows(SaliencyExpandParams p, const double* rows, double* maps) {
  const int64_t number = blockIdx.x * static_cast<int64_t>(kThreads) + threadIdx.x;
  if (number >= p.maps * p.rows * p.cols) return;
  const int64_t x = number % p.cols;
  const int64_t y = number / p.cols % p.rows;
  const int64_t up_rows = p.rows + p.shift_rows - 1;
  const double* column =
      rows + number / (p.rows * p.cols) * p.shift_rows * p.grid_rows * p.cols + x;
  double total = 0.0;
  for (int64_t sy = 0; sy < p.shift_rows; ++sy, column += p.grid_rows * p.cols) {
    const BilinearTap tap = bilinear_tap(y + sy, p.grid_rows, up_rows);
    total += column[tap.low * p.cols] * (1.0 - tap.weight) + column[tap.high * p.cols] * tap.weight;
  }
  maps[number] = total;
}

FASTXAI_ISA_END

namespace fastxai {
namespace cuda {

int saliency_accumulate(const MaskSource& masks, const AccumulatorShape& shape, int64_t batch,
                        const ScoreTable& scores, double* sums, double* moments, int64_t* bad_row,
                        void* stream) {
  using namespace device;
  int error = launch(check_scores, 1, kCheckThreads, 2 * sizeof(int), stream, masks, shape, batch,
                     scores, bad_row);
  const int row_blocks =
      shape.targets + 1 < kMaxRowBlocks ? static_cast<int>(shape.targets) + 1 : kMaxRowBlocks;
  for (int64_t begin = 0; error == 0 && begin < batch; begin += kMasksAtOnce) {
    const int64_t here = batch - begin < kMasksAtOnce ? batch - begin : kMasksAtOnce;
    error = launch(add_scores, (here + 1) * row_blocks, kThreads, sizeof(AddShared), stream, masks,
                   shape.targets, batch, begin, row_blocks, scores, bad_row, sums, moments);
  }
  return error;
}

int64_t saliency_expand_workspace(const SaliencyExpandParams& p) {
  return p.maps * p.shift_rows * p.grid_rows * p.cols;
}

int saliency_expand(const SaliencyExpandParams& p, const double* sums, double* maps,
                    double* workspace, void* stream) {
  using namespace device;
  const int64_t numbers = saliency_expand_workspace(p);
  const int error = launch(expand_columns, blocks_for(numbers, kThreads), kThreads, 0, stream, p,
                           sums, workspace);
  if (error != 0) return error;
  return launch(expand_rows, blocks_for(p.maps * p.rows * p.cols, kThreads), kThreads, 0, stream, p,
                workspace, maps);
}

}  // namespace cuda
}  // namespace fastxai
