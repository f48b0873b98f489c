#include <doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "csrc/dispatch/launch.h"
#include "every_isa.h"
#include "expected.h"
#include "guarded.h"

using namespace fastxai;

extern "C" int fastxai_pixel_fill(int, void**, int*, int64_t**, const char**, void*, void*);

namespace {

constexpr int64_t kFar = int64_t{1} << 40;
const int64_t kIntervals[] = {0, 5, 3, 9, 4, 4, 9, 3, -kFar, kFar, 11, kFar, kFar, kFar + 1};
constexpr int64_t kCopies = 7;

// C, H, W; the fourth is longer than a tile.
const PixelFillParams kShapes[] = {
    {kCopies, false, 3, 4, 5},   {kCopies, true, 1, 1, 1},   {kCopies, false, 2, 1, 37},
    {kCopies, true, 2, 53, 97},  {kCopies, false, 3, 23, 1}, {kCopies, true, 1, 16, 16},
    {kCopies, false, 2, 64, 32},
};

int64_t plane_of(const PixelFillParams& p) { return p.rows * p.cols; }

std::vector<float> make_image(const PixelFillParams& p) {
  std::vector<float> image;
  for (int64_t k = 0; k < p.channels * plane_of(p); ++k) {
    image.push_back(static_cast<float>(expected::mask_word(71, 0, k)) * 0x1p-31f);
  }
  return image;
}

std::vector<int32_t> make_ranks(const PixelFillParams& p) {
  std::vector<int32_t> ranks;
  for (int64_t k = 0; k < plane_of(p); ++k) {
    ranks.push_back(static_cast<int32_t>(expected::mask_word(72, 0, k) % 16));
  }
  return ranks;
}

std::vector<float> make_base(const PixelFillParams& p) {
  std::vector<float> base;
  for (int64_t c = 0; c < p.channels; ++c) base.push_back(-1.0f - static_cast<float>(c));
  return base;
}

void check_copies(const CpuTable& table, const PixelFillParams& p, size_t skew, int threads) {
  const std::vector<float> image = make_image(p);
  const std::vector<float> base = make_base(p);
  const std::vector<int32_t> ranks = make_ranks(p);
  Guarded<float> out(p.count * p.channels * plane_of(p), skew);
  table.pixel_fill(p, image.data(), base.data(), ranks.data(), kIntervals, out.data(), threads);
  int64_t wrong = 0;
  for (int64_t k = 0; k < out.size(); ++k) {
    const int64_t at = k % (p.channels * plane_of(p));
    const int64_t m = k / (p.channels * plane_of(p));
    const int64_t rank = ranks[static_cast<size_t>(at % plane_of(p))];
    const bool inside = rank >= kIntervals[2 * m] && rank < kIntervals[2 * m + 1];
    const float want = inside != p.outside ? base[static_cast<size_t>(at / plane_of(p))]
                                           : image[static_cast<size_t>(at)];
    wrong += out[k] != want;
  }
  CHECK(wrong == 0);
  CHECK(out.guards_intact());
}

}  // namespace

TEST_CASE("known answer: ranks 1 and 2 of a 2 x 2 image, inside and outside") {
  const float image[] = {1, 2, 3, 4};
  const float base = -9.0f;
  const int32_t ranks[] = {2, 0, 3, 1};
  const int64_t interval[] = {1, 3};
  const float want[2][4] = {{-9, 2, 3, -9}, {1, -9, -9, 4}};
  for_every_isa([&](const CpuTable& table) {
    for (const bool outside : {false, true}) {
      Guarded<float> out(4);
      table.pixel_fill({1, outside, 1, 2, 2}, image, &base, ranks, interval, out.data(), 1);
      for (int64_t k = 0; k < 4; ++k) CHECK(out[k] == want[outside][k]);
    }
  });
}

