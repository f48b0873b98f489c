// Vector instructions: the forms with a count of elements, and WholeReduceSum with mask and repeat.
#pragma once

#include <cmath>

#include "copies.h"

namespace emu {

inline bool overlap(const Range& a, const Range& b) { return a.begin < b.end && b.begin < a.end; }

// An operand may be the result's own lanes, or apart from them; nothing between.
inline void check_overlap(const char* name, const Range& to, const Range& from) {
  if (overlap(to, from) && to.begin != from.begin) {
    fault("%s: an operand overlaps the result in part", name);
  }
}

inline void check_count(const char* name, int64_t count) {
  if (count <= 0) fault("%s of %lld elements", name, static_cast<long long>(count));
}

template <class... Allowed>
struct Only {
  template <class T>
  static void check(const char* name) {
    if (!is_one_of<T, Allowed...>()) fault("%s has no form for this type of element", name);
  }
};

// What arithmetic of the A2 generation's vector unit takes.
using Numbers = Only<int16_t, half, int32_t, float>;

template <class T, class F>
void binary(const char* name, const AscendC::LocalTensor<T>& to, const AscendC::LocalTensor<T>& a,
            const AscendC::LocalTensor<T>& b, int32_t count, F f) {
  Numbers::check<T>(name);
  check_count(name, count);
  const auto n = static_cast<uint32_t>(count);
  const Range rto = to.range(n, name), ra = a.range(n, name), rb = b.range(n, name);
  check_overlap(name, rto, ra);
  check_overlap(name, rto, rb);
  T* const out = to.lanes(rto);
  const T *const x = a.lanes(ra), *const y = b.lanes(rb);
  core().issue(kVector, name, {ra, rb}, {rto}, [=] {
    for (uint32_t k = 0; k < n; ++k) out[k] = f(x[k], y[k]);
  });
}

template <class T, class F>
void unary(const char* name, const AscendC::LocalTensor<T>& to, const AscendC::LocalTensor<T>& a,
           int32_t count, F f) {
  check_count(name, count);
  const auto n = static_cast<uint32_t>(count);
  const Range rto = to.range(n, name), ra = a.range(n, name);
  check_overlap(name, rto, ra);
  T* const out = to.lanes(rto);
  const T* const x = a.lanes(ra);
  core().issue(kVector, name, {ra}, {rto}, [=] {
    for (uint32_t k = 0; k < n; ++k) out[k] = f(x[k]);
  });
}

// Integers wrap.
template <class T>
auto wide(T x) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<uint64_t>(static_cast<int64_t>(x));
  } else {
    return static_cast<float>(x);
  }
}

inline bool compare(float a, float b, AscendC::CMPMODE mode) {
  using AscendC::CMPMODE;
  switch (mode) {
    case CMPMODE::LT:
      return a < b;
    case CMPMODE::GT:
      return a > b;
    case CMPMODE::EQ:
      return a == b;
    case CMPMODE::LE:
      return a <= b;
    case CMPMODE::GE:
      return a >= b;
    default:
      return a != b;
  }
}

}  // namespace emu

