// DMA between device memory and the unified buffer: DataCopy, DataCopyPad.
#pragma once

#include <vector>

#include "queues.h"

namespace emu {

constexpr uint32_t kMaxPieces = 4095;
constexpr uint32_t kMaxPieceBytes = 2097151;

inline uint32_t round_up(uint32_t bytes) {
  return (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

// Pieces of a copy. In the unified buffer each begins on a block.
struct Pieces {
  uint32_t number;
  uint32_t bytes;        // of one, in device memory
  uint64_t global_step;  // from one to the next
  uint32_t local_step;
  uint32_t local_bytes;  // of one, with its padding
};

inline void check_pieces(const char* name, const Pieces& p) {
  if (p.number > kMaxPieces) fault("%s: blockCount %u is above %u", name, p.number, kMaxPieces);
  if (p.bytes > kMaxPieceBytes) fault("%s: blockLen %u is above %u", name, p.bytes, kMaxPieceBytes);
}

// Bytes from the first to the last of all pieces.
inline uint64_t local_extent(const Pieces& p) {
  return static_cast<uint64_t>(p.number - 1) * p.local_step + round_up(p.local_bytes);
}
inline uint64_t global_extent(const Pieces& p) { return (p.number - 1) * p.global_step + p.bytes; }

template <class T>
void copy_in(const char* name, const AscendC::LocalTensor<T>& to,
             const AscendC::GlobalTensor<T>& from, const Pieces& p,
             const AscendC::DataCopyPadExtParams<T>& pad) {
  check_pieces(name, p);
  if (p.number == 0 || p.bytes == 0) return;
  from.check(global_extent(p));
  const uint8_t* const source = from.bytes();
  for (uint32_t k = 0; k < p.number; ++k) {
    core().memory().readable(from.first(), source + k * p.global_step, p.bytes);
  }
  const Range range = to.range(local_extent(p) / sizeof(T), name);
  Core& c = core();
  c.issue(kCopyIn, name, {}, {range}, [&c, source, range, p, pad] {
    const uint32_t left = pad.isPad ? pad.leftPadding : 0u;
    const uint32_t right = pad.isPad ? pad.rightPadding : 0u;
    constexpr auto kSize = static_cast<uint32_t>(sizeof(T));
    for (uint32_t k = 0; k < p.number; ++k) {
      const uint32_t at = range.begin + k * p.local_step;
      auto* const lanes = reinterpret_cast<T*>(c.unified(at));
      for (uint32_t j = 0; j < left; ++j) lanes[j] = pad.paddingValue;
      std::memcpy(c.unified(at + left * kSize), source + k * p.global_step, p.bytes);
      const uint32_t tail = at + left * kSize + p.bytes;
      for (uint32_t j = 0; j < right; ++j) {
        std::memcpy(c.unified(tail + j * kSize), &pad.paddingValue, kSize);
      }
      c.fill({at, tail + right * kSize});
    }
  });
}

template <class T>
void copy_out(const char* name, const AscendC::GlobalTensor<T>& to,
              const AscendC::LocalTensor<T>& from, const Pieces& p) {
  check_pieces(name, p);
  if (p.number == 0 || p.bytes == 0) return;
  to.check(global_extent(p));
  uint8_t* const target = to.bytes();
  const uint8_t* const tensor = to.first();
  const Range whole = from.range(local_extent(p) / sizeof(T), name);
  Core& c = core();
  const auto effect = [&c, tensor, target, whole, p] {
    for (uint32_t k = 0; k < p.number; ++k) {
      c.memory().write(tensor, target + k * p.global_step,
                       c.unified(whole.begin + k * p.local_step), p.bytes, c.block());
    }
  };
  if (p.local_step == p.bytes) {
    c.issue(kCopyOut, name, {{whole.begin, whole.begin + p.number * p.bytes}}, {}, effect);
    return;
  }
  // Every piece for itself: what lies in the gaps is not read.
  std::vector<Range> ranges;
  for (uint32_t k = 0; k < p.number; ++k) {
    const uint32_t at = whole.begin + k * p.local_step;
    ranges.push_back({at, at + p.bytes});
  }
  c.issue(kCopyOut, name, ranges, {}, effect);
}

template <class T>
Pieces whole_blocks(const char* name, uint32_t count) {
  const auto bytes = static_cast<uint64_t>(count) * sizeof(T);
  if (bytes % kBlockBytes != 0) {
    fault("%s of %llu bytes: no multiple of 32, hardware would copy less", name,
          static_cast<unsigned long long>(bytes));
  }
  const auto all = static_cast<uint32_t>(bytes);
  return {1, all, all, all, all};
}

}  // namespace emu

namespace AscendC {

template <class T>
void DataCopy(const LocalTensor<T>& to, const GlobalTensor<T>& from, uint32_t count) {
  emu::copy_in("DataCopy", to, from, emu::whole_blocks<T>("DataCopy", count), {});
}
template <class T>
void DataCopy(const GlobalTensor<T>& to, const LocalTensor<T>& from, uint32_t count) {
  emu::copy_out("DataCopy", to, from, emu::whole_blocks<T>("DataCopy", count));
}
template <class T>
void DataCopy(const LocalTensor<T>& to, const GlobalTensor<T>& from, const DataCopyParams& p) {
  const uint32_t bytes = p.blockLen * emu::kBlockBytes;
  emu::copy_in("DataCopy", to, from,
               {p.blockCount, bytes, bytes + p.srcGap * uint64_t{emu::kBlockBytes},
                bytes + p.dstGap * emu::kBlockBytes, bytes},
               {});
}
template <class T>
void DataCopy(const GlobalTensor<T>& to, const LocalTensor<T>& from, const DataCopyParams& p) {
  const uint32_t bytes = p.blockLen * emu::kBlockBytes;
  emu::copy_out("DataCopy", to, from,
                {p.blockCount, bytes, bytes + p.dstGap * uint64_t{emu::kBlockBytes},
                 bytes + p.srcGap * emu::kBlockBytes, bytes});
}

template <class T>
void DataCopyPad(const LocalTensor<T>& to, const GlobalTensor<T>& from, const DataCopyExtParams& p,
                 const DataCopyPadExtParams<T>& pad) {
  const auto left = static_cast<uint32_t>(pad.isPad ? pad.leftPadding * sizeof(T) : 0);
  const auto right = static_cast<uint32_t>(pad.isPad ? pad.rightPadding * sizeof(T) : 0);
  if (left > emu::kBlockBytes || right > emu::kBlockBytes) {
    emu::fault("DataCopyPad: a padding of more than 32 bytes");
  }
  const uint32_t bytes = left + p.blockLen + right;
  emu::copy_in("DataCopyPad", to, from,
               {p.blockCount, p.blockLen, uint64_t{p.blockLen} + p.srcStride,
                emu::round_up(bytes) + p.dstStride * emu::kBlockBytes, bytes},
               pad);
}
template <class T>
void DataCopyPad(const GlobalTensor<T>& to, const LocalTensor<T>& from,
                 const DataCopyExtParams& p) {
  emu::copy_out("DataCopyPad", to, from,
                {p.blockCount, p.blockLen, uint64_t{p.blockLen} + p.dstStride,
                 emu::round_up(p.blockLen) + p.srcStride * emu::kBlockBytes, p.blockLen});
}

}  // namespace AscendC
