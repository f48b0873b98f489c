// The launch functions: numbers that are out of range give a status and write nothing; what is in
// range reaches the kernel, also with a team of threads.
#include <doctest.h>

#include <array>
#include <cstdint>
#include <vector>

#include "compare.h"
#include "csrc/common/params.h"
#include "csrc/dispatch/launch.h"
#include "every_isa.h"
#include "expected.h"
#include "guarded.h"

using namespace fastxai;

namespace {

constexpr int64_t kHuge = int64_t{1} << 40;
constexpr int64_t kHalfKept = int64_t{1} << 31;

using MaskNumbers = std::array<int64_t, 25>;
using OcclusionNumbers = std::array<int64_t, 6>;
// seed, first, count, h, w, threshold, Sr, Sc, design, and 16 numbers of columns
const MaskNumbers kMask = {5, 0, 2, 3, 4, kHalfKept, 2, 3, kDesignIid};
const MaskNumbers kOaMask = {5, 0, 2, 3, 4, kHalfKept, 2, 3, kDesignOa128};
const MaskNumbers kPlacedMask = {
    5, 0, 2, 3, 4, kHalfKept, 2, 3, kDesignPlaced, 0x0807060504030201, 0x7f0b0a09};
// first, count, window rows and columns, strides
const OcclusionNumbers kOcclusion = {0, 2, 2, 3, 1, 2};

template <class Numbers>
Numbers with(Numbers numbers, size_t index, int64_t value) {
  numbers[index] = value;
  return numbers;
}

// For a batch of 2.
std::vector<MaskNumbers> bad_mask_numbers() {
  return {with(kMask, 1, -1),
          with(kMask, 2, -1),
          with(kMask, 2, 3),
          with(kMask, 3, 0),
          with(kMask, 3, kHuge),
          with(kMask, 4, -4),
          with(kMask, 4, kHuge),
          with(kMask, 5, -1),
          with(kMask, 5, (int64_t{1} << 32) + 1),
          with(kMask, 6, 0),
          with(kMask, 6, kHuge),
          with(kMask, 7, INT64_MIN),
          with(kMask, 8, -1),
          with(kOaMask, 8, 4),
          with(kPlacedMask, 5, kHalfKept - 1),
          with(kPlacedMask, 9, 0x0807060504030200),   // no column 0
          with(kPlacedMask, 10, 0x7f0b0a01),          // twice the same
          with(kPlacedMask, 10, int64_t{128} << 24),  // and no column 128
          with(kOaMask, 5, kHalfKept - 1),
          with(kOaMask, 5, kHalfKept + 1),
          with(kOaMask, 3, 32),  // 32 x 4 cells, one more than there are columns
          with(with(kMask, 3, int64_t{1} << 20), 4, int64_t{1} << 20)};
}

// For images of 5 x 7.
std::vector<OcclusionNumbers> bad_occlusion_numbers() {
  return {with(kOcclusion, 1, -1), with(kOcclusion, 2, 0),         with(kOcclusion, 2, 6),
          with(kOcclusion, 3, 8),  with(kOcclusion, 3, INT64_MIN), with(kOcclusion, 4, 0),
          with(kOcclusion, 5, -1), with(kOcclusion, 5, kHuge)};
}

const ImageShape kImage{1, 5, 7};

// 2^31 elements or more with a batch of 2, no pixels, or an axis beyond kMaxAxis.
const ImageShape kBadImages[] = {
    {1, 0, 7},     {1, 5, -1},           {-1, 5, 7},       {1, 1 << 15, 1 << 15},
    {kHuge, 5, 7}, {1, kMaxAxis + 1, 1}, {1, kHuge, kHuge}};

}  // namespace

TEST_CASE("read_mask_params takes the numbers in their order, at the ends of their ranges") {
  MaskParams p;
  const MaskNumbers low = {-1, 0, 0, 1, 1, 0, 1, 1, 0};
  REQUIRE(read_mask_params(low.data(), 0, &p) == Status::kOk);
  CHECK(p.seed == ~uint64_t{0});
  const MaskNumbers high = {7, 8, 9, kMaxAxis, 512, int64_t{1} << 32, kMaxAxis, kMaxAxis, 0};
  REQUIRE(read_mask_params(high.data(), 9, &p) == Status::kOk);
  CHECK(p.seed == 7);
  CHECK(p.first == 8);
  CHECK(p.count == 9);
  CHECK(p.grid_rows == kMaxAxis);
  CHECK(p.grid_cols == 512);
  CHECK(p.threshold == uint64_t{1} << 32);
  CHECK(p.shift_rows == kMaxAxis);
  CHECK(p.shift_cols == kMaxAxis);
  CHECK(p.design == kDesignIid);
  const MaskNumbers oa = {7, 8, 9, 1, 127, kHalfKept, kMaxAxis, kMaxAxis, 1};
  REQUIRE(read_mask_params(oa.data(), 9, &p) == Status::kOk);
  CHECK(p.design == kDesignOa128);
  for (const int64_t design : {kDesignPlaced, kDesignLattice}) {
    REQUIRE(read_mask_params(with(kPlacedMask, 8, design).data(), 9, &p) == Status::kOk);
    CHECK(p.design == design);
    CHECK(column_of(p.columns, 0) == 1);
    CHECK(column_of(p.columns, 11) == 127);
  }
}

