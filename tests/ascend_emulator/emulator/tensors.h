// GlobalTensor and LocalTensor: checked views of device memory and of the unified buffer.
#pragma once

#include <cstdint>

#include "types.h"

namespace AscendC {

template <class T>
class GlobalTensor {
 public:
  void SetGlobalBuffer(T* data) { SetGlobalBuffer(data, UINT64_MAX); }
  void SetGlobalBuffer(T* data, uint64_t count) {
    data_ = data;
    first_ = data;
    count_ = count;
  }
  GlobalTensor operator[](uint64_t at) const {
    if (at > count_) emu::fault("element %llu of a global tensor of %llu", ull(at), ull(count_));
    GlobalTensor part;
    part.SetGlobalBuffer(data_ + at, count_ == UINT64_MAX ? count_ : count_ - at);
    part.first_ = first_;
    return part;
  }
  // Through the scalar unit's cache: for inputs, which no kernel changes.
  T GetValue(uint64_t at) const {
    if (at >= count_) emu::fault("element %llu of a global tensor of %llu", ull(at), ull(count_));
    T value;
    const auto* address = reinterpret_cast<const uint8_t*>(data_ + at);
    std::memcpy(&value, emu::core().memory().readable(first(), address, sizeof value),
                sizeof value);
    return value;
  }

  const uint8_t* first() const { return reinterpret_cast<const uint8_t*>(first_); }
  uint8_t* bytes() const {
    auto* address = reinterpret_cast<uint8_t*>(data_);
    if (reinterpret_cast<uintptr_t>(address) % sizeof(T) != 0) {
      emu::fault("a copy starts inside an element of device memory");
    }
    return address;
  }
  // `bytes` from here on are to be copied.
  void check(uint64_t bytes) const {
    if (count_ != UINT64_MAX && bytes > count_ * sizeof(T)) {
      emu::fault("a copy of %llu bytes runs over a global tensor of %llu", ull(bytes),
                 ull(count_ * sizeof(T)));
    }
  }

 private:
  static unsigned long long ull(uint64_t x) { return x; }
  T* data_ = nullptr;
  T* first_ = nullptr;  // of the tensor that this is a part of
  uint64_t count_ = 0;
};

template <class T>
class LocalTensor {
 public:
  LocalTensor() = default;
  LocalTensor(emu::Buffer* buffer, uint32_t offset)
      : buffer_(buffer), generation_(buffer->generation), offset_(offset) {}

  LocalTensor operator[](uint32_t at) const {
    LocalTensor part = *this;
    part.offset_ += at * static_cast<uint32_t>(sizeof(T));
    return part;
  }
  template <class U>
  LocalTensor<U> ReinterpretCast() const {
    check_handle();
    return LocalTensor<U>(buffer_, offset_);
  }
  T GetValue(uint32_t at) const {
    const emu::Range range = scalar_range(at);
    T value;
    emu::Core& core = emu::core();
    core.issue(emu::kScalar, "GetValue", {range}, {},
               [&] { std::memcpy(&value, core.unified(range.begin), sizeof value); });
    return value;
  }
  void SetValue(uint32_t at, T value) const {
    const emu::Range range = scalar_range(at);
    emu::Core& core = emu::core();
    core.issue(emu::kScalar, "SetValue", {}, {range},
               [&] { std::memcpy(core.unified(range.begin), &value, sizeof value); });
  }

  // Where `count` elements from here lie, for an operand of a vector or copy instruction.
  emu::Range range(uint64_t count, const char* name) const {
    check_handle();
    const uint64_t end = offset_ + count * sizeof(T);
    const uint32_t length = buffer_->range.end - buffer_->range.begin;
    if (end > length) {
      emu::fault("%s runs over its buffer: %llu bytes of %u", name,
                 static_cast<unsigned long long>(end), length);
    }
    if (offset_ % emu::kBlockBytes != 0) {
      emu::fault("%s: an operand at byte %u of its buffer is not aligned to 32 bytes", name,
                 offset_);
    }
    return {buffer_->range.begin + offset_, buffer_->range.begin + static_cast<uint32_t>(end)};
  }
  T* lanes(const emu::Range& range) const {
    return reinterpret_cast<T*>(emu::core().unified(range.begin));
  }
  emu::Buffer* buffer() const {
    check_handle();
    return buffer_;
  }

 private:
  void check_handle() const {
    if (buffer_ == nullptr) emu::fault("a tensor without a buffer is used");
    if (buffer_->generation != generation_ || buffer_->state == emu::State::kFree) {
      emu::fault("a tensor is used after EnQue or FreeTensor took it");
    }
  }
  emu::Range scalar_range(uint32_t at) const {
    check_handle();
    const uint32_t begin = offset_ + at * static_cast<uint32_t>(sizeof(T));
    const uint32_t length = buffer_->range.end - buffer_->range.begin;
    if (begin + sizeof(T) > length) emu::fault("element %u lies outside its buffer", at);
    const uint32_t first = buffer_->range.begin + begin;
    return {first, first + static_cast<uint32_t>(sizeof(T))};
  }

  emu::Buffer* buffer_ = nullptr;
  uint32_t generation_ = 0;
  uint32_t offset_ = 0;  // bytes
};

}  // namespace AscendC
