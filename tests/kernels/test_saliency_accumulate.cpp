#include <doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "compare.h"
#include "every_isa.h"
#include "expected.h"
#include "guarded.h"

using namespace fastxai;

namespace {

constexpr uint64_t kHalfKept = uint64_t{1} << 31;

std::vector<float> make_scores(int64_t count) {
  std::vector<float> scores;
  for (int64_t k = 0; k < count; ++k) {
    scores.push_back(static_cast<float>(expected::mask_word(31, 0, k)) * 0x1p-31f - 0.7f);
  }
  return scores;
}

// Accumulators of the kernel, all 0 at first, and the plain sums they must equal.
struct Sums {
  MaskParams params;
  int64_t targets;
  Guarded<double> sums;     // [T + 1, Sr, Sc, h, w]
  Guarded<double> moments;  // [T + 1, 2]
  std::vector<double> want_sums;
  std::vector<double> want_moments;

  Sums(const MaskParams& p, int64_t targets_, size_t skew = 0)
      : params(p),
        targets(targets_),
        sums((targets + 1) * bins() * cells(), skew),
        moments((targets + 1) * 2, skew),
        want_sums(static_cast<size_t>(sums.size())),
        want_moments(static_cast<size_t>(moments.size())) {
    sums.fill(0.0);
    moments.fill(0.0);
  }

  int64_t cells() const { return params.grid_rows * params.grid_cols; }
  int64_t bins() const { return params.shift_rows * params.shift_cols; }

  // Adds masks p.first .. p.first + p.count - 1 in the kernel.
  int64_t add(const CpuTable& table, const MaskParams& p, const float* scores, int threads) {
    Guarded<uint8_t> cell_scratch(p.count * cells());
    Guarded<int32_t> shift_scratch(p.count * 2);
    const int64_t bad = table.saliency_accumulate(p, targets, {scores, targets, nullptr},
                                                  sums.data(), moments.data(), cell_scratch.data(),
                                                  shift_scratch.data(), threads);
    CHECK(cell_scratch.guards_intact());
    CHECK(shift_scratch.guards_intact());
    return bad;
  }

  // The same by the formula.
  void want(const MaskParams& p, const float* scores) {
    for (int64_t m = 0; m < p.count; ++m) {
      const expected::Mask mask = expected::mask(p, m);
      for (int64_t t = 0; t <= targets; ++t) {
        const double f = t < targets ? static_cast<double>(scores[m * targets + t]) : 1.0;
        const int64_t bin = mask.shift_row * p.shift_cols + mask.shift_col;
        for (int64_t k = 0; k < cells(); ++k) {
          want_sums[static_cast<size_t>((t * bins() + bin) * cells() + k)] +=
              f * mask.cells[static_cast<size_t>(k)];
        }
        want_moments[static_cast<size_t>(2 * t)] += f;
        want_moments[static_cast<size_t>(2 * t + 1)] += f * f;
      }
    }
  }

