#include "core.h"

#include <algorithm>
#include <cstring>

namespace emu {

namespace {
Core* running = nullptr;
const char* const kPipeNames[kPipes] = {"S", "V", "MTE2", "MTE3"};
bool is_copy(Pipe pipe) { return pipe == kCopyIn || pipe == kCopyOut; }
}  // namespace

Core& core() {
  if (running == nullptr) fault("the Ascend C interface is used outside a kernel");
  return *running;
}
void set_core(Core* core) { running = core; }

Core::Core(int block, int blocks, GlobalMemory* memory, Hazards hazards)
    : block_(block),
      blocks_(blocks),
      memory_(memory),
      hazards_(hazards),
      unified_(kUnifiedBytes, 0xFF),
      written_(kUnifiedBytes, 0),
      touched_(kUnifiedBytes / kBlockBytes) {}

Buffer* Core::add_buffer(uint32_t bytes, bool queued) {
  if (buffers_.size() >= kMaxBuffers) fault("more than %d buffers", kMaxBuffers);
  const uint64_t rounded =
      (static_cast<uint64_t>(bytes) + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
  if (bytes == 0) fault("a buffer of 0 bytes");
  if (used_ + rounded > kUnifiedBytes) {
    fault("the unified buffer overflows: %llu bytes of %u",
          static_cast<unsigned long long>(used_ + rounded), kUnifiedBytes);
  }
  Buffer buffer;
  buffer.range = {used_, used_ + static_cast<uint32_t>(rounded)};
  buffer.queued = queued;
  buffer.state = queued ? State::kFree : State::kAllocated;
  used_ += static_cast<uint32_t>(rounded);
  buffers_.push_back(buffer);
  return &buffers_.back();
}

void Core::count_queue_buffers(Pipe from, Pipe to, int number) {
  int& all = queue_buffers_[static_cast<size_t>(from * kPipes + to)];
  all += number;
  if (all > kMaxQueueBuffers) {
    fault("%d queue buffers from pipe %s to pipe %s, there are flags for %d", all, kPipeNames[from],
          kPipeNames[to], kMaxQueueBuffers);
  }
}

void Core::poison(const Range& range) {
  std::fill(unified_.begin() + range.begin, unified_.begin() + range.end, uint8_t{0xFF});
  std::fill(written_.begin() + range.begin, written_.begin() + range.end, uint8_t{0});
}

void Core::fill(const Range& range) {
  std::fill(written_.begin() + range.begin, written_.begin() + range.end, uint8_t{1});
}

void Core::hazard(Pipe pipe, Pipe other, const char* name, const char* kind, uint32_t at) {
  if (hazards_ == Hazards::kIgnore) return;
  if (hazards_ == Hazards::kFault) {
    fault(
        "%s on pipe %s: %s by pipe %s at byte %u is not known to be done (no queue, barrier or "
        "flag between them)",
        name, kPipeNames[pipe], kind, kPipeNames[other], at);
  }
  Clock all{};
  all[other] = issued_[other];
  learn(pipe, all);
}

void Core::check(Pipe pipe, const char* name, const Range& range, bool writes) {
  if (range.begin == range.end) return;
  for (uint32_t b = range.begin / kBlockBytes; b <= (range.end - 1) / kBlockBytes; ++b) {
    const Block& block = touched_[b];
    // The scalar unit alone does one thing after the other.
    if (block.writer >= 0 && !(block.writer == kScalar && pipe == kScalar) &&
        known_[pipe][block.writer] < block.written) {
      hazard(pipe, static_cast<Pipe>(block.writer), name, "a write", b * kBlockBytes);
    }
    for (int q = 0; writes && q < kPipes; ++q) {
      if (q == kScalar && pipe == kScalar) continue;
      if (known_[pipe][q] < block.read[q]) {
        hazard(pipe, static_cast<Pipe>(q), name, "a read", b * kBlockBytes);
      }
    }
  }
  if (writes || hazards_ == Hazards::kIgnore) return;
  const void* const hole = std::memchr(&written_[range.begin], 0, range.end - range.begin);
  if (hole != nullptr) {
    const auto at = static_cast<const uint8_t*>(hole) - written_.data();
    fault("%s reads byte %td of the unified buffer, never written", name, at);
  }
}

void Core::issue(Pipe pipe, const char* name, const std::vector<Range>& reads,
                 const std::vector<Range>& writes, std::function<void()> effect) {
  // What the scalar unit has waited for, all that it starts from now on may rely on.
  for (int q = 0; q < kPipes; ++q) {
    if (q != kScalar) known_[pipe][q] = std::max(known_[pipe][q], known_[kScalar][q]);
  }
  for (const Range& range : reads) check(pipe, name, range, false);
  for (const Range& range : writes) check(pipe, name, range, true);
  const uint64_t number = ++issued_[pipe];
  for (const Range& range : reads) {
    for (uint32_t b = range.begin / kBlockBytes; b * kBlockBytes < range.end; ++b) {
      touched_[b].read[pipe] = number;
    }
  }
  for (const Range& range : writes) {
    for (uint32_t b = range.begin / kBlockBytes; b * kBlockBytes < range.end; ++b) {
      touched_[b].writer = pipe;
      touched_[b].written = number;
      touched_[b].read = {};
    }
  }
  if (is_copy(pipe)) {
    pending_[pipe].push_back({number, std::move(effect)});
    return;
  }
  effect();
  for (const Range& range : writes) fill(range);
}

void Core::complete(Pipe pipe, uint64_t number) {
  auto& copies = pending_[pipe];
  while (!copies.empty() && copies.front().number <= number) {
    auto effect = std::move(copies.front().effect);
    copies.pop_front();
    effect();
  }
}

Clock Core::done_of(Pipe pipe) const {
  Clock done = known_[pipe];
  for (int q = 0; q < kPipes; ++q) {
    if (q != kScalar) done[q] = std::max(done[q], known_[kScalar][q]);
  }
  done[pipe] = issued_[pipe];
  return done;
}

void Core::learn(Pipe pipe, const Clock& done) {
  // Copies in first: a copy out may send on what they bring.
  for (int q = 0; q < kPipes; ++q) {
    if (known_[pipe][q] < done[q]) {
      known_[pipe][q] = done[q];
      complete(static_cast<Pipe>(q), done[q]);
    }
  }
}

void Core::barrier(Pipe pipe) { learn(pipe, done_of(pipe)); }

void Core::barrier_all() {
  for (int p = 0; p < kPipes; ++p) learn(static_cast<Pipe>(p), issued_);
}

Core::Flag& Core::flag(Pipe from, Pipe to, int id) {
  if (id < 0 || id >= kMaxEvents) fault("event %d, there are %d", id, kMaxEvents);
  return flags_[static_cast<size_t>((from * kPipes + to) * kMaxEvents + id)];
}

void Core::set_flag(Pipe from, Pipe to, int id) {
  Flag& f = flag(from, to, id);
  if (f.set) fault("flag %s_%s %d is set twice", kPipeNames[from], kPipeNames[to], id);
  f = {true, done_of(from)};
}

void Core::wait_flag(Pipe from, Pipe to, int id) {
  Flag& f = flag(from, to, id);
  if (!f.set) {
    fault("pipe %s waits for ever for flag %s_%s %d", kPipeNames[to], kPipeNames[from],
          kPipeNames[to], id);
  }
  f.set = false;
  learn(to, f.done);
}

void Core::open_pipe_object() {
  if (pipe_object_) fault("two TPipe at a time");
  pipe_object_ = true;
}

void Core::finish() {
  barrier_all();
  if (hazards_ != Hazards::kFault) return;
  for (const Flag& f : flags_) {
    if (f.set) fault("a flag is set and nobody waits for it");
  }
  for (const Buffer& buffer : buffers_) {
    if (buffer.queued && buffer.state != State::kFree) fault("a queue's tensor is never freed");
  }
}

}  // namespace emu
