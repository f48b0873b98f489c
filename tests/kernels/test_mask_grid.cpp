#include <doctest.h>

#include <cstdint>
#include <vector>

#include "every_isa.h"
#include "expected.h"
#include "guarded.h"

using namespace fastxai;

namespace {

constexpr uint64_t kHalfKept = uint64_t{1} << 31;

struct Output {
  Guarded<uint8_t> cells;
  Guarded<int32_t> shifts;

  explicit Output(const MaskParams& p, size_t skew = 0)
      : cells(p.count * p.grid_rows * p.grid_cols, skew), shifts(p.count * 2, skew) {}
};

// Compares with the plain formula; `out` was filled for p.
void check_masks(const MaskParams& p, const Output& out) {
  const int64_t num_cells = p.grid_rows * p.grid_cols;
  int64_t wrong = 0;
  for (int64_t row = 0; row < p.count; ++row) {
    const expected::Mask mask = expected::mask(p, row);
    for (int64_t k = 0; k < num_cells; ++k) {
      wrong +=
          static_cast<double>(out.cells[row * num_cells + k]) != mask.cells[static_cast<size_t>(k)];
    }
    wrong += out.shifts[2 * row] != mask.shift_row;
    wrong += out.shifts[2 * row + 1] != mask.shift_col;
  }
  CHECK(wrong == 0);
  CHECK(out.cells.guards_intact());
  CHECK(out.shifts.guards_intact());
}

}  // namespace

TEST_CASE("Random123's first known answer, read as a mask of two cells") {
  // Counter and key 0: words 6627e8d5 e169c58d bc57ac4c 9b00dbd8 (tests/data/philox_kat.txt).
  for_every_isa([](const CpuTable& table) {
    const MaskParams p{0, 0, 1, 1, 2, 0x80000000u, 65536, 16};
    Output out(p);
    table.mask_grid(p, out.cells.data(), out.shifts.data(), 1);
    CHECK(out.cells[0] == 1);
    CHECK(out.cells[1] == 0);
    CHECK(out.shifts[0] == 0xbc57);  // times 2^16 / 2^32: the upper half of the third word
    CHECK(out.shifts[1] == 0x9);     // times 2^4 / 2^32: the upper digit of the fourth
  });
}

TEST_CASE("a cell is kept iff its word is below the threshold, exactly") {
  for_every_isa([](const CpuTable& table) {
    for (const uint64_t threshold : {uint64_t{0x6627e8d5}, uint64_t{0x6627e8d6}}) {
      const MaskParams p{0, 0, 1, 1, 1, threshold, 1, 1};
      Output out(p);
      table.mask_grid(p, out.cells.data(), out.shifts.data(), 1);
      CHECK(out.cells[0] == (threshold == 0x6627e8d6 ? 1 : 0));
    }
  });
}

TEST_CASE("cells and shifts are the stated function of seed and index, for any grid") {
  const int64_t grids[][2] = {{1, 1},  {1, 2},  {3, 5}, {10, 10}, {7, 13}, {1, 62},
                              {62, 1}, {1, 63}, {8, 8}, {13, 17}, {2, 61}, {1, 257}};
  for_every_isa([&](const CpuTable& table) {
    for (const auto& grid : grids) {
      CAPTURE(grid[0]);
      CAPTURE(grid[1]);
      const MaskParams p{0x9876543210fedcba, 1000, 5, grid[0], grid[1], 1288490189, 11, 5};
      Output out(p);
      table.mask_grid(p, out.cells.data(), out.shifts.data(), 2);
      check_masks(p, out);
    }
  });
}

TEST_CASE("seeds and indices use all their bits") {
  for_every_isa([](const CpuTable& table) {
    for (const uint64_t seed : {uint64_t{0}, uint64_t{1} << 32, ~uint64_t{0}}) {
      // The last one counts over the border of the lower word.
      for (const int64_t first : {int64_t{0}, int64_t{1} << 40, (int64_t{1} << 32) - 2}) {
        const MaskParams p{seed, first, 4, 5, 7, kHalfKept, 11, 11};
        Output out(p);
        table.mask_grid(p, out.cells.data(), out.shifts.data(), 1);
        check_masks(p, out);
      }
    }
  });
}

TEST_CASE("keep probabilities 0 and 1 are exact, and a range of 1 never shifts") {
  for_every_isa([](const CpuTable& table) {
    for (const int keep : {0, 1}) {
      const MaskParams p{3, 0, 9, 10, 10, keep ? uint64_t{1} << 32 : 0, 1, 1};
      Output out(p);
      table.mask_grid(p, out.cells.data(), out.shifts.data(), 1);
      int64_t wrong = 0;
      for (int64_t k = 0; k < out.cells.size(); ++k) wrong += out.cells[k] != keep;
      for (int64_t k = 0; k < out.shifts.size(); ++k) wrong += out.shifts[k] != 0;
      CHECK(wrong == 0);
    }
  });
}

TEST_CASE("no masks: nothing is written") {
  for_every_isa([](const CpuTable& table) {
    Guarded<uint8_t> cells(64);
    Guarded<int32_t> shifts(8);
    table.mask_grid({1, 0, 0, 3, 3, kHalfKept, 2, 2}, cells.data(), shifts.data(), 4);
    CHECK(cells.untouched());
    CHECK(shifts.untouched());
  });
}