TEST_CASE("covers the ranks asked for and no others, for any shape, alignment and threads") {
  for_every_isa([](const CpuTable& table) {
    for (const PixelFillParams& p : kShapes) {
      CAPTURE(p.rows);
      CAPTURE(p.cols);
      for (const size_t skew : {size_t{0}, size_t{4}, size_t{1}}) {
        check_copies(table, p, skew, 1);
        check_copies(table, p, skew, 3);
      }
    }
  });
}

TEST_CASE("no copies, no channels: nothing is written") {
  for_every_isa([](const CpuTable& table) {
    const float value = 0.0f;
    const int32_t rank = 0;
    Guarded<float> out(16);
    table.pixel_fill({0, false, 1, 1, 1}, &value, &value, &rank, kIntervals, out.data(), 4);
    table.pixel_fill({2, false, 0, 1, 1}, &value, &value, &rank, kIntervals, out.data(), 4);
    CHECK(out.untouched());
  });
}

TEST_CASE("launch refuses a flag that is neither 0 nor 1 and shapes that are none") {
  const float value = 0.0f;
  const int32_t rank = 0;
  Guarded<float> out(1);
  for (const int64_t flag : {int64_t{-1}, int64_t{2}, kFar}) {
    CHECK(launch_pixel_fill(&flag, {1, 1, 1}, 1, &value, &value, &rank, kIntervals, out.data()) ==
          Status::kParams);
  }
  const int64_t flag = 0;
  for (const ImageShape& shape :
       {ImageShape{1, 0, 1}, ImageShape{-1, 1, 1}, ImageShape{1, 1, kFar}}) {
    CHECK(launch_pixel_fill(&flag, shape, 1, &value, &value, &rank, kIntervals, out.data()) ==
          Status::kShape);
  }
  CHECK(out.untouched());
  CHECK(launch_pixel_fill(&flag, {1, 1, 1}, 1, &value, &value, &rank, kIntervals, out.data()) ==
        Status::kOk);
}

TEST_CASE("MindSpore's entry point: 0 for a good call, else the status, and nothing written") {
  float image[] = {1, 2, 3, 4, 5, 6};
  float base[] = {-9};
  int32_t ranks[] = {0, 1, 2, 3, 4, 5};
  int64_t intervals[] = {0, 2, 5, 6};
  int64_t outside[] = {0};
  int64_t shapes[6][4] = {{1, 2, 3}, {1}, {2, 3}, {2, 2}, {1}, {2, 1, 2, 3}};
  int64_t* shape_of[6];
  for (int t = 0; t < 6; ++t) shape_of[t] = shapes[t];
  int ranks_of[] = {3, 1, 2, 2, 1, 4};
  const char* dtypes[] = {"float32", "float32", "int32", "int64", "int64", "float32"};
  Guarded<float> out(12);
  void* data[] = {image, base, ranks, intervals, outside, out.data()};
  const auto run = [&](int count) {
    return fastxai_pixel_fill(count, data, ranks_of, shape_of, dtypes, nullptr, nullptr);
  };
  CHECK(run(5) == static_cast<int>(Status::kArgumentCount));
  for (int t = 0; t < 6; ++t) {
    CAPTURE(t);
    const char* const dtype = dtypes[t];
    dtypes[t] = "float64";
    CHECK(run(6) == static_cast<int>(Status::kDtype));
    dtypes[t] = dtype;
    for (int axis = 0; axis < ranks_of[t]; ++axis) {
      ++shapes[t][axis];
      CHECK(run(6) == static_cast<int>(Status::kShape));
      --shapes[t][axis];
    }
  }
  outside[0] = 2;
  CHECK(out.untouched());
  CHECK(run(6) == 0);  // MindSpore would not run its graph again
  for (int64_t k = 0; k < 12; ++k) CHECK(std::isnan(out[k]));
  CHECK(out.guards_intact());
  outside[0] = 0;
  CHECK(run(6) == 0);
  const float want[] = {-9, -9, 3, 4, 5, 6, 1, 2, 3, 4, 5, -9};
  for (int64_t k = 0; k < 12; ++k) CHECK(out[k] == want[k]);
}
