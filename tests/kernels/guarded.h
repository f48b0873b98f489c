// Memory between guard bytes, at any alignment: what a kernel is given to write into.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

namespace fastxai {

// `count` values of T, all bytes kMark at first, `skew` bytes off the allocator's alignment. NumPy
// and MindSpore do pass arrays that are not aligned even to their element.
template <class T>
class Guarded {
 public:
  explicit Guarded(int64_t count, size_t skew = 0)
      : count_(count),
        start_(kGuard + skew),
        end_(start_ + static_cast<size_t>(count) * sizeof(T)),
        bytes_(end_ + kGuard, kMark) {}

  T* data() { return reinterpret_cast<T*>(bytes_.data() + start_); }
  int64_t size() const { return count_; }

  T operator[](int64_t k) const {
    T value;
    std::memcpy(&value, bytes_.data() + start_ + static_cast<size_t>(k) * sizeof(T), sizeof(T));
    return value;
  }
  void set(int64_t k, T value) {
    std::memcpy(bytes_.data() + start_ + static_cast<size_t>(k) * sizeof(T), &value, sizeof(T));
  }
  void fill(T value) {
    for (int64_t k = 0; k < count_; ++k) set(k, value);
  }

  bool guards_intact() const { return marked(0, start_) && marked(end_, bytes_.size()); }
  bool untouched() const { return marked(0, bytes_.size()); }
  bool same_bytes(const Guarded& other) const {
    return count_ == other.count_ &&
           std::memcmp(bytes_.data() + start_, other.bytes_.data() + other.start_, end_ - start_) ==
               0;
  }

 private:
  static constexpr size_t kGuard = 256;  // more than the widest vector
  static constexpr unsigned char kMark = 0xA5;

  bool marked(size_t from, size_t to) const {
    for (size_t k = from; k < to; ++k) {
      if (bytes_[k] != kMark) return false;
    }
    return true;
  }

  int64_t count_;
  size_t start_;
  size_t end_;
  std::vector<unsigned char> bytes_;
};

}  // namespace fastxai
