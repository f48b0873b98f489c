// TPipe, its queues and its scratch: who owns a piece of the unified buffer, and since when.
#pragma once

#include <algorithm>
#include <deque>
#include <vector>

#include "tensors.h"

namespace AscendC {

// From the pipe that fills a buffer (first position) to the one that empties it (last position).
template <TPosition kFirst, TPosition kLast, int32_t kDepth>
class TQueBind {
 public:
  template <class T>
  LocalTensor<T> AllocTensor() {
    auto ready = std::find_if(buffers_.begin(), buffers_.end(), [](const emu::Buffer* buffer) {
      return buffer->state == emu::State::kFree;
    });
    if (ready == buffers_.end()) {
      emu::fault("AllocTensor: none of the %zu buffers of a queue is free", buffers_.size());
    }
    emu::Buffer* const buffer = *ready;
    std::rotate(buffers_.begin(), ready + 1, buffers_.end());  // the next call starts behind it
    emu::core().learn(kProducer, buffer->freed);
    emu::core().poison(buffer->range);
    buffer->state = emu::State::kAllocated;
    ++buffer->generation;
    return LocalTensor<T>(buffer, 0);
  }

  template <class T>
  bool EnQue(const LocalTensor<T>& tensor) {
    emu::Buffer* const buffer = mine(tensor, "EnQue");
    if (buffer->state != emu::State::kAllocated) emu::fault("EnQue of a tensor from DeQue");
    if (static_cast<int32_t>(waiting_.size()) >= kDepth) {
      emu::fault("EnQue: the queue of depth %d is full", kDepth);
    }
    buffer->state = emu::State::kQueued;
    ++buffer->generation;
    waiting_.push_back({buffer, emu::core().done_of(kProducer)});
    return true;
  }

  template <class T>
  LocalTensor<T> DeQue() {
    if (waiting_.empty()) emu::fault("DeQue from an empty queue");
    const Entry entry = waiting_.front();
    waiting_.pop_front();
    emu::core().learn(kConsumer, entry.filled);
    entry.buffer->state = emu::State::kTaken;
    return LocalTensor<T>(entry.buffer, 0);
  }

  template <class T>
  void FreeTensor(const LocalTensor<T>& tensor) {
    emu::Buffer* const buffer = mine(tensor, "FreeTensor");
    buffer->freed = emu::core().done_of(kConsumer);
    buffer->state = emu::State::kFree;
    ++buffer->generation;
  }

  void add(emu::Buffer* buffer) { buffers_.push_back(buffer); }
  bool empty() const { return buffers_.empty(); }

 private:
  static constexpr emu::Pipe kProducer = emu::pipe_of(kFirst, true);
  static constexpr emu::Pipe kConsumer = emu::pipe_of(kLast, false);
  struct Entry {
    emu::Buffer* buffer;
    emu::Clock filled;
  };

  template <class T>
  emu::Buffer* mine(const LocalTensor<T>& tensor, const char* name) const {
    emu::Buffer* const buffer = tensor.buffer();
    if (std::find(buffers_.begin(), buffers_.end(), buffer) == buffers_.end()) {
      emu::fault("%s of a tensor of another queue", name);
    }
    return buffer;
  }

  std::vector<emu::Buffer*> buffers_;
  std::deque<Entry> waiting_;
};

template <TPosition kPosition, int32_t kDepth>
using TQue = TQueBind<kPosition, kPosition, kDepth>;

// Scratch for one pipe at a time; nothing waits for it.
template <TPosition kPosition = TPosition::VECCALC>
class TBuf {
 public:
  template <class T>
  LocalTensor<T> Get() const {
    if (buffer_ == nullptr) emu::fault("a TBuf without InitBuffer");
    return LocalTensor<T>(buffer_, 0);
  }
  void add(emu::Buffer* buffer) { buffer_ = buffer; }

 private:
  emu::Buffer* buffer_ = nullptr;
};

class TPipe {
 public:
  TPipe() { emu::core().open_pipe_object(); }
  ~TPipe() { emu::core().close_pipe_object(); }
  TPipe(const TPipe&) = delete;
  TPipe& operator=(const TPipe&) = delete;

  template <TPosition kFirst, TPosition kLast, int32_t kDepth>
  bool InitBuffer(TQueBind<kFirst, kLast, kDepth>& queue, uint8_t number, uint32_t bytes) {
    if (number < 1 || number > 8) emu::fault("a queue of %d buffers", number);
    if (!queue.empty()) emu::fault("InitBuffer twice for a queue");
    emu::core().count_queue_buffers(emu::pipe_of(kFirst, true), emu::pipe_of(kLast, false), number);
    for (uint8_t k = 0; k < number; ++k) queue.add(emu::core().add_buffer(bytes, true));
    return true;
  }
  template <TPosition kPosition>
  bool InitBuffer(TBuf<kPosition>& scratch, uint32_t bytes) {
    scratch.add(emu::core().add_buffer(bytes, false));
    return true;
  }
};

}  // namespace AscendC
