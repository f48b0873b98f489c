// Names and plain types of the Ascend C interface.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "core.h"

#define __aicore__
#define __global__
#define __gm__
#define GM_ADDR uint8_t*

// IEEE half precision: what a vector lane of 16 bits holds. Arithmetic goes through float, which is
// exact for one operation with one rounding after it.
struct half {
  uint16_t bits = 0;

  half() = default;
  half(float value) : bits(round(value)) {}
  explicit half(int value) : half(static_cast<float>(value)) {}
  explicit half(uint8_t value) : half(static_cast<float>(value)) {}
  operator float() const {
    const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
    const uint32_t exponent = (bits >> 10) & 31u;
    const uint32_t mantissa = bits & 0x3ffu;
    if (exponent == 0) {
      const float small = static_cast<float>(mantissa) * 5.9604644775390625e-08f;  // 2^-24
      return sign ? -small : small;
    }
    const uint32_t rebased = exponent == 31 ? 255u : exponent + 112u;
    return from_bits(sign | (rebased << 23) | (mantissa << 13));
  }

 private:
  static float from_bits(uint32_t u) {
    float x;
    std::memcpy(&x, &u, sizeof x);
    return x;
  }
  static uint16_t round(float x) {
    uint32_t u;
    std::memcpy(&u, &x, sizeof u);
    const auto sign = static_cast<uint16_t>((u >> 16) & 0x8000u);
    const float a = from_bits(u & 0x7fffffffu);
    if (a != a) return static_cast<uint16_t>(sign | 0x7e00u);
    if (a >= 65520.0f) return static_cast<uint16_t>(sign | 0x7c00u);
    if (a < 6.103515625e-05f) {  // below 2^-14: multiples of 2^-24
      const float steps = a * 16777216.0f;
      const float whole = (steps + 8388608.0f) - 8388608.0f;  // to nearest, ties to even
      return static_cast<uint16_t>(sign | static_cast<uint16_t>(whole));
    }
    uint32_t v;
    std::memcpy(&v, &a, sizeof v);
    v += 0xfffu + ((v >> 13) & 1u);
    return static_cast<uint16_t>(sign | ((v - (112u << 23)) >> 13));
  }
};

enum pipe_t { PIPE_S, PIPE_V, PIPE_MTE2, PIPE_MTE3, PIPE_ALL };

namespace AscendC {

enum class TPosition { GM, VECIN, VECCALC, VECOUT };
using QuePosition = TPosition;

enum class RoundMode { CAST_NONE, CAST_RINT, CAST_FLOOR, CAST_CEIL, CAST_ROUND, CAST_TRUNC };
enum class CMPMODE { LT, GT, EQ, LE, GE, NE };
enum class HardEvent {
  MTE2_V,
  V_MTE2,
  V_MTE3,
  MTE3_V,
  MTE2_MTE3,
  MTE3_MTE2,
  MTE2_S,
  S_MTE2,
  V_S,
  S_V,
  MTE3_S,
  S_MTE3,
};  // clang-format off
using TEventID = int;
constexpr TEventID EVENT_ID0 = 0, EVENT_ID1 = 1, EVENT_ID2 = 2, EVENT_ID3 = 3;
// clang-format on

// Lengths in blocks of 32 bytes.
struct DataCopyParams {
  uint16_t blockCount = 1;
  uint16_t blockLen = 0;
  uint16_t srcGap = 0;
  uint16_t dstGap = 0;
};

// blockLen in bytes; a stride is the gap from the end of one piece to the next: in bytes in device
// memory, in blocks of 32 bytes in the unified buffer.
struct DataCopyExtParams {
  uint16_t blockCount = 1;
  uint32_t blockLen = 0;
  uint32_t srcStride = 0;
  uint32_t dstStride = 0;
  uint32_t rsv = 0;
};

// Paddings in elements.
template <class T>
struct DataCopyPadExtParams {
  bool isPad = false;
  uint8_t leftPadding = 0;
  uint8_t rightPadding = 0;
  T paddingValue = 0;
};

}  // namespace AscendC

namespace emu {

constexpr Pipe pipe_of(AscendC::TPosition position, bool producer) {
  using AscendC::TPosition;
  if (position == TPosition::VECIN) return producer ? kCopyIn : kVector;
  if (position == TPosition::VECOUT) return producer ? kVector : kCopyOut;
  return kVector;
}

inline Pipe pipe_of(pipe_t pipe) {
  const Pipe pipes[] = {kScalar, kVector, kCopyIn, kCopyOut};
  return pipes[pipe];
}

template <class T, class... Allowed>
constexpr bool is_one_of() {
  return (std::is_same_v<T, Allowed> || ...);
}

}  // namespace emu