  void check() const {
    int64_t wrong = 0;
    const double scale = 1.0 + want_moments[static_cast<size_t>(2 * targets)];  // |f| is below 2
    for (int64_t k = 0; k < sums.size(); ++k) {
      wrong += !close(sums[k], want_sums[static_cast<size_t>(k)], kSum64Rtol * scale);
    }
    for (int64_t k = 0; k < moments.size(); ++k) {
      wrong += !close(moments[k], want_moments[static_cast<size_t>(k)], kSum64Rtol * scale);
    }
    CHECK(wrong == 0);
    CHECK(sums.guards_intact());
    CHECK(moments.guards_intact());
  }
};

void check_expand(const CpuTable& table, const SaliencyExpandParams& p, size_t skew, int threads) {
  std::vector<double> sums;
  const int64_t cells = p.grid_rows * p.grid_cols;
  const int64_t bins = p.shift_rows * p.shift_cols;
  for (int64_t k = 0; k < p.maps * bins * cells; ++k) {
    sums.push_back(expected::mask_word(33, 0, k) * 0x1p-32 - 0.25);
  }
  Guarded<double> scratch(p.shift_rows * p.grid_rows * p.cols);
  Guarded<double> maps(p.maps * p.rows * p.cols, skew);
  table.saliency_expand(p, sums.data(), maps.data(), scratch.data(), threads);
  CHECK(scratch.guards_intact());
  CHECK(maps.guards_intact());
  int64_t wrong = 0;
  for (int64_t k = 0; k < maps.size(); ++k) {
    const int64_t t = k / (p.rows * p.cols);
    const int64_t y = k / p.cols % p.rows;
    double want = 0.0;
    for (int64_t bin = 0; bin < bins; ++bin) {
      want += expected::enlarged(sums.data() + (t * bins + bin) * cells, p.grid_rows, p.grid_cols,
                                 p.rows + p.shift_rows - 1, p.cols + p.shift_cols - 1,
                                 y + bin / p.shift_cols, k % p.cols + bin % p.shift_cols);
    }
    wrong += !close(maps[k], want, kSum64Rtol * static_cast<double>(bins));
  }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("one kept mask adds its score to every cell of its shift") {
  // Counter and key 0 with one cell: words 6627e8d5 (cell), e169c58d, bc57ac4c (shifts): of 4 rows
  // and 4 columns the upper two bits, 3 and 2 (tests/data/philox_kat.txt).
  const MaskParams p{0, 0, 1, 1, 1, uint64_t{1} << 32, 4, 4};
  for_every_isa([&](const CpuTable& table) {
    Sums s(p, 1);
    const float score = 0.375f;
    CHECK(s.add(table, p, &score, 1) == -1);
    for (int64_t bin = 0; bin < 16; ++bin) {
      CHECK(s.sums[bin] == (bin == 3 * 4 + 2 ? 0.375 : 0.0));
      CHECK(s.sums[16 + bin] == (bin == 3 * 4 + 2 ? 1.0 : 0.0));
    }
    const double moments[] = {0.375, 0.140625, 1.0, 1.0};
    for (int64_t k = 0; k < 4; ++k) CHECK(s.moments[k] == moments[k]);
  });
}

TEST_CASE("sums and moments are those of the formula, over two batches, for any threads") {
  const MaskParams shapes[] = {
      {41, 0, 13, 10, 10, kHalfKept, 11, 11},
      {42, int64_t{1} << 35, 7, 1, 1, kHalfKept, 1, 1},
      {43, 9, 5, 3, 17, kHalfKept, 2, 5},
      {44, 250, 13, 9, 14, kHalfKept, 11, 11, kDesignOa128},
  };
  for_every_isa([&](const CpuTable& table) {
    for (const MaskParams& p : shapes) {
      for (const int64_t targets : {int64_t{1}, int64_t{3}}) {
        for (const int threads : {1, 2, 9}) {
          const std::vector<float> scores = make_scores(2 * p.count * targets);
          MaskParams second = p;
          second.first += p.count;
          const float* const second_scores = scores.data() + p.count * targets;
          Sums s(p, targets, threads == 9 ? 1 : 0);
          CHECK(s.add(table, p, scores.data(), threads) == -1);
          CHECK(s.add(table, second, second_scores, threads) == -1);
          s.want(p, scores.data());
          s.want(second, second_scores);
          s.check();
        }
      }
    }
  });
}

TEST_CASE("the first row with a score that is not finite is named, and nothing is added") {
  const MaskParams p{44, 0, 4, 3, 3, kHalfKept, 2, 2};
  const float bad_values[] = {std::numeric_limits<float>::quiet_NaN(),
                              std::numeric_limits<float>::infinity(),
                              -std::numeric_limits<float>::infinity()};
  for_every_isa([&](const CpuTable& table) {
    for (const float bad : bad_values) {
      std::vector<float> scores = make_scores(8);
      scores[5] = bad;  // row 2
      scores[7] = bad;
      Sums s(p, 2);
      CHECK(s.add(table, p, scores.data(), 2) == 2);
      s.check();
    }
    std::vector<float> largest(8, std::numeric_limits<float>::max());
    Sums s(p, 2);
    CHECK(s.add(table, p, largest.data(), 2) == -1);
  });
}

TEST_CASE("rows beyond the count are not read") {
  const MaskParams p{45, 0, 3, 3, 3, kHalfKept, 2, 2};
  for_every_isa([&](const CpuTable& table) {
    std::vector<float> scores = make_scores(5);
    scores[3] = scores[4] = std::numeric_limits<float>::quiet_NaN();
    Sums s(p, 1);
    CHECK(s.add(table, p, scores.data(), 1) == -1);
    s.want(p, scores.data());
    s.check();
  });
}

TEST_CASE("no masks add nothing; no targets leave the sum of the masks") {
  for_every_isa([](const CpuTable& table) {
    MaskParams p{46, 0, 0, 3, 3, kHalfKept, 2, 2};
    Sums none(p, 2);
    CHECK(none.add(table, p, nullptr, 3) == -1);
    none.check();
    p.count = 6;
    Sums masks(p, 0);
    CHECK(masks.add(table, p, nullptr, 3) == -1);
    masks.want(p, nullptr);
    masks.check();
  });
}

TEST_CASE("the same bits for any number of threads and any split into batches") {
  const MaskParams designs[] = {{47, 5, 12, 5, 7, kHalfKept, 3, 4},
                                {47, 120, 12, 5, 7, kHalfKept, 3, 4, kDesignOa128}};
  for_every_isa([&](const CpuTable& table) {
    for (const MaskParams& p : designs) {
      const std::vector<float> scores = make_scores(p.count * 4);
      Sums whole(p, 4);
      whole.add(table, p, scores.data(), 1);
      Sums parts(p, 4);
      for (int64_t first = 0; first < p.count; first += 5) {
        MaskParams part = p;
        part.first += first;
        part.count = p.count - first < 5 ? p.count - first : 5;
        parts.add(table, part, scores.data() + first * 4, 3);
      }
      CHECK(whole.sums.same_bytes(parts.sums));
      CHECK(whole.moments.same_bytes(parts.moments));
    }
  });
}

TEST_CASE("maps are the sum over shifts of the enlarged and cropped sums") {
  const SaliencyExpandParams shapes[] = {
      // T, Sr, Sc, h, w, H, W
      {2, 3, 5, 4, 6, 23, 17}, {1, 1, 1, 1, 1, 1, 1},   {3, 11, 11, 10, 10, 13, 29},
      {1, 2, 4, 30, 1, 7, 5},  {1, 4, 1, 1, 20, 1, 13}, {0, 2, 2, 3, 3, 4, 4},
  };
  for_every_isa([&](const CpuTable& table) {
    for (const SaliencyExpandParams& p : shapes) {
      for (const int threads : {1, 2, 19}) {
        check_expand(table, p, 0, threads);
        check_expand(table, p, 1, threads);
      }
    }
  });
}

TEST_CASE("the expanded sums are the sum over masks of score times mask") {
  const MaskParams p{48, 2, 9, 4, 5, kHalfKept, 3, 2};
  const int64_t rows = 19, cols = 31;
  const std::vector<float> scores = make_scores(p.count);
  for_every_isa([&](const CpuTable& table) {
    Sums s(p, 1);
    s.add(table, p, scores.data(), 1);
    const SaliencyExpandParams e{2,           p.shift_rows, p.shift_cols, p.grid_rows,
                                 p.grid_cols, rows,         cols};
    Guarded<double> scratch(p.shift_rows * p.grid_rows * cols);
    Guarded<double> maps(2 * rows * cols);
    table.saliency_expand(e, s.sums.data(), maps.data(), scratch.data(), 2);
    std::vector<double> want(static_cast<size_t>(maps.size()));
    for (int64_t m = 0; m < p.count; ++m) {
      const expected::Mask mask = expected::mask(p, m);
      for (int64_t k = 0; k < rows * cols; ++k) {
        const double v = expected::mask_pixel(p, mask, rows, cols, k / cols, k % cols);
        want[static_cast<size_t>(k)] += static_cast<double>(scores[static_cast<size_t>(m)]) * v;
        want[static_cast<size_t>(rows * cols + k)] += v;
      }
    }
    int64_t wrong = 0;
    for (int64_t k = 0; k < maps.size(); ++k) {
      wrong +=
          !close(maps[k], want[static_cast<size_t>(k)], kSum64Rtol * static_cast<double>(p.count));
    }
    CHECK(wrong == 0);
  });
}
