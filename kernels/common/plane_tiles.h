// How the blocks of a grid share a plane: the pixels of one channel [H, W] of a planar batch, or
// the numbers [H, W C] of an interleaved one. A thread owns a vector of neighbours in a row of it.
//
// A tile is a run of rows laid end to end, so that no thread idles where rows are short. Rows
// longer than a tile are rounded up to whole tiles, so that a tile never spans two of them.
#pragma once

#include "cuda.h"

FASTXAI_ISA_BEGIN

struct PlaneTiles {
  int64_t row;     // numbers in a row: W or W C
  int64_t padded;  // of them and what fills the row's last tile
  int64_t rows;    // H
  int64_t tiles;
};

FASTXAI_HD static inline PlaneTiles plane_tiles(const ImageShape& s, Layout layout, int tile) {
  PlaneTiles t;
  t.row = layout == Layout::kPlanar ? s.cols : s.cols * s.channels;
  t.padded = t.row < tile ? t.row : (t.row + tile - 1) / tile * tile;
  t.rows = s.rows;
  t.tiles = t.row == 0 ? 0 : (t.rows * t.padded + tile - 1) / tile;
  return t;
}

// What a vector of the plane is.
struct Place {
  int64_t y;    // row
  int64_t at;   // first number in the row
  bool inside;  // false: it fills up a tile, nothing is there
};

__device__ static inline Place place_of(const PlaneTiles& t, int64_t number) {
  Place place;
  if (number < (int64_t{1} << 32)) {  // a 64-bit division takes a hundred instructions
    place.y = static_cast<uint32_t>(number) / static_cast<uint32_t>(t.padded);
  } else {
    place.y = number / t.padded;
  }
  place.at = number - place.y * t.padded;
  place.inside = place.y < t.rows && place.at < t.row;
  return place;
}

// Images of a block, 1 .. most. Blocks come in waves of as many as the device holds; more images a
// block spread what it does once over more of them, and a wave that is hardly begun costs a whole.
static inline int images_per_block(int64_t batch, int64_t tiles, int most, int64_t resident) {
  constexpr int64_t kStart = 3;  // what a block does once, in images: counted, not measured
  int best = 1;
  int64_t least = INT64_MAX;
  for (int images = 1; images <= most; ++images) {
    const int64_t waves = blocks_for(tiles * blocks_for(batch, images), resident);
    const int64_t cost = waves * (images + kStart);
    if (cost < least) {
      least = cost;
      best = images;
    }
  }
  return best;
}

FASTXAI_ISA_END
