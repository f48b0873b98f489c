// Small kernels: each breaks one rule of the emulator, the last ones keep them all. They take 64
// floats and give 64 floats.
#include "kernel_operator.h"

using namespace AscendC;

#define RULE(name) extern "C" void name(GM_ADDR in, GM_ADDR out, GM_ADDR, GM_ADDR)
#define RULE_OF_ALL(name) extern "C" void name(GM_ADDR in, GM_ADDR out, GM_ADDR, GM_ADDR tiling)

namespace {

constexpr uint32_t kFloats = 64;
constexpr uint32_t kBytes = kFloats * sizeof(float);

// What the kernels have in common.
struct Room {
  TPipe pipe;
  TQue<TPosition::VECIN, 1> from;
  TQue<TPosition::VECOUT, 1> to;
  TBuf<TPosition::VECCALC> scratch;
  GlobalTensor<float> in, out;

  Room(GM_ADDR source, GM_ADDR target) {
    in.SetGlobalBuffer(reinterpret_cast<float*>(source), kFloats);
    out.SetGlobalBuffer(reinterpret_cast<float*>(target), kFloats);
    pipe.InitBuffer(from, 1, kBytes);
    pipe.InitBuffer(to, 1, kBytes);
    pipe.InitBuffer(scratch, kBytes);
  }
  LocalTensor<float> load() {
    LocalTensor<float> tensor = from.AllocTensor<float>();
    DataCopy(tensor, in, kFloats);
    from.EnQue(tensor);
    return from.DeQue<float>();
  }
  void store(const LocalTensor<float>& tensor) {
    to.EnQue(tensor);
    LocalTensor<float> ready = to.DeQue<float>();
    DataCopy(out, ready, kFloats);
    to.FreeTensor(ready);
  }
};

}  // namespace

RULE(waits_for_ever) {
  Room room(in, out);
  WaitFlag<HardEvent::V_MTE3>(EVENT_ID0);
}
RULE(sets_a_flag_twice) {
  Room room(in, out);
  SetFlag<HardEvent::V_MTE3>(EVENT_ID0);
  SetFlag<HardEvent::V_MTE3>(EVENT_ID0);
}
RULE(leaves_a_flag) {
  Room room(in, out);
  SetFlag<HardEvent::V_MTE3>(EVENT_ID0);
}
RULE(has_two_pipes) {
  Room room(in, out);
  TPipe second;
}
RULE(has_65_buffers) {
  Room room(in, out);
  TBuf<TPosition::VECCALC> more[62];
  for (auto& one : more) room.pipe.InitBuffer(one, 32);
}
RULE(has_nine_buffers_in_queues) {
  Room room(in, out);
  TQue<TPosition::VECIN, 1> more;
  room.pipe.InitBuffer(more, 8, 32);
}
RULE(compares_40_floats) {
  Room room(in, out);
  LocalTensor<float> x = room.load();
  Compare(room.scratch.Get<uint8_t>(), x, x, CMPMODE::EQ, 40);
}
RULE(pads_more_than_a_block) {
  Room room(in, out);
  DataCopyPad(room.from.AllocTensor<float>(), room.in, {1, 4, 0, 0, 0}, {true, 0, 9, 0});
}
RULE(copies_4096_pieces) {
  Room room(in, out);
  DataCopyPad(room.from.AllocTensor<float>(), room.in, {4096, 4, 0, 0, 0}, {false, 0, 0, 0});
}
RULE(overlaps_in_part) {
  Room room(in, out);
  LocalTensor<float> x = room.load();
  Adds(x[8], x, 1.0f, 32);
}
RULE(takes_from_an_empty_queue) {
  Room room(in, out);
  room.from.DeQue<float>();
}
RULE(allocates_twice) {
  Room room(in, out);
  room.from.AllocTensor<float>();
  room.from.AllocTensor<float>();
}
RULE(frees_twice) {
  Room room(in, out);
  LocalTensor<float> x = room.load();
  room.from.FreeTensor(x);
  room.from.FreeTensor(x);
}
RULE(frees_into_another_queue) {
  Room room(in, out);
  room.to.FreeTensor(room.load());
}
RULE(reads_a_vector_result_at_once) {
  Room room(in, out);
  LocalTensor<float> x = room.scratch.Get<float>();
  Duplicate(x, 1.0f, kFloats);
  x.GetValue(0);
}
RULE(computes_with_a_scalar_just_set) {
  Room room(in, out);
  LocalTensor<float> x = room.scratch.Get<float>();
  for (uint32_t k = 0; k < 8; ++k) x.SetValue(k, 1.0f);
  Adds(x, x, 1.0f, 8);
}
RULE(reads_what_nobody_wrote) {
  Room room(in, out);
  LocalTensor<float> x = room.scratch.Get<float>();
  Adds(x, x, 1.0f, 8);
}
RULE(gathers_inside_an_element) {
  Room room(in, out);
  LocalTensor<float> x = room.load();
  LocalTensor<uint32_t> offsets = room.scratch.Get<uint32_t>();
  Duplicate(offsets, 2u, 8);
  PipeBarrier<PIPE_V>();
  Gather(room.to.AllocTensor<float>(), x, offsets, 0, 8);
}
RULE(writes_to_its_input) {
  Room room(in, out);
  LocalTensor<float> x = room.to.AllocTensor<float>();
  Duplicate(x, 1.0f, kFloats);
  room.to.EnQue(x);
  DataCopy(room.in, room.to.DeQue<float>(), kFloats);
}
RULE(reads_its_output) {
  Room room(in, out);
  DataCopy(room.from.AllocTensor<float>(), room.out, kFloats);
}
RULE(runs_over_a_global_tensor) {
  Room room(in, out);
  DataCopy(room.from.AllocTensor<float>(), room.in[8], kFloats);
}
RULE(starts_inside_an_element) {
  Room room(in, out);
  room.in.SetGlobalBuffer(reinterpret_cast<float*>(in + 2), kFloats - 1);
  DataCopy(room.from.AllocTensor<float>(), room.in, 8);
}
RULE(writes_nothing) { Room room(in, out); }
RULE(writes_twice) {
  Room room(in, out);
  for (int k = 0; k < 2; ++k) {
    LocalTensor<float> x = room.to.AllocTensor<float>();
    Duplicate(x, 1.0f, kFloats);
    room.store(x);
  }
}
RULE(leaks_a_tensor) {
  Room room(in, out);
  LocalTensor<float> x = room.to.AllocTensor<float>();
  Duplicate(x, 1.0f, kFloats);
  room.store(x);
  room.load();
}