namespace AscendC {

template <class T>
void Add(const LocalTensor<T>& to, const LocalTensor<T>& a, const LocalTensor<T>& b, int32_t n) {
  emu::binary("Add", to, a, b, n,
              [](T x, T y) { return static_cast<T>(emu::wide(x) + emu::wide(y)); });
}
template <class T>
void Sub(const LocalTensor<T>& to, const LocalTensor<T>& a, const LocalTensor<T>& b, int32_t n) {
  emu::binary("Sub", to, a, b, n,
              [](T x, T y) { return static_cast<T>(emu::wide(x) - emu::wide(y)); });
}
template <class T>
void Mul(const LocalTensor<T>& to, const LocalTensor<T>& a, const LocalTensor<T>& b, int32_t n) {
  emu::binary("Mul", to, a, b, n,
              [](T x, T y) { return static_cast<T>(emu::wide(x) * emu::wide(y)); });
}
template <class T>
void Adds(const LocalTensor<T>& to, const LocalTensor<T>& a, T scalar, int32_t n) {
  emu::Numbers::check<T>("Adds");
  emu::unary("Adds", to, a, n,
             [scalar](T x) { return static_cast<T>(emu::wide(x) + emu::wide(scalar)); });
}
template <class T>
void Muls(const LocalTensor<T>& to, const LocalTensor<T>& a, T scalar, int32_t n) {
  emu::Numbers::check<T>("Muls");
  emu::unary("Muls", to, a, n,
             [scalar](T x) { return static_cast<T>(emu::wide(x) * emu::wide(scalar)); });
}

template <class T>
void ShiftLeft(const LocalTensor<T>& to, const LocalTensor<T>& a, T by, int32_t n) {
  emu::Only<int16_t, uint16_t, int32_t, uint32_t>::check<T>("ShiftLeft");
  emu::unary("ShiftLeft", to, a, n, [by](T x) { return static_cast<T>(x << by); });
}
template <class T>
void ShiftRight(const LocalTensor<T>& to, const LocalTensor<T>& a, T by, int32_t n) {
  emu::Only<int16_t, uint16_t, int32_t, uint32_t>::check<T>("ShiftRight");
  emu::unary("ShiftRight", to, a, n, [by](T x) { return static_cast<T>(x >> by); });
}

template <class T>
void Duplicate(const LocalTensor<T>& to, T value, int32_t count) {
  emu::Only<int16_t, uint16_t, half, int32_t, uint32_t, float>::check<T>("Duplicate");
  emu::check_count("Duplicate", count);
  const auto n = static_cast<uint32_t>(count);
  const emu::Range range = to.range(n, "Duplicate");
  T* const out = to.lanes(range);
  emu::core().issue(emu::kVector, "Duplicate", {}, {range}, [=] {
    for (uint32_t k = 0; k < n; ++k) out[k] = value;
  });
}

// to[k] = the element `base` + offsets[k] bytes after the first of `from`.
template <class T>
void Gather(const LocalTensor<T>& to, const LocalTensor<T>& from,
            const LocalTensor<uint32_t>& offsets, uint32_t base, uint32_t count) {
  emu::Only<int16_t, uint16_t, half, int32_t, uint32_t, float>::check<T>("Gather");
  emu::check_count("Gather", count);
  const emu::Range rto = to.range(count, "Gather");
  const emu::Range roff = offsets.range(count, "Gather");
  const emu::Range rfrom = from.range(1, "Gather");
  const uint32_t room = from.buffer()->range.end - rfrom.begin;
  if (emu::overlap(rto, {rfrom.begin, rfrom.begin + room}) || emu::overlap(rto, roff)) {
    emu::fault("Gather: the result overlaps a source");
  }
  const uint32_t* const at = offsets.lanes(roff);
  emu::Core& core = emu::core();
  // First that the offsets are there, then what they point at.
  core.issue(emu::kVector, "Gather", {roff}, {}, [] {});
  uint32_t low = UINT32_MAX, high = 0;
  for (uint32_t k = 0; k < count; ++k) {
    const uint64_t byte = static_cast<uint64_t>(base) + at[k];
    if (byte % sizeof(T) != 0) emu::fault("Gather: offset %u is inside an element", at[k]);
    if (byte + sizeof(T) > room) emu::fault("Gather: offset %u lies outside the source", at[k]);
    low = std::min(low, static_cast<uint32_t>(byte));
    high = std::max(high, static_cast<uint32_t>(byte + sizeof(T)));
  }
  T* const out = to.lanes(rto);
  const uint8_t* const source = core.unified(rfrom.begin + base);
  core.issue(emu::kVector, "Gather", {roff, {rfrom.begin + low, rfrom.begin + high}}, {rto}, [=] {
    for (uint32_t k = 0; k < count; ++k) std::memcpy(out + k, source + at[k], sizeof(T));
  });
}

// One bit per element, lowest first.
template <class T>
void Compare(const LocalTensor<uint8_t>& to, const LocalTensor<T>& a, const LocalTensor<T>& b,
             CMPMODE mode, uint32_t count) {
  emu::Only<half, float>::check<T>("Compare");
  emu::check_count("Compare", count);
  if (count * sizeof(T) % 256 != 0)
    emu::fault("Compare: %u elements are no multiple of 256 bytes", count);
  const emu::Range rto = to.range(count / 8, "Compare");
  const emu::Range ra = a.range(count, "Compare"), rb = b.range(count, "Compare");
  uint8_t* const out = to.lanes(rto);
  const T *const x = a.lanes(ra), *const y = b.lanes(rb);
  emu::core().issue(emu::kVector, "Compare", {ra, rb}, {rto}, [=] {
    for (uint32_t k = 0; k < count; ++k) {
      const uint8_t bit = static_cast<uint8_t>(1u << (k % 8));
      const bool holds = emu::compare(static_cast<float>(x[k]), static_cast<float>(y[k]), mode);
      out[k / 8] = static_cast<uint8_t>(holds ? out[k / 8] | bit : out[k / 8] & ~bit);
    }
  });
}

template <class To, class From>
void Cast(const LocalTensor<To>& to, const LocalTensor<From>& from, RoundMode mode,
          uint32_t count) {
  constexpr bool kWiden = std::is_same_v<To, half> && std::is_same_v<From, uint8_t>;
  constexpr bool kNarrow = std::is_same_v<To, half> && std::is_same_v<From, float>;
  if constexpr (!kWiden && !kNarrow) {
    emu::fault("Cast has no form for these types of element here");
  } else {
    if (kWiden && mode != RoundMode::CAST_NONE) emu::fault("Cast of uint8 rounds nothing");
    if (kNarrow && mode != RoundMode::CAST_NONE && mode != RoundMode::CAST_RINT) {
      emu::fault("Cast to half: this rounding is not emulated");
    }
    emu::check_count("Cast", count);
    const emu::Range rto = to.range(count, "Cast"), rfrom = from.range(count, "Cast");
    if (emu::overlap(rto, rfrom)) emu::fault("Cast: the result overlaps the source");
    To* const out = to.lanes(rto);
    const From* const in = from.lanes(rfrom);
    emu::core().issue(emu::kVector, "Cast", {rfrom}, {rto}, [=] {
      for (uint32_t k = 0; k < count; ++k) out[k] = To(in[k]);
    });
  }
}

// Each repeat sums `mask` elements to one: to[r * to_step], from blocks r * repeat_step on.
template <class T>
void WholeReduceSum(const LocalTensor<T>& to, const LocalTensor<T>& from, int32_t mask,
                    int32_t repeats, int32_t to_step, int32_t block_step, int32_t repeat_step) {
  emu::Only<half, float>::check<T>("WholeReduceSum");
  constexpr auto kLanes = static_cast<int32_t>(256 / sizeof(T));
  if (mask < 1 || mask > kLanes) emu::fault("WholeReduceSum: a mask of %d elements", mask);
  if (repeats < 1 || repeats > 255) emu::fault("WholeReduceSum: %d repeats", repeats);
  if (block_step != 1) emu::fault("WholeReduceSum: blocks apart are not emulated");
  const auto stride = static_cast<uint32_t>(repeat_step * 32) / static_cast<uint32_t>(sizeof(T));
  const uint32_t last = static_cast<uint32_t>(repeats - 1);
  const emu::Range rfrom =
      from.range(last * stride + static_cast<uint32_t>(mask), "WholeReduceSum");
  const emu::Range rto = to.range(last * static_cast<uint32_t>(to_step) + 1, "WholeReduceSum");
  T* const out = to.lanes(rto);
  const T* const in = from.lanes(rfrom);
  emu::core().issue(emu::kVector, "WholeReduceSum", {rfrom}, {rto}, [=] {
    for (uint32_t r = 0; r <= last; ++r) {
      float sum = 0.0f;  // the order of a sum in hardware is not told
      for (int32_t k = 0; k < mask; ++k)
        sum += static_cast<float>(in[r * stride + static_cast<uint32_t>(k)]);
      out[r * static_cast<uint32_t>(to_step)] = T(sum);
    }
  });
}

}  // namespace AscendC
