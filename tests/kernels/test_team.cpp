// Teams of threads: csrc/dispatch/team.cpp.
#include <doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "kernels/common/team.h"

using namespace fastxai;

namespace {

// How often each share was done.
using Counts = std::vector<std::atomic<int>>;

void count_one(const void* context, int share) noexcept {
  auto* const counts = const_cast<Counts*>(static_cast<const Counts*>(context));
  ++(*counts)[static_cast<size_t>(share)];
}

bool each_is(const Counts& counts, int times) {
  for (const auto& count : counts) {
    if (count != times) return false;
  }
  return true;
}

// Whether every share was done once in each of some loops.
bool all_done(int shares, int loops) {
  Counts counts(static_cast<size_t>(shares));
  for (int loop = 1; loop <= loops; ++loop) {
    run_team(shares, count_one, &counts);
    if (!each_is(counts, loop)) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("every share is done once, for any number of them, over and over") {
  for (const int shares : {1, 2, 3, 8, 5, 2, 33}) CHECK(all_done(shares, 300));
}

TEST_CASE("shares of one loop run at the same time") {
  struct Meeting {
    std::atomic<int> arrived{0};
  } meeting;
  const auto meet = [](const void* context, int) noexcept {
    auto* const own = static_cast<Meeting*>(const_cast<void*>(context));
    ++own->arrived;
    while (own->arrived < 3) std::this_thread::yield();
  };
  run_team(3, meet, &meeting);
  CHECK(meeting.arrived == 3);
}

TEST_CASE("several callers at the same time each get all of their shares done") {
  std::vector<std::thread> callers;
  std::atomic<int> right{0};
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] { right += all_done(4, 300) ? 1 : 0; });
  }
  for (auto& caller : callers) caller.join();
  CHECK(right == 4);
}

TEST_CASE("a forked child does all shares itself") {
  CHECK(all_done(4, 1));
  const pid_t child = fork();
  if (child == 0) _exit(all_done(4, 10) ? 0 : 1);
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}
