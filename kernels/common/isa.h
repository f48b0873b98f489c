// Names of the CPU instruction sets each kernel is compiled for, and the macros that use them.
//
// A kernel source `<op>_cpu.cpp` is compiled once per instruction set with -DFASTXAI_ISA=<name>;
// everything it defines lives in `namespace fastxai::<name>`, also the inline helpers of
// kernels/common, so that the linker can never merge code of two instruction sets.
#pragma once

#if defined(__x86_64__)
#define FASTXAI_FOR_EACH_ISA(X) X(sse2) X(avx2) X(avx512)
#elif defined(__aarch64__)
#define FASTXAI_FOR_EACH_ISA(X) X(neon)
#else
#define FASTXAI_FOR_EACH_ISA(X) X(generic)
#endif

#if defined(__CUDACC__)
#define FASTXAI_HD __host__ __device__
#else
#define FASTXAI_HD
#endif

#if defined(FASTXAI_ISA)
#define FASTXAI_ISA_BEGIN \
  namespace fastxai {     \
  namespace FASTXAI_ISA {
#define FASTXAI_ISA_END \
  }                     \
  }
#else  // a device compiler: one instruction set, no dispatch
#define FASTXAI_ISA_BEGIN \
  namespace fastxai {     \
  namespace device {
#define FASTXAI_ISA_END \
  }                     \
  }
#endif