TEST_CASE("read_occlusion_params takes the numbers in their order and counts the positions") {
  OcclusionParams p;
  const int64_t numbers[] = {-3, 4, 2, 3, 1, 2};
  REQUIRE(read_occlusion_params(numbers, 6, 5, 8, &p) == Status::kOk);
  CHECK(p.first == -3);
  CHECK(p.count == 4);
  CHECK(p.window_rows == 2);
  CHECK(p.window_cols == 3);
  CHECK(p.stride_rows == 1);
  CHECK(p.stride_cols == 2);
  CHECK(p.grid_rows == 4);
  CHECK(p.grid_cols == 3);
  CHECK(p.channels == 6);
  CHECK(p.rows == 5);
  CHECK(p.cols == 8);
}

TEST_CASE("bad mask numbers give a status, and nothing is written") {
  for_every_isa([](const CpuTable&) {
    const std::vector<float> image(35), scores(2);
    const float base = 0.0f;
    const int64_t shape[] = {2, 2, 3, 3, 4};
    for (const MaskNumbers& v : bad_mask_numbers()) {
      Guarded<uint8_t> cells(24);
      Guarded<int32_t> shifts(4);
      Guarded<float> product(70);
      Guarded<double> sums(144), moments(4);
      int64_t bad_row = 77;
      CHECK(launch_mask_grid(v.data(), 2, cells.data(), shifts.data()) == Status::kParams);
      CHECK(launch_masked_product(v.data(), kImage, image.data(), &base, 2, OutType::kFloat32,
                                  product.data()) == Status::kParams);
      CHECK(launch_saliency_accumulate(v.data(), 2, 1, shape, {scores.data(), 1, nullptr},
                                       sums.data(), moments.data(), &bad_row) == Status::kParams);
      CHECK(bad_row == 77);
      CHECK(cells.untouched());
      CHECK(shifts.untouched());
      CHECK(product.untouched());
      CHECK(sums.untouched());
      CHECK(moments.untouched());
    }
  });
}

TEST_CASE("bad window numbers give a status, and nothing is written") {
  for_every_isa([](const CpuTable&) {
    const std::vector<float> image(35);
    const std::vector<double> drops(12);
    const float base = 0.0f;
    for (const OcclusionNumbers& v : bad_occlusion_numbers()) {
      Guarded<float> out(70);
      Guarded<double> map(35);
      CHECK(launch_occlusion_fill(v.data(), kImage, 2, image.data(), &base, out.data()) ==
            Status::kParams);
      CHECK(launch_occlusion_patch(v.data(), 0, kImage, 2, image.data(), &base, out.data()) ==
            Status::kParams);
      CHECK(launch_occlusion_sum(v.data(), kImage, 1, 12, drops.data(), map.data()) ==
            Status::kParams);
      CHECK(out.untouched());
      CHECK(map.untouched());
    }
  });
}

TEST_CASE("image shapes without pixels or of 2^31 elements give a status before any access") {
  for_every_isa([](const CpuTable&) {
    const OcclusionNumbers window = {0, 2, 1, 1, 1, 1};
    for (const ImageShape& s : kBadImages) {
      CAPTURE(s.rows);
      CAPTURE(s.cols);
      CHECK(launch_masked_product(kMask.data(), s, nullptr, nullptr, 2, OutType::kFloat16,
                                  nullptr) == Status::kShape);
      CHECK(launch_occlusion_fill(window.data(), s, 2, nullptr, nullptr, nullptr) != Status::kOk);
      CHECK(launch_occlusion_patch(window.data(), 0, s, 2, nullptr, nullptr, nullptr) !=
            Status::kOk);
      if (s.channels != 1) continue;
      CHECK(launch_mask_upsample({2, 3, 3, s.rows, s.cols, s.rows, s.cols}, nullptr, nullptr,
                                 nullptr) != Status::kOk);
      CHECK(launch_saliency_expand({2, 1, 1, 3, 3, s.rows, s.cols}, nullptr, nullptr) ==
            Status::kShape);
      CHECK(launch_occlusion_sum(window.data(), s, 2, s.rows * 7, nullptr, nullptr) != Status::kOk);
    }
  });
}

