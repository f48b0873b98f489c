// Device memory as a kernel sees it: the tensors it was given and nothing else.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "fault.h"

namespace emu {

// One tensor in device memory. Of an output every byte is counted.
struct Region {
  uint8_t* data;
  size_t bytes;
  bool output;
  std::vector<uint16_t> writer;  // 1 + block that wrote the byte, 0: nobody yet
};

class GlobalMemory {
 public:
  explicit GlobalMemory(bool write_once) : write_once_(write_once) {}

  void add(uint8_t* data, size_t bytes, bool output) {
    regions_.push_back({data, bytes, output, std::vector<uint16_t>(output ? bytes : 0)});
  }

  // `tensor` is where the tensor begins that the kernel means: its neighbour is not read for it.
  const uint8_t* readable(const uint8_t* tensor, const uint8_t* address, size_t bytes) {
    const Region& region = find(tensor, address, bytes, "read");
    if (region.output) fault("a kernel reads from its output");
    return address;
  }

  // Stores the bytes and notes who did it.
  void write(const uint8_t* tensor, uint8_t* address, const uint8_t* source, size_t bytes,
             int block) {
    Region& region = find(tensor, address, bytes, "write");
    if (!region.output) fault("a kernel writes to its input");
    const auto first = region.writer.begin() + (address - region.data);
    const auto last = first + static_cast<std::ptrdiff_t>(bytes);
    const auto other = std::find_if(first, last, [](uint16_t writer) { return writer != 0; });
    if (write_once_ && other != last) {
      fault("output byte %td is written twice, by block %d and block %d",
            other - region.writer.begin(), *other - 1, block);
    }
    std::fill(first, last, static_cast<uint16_t>(block + 1));
    std::memcpy(address, source, bytes);
  }

  void check_complete() const {
    if (!write_once_) return;
    for (const Region& region : regions_) {
      const auto hole = std::find(region.writer.begin(), region.writer.end(), uint16_t{0});
      if (hole != region.writer.end()) {
        fault("output byte %td of %zu is never written", hole - region.writer.begin(),
              region.bytes);
      }
    }
  }

 private:
  Region& find(const uint8_t* tensor, const uint8_t* address, size_t bytes, const char* verb) {
    for (Region& region : regions_) {
      if (tensor < region.data || tensor >= region.data + region.bytes) continue;
      if (address >= region.data && address + bytes <= region.data + region.bytes) return region;
    }
    fault("a kernel is to %s %zu bytes outside its tensor", verb, bytes);
  }

  std::vector<Region> regions_;
  bool write_once_;
};

}  // namespace emu
