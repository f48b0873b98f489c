#include <doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "compare.h"
#include "every_isa.h"
#include "expected.h"
#include "guarded.h"

using namespace fastxai;

namespace {

OcclusionParams make_params(int64_t channels, int64_t rows, int64_t cols, int64_t window_rows,
                            int64_t window_cols, int64_t stride_rows, int64_t stride_cols) {
  return {0,
          0,
          window_rows,
          window_cols,
          stride_rows,
          stride_cols,
          (rows - window_rows) / stride_rows + 1,
          (cols - window_cols) / stride_cols + 1,
          channels,
          rows,
          cols};
}

// C, H, W, window, strides
const OcclusionParams kShapes[] = {
    make_params(3, 32, 31, 3, 3, 1, 1), make_params(1, 13, 5, 2, 5, 3, 1),  // gaps between windows
    make_params(2, 7, 11, 7, 1, 1, 4),  make_params(1, 1, 1, 1, 1, 1, 1),
    make_params(3, 17, 19, 5, 4, 2, 3),  // strides that do not divide
    make_params(2, 1, 37, 1, 20, 9, 3), make_params(2, 23, 29, 23, 29, 5, 7),
};

int64_t windows_of(const OcclusionParams& p) { return p.grid_rows * p.grid_cols; }
int64_t size_of(const OcclusionParams& p) { return p.channels * p.rows * p.cols; }

// Whether window `index` covers a pixel, by looking at its four sides.
bool covers(const OcclusionParams& p, int64_t index, int64_t y, int64_t x) {
  if (index < 0 || index >= windows_of(p)) return false;
  const int64_t top = index / p.grid_cols * p.stride_rows;
  const int64_t left = index % p.grid_cols * p.stride_cols;
  return y >= top && y < top + p.window_rows && x >= left && x < left + p.window_cols;
}

std::vector<float> make_image(const OcclusionParams& p) {
  std::vector<float> image;
  for (int64_t k = 0; k < size_of(p); ++k) {
    image.push_back(static_cast<float>(expected::mask_word(51, 0, k)) * 0x1p-31f);
  }
  return image;
}

std::vector<float> make_base(const OcclusionParams& p) {
  std::vector<float> base;
  for (int64_t c = 0; c < p.channels; ++c) base.push_back(-1.0f - static_cast<float>(c));
  return base;
}

// Images p.first .. p.first + p.count - 1, to the bit.
void check_batch(const OcclusionParams& p, const Guarded<float>& out) {
  const std::vector<float> image = make_image(p);
  const std::vector<float> base = make_base(p);
  int64_t wrong = 0;
  for (int64_t k = 0; k < p.count * size_of(p); ++k) {
    const int64_t at = k % size_of(p);
    const bool covered = covers(p, p.first + k / size_of(p), at / p.cols % p.rows, at % p.cols);
    const int64_t channel = at / (p.rows * p.cols);
    const float want =
        covered ? base[static_cast<size_t>(channel)] : image[static_cast<size_t>(at)];
    wrong += out[k] != want;
  }
  CHECK(wrong == 0);
  CHECK(out.guards_intact());
}

void check_sum(const CpuTable& table, const OcclusionParams& p, int64_t targets, size_t skew,
               int threads) {
  std::vector<double> drops;
  for (int64_t k = 0; k < targets * windows_of(p); ++k) {
    drops.push_back(expected::mask_word(52, 0, k) * 0x1p-31 - 1.0);
  }
  Guarded<double> scratch(targets * (p.grid_rows + 1) * (p.grid_cols + 1));
  Guarded<double> maps(targets * p.rows * p.cols, skew);
  table.occlusion_sum(p, targets, drops.data(), maps.data(), scratch.data(), threads);
  CHECK(scratch.guards_intact());
  CHECK(maps.guards_intact());
  int64_t wrong = 0;
  for (int64_t k = 0; k < maps.size(); ++k) {
    const int64_t t = k / (p.rows * p.cols);
    double sum = 0.0;
    double number = 1.0;
    for (int64_t window = 0; window < windows_of(p); ++window) {
      if (!covers(p, window, k / p.cols % p.rows, k % p.cols)) continue;
      sum += drops[static_cast<size_t>(t * windows_of(p) + window)];
      number += 1.0;
    }
    // Differences of running sums over all windows, of drops below 1.
    wrong += !close(maps[k], sum / number, kSum64Rtol * static_cast<double>(windows_of(p)));
  }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("known answer: the fourth window of a 3 x 4 image") {
  // Windows of 2 x 2 at strides (1, 2): number 3 is at row 1, column 2.
  OcclusionParams p = make_params(1, 3, 4, 2, 2, 1, 2);
  p.first = 3;
  p.count = 1;
  const float image[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const float want[] = {0, 1, 2, 3, 4, 5, -9, -9, 8, 9, -9, -9};
  const float base = -9.0f;
  for_every_isa([&](const CpuTable& table) {
    Guarded<float> out(12);
    table.occlusion_fill(p, image, &base, out.data(), 1);
    for (int64_t k = 0; k < 12; ++k) CHECK(out[k] == want[k]);
  });
}

TEST_CASE("fill covers the window of each image and nothing else, for any shape and alignment") {
  for_every_isa([](const CpuTable& table) {
    for (OcclusionParams p : kShapes) {
      CAPTURE(p.rows);
      CAPTURE(p.cols);
      p.first = windows_of(p) > 20 ? windows_of(p) - 20 : -1;  // numbers outside at both ends
      p.count = 22;
      for (const size_t skew : {size_t{0}, size_t{4}, size_t{1}}) {
        Guarded<float> out(p.count * size_of(p), skew);
        table.occlusion_fill(p, make_image(p).data(), make_base(p).data(), out.data(), 2);
        check_batch(p, out);
      }
    }
  });
}

TEST_CASE("patch leaves the batch as fill would make it") {
  for_every_isa([](const CpuTable& table) {
    for (OcclusionParams p : kShapes) {
      const std::vector<float> image = make_image(p);
      const std::vector<float> base = make_base(p);
      p.count = 4;
      for (const size_t skew : {size_t{0}, size_t{1}}) {
        Guarded<float> batch(p.count * size_of(p), skew);
        for (int64_t k = 0; k < batch.size(); ++k) {
          batch.set(k, image[static_cast<size_t>(k % size_of(p))]);  // nothing covered: window -9
        }
        int64_t previous = -9;
        for (const int64_t first : {int64_t{0}, int64_t{4}, int64_t{2}, windows_of(p) - 1}) {
          p.first = first;
          table.occlusion_patch(p, previous, image.data(), base.data(), batch.data(), 3);
          check_batch(p, batch);
          previous = first;
        }
      }
    }
  });
}

TEST_CASE("no images, no channels: nothing is written, with more threads than images") {
  for_every_isa([](const CpuTable& table) {
    OcclusionParams p = make_params(1, 5, 5, 2, 2, 1, 1);
    const std::vector<float> image = make_image(p);
    const float base = 0.0f;
    Guarded<float> out(64);
    table.occlusion_fill(p, image.data(), &base, out.data(), 5);
    table.occlusion_patch(p, 0, image.data(), &base, out.data(), 5);
    p = make_params(0, 5, 5, 2, 2, 1, 1);
    p.count = 3;
    table.occlusion_fill(p, image.data(), &base, out.data(), 5);
    CHECK(out.untouched());
    p = make_params(1, 5, 5, 2, 2, 1, 1);
    p.count = 2;
    Guarded<float> two(2 * size_of(p));
    table.occlusion_fill(p, image.data(), make_base(p).data(), two.data(), 16);
    check_batch(p, two);
  });
}

TEST_CASE("known answer: two overlapping windows on a row") {
  // Drops 3 and 6 of windows over columns 0-1 and 1-2: 3 / 2, 9 / 3, 6 / 2, and no window: 0.
  OcclusionParams two = make_params(1, 1, 4, 1, 2, 1, 1);
  two.grid_cols = 2;
  const double drops[] = {3.0, 6.0};
  const double want[] = {1.5, 3.0, 3.0, 0.0};
  for_every_isa([&](const CpuTable& table) {
    Guarded<double> scratch(2 * 3);
    Guarded<double> map(4);
    table.occlusion_sum(two, 1, drops, map.data(), scratch.data(), 1);
    for (int64_t x = 0; x < 4; ++x) CHECK(map[x] == want[x]);
  });
}

TEST_CASE("sum is the sum over the windows of a pixel by 1 + their number") {
  for_every_isa([](const CpuTable& table) {
    for (const OcclusionParams& p : kShapes) {
      CAPTURE(p.rows);
      CAPTURE(p.cols);
      for (const int64_t targets : {int64_t{0}, int64_t{1}, int64_t{3}}) {
        for (const int threads : {1, 2, 40}) {
          check_sum(table, p, targets, 0, threads);
          check_sum(table, p, targets, 1, threads);
        }
      }
    }
  });
}