TEST_CASE("mask_upsample refuses an enlarged mask smaller than the crop, and empty grids") {
  for_every_isa([](const CpuTable&) {
    const MaskUpsampleParams bad[] = {{1, 3, 3, 8, 8, 7, 8},  {1, 3, 3, 8, 8, 8, 7},
                                      {1, 0, 3, 8, 8, 8, 8},  {1, 3, 0, 8, 8, 8, 8},
                                      {-1, 3, 3, 8, 8, 8, 8}, {1, 3, 3, 8, 8, kMaxAxis + 1, 8}};
    for (const MaskUpsampleParams& p : bad) {
      CHECK(launch_mask_upsample(p, nullptr, nullptr, nullptr) != Status::kOk);
    }
  });
}

TEST_CASE("sums and drops of another shape than the numbers say are refused") {
  for_every_isa([](const CpuTable&) {
    const std::vector<float> scores(2);
    const std::vector<double> drops(100);
    for (size_t axis = 0; axis < 5; ++axis) {
      int64_t shape[] = {2, 2, 3, 3, 4};
      ++shape[axis];
      Guarded<double> sums(300), moments(8);
      int64_t bad_row = 77;
      CHECK(launch_saliency_accumulate(kMask.data(), 2, 1, shape, {scores.data(), 1, nullptr},
                                       sums.data(), moments.data(),
                                       &bad_row) == (axis == 0 ? Status::kShape : Status::kParams));
      CHECK(sums.untouched());
      CHECK(moments.untouched());
    }
    for (const int64_t windows : {int64_t{0}, int64_t{11}, int64_t{13}}) {
      Guarded<double> map(35);
      CHECK(launch_occlusion_sum(kOcclusion.data(), kImage, 1, windows, drops.data(), map.data()) ==
            Status::kParams);
      CHECK(map.untouched());
    }
  });
}

TEST_CASE("an empty batch is done, with nothing written") {
  for_every_isa([](const CpuTable&) {
    const MaskNumbers none = with(kMask, 2, 0);
    const float base = 0.0f;
    const std::vector<float> image(35);
    Guarded<float> out(4);
    Guarded<uint8_t> cells(4);
    Guarded<int32_t> shifts(4);
    CHECK(launch_mask_grid(none.data(), 0, cells.data(), shifts.data()) == Status::kOk);
    CHECK(launch_mask_upsample({0, 3, 4, 5, 7, 6, 9}, cells.data(), shifts.data(), out.data()) ==
          Status::kOk);
    CHECK(launch_masked_product(none.data(), kImage, image.data(), &base, 0, OutType::kBFloat16,
                                out.data()) == Status::kOk);
    CHECK(launch_occlusion_fill(kOcclusion.data(), kImage, 0, image.data(), &base, out.data()) ==
          Status::kOk);
    CHECK(out.untouched());
    CHECK(cells.untouched());
    CHECK(shifts.untouched());
  });
}

TEST_CASE("batches of images without channels are bounded as those with one are") {
  const int64_t side = int64_t{1} << 10;
  CHECK(good_shape({0, side, side}, (int64_t{1} << 11) - 1));
  for (const int64_t channels : {0, 1}) {
    CHECK_FALSE(good_shape({channels, side, side}, int64_t{1} << 11));
    CHECK_FALSE(good_shape({channels, side, side}, int64_t{1} << 40));
  }
}

TEST_CASE("a team of threads writes what one thread writes") {
  // More than 2^20 values, so that the launch functions do use a team.
  const ImageShape s{1, 701, 761};
  const std::vector<float> image(static_cast<size_t>(s.rows * s.cols), 2.0f);
  const MaskNumbers v = {9, 4, 4, 10, 10, kHalfKept, 11, 11, kDesignIid};
  MaskParams p;
  REQUIRE(read_mask_params(v.data(), 4, &p) == Status::kOk);
  const float base = 0.0f;
  for_every_isa([&](const CpuTable&) {
    Guarded<float> one(4 * s.rows * s.cols), team(4 * s.rows * s.cols);
    for (const int threads : {1, 3}) {
      const UseThreads use(threads);
      CHECK(launch_masked_product(v.data(), s, image.data(), &base, 4, OutType::kFloat32,
                                  (threads == 1 ? one : team).data()) == Status::kOk);
    }
    CHECK(one.guards_intact());
    CHECK(team.guards_intact());
    CHECK(one.same_bytes(team));
    int64_t wrong = 0;
    for (int64_t m = 0; m < 4; ++m) {
      const expected::Mask mask = expected::mask(p, m);
      for (int64_t k = m; k < s.rows * s.cols; k += 89) {
        const double want =
            2.0 * expected::mask_pixel(p, mask, s.rows, s.cols, k / s.cols, k % s.cols);
        wrong += !close(static_cast<double>(team[m * s.rows * s.cols + k]), want, 2 * kProductRtol);
      }
    }
    CHECK(wrong == 0);
  });
}
