// Teams of threads: how a kernel's loop is spread over them.
#pragma once

#include <cstdint>

#include "isa.h"

namespace fastxai {

using TeamWork = void (*)(const void* context, int share) noexcept;

// Calls work(context, share) for the shares 0 .. shares - 1, each once, on as many threads as there
// are for it, and returns when all are done. Defined by the border: csrc/dispatch/team.cpp.
void run_team(int shares, TeamWork work, const void* context) noexcept;

}  // namespace fastxai

FASTXAI_ISA_BEGIN

// Calls each(share) for the shares 0 .. shares - 1, at the same time. A share is done by one
// thread, but a thread may do several, one after another.
template <class Each>
static inline void in_team(int shares, const Each& each) {
  if (shares <= 1) return each(0);
  run_team(
      shares,
      [](const void* context, int share) noexcept { (*static_cast<const Each*>(context))(share); },
      &each);
}

// Calls each(k) for first <= k < last of a share: 0 .. count - 1 in equal runs of neighbours.
template <class Each>
static inline void each_of_share(int64_t count, int share, int shares, const Each& each) {
  const int64_t last = count * (share + 1) / shares;
  for (int64_t k = count * share / shares; k < last; ++k) each(k);
}

// Calls each(k) for 0 <= k < count, spread over a team.
template <class Each>
static inline void each_in_team(int64_t count, int shares, const Each& each) {
  in_team(shares, [&](int share) { each_of_share(count, share, shares, each); });
}

FASTXAI_ISA_END
