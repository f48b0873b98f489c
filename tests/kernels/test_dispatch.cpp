// The choice of an instruction set and of the number of threads.
#include <doctest.h>

#include <string>

#include "csrc/common/status.h"
#include "every_isa.h"

using namespace fastxai;

TEST_CASE("the best instruction set of the machine is chosen at first") {
  const char* names[kMaxIsas];
  const int count = available_isas(names);
  REQUIRE(count >= 1);
  CHECK(std::string(cpu_table().name) == names[count - 1]);
}

TEST_CASE("the baseline of the architecture is always there, and first") {
  const char* names[kMaxIsas];
  available_isas(names);
#if defined(__x86_64__)
  CHECK(std::string(names[0]) == "sse2");
#elif defined(__aarch64__)
  CHECK(std::string(names[0]) == "neon");
#else
  CHECK(std::string(names[0]) == "generic");
#endif
}

TEST_CASE("every table is complete") {
  for_every_isa([](const CpuTable& table) {
    CHECK(bool(table.mask_grid));
    CHECK(bool(table.mask_upsample_scratch));
    CHECK(bool(table.mask_upsample));
    CHECK(bool(table.masked_product_scratch));
    CHECK(bool(table.masked_product_float32));
    CHECK(bool(table.masked_product_float16));
    CHECK(bool(table.masked_product_bfloat16));
    CHECK(bool(table.saliency_accumulate));
    CHECK(bool(table.saliency_expand));
    CHECK(bool(table.occlusion_fill));
    CHECK(bool(table.occlusion_patch));
    CHECK(bool(table.occlusion_sum));
  });
}

TEST_CASE("an unknown instruction set changes nothing") {
  const std::string before = cpu_table().name;
  for (const char* name : {"", "avx1024", "SSE2"}) CHECK(!select_isa(name));
  CHECK(cpu_table().name == before);
}

TEST_CASE("the number of threads is the one set, and 0 returns to the default") {
  const int before = num_threads();
  CHECK(before >= 1);
  set_num_threads(7);
  CHECK(num_threads() == 7);
  set_num_threads(0);
  CHECK(num_threads() == before);
}

TEST_CASE("every status has a text of its own") {
  const Status all[] = {Status::kOk,     Status::kArgumentCount, Status::kDtype,     Status::kShape,
                        Status::kParams, Status::kMemory,        Status::kException, Status::kIsa};
  for (const Status a : all) {
    CHECK(std::string(status_text(a)) != "unknown status");
    for (const Status b : all) {
      CHECK((std::string(status_text(a)) == status_text(b)) == (a == b));
    }
  }
  CHECK(std::string(status_text(static_cast<Status>(9999))) == "unknown status");
}
