#include <doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "compare.h"
#include "every_isa.h"
#include "expected.h"
#include "guarded.h"

using namespace fastxai;

namespace {

constexpr uint64_t kHalfKept = uint64_t{1} << 31;
constexpr uint64_t kAllKept = uint64_t{1} << 32;

// What differs between the three output types.
double value_of(float x) { return static_cast<double>(x); }
double value_of(Float16 x) { return expected::half(x.bits); }
double value_of(BFloat16 x) { return expected::bfloat16(x.bits); }
double tolerance_of(float) { return kProductRtol; }
double tolerance_of(Float16) { return kHalfRtol; }
double tolerance_of(BFloat16) { return kBFloatRtol; }
MaskedProductFn<float>* kernel_of(const CpuTable& t, float) { return t.masked_product_float32; }
MaskedProductFn<Float16>* kernel_of(const CpuTable& t, Float16) { return t.masked_product_float16; }
MaskedProductFn<BFloat16>* kernel_of(const CpuTable& t, BFloat16) {
  return t.masked_product_bfloat16;
}

struct Input {
  std::vector<float> image;  // [C, H, W]
  std::vector<float> base;   // [C]
};

Input make_input(const ImageShape& s) {
  Input in;
  for (int64_t k = 0; k < s.channels * s.rows * s.cols; ++k) {
    in.image.push_back(static_cast<float>(expected::mask_word(9, 0, k)) * 0x1p-30f - 2.0f);
  }
  for (int64_t c = 0; c < s.channels; ++c) in.base.push_back(0.75f - static_cast<float>(c));
  return in;
}

template <class Out>
void run(const CpuTable& table, const MaskParams& p, const ImageShape& s, const Input& in,
         int64_t batch, Guarded<Out>* out, int threads) {
  Guarded<float> scratch(table.masked_product_scratch(p, s, threads));
  kernel_of(table, Out{})(p, s, in.image.data(), in.base.data(), batch, out->data(), scratch.data(),
                          threads);
  CHECK(scratch.guards_intact());
  CHECK(out->guards_intact());
}

// Every `step`-th pixel of every row of the batch against x m + base (1 - m).
template <class Out>
void check_product(const MaskParams& p, const ImageShape& s, const Input& in, int64_t batch,
                   const Guarded<Out>& out, int64_t step = 1) {
  const int64_t plane = s.rows * s.cols;
  int64_t wrong = 0;
  for (int64_t m = 0; m < batch; ++m) {
    const expected::Mask mask = expected::mask(p, m);
    for (int64_t k = m % step; k < plane; k += step) {
      const double v = expected::mask_pixel(p, mask, s.rows, s.cols, k / s.cols, k % s.cols);
      for (int64_t c = 0; c < s.channels; ++c) {
        const double x = static_cast<double>(in.image[static_cast<size_t>(c * plane + k)]);
        const double base = static_cast<double>(in.base[static_cast<size_t>(c)]);
        const double scale = std::max(std::fabs(x), std::fabs(base));
        const double got = value_of(out[(m * s.channels + c) * plane + k]);
        wrong += !close(got, x * v + base * (1 - v), tolerance_of(Out{}) * scale);
      }
    }
  }
  CHECK(wrong == 0);
}

struct Case {
  MaskParams params;
  ImageShape shape;
};
const Case kCases[] = {
    // seed, first, count, h, w, threshold, Sr, Sc      C, H, W
    {{11, 0, 3, 10, 10, kHalfKept, 11, 11}, {3, 32, 48}},
    {{12, 7, 2, 3, 5, kHalfKept, 4, 9}, {1, 97, 61}},
    {{13, int64_t{1} << 33, 4, 7, 7, kHalfKept, 1, 1}, {2, 1, 1}},
    {{14, 5, 2, 1, 1, kHalfKept, 3, 2}, {3, 1, 37}},
    {{15, 5, 2, 40, 30, kHalfKept, 3, 4}, {1, 29, 1}},
    {{16, 5, 3, 2, 2, kHalfKept, 30, 20}, {5, 7, 3}},       // shifts larger than the image
    {{17, 5, 1, 10, 10, kHalfKept, 11, 11}, {1, 3, 5000}},  // a row larger than a tile
    {{18, 125, 7, 10, 10, kHalfKept, 11, 11, kDesignOa128}, {2, 17, 23}},  // over a block's border
};

}  // namespace

TEST_CASE_TEMPLATE("x m + base (1 - m) within the tolerance, for any shape", Out, float, Float16,
                   BFloat16) {
  for_every_isa([](const CpuTable& table) {
    for (const Case& c : kCases) {
      CAPTURE(c.params.seed);
      const Input in = make_input(c.shape);
      const int64_t size = c.shape.channels * c.shape.rows * c.shape.cols;
      Guarded<Out> out(c.params.count * size);
      run(table, c.params, c.shape, in, c.params.count, &out, 2);
      check_product(c.params, c.shape, in, c.params.count, out);
    }
  });
}

TEST_CASE_TEMPLATE("a batch too large for the caches is written in full, at any alignment", Out,
                   float, Float16, BFloat16) {
  // Above 4 MB the x86 kernels write past the caches, with heads and tails of their own.
  const MaskParams p{21, 3, 3, 10, 10, kHalfKept, 11, 11};
  const ImageShape s{1, 839, 853};
  const Input in = make_input(s);
  const int64_t size = s.channels * s.rows * s.cols;
  REQUIRE(p.count * size * static_cast<int64_t>(sizeof(Out)) > (int64_t{4} << 20));
  for_every_isa([&](const CpuTable& table) {
    for (const size_t skew : {size_t{0}, sizeof(Out), size_t{1}}) {
      CAPTURE(skew);
      Guarded<Out> out(p.count * size, skew);
      run(table, p, s, in, p.count, &out, 2);
      check_product(p, s, in, p.count, out, 101);
    }
  });
}

