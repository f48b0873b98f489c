// What the Ascend C kernels share. CANN copies the files of a kernel into one folder, so they
// include each other by name alone.
#pragma once

#include "kernel_operator.h"

namespace fastxai {

constexpr uint32_t kLanes = 8;  // floats in a block of 32 bytes: operands begin on one

__aicore__ inline uint32_t whole_lanes(uint32_t count) {
  return (count + kLanes - 1) / kLanes * kLanes;
}
__aicore__ inline uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

// A tiling struct holds words of 32 bits alone; op_host writes them in the order of its fields.
// `words`: the array of that name in the class that op_host registers, as GET_TILING_DATA gives it.
template <class Tiling, class Words>
__aicore__ inline Tiling tiling_of(const Words& words) {
  Tiling values;
  auto* const to = reinterpret_cast<uint32_t*>(&values);
  for (uint32_t k = 0; k < sizeof(Tiling) / sizeof(uint32_t); ++k) to[k] = words[k];
  return values;
}

// Of `items` in a row, this core does first .. last - 1.
struct Share {
  uint64_t first;
  uint64_t last;
};
__aicore__ inline Share share_of(uint64_t items) {
  const auto block = static_cast<uint64_t>(AscendC::GetBlockIdx());
  const auto blocks = static_cast<uint64_t>(AscendC::GetBlockNum());
  return {items * block / blocks, items * (block + 1) / blocks};
}

// `count` floats that follow each other in device memory, or `rows` times so many, `gap` floats
// apart. In the unified buffer each row begins on a block.
__aicore__ inline AscendC::DataCopyExtParams rows_of(uint32_t rows, uint32_t count,
                                                     uint32_t gap_from, uint32_t gap_to) {
  return {static_cast<uint16_t>(rows), count * static_cast<uint32_t>(sizeof(float)), gap_from,
          gap_to, 0};
}

// Fills a row up to a whole block with zeros: vector instructions run over them.
template <class T>
__aicore__ inline AscendC::DataCopyPadExtParams<T> zeros_after(uint32_t count) {
  return {true, 0, static_cast<uint8_t>(whole_lanes(count) - count), 0};
}

}  // namespace fastxai