// A buffer is overwritten while a copy may still read it: the values show which of the two won.
RULE(overwrites_before_the_copy) {
  Room room(in, out);
  LocalTensor<float> x = room.scratch.Get<float>();
  Duplicate(x, 1.0f, kFloats);
  SetFlag<HardEvent::V_MTE3>(EVENT_ID0);
  WaitFlag<HardEvent::V_MTE3>(EVENT_ID0);
  DataCopy(room.out, x, kFloats);
  PipeBarrier<PIPE_V>();
  Duplicate(x, 2.0f, kFloats);
}
// A copy in is used before anybody waited for it.
RULE(computes_before_the_copy) {
  Room room(in, out);
  LocalTensor<float> x = room.from.AllocTensor<float>();
  DataCopy(x, room.in, kFloats);
  LocalTensor<float> y = room.to.AllocTensor<float>();
  Adds(y, x, 1.0f, kFloats);
  room.store(y);
  room.from.FreeTensor(x);
}

RULE_OF_ALL(reads_past_its_tiling) {
  GET_TILING_DATA(data, tiling);
  Room room(in, out);
  LocalTensor<float> y = room.to.AllocTensor<float>();
  Duplicate(y, static_cast<float>(data.words[1]), kFloats);
  room.store(y);
}
RULE_OF_ALL(takes_another_tensor_for_its_tiling) {
  (void)tiling;
  GET_TILING_DATA(data, in);
  Room room(in, out);
  room.scratch.Get<float>().SetValue(0, static_cast<float>(data.words[0]));
}
RULE(runs_on_cube_cores) {
  KERNEL_TASK_TYPE_DEFAULT(KERNEL_TYPE_AIC_ONLY);
  Room room(in, out);
}

RULE(doubles_with_queues) {
  Room room(in, out);
  LocalTensor<float> x = room.load();
  LocalTensor<float> y = room.to.AllocTensor<float>();
  Add(y, x, x, kFloats);
  room.from.FreeTensor(x);
  room.store(y);
}
RULE(doubles_with_flags) {
  KERNEL_TASK_TYPE_DEFAULT(KERNEL_TYPE_AIV_ONLY);
  Room room(in, out);
  LocalTensor<float> x = room.scratch.Get<float>();
  DataCopy(x, room.in, kFloats);
  SetFlag<HardEvent::MTE2_V>(EVENT_ID1);
  WaitFlag<HardEvent::MTE2_V>(EVENT_ID1);
  Add(x, x, x, kFloats);
  SetFlag<HardEvent::V_MTE3>(EVENT_ID0);
  WaitFlag<HardEvent::V_MTE3>(EVENT_ID0);
  DataCopy(room.out, x, kFloats);
}
RULE(doubles_with_barriers) {
  Room room(in, out);
  LocalTensor<float> x = room.scratch.Get<float>();
  DataCopy(x, room.in, kFloats);
  pipe_barrier(PIPE_ALL);
  Add(x, x, x, kFloats);
  pipe_barrier(PIPE_ALL);
  for (uint32_t k = 0; k < 3; ++k) x.SetValue(k, 2.0f * room.in.GetValue(k));
  pipe_barrier(PIPE_ALL);
  DataCopy(room.out, x, kFloats);
}
