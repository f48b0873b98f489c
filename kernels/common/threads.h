// The number of the calling OpenMP thread, 0 without OpenMP.
#pragma once

#include "isa.h"

#if defined(_OPENMP)
#include <omp.h>
#endif

FASTXAI_ISA_BEGIN

static inline int thread_index() {
#if defined(_OPENMP)
  return omp_get_thread_num();
#else
  return 0;
#endif
}

FASTXAI_ISA_END
