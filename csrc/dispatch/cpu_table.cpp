#include "cpu_table.h"

#include <atomic>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace fastxai {

namespace {

#define FASTXAI_TABLE(isa)                                    \
  const CpuTable isa##_table = {#isa,                         \
                                isa::mask_grid,               \
                                isa::mask_upsample_scratch,   \
                                isa::mask_upsample,           \
                                isa::masked_product_scratch,  \
                                isa::masked_product_float32,  \
                                isa::masked_product_float16,  \
                                isa::masked_product_bfloat16, \
                                isa::saliency_accumulate,     \
                                isa::saliency_expand,         \
                                isa::occlusion_fill,          \
                                isa::occlusion_patch,         \
                                isa::occlusion_sum,           \
                                isa::pixel_fill};
FASTXAI_FOR_EACH_ISA(FASTXAI_TABLE)
#undef FASTXAI_TABLE

#if defined(__x86_64__)
// Clang's __builtin_cpu_supports() does not know this one.
bool has_f16c() noexcept {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}
#endif

bool machine_has(const char* name) noexcept {
#if defined(__x86_64__)
  if (std::strcmp(name, "avx2") == 0) {
    return __builtin_cpu_supports("avx2") && has_f16c();
  }
  if (std::strcmp(name, "avx512") == 0) {
    return machine_has("avx2") && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
  }
#endif
  (void)name;
  return true;  // the baseline of the architecture
}

const CpuTable* find(const char* name) noexcept {
#define FASTXAI_FIND(isa) \
  if ((name == nullptr || std::strcmp(name, #isa) == 0) && machine_has(#isa)) found = &isa##_table;
  const CpuTable* found = nullptr;
  FASTXAI_FOR_EACH_ISA(FASTXAI_FIND)
#undef FASTXAI_FIND
  return found;  // without a name: the last, which is the best
}

std::atomic<const CpuTable*>& current() noexcept {
  static std::atomic<const CpuTable*> table{find(nullptr)};
  return table;
}

}  // namespace

const CpuTable& cpu_table() noexcept { return *current().load(std::memory_order_relaxed); }

int available_isas(const char** names) noexcept {
  int count = 0;
#define FASTXAI_NAME(isa) \
  if (machine_has(#isa)) names[count++] = #isa;
  FASTXAI_FOR_EACH_ISA(FASTXAI_NAME)
#undef FASTXAI_NAME
  return count;
}

bool select_isa(const char* name) noexcept {
  const CpuTable* table = find(name);
  if (table == nullptr) return false;
  current().store(table, std::memory_order_relaxed);
  return true;
}

}  // namespace fastxai
