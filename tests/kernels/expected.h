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
inline std::vector<int64_t> sorted_columns(const MaskParams& p, uint64_t block) {
  const auto word = [&](int64_t k) { return mask_word(p.seed, block, k, 1); };
  std::vector<int64_t> cell_at(127);  // by rank
  for (size_t k = 0; k < 127; ++k) cell_at[k] = static_cast<int64_t>(k);
  std::stable_sort(cell_at.begin(), cell_at.end(),
                   [&](int64_t a, int64_t b) { return word(a) < word(b); });
  std::vector<int64_t> columns(127);
  for (size_t rank = 0; rank < 127; ++rank) {
    columns[static_cast<size_t>(cell_at[rank])] = static_cast<int64_t>(rank) + 1;
  }
  return columns;
}

// Powers of x in the field of 128 elements of modulus x^7 + x + 1; each element but 0 is one.
inline int64_t field_product(int64_t a, int64_t b) {
  std::vector<int64_t> power = {1};
  while (power.size() < 127) {
    const int64_t next = 2 * power.back();
    power.push_back(next < 128 ? next : (next - 128) ^ 3);
  }
  const auto log = [&](int64_t v) {
    return static_cast<size_t>(std::find(power.begin(), power.end(), v) - power.begin());
  };
  return power[(log(a) + log(b)) % 127];
}

// The grid of columns flipped, each of them times one factor.
inline std::vector<int64_t> placed_columns(const MaskParams& p, uint64_t block) {
  const uint32_t flips = mask_word(p.seed, block, 130, 1);
  const int64_t factor = 1 + shift(mask_word(p.seed, block, 129, 1), 127);
  std::vector<int64_t> columns;
  for (int64_t y = 0; y < p.grid_rows; ++y) {
    for (int64_t x = 0; x < p.grid_cols; ++x) {
      const bool transposed = p.grid_rows == p.grid_cols && (flips / 4) % 2 == 1;
      const int64_t row = transposed ? x : y;
      const int64_t col = transposed ? y : x;
      const int64_t from_row = flips % 2 == 1 ? p.grid_rows - 1 - row : row;
      const int64_t from_col = (flips / 2) % 2 == 1 ? p.grid_cols - 1 - col : col;
      const int64_t k = from_row * p.grid_cols + from_col;
      const uint64_t packed = p.columns[k / 8];
      columns.push_back(field_product(factor, static_cast<int64_t>(packed >> 8 * (k % 8) & 255)));
    }
  }
  return columns;
}

inline Mask block_mask(const MaskParams& p, uint64_t index) {
  const auto word = [&](int64_t k) { return mask_word(p.seed, index / 128, k, 1); };
  const bool sorted = p.design == kDesignOa128;
  const auto columns = sorted ? sorted_columns(p, index / 128) : placed_columns(p, index / 128);
  Mask m;
  for (int64_t k = 0; k < p.grid_rows * p.grid_cols; ++k) {
    const int64_t column = columns[static_cast<size_t>(k)];
    const int entry = hadamard(static_cast<int64_t>(index % 128), column, 128);
    const int sign = word(k) % 2 == 1 ? -1 : 1;
    m.cells.push_back(entry * sign == -1 ? 1.0 : 0.0);
  }
  uint64_t words[2] = {word(127), word(128)};
  if (p.design == kDesignLattice) {
    const uint64_t steps[2] = {3242174889u, 2447445414u};  // 2^32 / 1.3247.., and once more
    for (int axis = 0; axis < 2; ++axis) {
      words[axis] = mask_word(p.seed, 0, axis, 2) + index / 128 % (uint64_t{1} << 32) * steps[axis];
    }
  }
  m.shift_row = shift(static_cast<uint32_t>(words[0]), p.shift_rows);
  m.shift_col = shift(static_cast<uint32_t>(words[1]), p.shift_cols);
  return m;
}

inline Mask mask(const MaskParams& p, int64_t row) {
  const uint64_t index = static_cast<uint64_t>(p.first) + static_cast<uint64_t>(row);
  return p.design == kDesignIid ? iid_mask(p, index) : block_mask(p, index);
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
