// The threads that kernels/common/team.h spreads loops over.
//
// Between two calls they sleep. OpenMP's wait for the next loop by spinning, for milliseconds, and
// take that time from the threads of the engine that scores the batch just made.
#include "kernels/common/team.h"

#include <pthread.h>
#include <signal.h>

#include <condition_variable>
#include <mutex>

#include "threads.h"

namespace fastxai {

namespace {

// One loop at a time. Who calls takes shares too, so a thread that is late or missing costs time
// and nothing else.
class Team {
 public:
  void run(int shares, TeamWork work, const void* context) noexcept {
    std::unique_lock<std::mutex> lock(mutex_);
    grow(shares - 1);
    work_ = work;
    context_ = context;
    shares_ = shares;
    next_ = done_ = 0;
    for (int helper = 1; helper < shares; ++helper) begun_.notify_one();
    take_shares(lock);
    ended_.wait(lock, [this] { return done_ == shares_; });
    shares_ = next_ = 0;
  }

 private:
  static void* help(void* team) noexcept {
    Team* const own = static_cast<Team*>(team);
    std::unique_lock<std::mutex> lock(own->mutex_);
    while (true) {
      own->begun_.wait(lock, [own] { return own->next_ < own->shares_; });
      own->take_shares(lock);
    }
    return nullptr;
  }

  // Does shares as long as there are any.
  void take_shares(std::unique_lock<std::mutex>& lock) noexcept {
    while (next_ < shares_) {
      const int share = next_++;
      lock.unlock();
      work_(context_, share);
      lock.lock();
      if (++done_ == shares_) ended_.notify_one();
    }
  }

  // Starts threads until there are so many, or no more can be had. Signals are for others.
  void grow(int helpers) noexcept {
    if (helpers_ >= helpers) return;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    while (helpers_ < helpers && pthread_create(&thread, nullptr, &Team::help, this) == 0) {
      pthread_detach(thread);
      ++helpers_;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  std::mutex mutex_;  // of all that follows
  std::condition_variable begun_, ended_;
  TeamWork work_ = nullptr;
  const void* context_ = nullptr;
  int shares_ = 0;
  int next_ = 0;  // the first share that nobody has taken
  int done_ = 0;
  int helpers_ = 0;
};

// Never destroyed: threads sleep in it until the process ends.
Team& team() noexcept {
  static Team* const only = new Team;
  return *only;
}

std::mutex& one_caller() noexcept {
  static std::mutex* const only = new std::mutex;
  return *only;
}

}  // namespace

void run_team(int shares, TeamWork work, const void* context) noexcept {
  // A second caller at the same time would only wait for cores, and a forked child has no helpers.
  std::unique_lock<std::mutex> alone(one_caller(), std::defer_lock);
  if (!is_forked() && alone.try_lock()) return team().run(shares, work, context);
  for (int share = 0; share < shares; ++share) work(context, share);
}

}  // namespace fastxai
