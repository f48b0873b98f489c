// Who sent SIGTERM? MindSpore answers Ctrl-C by sending SIGTERM to its own process; Python does not
// tell a handler where a signal came from, so this remembers it.
#include <unistd.h>
#include <csignal>

#include <atomic>

#include "bindings.h"

namespace fastxai {

namespace {

std::atomic<int> last_sender{0};
void (*next_handler)(int) = nullptr;

void remember_sender(int number, siginfo_t* info, void*) {
  last_sender.store(static_cast<int>(info->si_pid), std::memory_order_relaxed);
  if (next_handler != nullptr) next_handler(number);
}

// Puts itself before the handler of SIGTERM that is installed now, which must be Python's.
bool watch_sigterm() {
  struct sigaction now = {};
  if (sigaction(SIGTERM, nullptr, &now) != 0) return false;
  if (now.sa_flags & SA_SIGINFO) return now.sa_sigaction == remember_sender;
  if (now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN) return false;
  next_handler = now.sa_handler;
  struct sigaction watch = now;
  watch.sa_flags |= SA_SIGINFO;
  watch.sa_sigaction = remember_sender;
  return sigaction(SIGTERM, &watch, nullptr) == 0;
}

}  // namespace

void register_signals(py::module_& module) {
  module.def("watch_sigterm", &watch_sigterm);
  module.def("sigterm_was_ours", [] { return last_sender.load() == static_cast<int>(getpid()); });
}

}  // namespace fastxai