TEST_CASE("any alignment, and more threads than masks") {
  for_every_isa([](const CpuTable& table) {
    for (const size_t skew : {size_t{1}, size_t{3}, size_t{4}}) {
      for (const int threads : {1, 3, 16}) {
        const MaskParams p{77, 12, 3, 4, 9, kHalfKept, 6, 3};
        Output out(p, skew);
        table.mask_grid(p, out.cells.data(), out.shifts.data(), threads);
        check_masks(p, out);
      }
    }
  });
}

// ---- designs in blocks
// ---------------------------------------------------------------------------

const int64_t kBlockDesigns[] = {kDesignOa128, kDesignPlaced, kDesignLattice};

// Gives cell k the column 1 + 5 k mod 127, which no two share.
MaskParams with_columns(MaskParams p) {
  for (int64_t k = 0; k < p.grid_rows * p.grid_cols; ++k) {
    p.columns[k / 8] |= static_cast<uint64_t>(1 + 5 * k % 127) << (8 * (k % 8));
  }
  return p;
}

TEST_CASE("blocks: cells and shifts are the stated function of seed and block, for any grid") {
  const int64_t grids[][2] = {{1, 1}, {1, 2}, {3, 5}, {10, 10}, {9, 14}, {127, 1}, {1, 127}};
  for_every_isa([&](const CpuTable& table) {
    for (const int64_t design : kBlockDesigns) {
      for (const auto& grid : grids) {
        CAPTURE(design);
        CAPTURE(grid[0]);
        CAPTURE(grid[1]);
        // From the middle of a block over a whole one into a third.
        const MaskParams p = with_columns(
            {0x9876543210fedcba, 1000, 180, grid[0], grid[1], kHalfKept, 11, 5, design});
        Output out(p);
        table.mask_grid(p, out.cells.data(), out.shifts.data(), 2);
        check_masks(p, out);
      }
    }
  });
}

TEST_CASE("blocks: sixty-four of them use every flip of the grid and many factors") {
  for_every_isa([](const CpuTable& table) {
    const MaskParams p = with_columns({3, 0, 64 * 128, 4, 4, kHalfKept, 11, 11, kDesignPlaced});
    Output out(p);
    table.mask_grid(p, out.cells.data(), out.shifts.data(), 1);
    check_masks(p, out);
  });
}

TEST_CASE("blocks: seeds and blocks use all their bits") {
  for_every_isa([](const CpuTable& table) {
    for (const int64_t design : kBlockDesigns) {
      for (const uint64_t seed : {uint64_t{0}, uint64_t{1} << 32, ~uint64_t{0}}) {
        // The last one counts over the border of the block number's lower word.
        for (const int64_t first : {int64_t{0}, int64_t{1} << 50, (int64_t{1} << 39) - 2}) {
          const MaskParams p = with_columns({seed, first, 4, 5, 7, kHalfKept, 11, 11, design});
          Output out(p);
          table.mask_grid(p, out.cells.data(), out.shifts.data(), 1);
          check_masks(p, out);
        }
      }
    }
  });
}

TEST_CASE("blocks: in a whole one every cell and every two cells are balanced, one shift") {
  for_every_isa([&](const CpuTable& table) {
    for (const int64_t design : kBlockDesigns) {
      const MaskParams p = with_columns({5, 3 * 128, 128, 10, 10, kHalfKept, 11, 11, design});
      Output out(p);
      table.mask_grid(p, out.cells.data(), out.shifts.data(), 1);
      int64_t wrong = 0;
      for (int64_t a = 0; a < 100; ++a) {
        for (int64_t b = 0; b <= a; ++b) {
          int64_t both = 0;
          for (int64_t m = 0; m < 128; ++m) both += out.cells[m * 100 + a] & out.cells[m * 100 + b];
          wrong += both != (a == b ? 64 : 32);
        }
      }
      for (int64_t m = 1; m < 128; ++m) {
        wrong += out.shifts[2 * m] != out.shifts[0] || out.shifts[2 * m + 1] != out.shifts[1];
      }
      CHECK(wrong == 0);
    }
  });
}

TEST_CASE("oa128: equal words take their columns in the order of the cells") {
  for_every_probe([](const ProbeTable& probes) {
    std::vector<uint32_t> words(127, 6u);
    for (int64_t k = 0; k < 127; ++k) CHECK(probes.oa_code(words.data(), k) == 1 + k);
    words[50] = 5;  // odd, and the least: column 1 and a sign
    words[20] = ~0u;
    CHECK(probes.oa_code(words.data(), 50) == 128 + 1);
    CHECK(probes.oa_code(words.data(), 20) == 128 + 127);
    CHECK(probes.oa_code(words.data(), 0) == 2);
    CHECK(probes.oa_code(words.data(), 21) == 2 + 20);
    CHECK(probes.oa_code(words.data(), 126) == 126);
  });
}

TEST_CASE("blocks: any batch, alignment and number of threads") {
  for_every_isa([](const CpuTable& table) {
    for (const int64_t design : kBlockDesigns) {
      for (const int threads : {1, 3, 16}) {
        for (const int64_t count : {int64_t{1}, int64_t{9}, int64_t{300}}) {
          const MaskParams p = with_columns({77, 120, count, 4, 9, kHalfKept, 6, 3, design});
          Output out(p, threads == 3 ? 1 : 0);
          table.mask_grid(p, out.cells.data(), out.shifts.data(), threads);
          check_masks(p, out);
        }
      }
    }
  });
}
