// The plain-C interface of MindSpore's ahead-of-time custom operators, without MindSpore headers:
// int op(int nparam, void** params, int* ndims, int64_t** shapes, const char** dtypes,
//        void* stream, void* extra), inputs first, then outputs. 0 means done.
//
// After another answer MindSpore never runs that compiled graph again, not even with good numbers.
// It is given only where no call of the graph can succeed (dtypes and shapes are the graph's own)
// and where memory ran out. A number out of range, which the next call may mend, is answered in
// the outputs: every bit set, which is NaN, -1, and 255 in bytes.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "csrc/common/status.h"
#include "kernels/common/image.h"

#define FASTXAI_AOT_ARGS \
  int nparam, void **params, int *ndims, int64_t **shapes, const char **dtypes, void *, void *
#define FASTXAI_AOT extern "C" __attribute__((visibility("default"))) int

namespace fastxai {

// The tensors of one call.
class AotArgs {
 public:
  AotArgs(int count, void** data, int* ndims, int64_t** shapes, const char** dtypes) noexcept
      : count_(count), data_(data), ndims_(ndims), shapes_(shapes), dtypes_(dtypes) {}

  int count() const noexcept { return count_; }
  int64_t dim(int tensor, int axis) const noexcept { return shapes_[tensor][axis]; }
  const int64_t* shape(int tensor) const noexcept { return shapes_[tensor]; }
  template <class T>
  T* data(int tensor) const noexcept {
    return static_cast<T*>(data_[tensor]);
  }
  bool is(int tensor, const char* dtype, int rank) const noexcept {
    return ndims_[tensor] == rank && std::strcmp(dtypes_[tensor], dtype) == 0;
  }
  const char* dtype(int tensor) const noexcept { return dtypes_[tensor]; }
  // Of a whole tensor; the digits of a dtype's name are the bits of an element.
  size_t bytes(int tensor) const noexcept {
    const char* const digits = std::strpbrk(dtypes_[tensor], "0123456789");
    size_t count = digits == nullptr ? 1 : std::strtoul(digits, nullptr, 10) / 8;
    for (int axis = 0; axis < ndims_[tensor]; ++axis) {
      count *= static_cast<size_t>(shapes_[tensor][axis]);
    }
    return count;
  }
  // Whether a tensor says what a masked pixel shows: float32 [C], or a picture [C, H, W].
  bool is_base(int tensor) const noexcept {
    return is(tensor, "float32", 1) || is(tensor, "float32", 3);
  }
  bool fits_base(int tensor, const ImageShape& s) const noexcept {
    return dim(tensor, 0) == s.channels &&
           (ndims_[tensor] == 1 || (dim(tensor, 1) == s.rows && dim(tensor, 2) == s.cols));
  }
  Base base(int tensor) const noexcept { return {data<float>(tensor), ndims_[tensor] == 3}; }
  bool same_shape(int a, int b) const noexcept {
    return ndims_[a] == ndims_[b] &&
           std::memcmp(shapes_[a], shapes_[b], static_cast<size_t>(ndims_[a]) * sizeof(int64_t)) ==
               0;
  }

 private:
  int count_;
  void** data_;
  int* ndims_;
  int64_t** shapes_;
  const char** dtypes_;
};

// Runs `body(args)` for an op of `want` tensors; says on stderr what went wrong, if anything did.
template <class Body>
int aot_call(const char* name, int want, const AotArgs& args, Body body) noexcept {
  Status status = Status::kException;
  try {
    status = args.count() == want ? body(args) : Status::kArgumentCount;
  } catch (...) {
    status = Status::kException;
  }
  if (status != Status::kOk) std::fprintf(stderr, "%s: %s\n", name, status_text(status));
  return static_cast<int>(status);
}

// As aot_call(), for an op in host memory: where a number is out of range, all bits of the tensors
// from `first_output` on are set.
template <class Body>
int aot_host_call(const char* name, int want, int first_output, const AotArgs& args,
                  Body body) noexcept {
  return aot_call(name, want, args, [&](const AotArgs& a) {
    const Status status = body(a);
    if (status != Status::kParams) return status;
    std::fprintf(stderr, "%s: %s; its outputs are NaN or -1\n", name, status_text(status));
    for (int tensor = first_output; tensor < want; ++tensor) {
      std::memset(a.data<void>(tensor), 0xff, a.bytes(tensor));
    }
    return Status::kOk;
  });
}

}  // namespace fastxai
