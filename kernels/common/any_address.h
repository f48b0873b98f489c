// Numbers of the caller's, at any address: NumPy and MindSpore hand over arrays that are not
// aligned even to their element. Reading one through a plain pointer would be undefined behaviour;
// through these types compilers emit the loads and stores that take any address, at no cost on the
// machines that fastxai is built for. Memory of a GPU is aligned.
#pragma once

#include <cstdint>

namespace fastxai {

#if defined(__CUDACC__)
typedef float AnyFloat;
typedef double AnyDouble;
typedef int32_t AnyInt32;
typedef int64_t AnyInt64;
#else
typedef float __attribute__((aligned(1))) AnyFloat;
typedef double __attribute__((aligned(1))) AnyDouble;
typedef int32_t __attribute__((aligned(1))) AnyInt32;
typedef int64_t __attribute__((aligned(1))) AnyInt64;
#endif

}  // namespace fastxai
