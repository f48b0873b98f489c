// What the kernels must answer, by the formulas of their READMEs written as plainly as possible in
// double precision, one pixel at a time. Nothing here comes from kernels/ but the parameter
// structs.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "kernels/common/mask_params.h"

namespace fastxai {
namespace expected {

// Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 4.3.
using Words = std::array<uint32_t, 4>;
inline Words philox(Words c, uint32_t key0, uint32_t key1, int rounds = 10) {
  for (int round = 0; round < rounds; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53} * c[0];
    const uint64_t product1 = uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<uint32_t>(product1 >> 32) ^ c[1] ^ key0, static_cast<uint32_t>(product1),
         static_cast<uint32_t>(product0 >> 32) ^ c[3] ^ key1, static_cast<uint32_t>(product0)};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return c;
}

inline uint32_t mask_word(uint64_t seed, uint64_t index, int64_t word, uint32_t stream = 0) {
  const Words block = philox({static_cast<uint32_t>(word / 4), static_cast<uint32_t>(index),
                              static_cast<uint32_t>(index >> 32), stream},
                             static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
  return block[static_cast<size_t>(word % 4)];
}

struct Mask {
  std::vector<double> cells;  // [h, w] of 0 and 1
  int64_t shift_row;
  int64_t shift_col;
};

// word * range / 2^32 rounded down, exact in double for ranges below 2^21.
inline int64_t shift(uint32_t word, int64_t range) {
  return static_cast<int64_t>(std::floor(word / 4294967296.0 * static_cast<double>(range)));
}

inline Mask iid_mask(const MaskParams& p, uint64_t index) {
  const int64_t cells = p.grid_rows * p.grid_cols;
  Mask m;
  for (int64_t k = 0; k < cells; ++k) {
    m.cells.push_back(mask_word(p.seed, index, k) < p.threshold ? 1.0 : 0.0);
  }
  m.shift_row = shift(mask_word(p.seed, index, cells), p.shift_rows);
  m.shift_col = shift(mask_word(p.seed, index, cells + 1), p.shift_cols);
  return m;
}

// Sylvester's Hadamard matrix by its doubling: [[A, A], [A, -A]].
inline int hadamard(int64_t row, int64_t column, int64_t size) {
  if (size == 1) return 1;
  const int64_t half = size / 2;
  const int sign = row >= half && column >= half ? -1 : 1;
  return sign * hadamard(row % half, column % half, half);
}

// Sorting the 127 words of the block puts the columns 1..127 into an order.
inline Mask oa_mask(const MaskParams& p, uint64_t index) {
  const auto word = [&](int64_t k) { return mask_word(p.seed, index / 128, k, 1); };
  std::vector<int64_t> cell_at(127);  // by rank
  for (size_t k = 0; k < 127; ++k) cell_at[k] = static_cast<int64_t>(k);
  std::stable_sort(cell_at.begin(), cell_at.end(),
                   [&](int64_t a, int64_t b) { return word(a) < word(b); });
  Mask m;
  for (int64_t k = 0; k < p.grid_rows * p.grid_cols; ++k) {
    const int64_t rank = std::find(cell_at.begin(), cell_at.end(), k) - cell_at.begin();
    const int entry = hadamard(static_cast<int64_t>(index % 128), 1 + rank, 128);
    const int sign = word(k) % 2 == 1 ? -1 : 1;
    m.cells.push_back(entry * sign == -1 ? 1.0 : 0.0);
  }
  m.shift_row = shift(word(127), p.shift_rows);
  m.shift_col = shift(word(128), p.shift_cols);
  return m;
}

inline Mask mask(const MaskParams& p, int64_t row) {
  const uint64_t index = static_cast<uint64_t>(p.first) + static_cast<uint64_t>(row);
  return p.design == kDesignOa128 ? oa_mask(p, index) : iid_mask(p, index);
}

// Position and weights of sample y of an axis of `cells` values enlarged to `up`: half-pixel
// centres, clamped at the edges.
struct Tap {
  int64_t low;
  int64_t high;
  double weight;
};
inline Tap tap(int64_t y, int64_t cells, int64_t up) {
  const double last = static_cast<double>(cells - 1);
  const double source =
      (static_cast<double>(y) + 0.5) * static_cast<double>(cells) / static_cast<double>(up) - 0.5;
  const double clamped = std::min(std::max(source, 0.0), last);
  const int64_t low = static_cast<int64_t>(std::floor(clamped));
  return {low, std::min(low + 1, cells - 1), clamped - static_cast<double>(low)};
}

// Pixel (y, x) of a grid [h, w] enlarged to (up_rows, up_cols).
inline double enlarged(const double* grid, int64_t h, int64_t w, int64_t up_rows, int64_t up_cols,
                       int64_t y, int64_t x) {
  const Tap v = tap(y, h, up_rows);
  const Tap u = tap(x, w, up_cols);
  const double top = grid[v.low * w + u.low] * (1 - u.weight) + grid[v.low * w + u.high] * u.weight;
  const double bottom =
      grid[v.high * w + u.low] * (1 - u.weight) + grid[v.high * w + u.high] * u.weight;
  return top * (1 - v.weight) + bottom * v.weight;
}

// Pixel (y, x) of a mask of an image of rows x cols.
inline double mask_pixel(const MaskParams& p, const Mask& m, int64_t rows, int64_t cols, int64_t y,
                         int64_t x) {
  return enlarged(m.cells.data(), p.grid_rows, p.grid_cols, rows + p.shift_rows - 1,
                  cols + p.shift_cols - 1, y + m.shift_row, x + m.shift_col);
}

// Bits of x as a floating-point number of 16 bits: `mantissa` bits after the point, exponents from
// `least` to 1 - least, rounded to the nearest, ties to even (std::nearbyint's default).
inline uint16_t small_float_bits(float x, int mantissa, int least) {
  const uint32_t sign = std::signbit(x) ? 0x8000u : 0u;
  const uint32_t infinity = static_cast<uint32_t>(2 - 2 * least + 1) << mantissa;
  const double size = std::fabs(static_cast<double>(x));
  if (std::isinf(x)) return static_cast<uint16_t>(sign | infinity);
  const int exponent = size > 0 ? std::max(std::ilogb(size), least) : least;
  const double steps = std::nearbyint(std::ldexp(size, mantissa - exponent));
  // Steps count on from the exponent's first number, so that a carry lands in the exponent.
  const uint32_t base = static_cast<uint32_t>(exponent - least) << mantissa;
  const uint32_t bits = base + static_cast<uint32_t>(steps);
  return static_cast<uint16_t>(sign | std::min(bits, infinity));
}
inline uint16_t half_bits(float x) { return small_float_bits(x, 10, -14); }
inline uint16_t bfloat16_bits(float x) { return small_float_bits(x, 7, -126); }

// The value of such bits.
inline double small_float(uint16_t bits, int mantissa, int least) {
  const int exponent = (bits & 0x7fff) >> mantissa;
  const int fraction = bits & ((1 << mantissa) - 1);
  const double sign = bits & 0x8000 ? -1.0 : 1.0;
  if (exponent == 2 - 2 * least + 1) {
    return fraction ? std::numeric_limits<double>::quiet_NaN()
                    : sign * std::numeric_limits<double>::infinity();
  }
  const int whole = exponent > 0 ? 1 << mantissa : 0;
  return sign * std::ldexp(whole + fraction, std::max(exponent, 1) - 1 + least - mantissa);
}
inline double half(uint16_t bits) { return small_float(bits, 10, -14); }
inline double bfloat16(uint16_t bits) { return small_float(bits, 7, -126); }

}  // namespace expected
}  // namespace fastxai
