// Columns of the 128 x 128 Hadamard matrix for the cells of a grid, such that near cells interact
// into columns that no cell has. See fastxai/ops/placement.py for what that is good for.
#pragma once

#include <cstdint>

namespace fastxai {

// Sum over pairs of cells at most sqrt(8) apart whose columns' xor is a column of some cell, of the
// pair's weight: 100, 60, 25, 15, 8 for squared distances 1, 2, 4, 5, 8.
int64_t placement_cost(int64_t rows, int64_t cols, const uint8_t* columns /* [rows cols] */);

// Distinct columns 1..127 of little cost: threshold accepting (Dueck and Scheuer, J. Comput. Phys.
// 90, 1990) from one start with one generator, in integers, so that every machine finds the same.
// rows cols is 1..127.
void place_columns(int64_t rows, int64_t cols, int64_t moves, uint8_t* columns /* [rows cols] */);

}  // namespace fastxai
