// Runs a check on every instruction set that this machine has.
#pragma once

#include <doctest.h>

#include <cstring>
#include <string>

#include "csrc/dispatch/cpu_table.h"
#include "csrc/dispatch/threads.h"
#include "isa_probe.h"

namespace fastxai {

// body(table): the kernels of one instruction set, which the launch functions also use meanwhile.
template <class Body>
void for_every_isa(Body body) {
  const char* names[kMaxIsas];
  const int count = available_isas(names);
  REQUIRE(count >= 1);
  const std::string before = cpu_table().name;
  for (int k = 0; k < count; ++k) {
    INFO("isa ", names[k]);
    REQUIRE(select_isa(names[k]));
    REQUIRE(std::string(cpu_table().name) == names[k]);
    body(cpu_table());
  }
  REQUIRE(select_isa(before.c_str()));
}

// body(probes): the inline helpers of one instruction set.
template <class Body>
void for_every_probe(Body body) {
  for_every_isa([&](const CpuTable& table) {
    int found = 0;
    for (const ProbeTable& probes : kProbes) {
      if (std::strcmp(probes.name, table.name) != 0) continue;
      ++found;
      body(probes);
    }
    CHECK(found == 1);
  });
}

// Limits the launch functions to some threads, and gives the default back.
class UseThreads {
 public:
  explicit UseThreads(int threads) { set_num_threads(threads); }
  ~UseThreads() { set_num_threads(0); }
  UseThreads(const UseThreads&) = delete;
  UseThreads& operator=(const UseThreads&) = delete;
};

}  // namespace fastxai
