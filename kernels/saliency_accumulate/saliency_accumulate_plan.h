// The tiling of saliency_accumulate on an Ascend core. Host only: op_host and tests.
#pragma once

#include "ascend_plan.h"
#include "saliency_accumulate_tiling.h"

namespace fastxai {

constexpr uint32_t kSumsTileCells = 1024;
constexpr uint32_t kMomentTargets = 512;

// Bytes of the unified buffer that the kernel takes.
inline uint64_t saliency_accumulate_bytes(const SaliencyAccumulateTiling& t) {
  const uint64_t cells = plan_lanes(t.tile_cells);
  // Sums in and out as pairs, four planes of scratch; two masks. Moments: 4 vectors in and out,
  // two rows of scores, eight of scratch.
  return sizeof(float) *
         (8 * cells * t.tile_targets + 2 * cells + 18 * uint64_t{plan_lanes(t.moment_targets)});
}

// Fills the tile sizes in; the shapes are there. Returns the number of cores to use, or 0.
inline uint32_t plan_saliency_accumulate(SaliencyAccumulateTiling* t, uint32_t cores) {
  if (t->targets == 0 || t->cells == 0 || t->shifts == 0) return 0;
  t->moment_targets = plan_even(t->targets, kMomentTargets);
  t->tile_cells = plan_even(t->cells, kSumsTileCells);
  t->tile_targets = t->targets < kMaxCopyRows ? t->targets : kMaxCopyRows;
  while (saliency_accumulate_bytes(*t) > kUnifiedBytes) --t->tile_targets;
  t->tile_targets = plan_even(t->targets, t->tile_targets);
  const uint64_t items = static_cast<uint64_t>(t->shifts) *
                         plan_pieces(t->targets, t->tile_targets) *
                         plan_pieces(t->cells, t->tile_cells);
  return items < cores ? static_cast<uint32_t>(items) : cores;
}

}  // namespace fastxai
