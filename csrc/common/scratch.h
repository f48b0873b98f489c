// Scratch memory of one native call: allocated once, freed at the end, never an exception.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace fastxai {

template <class T>
class Scratch {
 public:
  explicit Scratch(int64_t count) noexcept
      : data_(count > 0 ? static_cast<T*>(std::malloc(static_cast<size_t>(count) * sizeof(T)))
                        : nullptr),
        ok_(count <= 0 || data_ != nullptr) {}
  ~Scratch() { std::free(data_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  T* get() const noexcept { return data_; }
  bool ok() const noexcept { return ok_; }

 private:
  T* data_;
  bool ok_;
};

}  // namespace fastxai