TEST_CASE_TEMPLATE("rows beyond the count are masks like the others", Out, float, Float16) {
  const MaskParams p{22, 3, 1, 4, 4, kHalfKept, 3, 3};
  const ImageShape s{2, 11, 13};
  const Input in = make_input(s);
  for_every_isa([&](const CpuTable& table) {
    Guarded<Out> out(4 * s.channels * s.rows * s.cols);
    run(table, p, s, in, 4, &out, 1);
    check_product(p, s, in, 4, out);
  });
}

TEST_CASE_TEMPLATE("any alignment, and more threads than masks", Out, float, Float16, BFloat16) {
  const MaskParams p{23, 3, 3, 5, 4, kHalfKept, 3, 8};
  const ImageShape s{3, 17, 19};
  const Input in = make_input(s);
  for_every_isa([&](const CpuTable& table) {
    for (const size_t skew : {size_t{1}, size_t{2}, size_t{4}, size_t{60}}) {
      for (const int threads : {1, 16}) {
        Guarded<Out> out(p.count * s.channels * s.rows * s.cols, skew);
        run(table, p, s, in, p.count, &out, threads);
        check_product(p, s, in, p.count, out);
      }
    }
  });
}

TEST_CASE_TEMPLATE("no masks or no channels: nothing is written", Out, float, Float16, BFloat16) {
  for_every_isa([](const CpuTable& table) {
    const MaskParams p{24, 3, 0, 5, 4, kHalfKept, 3, 8};
    Guarded<Out> out(64);
    run(table, p, {1, 8, 8}, make_input({1, 8, 8}), 0, &out, 3);
    CHECK(out.untouched());
    run(table, p, {0, 8, 8}, {}, 5, &out, 3);
    CHECK(out.untouched());
  });
}

TEST_CASE("a mask of ones shows the image to the bit, rounded once to the output type") {
  // Every upper half of a float32 as a pixel: base 0 adds nothing but the sign of zeros.
  const ImageShape s{1, 256, 257};
  Input in{std::vector<float>(static_cast<size_t>(s.rows * s.cols)), {0.0f}};
  for (size_t k = 0; k < in.image.size(); ++k) {
    const uint32_t bits = static_cast<uint32_t>(k) << 16 | (k % 3 == 0 ? 0x8000u : 0x1000u);
    std::memcpy(&in.image[k], &bits, sizeof bits);
  }
  const MaskParams p{25, 0, 1, 3, 7, kAllKept, 11, 11};
  for_every_isa([&](const CpuTable& table) {
    Guarded<float> full(s.rows * s.cols);
    Guarded<Float16> half(s.rows * s.cols);
    Guarded<BFloat16> bfloat16(s.rows * s.cols);
    run(table, p, s, in, 1, &full, 1);
    run(table, p, s, in, 1, &half, 1);
    run(table, p, s, in, 1, &bfloat16, 1);
    int64_t wrong = 0;
    for (int64_t k = 0; k < full.size(); ++k) {
      const float x = in.image[static_cast<size_t>(k)] + 0.0f;
      if (std::isnan(x)) {
        wrong += !std::isnan(full[k]);
        wrong += !std::isnan(expected::half(half[k].bits));
        wrong += !std::isnan(expected::bfloat16(bfloat16[k].bits));
      } else {
        wrong += full[k] != x;
        wrong += half[k].bits != expected::half_bits(x);
        wrong += bfloat16[k].bits != expected::bfloat16_bits(x);
      }
    }
    CHECK(wrong == 0);
  });
}

TEST_CASE_TEMPLATE("a mask of zeros shows the base value of each channel", Out, float, Float16,
                   BFloat16) {
  const MaskParams p{26, 0, 2, 3, 7, 0, 11, 11};
  const ImageShape s{3, 13, 21};
  Input in = make_input(s);
  in.base = {0.5f, -3.0f, 64.0f};
  for_every_isa([&](const CpuTable& table) {
    Guarded<Out> out(p.count * s.channels * s.rows * s.cols);
    run(table, p, s, in, p.count, &out, 1);
    int64_t wrong = 0;
    for (int64_t k = 0; k < out.size(); ++k) {
      const int64_t channel = k / (s.rows * s.cols) % s.channels;
      wrong += value_of(out[k]) != static_cast<double>(in.base[static_cast<size_t>(channel)]);
    }
    CHECK(wrong == 0);
  });
}

TEST_CASE_TEMPLATE("every instruction set and number of threads gives the same bits", Out, float,
                   Float16, BFloat16) {
  const ImageShape s{3, 61, 47};
  const Input in = make_input(s);
  for (const int64_t design : {kDesignIid, kDesignOa128}) {
    const MaskParams p{27, 126, 5, 10, 10, kHalfKept, 11, 11, design};
    std::unique_ptr<Guarded<Out>> first;
    for_every_isa([&](const CpuTable& table) {
      for (const int threads : {1, 2, 7}) {
        auto out = std::make_unique<Guarded<Out>>(p.count * s.channels * s.rows * s.cols);
        run(table, p, s, in, p.count, out.get(), threads);
        if (first) CHECK(out->same_bytes(*first));
        if (!first) first = std::move(out);
      }
    });
  }
}
