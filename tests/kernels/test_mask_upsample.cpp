#include <doctest.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "compare.h"
#include "every_isa.h"
#include "expected.h"
#include "guarded.h"

using namespace fastxai;

namespace {

struct Input {
  std::vector<uint8_t> cells;   // [M, h, w]
  std::vector<int32_t> shifts;  // [M, 2]
};

// Any cells and any valid shifts, the largest ones among them.
Input make_input(const MaskUpsampleParams& p) {
  Input in;
  for (int64_t k = 0; k < p.count * p.grid_rows * p.grid_cols; ++k) {
    in.cells.push_back(expected::mask_word(5, 0, k) & 1);
  }
  for (int64_t m = 0; m < p.count; ++m) {
    const int64_t limits[2] = {p.up_rows - p.rows, p.up_cols - p.cols};
    for (int64_t axis = 0; axis < 2; ++axis) {
      const int64_t any = expected::mask_word(6, 0, 2 * m + axis) % (limits[axis] + 1);
      in.shifts.push_back(static_cast<int32_t>(m == 0 ? limits[axis] : any));
    }
  }
  return in;
}

void run(const CpuTable& table, const MaskUpsampleParams& p, const Input& in, float* masks,
         int threads) {
  Guarded<float> scratch(table.mask_upsample_scratch(p, threads));
  table.mask_upsample(p, in.cells.data(), in.shifts.data(), masks, scratch.data(), threads);
  CHECK(scratch.guards_intact());
}

void check_masks(const MaskUpsampleParams& p, const Input& in, const Guarded<float>& masks) {
  const std::vector<double> cells(in.cells.begin(), in.cells.end());
  const int64_t num_cells = p.grid_rows * p.grid_cols;
  int64_t wrong = 0;
  for (int64_t m = 0; m < p.count; ++m) {
    const int64_t dy = in.shifts[static_cast<size_t>(2 * m)];
    const int64_t dx = in.shifts[static_cast<size_t>(2 * m + 1)];
    for (int64_t y = 0; y < p.rows; ++y) {
      for (int64_t x = 0; x < p.cols; ++x) {
        const double want = expected::enlarged(cells.data() + m * num_cells, p.grid_rows,
                                               p.grid_cols, p.up_rows, p.up_cols, y + dy, x + dx);
        wrong += !close(static_cast<double>(masks[(m * p.rows + y) * p.cols + x]), want, kMaskAtol);
      }
    }
  }
  CHECK(wrong == 0);
  CHECK(masks.guards_intact());
}

const MaskUpsampleParams kShapes[] = {
    // M, h, w, H, W, up rows, up columns
    {3, 10, 10, 97, 61, 107, 71},  // prime sides
    {2, 7, 3, 17, 64, 17, 64},     // no crop
    {4, 3, 17, 31, 1, 31, 5},      // one column
    {4, 5, 4, 1, 33, 4, 35},       // one row
    {2, 1, 1, 5, 7, 6, 8},         // one cell
    {2, 7, 7, 1, 1, 1, 1},         // one pixel
    {2, 40, 30, 13, 11, 15, 14},   // more cells than pixels
    {1, 10, 10, 224, 225, 234, 235},
};

}  // namespace

TEST_CASE("known answer of two cells") {
  // Centres of the cells lie at 1/4 and 3/4 of the axis: 1, 3/4, 1/4, 0 at the eighths.
  for_every_isa([](const CpuTable& table) {
    const MaskUpsampleParams p{1, 1, 2, 1, 4, 1, 4};
    Guarded<float> masks(4);
    run(table, p, {{1, 0}, {0, 0}}, masks.data(), 1);
    const float want[] = {1.0f, 0.75f, 0.25f, 0.0f};
    for (int64_t k = 0; k < 4; ++k) CHECK(masks[k] == want[k]);
  });
}

TEST_CASE("masks are within three eps of the plain formula, for any shape") {
  for_every_isa([](const CpuTable& table) {
    for (const MaskUpsampleParams& p : kShapes) {
      CAPTURE(p.rows);
      CAPTURE(p.cols);
      const Input in = make_input(p);
      Guarded<float> masks(p.count * p.rows * p.cols);
      run(table, p, in, masks.data(), 2);
      check_masks(p, in, masks);
    }
  });
}

TEST_CASE("cells that are all 1 give 1 exactly, all 0 give 0") {
  for_every_isa([](const CpuTable& table) {
    for (const uint8_t cell : {uint8_t{0}, uint8_t{1}}) {
      const MaskUpsampleParams p{1, 3, 7, 53, 47, 59, 51};
      Guarded<float> masks(p.rows * p.cols);
      run(table, p, {std::vector<uint8_t>(21, cell), {2, 3}}, masks.data(), 1);
      int64_t wrong = 0;
      for (int64_t k = 0; k < masks.size(); ++k) wrong += masks[k] != static_cast<float>(cell);
      CHECK(wrong == 0);
    }
  });
}

TEST_CASE("a shift outside the enlarged mask is clamped") {
  for_every_isa([](const CpuTable& table) {
    const MaskUpsampleParams p{2, 3, 4, 9, 10, 12, 15};
    Input in = make_input(p);
    in.shifts = {-7, 1 << 30, 1 << 30, -1};
    Guarded<float> masks(p.count * p.rows * p.cols);
    run(table, p, in, masks.data(), 1);
    in.shifts = {0, 5, 3, 0};
    check_masks(p, in, masks);
  });
}

TEST_CASE("no masks: nothing is written") {
  for_every_isa([](const CpuTable& table) {
    Guarded<float> masks(16);
    run(table, {0, 3, 3, 4, 4, 4, 4}, {}, masks.data(), 3);
    CHECK(masks.untouched());
  });
}

TEST_CASE("any alignment, and more threads than masks") {
  for_every_isa([](const CpuTable& table) {
    const MaskUpsampleParams p{3, 4, 5, 19, 23, 22, 29};
    const Input in = make_input(p);
    for (const size_t skew : {size_t{1}, size_t{4}, size_t{12}, size_t{60}}) {
      for (const int threads : {1, 2, 16}) {
        Guarded<float> masks(p.count * p.rows * p.cols, skew);
        run(table, p, in, masks.data(), threads);
        check_masks(p, in, masks);
      }
    }
  });
}

TEST_CASE("every instruction set gives the same bits") {
  const MaskUpsampleParams p{3, 10, 10, 97, 61, 107, 71};
  const Input in = make_input(p);
  std::unique_ptr<Guarded<float>> first;
  for_every_isa([&](const CpuTable& table) {
    auto masks = std::make_unique<Guarded<float>>(p.count * p.rows * p.cols);
    run(table, p, in, masks->data(), 1);
    if (first) CHECK(masks->same_bytes(*first));
    if (!first) first = std::move(masks);
  });
}
