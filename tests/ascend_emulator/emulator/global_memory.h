// Device memory as a kernel sees it: the tensors it was given and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
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

  const uint8_t* readable(const uint8_t* address, size_t bytes) {
    const Region& region = find(address, bytes, "read");
    if (region.output) fault("a kernel reads from its output");
    return address;
  }

  // Stores the bytes and notes who did it.
  void write(uint8_t* address, const uint8_t* source, size_t bytes, int block) {
    Region& region = find(address, bytes, "write");
    if (!region.output) fault("a kernel writes to its input");
    const size_t first = static_cast<size_t>(address - region.data);
    for (size_t k = 0; k < bytes; ++k) {
      uint16_t& writer = region.writer[first + k];
      if (write_once_ && writer != 0) {
        fault("output byte %zu is written twice, by block %d and block %d", first + k, writer - 1,
              block);
      }
      writer = static_cast<uint16_t>(block + 1);
      address[k] = source[k];
    }
  }

  void check_complete() const {
    if (!write_once_) return;
    for (const Region& region : regions_) {
      for (size_t k = 0; k < region.writer.size(); ++k) {
        if (region.writer[k] == 0)
          fault("output byte %zu of %zu is never written", k, region.bytes);
      }
    }
  }

 private:
  Region& find(const uint8_t* address, size_t bytes, const char* verb) {
    for (Region& region : regions_) {
      if (address >= region.data && address + bytes <= region.data + region.bytes) return region;
    }
    fault("a kernel is to %s %zu bytes outside its tensors", verb, bytes);
  }

  std::vector<Region> regions_;
  bool write_once_;
};

}  // namespace emu
