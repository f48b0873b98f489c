// float32 to float16 and bfloat16: to the bit, scalars and vectors.
#include <doctest.h>

#include <cstdint>
#include <cstring>
#include <limits>

#include "every_isa.h"
#include "expected.h"

using namespace fastxai;

namespace {

float from_bits(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// Low halves of a float32: nothing, ties of both formats and their neighbours, all ones.
constexpr uint32_t kLowBits[] = {0x0000, 0x0001, 0x0fff, 0x1000, 0x1001, 0x2fff,
                                 0x3000, 0x3001, 0x7fff, 0x8000, 0x8001, 0xffff};

// check(x) for every upper half of a float32, NaN apart.
template <class Check>
void every_number(Check check) {
  for (uint32_t upper = 0; upper < 0x10000; ++upper) {
    for (const uint32_t low : kLowBits) {
      const float x = from_bits(upper << 16 | low);
      if (x == x) check(x);
    }
  }
}

bool half_nan(uint16_t bits) { return (bits & 0x7c00) == 0x7c00 && (bits & 0x0200) != 0; }
bool bfloat16_nan(uint16_t bits) { return (bits & 0x7f80) == 0x7f80 && (bits & 0x0040) != 0; }

struct Answer {
  float x;
  uint16_t half;
  uint16_t bfloat16;
};

// IEEE 754: largest numbers, ties, least subnormals, signed zeros.
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr Answer kAnswers[] = {
    {0.0f, 0x0000, 0x0000},
    {-0.0f, 0x8000, 0x8000},
    {1.0f, 0x3c00, 0x3f80},
    {-2.0f, 0xc000, 0xc000},
    {65504.0f, 0x7bff, 0x4780},                 // the largest float16
    {65519.996f, 0x7bff, 0x4780},               // still below the tie
    {65520.0f, 0x7c00, 0x4780},                 // the tie goes to infinity
    {1.00048828125f, 0x3c00, 0x3f80},           // 1 + 2^-11: tie to even, down
    {1.00146484375f, 0x3c02, 0x3f80},           // 1 + 3 2^-11: tie to even, up
    {1.00390625f, 0x3c04, 0x3f80},              // 1 + 2^-8: tie of bfloat16, down
    {1.01171875f, 0x3c0c, 0x3f82},              // 1 + 3 2^-8: up
    {5.9604644775390625e-8f, 0x0001, 0x3380},   // 2^-24, the least subnormal float16
    {2.98023223876953125e-8f, 0x0000, 0x3300},  // half of it: tie to even, zero
    {kInfinity, 0x7c00, 0x7f80},
    {-kInfinity, 0xfc00, 0xff80},
    {3.4028234663852886e38f, 0x7c00, 0x7f80},  // the largest float32
};

}  // namespace

TEST_CASE("the tests' own rounding gives the known answers") {
  for (const Answer& a : kAnswers) {
    CAPTURE(a.x);
    CHECK(expected::half_bits(a.x) == a.half);
    CHECK(expected::bfloat16_bits(a.x) == a.bfloat16);
  }
  CHECK(expected::half(0x3555) == 0.333251953125);
  CHECK(expected::half(0x0001) == 5.9604644775390625e-8);
  CHECK(expected::bfloat16(0xc049) == -3.140625);
}

TEST_CASE("known answers") {
  for_every_probe([](const ProbeTable& probes) {
    for (const Answer& a : kAnswers) {
      CAPTURE(a.x);
      CHECK(probes.half_bits(a.x) == a.half);
      CHECK(probes.half_vector(a.x) == a.half);
      CHECK(probes.bfloat16_bits(a.x) == a.bfloat16);
      CHECK(probes.bfloat16_vector(a.x) == a.bfloat16);
    }
  });
}

TEST_CASE("every upper half of a float32 is rounded to nearest even, scalar and vector") {
  for_every_probe([](const ProbeTable& probes) {
    int64_t wrong = 0;
    every_number([&](float x) {
      const uint16_t half = expected::half_bits(x);
      const uint16_t bfloat16 = expected::bfloat16_bits(x);
      wrong += probes.half_bits(x) != half;
      wrong += probes.half_vector(x) != half;
      wrong += probes.bfloat16_bits(x) != bfloat16;
      wrong += probes.bfloat16_vector(x) != bfloat16;
    });
    CHECK(wrong == 0);
  });
}

TEST_CASE("a NaN stays a quiet NaN of its sign") {
  for_every_probe([](const ProbeTable& probes) {
    for (const uint32_t bits : {0x7f800001u, 0x7fc00000u, 0xff800001u, 0xffffffffu, 0x7f802000u}) {
      CAPTURE(bits);
      const uint16_t sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
      for (ProbeBitsFn* narrow : {probes.half_bits, probes.half_vector}) {
        const uint16_t out = narrow(from_bits(bits));
        CHECK(half_nan(out));
        CHECK((out & 0x8000) == sign);
      }
      for (ProbeBitsFn* narrow : {probes.bfloat16_bits, probes.bfloat16_vector}) {
        const uint16_t out = narrow(from_bits(bits));
        CHECK(bfloat16_nan(out));
        CHECK((out & 0x8000) == sign);
      }
    }
  });
}
