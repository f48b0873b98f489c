// MindSpore's entry points, called as MindSpore calls them: 0 for a good call, the status for a
// wrong number of tensors, dtype, rank or shape, and nothing written then.
#include <doctest.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "csrc/common/status.h"
#include "every_isa.h"
#include "expected.h"
#include "guarded.h"

using namespace fastxai;

using AotFn = int(int, void**, int*, int64_t**, const char**, void*, void*);
extern "C" {
AotFn fastxai_mask_grid, fastxai_mask_upsample, fastxai_masked_product, fastxai_saliency_accumulate,
    fastxai_saliency_expand, fastxai_occlusion_fill, fastxai_occlusion_sum;
}

namespace {

struct Tensor {
  std::string dtype;
  std::vector<int64_t> shape;
  bool output;
  Guarded<unsigned char> bytes{0};

  Tensor(std::string dtype_, std::vector<int64_t> shape_, bool output_)
      : dtype(std::move(dtype_)), shape(std::move(shape_)), output(output_) {
    int64_t size = 8;  // enough for every dtype
    for (const int64_t n : shape) size *= n;
    bytes = Guarded<unsigned char>(size);
    if (!output) bytes.fill(0);
  }
};

struct Call {
  const char* name;
  AotFn* function;
  std::vector<Tensor> tensors;

  int run(int count) {
    std::vector<void*> data;
    std::vector<int> ranks;
    std::vector<int64_t*> shapes;
    std::vector<const char*> dtypes;
    for (Tensor& t : tensors) {
      data.push_back(t.bytes.data());
      ranks.push_back(static_cast<int>(t.shape.size()));
      shapes.push_back(t.shape.data());
      dtypes.push_back(t.dtype.c_str());
    }
    return function(count, data.data(), ranks.data(), shapes.data(), dtypes.data(), nullptr,
                    nullptr);
  }
  int run() { return run(static_cast<int>(tensors.size())); }

  bool outputs_untouched() const {
    for (const Tensor& t : tensors) {
      if (t.output && !t.bytes.untouched()) return false;
    }
    return true;
  }
  bool guards_intact() const {
    for (const Tensor& t : tensors) {
      if (!t.bytes.guards_intact()) return false;
    }
    return true;
  }
};

template <class T>
void put(Tensor* tensor, const std::vector<T>& values) {
  std::memcpy(tensor->bytes.data(), values.data(), values.size() * sizeof(T));
}
template <class T>
T get(const Call& call, size_t tensor, size_t k) {
  T value;
  Guarded<unsigned char> copy = call.tensors[tensor].bytes;
  std::memcpy(&value, copy.data() + k * sizeof(T), sizeof(T));
  return value;
}

Tensor in(std::string dtype, std::vector<int64_t> shape) {
  return {std::move(dtype), std::move(shape), false};
}
Tensor out(std::string dtype, std::vector<int64_t> shape) {
  return {std::move(dtype), std::move(shape), true};
}

// Seed, first, count, grid, threshold, shifts, design; and 16 numbers of columns.
const std::vector<int64_t> kMask = {
    5, 0, 2, 3, 4, int64_t{1} << 31, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
const std::vector<int64_t> kWindows = {0, 2, 2, 3, 1, 2};  // 4 x 3 positions in 5 x 7

Call mask_grid() {
  Call c{"mask_grid",
         fastxai_mask_grid,
         {in("int64", {25}), out("uint8", {2, 3, 4}), out("int32", {2, 2})}};
  put(&c.tensors[0], kMask);
  return c;
}
Call mask_upsample() {
  Call c{"mask_upsample",
         fastxai_mask_upsample,
         {in("uint8", {2, 3, 4}), in("int32", {2, 2}), in("int64", {2}),
          out("float32", {2, 1, 5, 7})}};
  put<int64_t>(&c.tensors[2], {6, 9});
  return c;
}
Call masked_product(const char* dtype) {
  Call c{
      "masked_product",
      fastxai_masked_product,
      {in("float32", {3, 5, 7}), in("float32", {3}), in("int64", {25}), out(dtype, {2, 3, 5, 7})}};
  put<float>(&c.tensors[1], {1.0f, 2.0f, 3.0f});
  put(&c.tensors[2], kMask);
  return c;
}
Call saliency_accumulate() {
  Call c{"saliency_accumulate",
         fastxai_saliency_accumulate,
         {in("float32", {2, 2}), in("int64", {1}), in("int64", {25}),
          in("float64", {2, 2, 3, 3, 4}), in("float64", {2, 2}), out("float64", {2, 2, 3, 3, 4}),
          out("float64", {2, 2}), out("int64", {1})}};
  put<float>(&c.tensors[0], {7.0f, 0.5f, 8.0f, 0.25f});
  put<int64_t>(&c.tensors[1], {1});  // the second class
  put(&c.tensors[2], kMask);
  put<double>(&c.tensors[4], {10.0, 20.0, 30.0, 40.0});
  return c;
}
Call saliency_expand() {
  return {"saliency_expand",
          fastxai_saliency_expand,
          {in("float64", {2, 2, 3, 3, 4}), out("float64", {2, 5, 7})}};
}
Call occlusion_fill() {
  Call c{"occlusion_fill",
         fastxai_occlusion_fill,
         {in("float32", {3, 5, 7}), in("float32", {3}), in("int64", {6}),
          out("float32", {2, 3, 5, 7})}};
  put(&c.tensors[2], kWindows);
  return c;
}
Call occlusion_sum() {
  Call c{"occlusion_sum",
         fastxai_occlusion_sum,
         {in("float64", {2, 12}), in("int64", {6}), out("float64", {2, 5, 7})}};
  put(&c.tensors[1], kWindows);
  return c;
}

std::vector<Call> every_call() {
  return {mask_grid(),           mask_upsample(),   masked_product("float32"),
          saliency_accumulate(), saliency_expand(), occlusion_fill(),
          occlusion_sum()};
}

int code(Status status) { return static_cast<int>(status); }

}  // namespace

TEST_CASE("a good call gives 0 and stays within its tensors") {
  for_every_isa([](const CpuTable&) {
    for (Call& call : every_call()) {
      CAPTURE(call.name);
      CHECK(call.run() == 0);
      CHECK(!call.outputs_untouched());
      CHECK(call.guards_intact());
    }
    for (const char* dtype : {"float16", "bfloat16"}) CHECK(masked_product(dtype).run() == 0);
  });
}

TEST_CASE("a wrong number of tensors is refused") {
  for_every_isa([](const CpuTable&) {
    for (Call& call : every_call()) {
      CAPTURE(call.name);
      const int count = static_cast<int>(call.tensors.size());
      for (const int wrong : {0, count - 1, count + 1}) {
        CHECK(call.run(wrong) == code(Status::kArgumentCount));
      }
      CHECK(call.outputs_untouched());
    }
  });
}

TEST_CASE("a wrong dtype or rank of any tensor is refused") {
  for_every_isa([](const CpuTable&) {
    const size_t calls = every_call().size();
    for (size_t k = 0; k < calls; ++k) {
      for (size_t tensor = 0; tensor < every_call()[k].tensors.size(); ++tensor) {
        for (const char* dtype : {"int8", "float", ""}) {
          Call call = every_call()[k];
          CAPTURE(call.name);
          CAPTURE(tensor);
          call.tensors[tensor].dtype = dtype;
          CHECK(call.run() == code(Status::kDtype));
          CHECK(call.outputs_untouched());
        }
        Call deeper = every_call()[k];
        deeper.tensors[tensor].shape.push_back(1);
        CHECK(deeper.run() == code(Status::kDtype));
        CHECK(deeper.outputs_untouched());
      }
    }
  });
}

TEST_CASE("an axis that fits no other tensor is refused") {
  // {tensor, axis} that no other tensor of a call may contradict; sizes of an output alone are
  // free.
  const std::vector<std::pair<size_t, size_t>> fixed[] = {
      {{0, 0}, {1, 0}, {2, 0}, {2, 1}},
      {{0, 0}, {1, 0}, {1, 1}, {2, 0}, {3, 0}, {3, 1}},
      {{0, 0}, {0, 1}, {0, 2}, {1, 0}, {2, 0}, {3, 1}, {3, 2}, {3, 3}},
      {{1, 0}, {2, 0}, {3, 0}, {3, 1}, {3, 4}, {4, 0}, {4, 1}, {5, 0}, {6, 0}, {7, 0}},
      {{0, 0}, {1, 0}},
      {{0, 0}, {0, 1}, {0, 2}, {1, 0}, {2, 0}, {3, 1}, {3, 2}, {3, 3}},
      {{0, 0}, {1, 0}, {2, 0}},
  };
  for_every_isa([&](const CpuTable&) {
    const size_t calls = every_call().size();
    REQUIRE(calls == sizeof(fixed) / sizeof(fixed[0]));
    for (size_t k = 0; k < calls; ++k) {
      for (const std::pair<size_t, size_t>& place : fixed[k]) {
        const size_t tensor = place.first;
        const size_t axis = place.second;
        Call call = every_call()[k];
        CAPTURE(call.name);
        CAPTURE(axis);
        --call.tensors[tensor].shape[axis];  // never beyond the memory there is
        CHECK(call.run() == code(Status::kShape));
        CHECK(call.outputs_untouched());
      }
    }
  });
}

TEST_CASE("a number out of range sets every bit of the outputs and is no error of the graph") {
  for_every_isa([](const CpuTable&) {
    // The call, the tensor and place of a number in it, and the value.
    struct Wrong {
      Call call;
      size_t tensor;
      size_t place;
      int64_t value;
    };
    Wrong all[] = {{mask_grid(), 0, 2, -1},
                   {mask_grid(), 0, 3, 2},
                   {mask_grid(), 0, 4, 5},
                   {mask_upsample(), 2, 0, 4},
                   {mask_upsample(), 2, 1, -1},
                   {masked_product("float32"), 2, 2, -1},
                   {masked_product("float16"), 2, 2, 3},
                   {masked_product("bfloat16"), 2, 8, 2},
                   {occlusion_fill(), 2, 1, -1},
                   {occlusion_sum(), 1, 1, -1},
                   {occlusion_sum(), 1, 4, 2}};
    for (Wrong& w : all) {
      CAPTURE(w.call.name);
      std::memcpy(w.call.tensors[w.tensor].bytes.data() + sizeof(int64_t) * w.place, &w.value,
                  sizeof w.value);
      CHECK(w.call.run() == 0);
      CHECK(w.call.guards_intact());
      for (Tensor& t : w.call.tensors) {
        if (!t.output) continue;
        int64_t elements = 1;
        for (const int64_t n : t.shape) elements *= n;
        const int64_t size = t.dtype == "uint8"      ? 1
                             : t.dtype == "float64"  ? 8
                             : t.dtype.back() == '6' ? 2
                                                     : 4;
        int64_t set = 0;
        for (int64_t k = 0; k < t.bytes.size(); ++k) set += t.bytes[k] == 0xff;
        CHECK(set == elements * size);
      }
    }
  });
}

TEST_CASE("the sums answer in bad_row for numbers out of range and targets outside the scores") {
  for_every_isa([](const CpuTable&) {
    const auto answer = [](size_t tensor, size_t place, int64_t value) {
      Call call = saliency_accumulate();
      std::memcpy(call.tensors[tensor].bytes.data() + sizeof value * place, &value, sizeof value);
      CHECK(call.run() == 0);
      for (size_t k = 0; k < 4; ++k) {
        CHECK(get<double>(call, 6, k) == 10.0 * static_cast<double>(k + 1));
      }
      return get<int64_t>(call, 7, 0);
    };
    CHECK(answer(2, 2, -1) == kBadParams);
    CHECK(answer(2, 2, 3) == kBadParams);
    CHECK(answer(2, 3, 4) == kBadParams);  // another grid than the sums have
    CHECK(answer(1, 0, 2) == kBadColumn);
    CHECK(answer(1, 0, -1) == kBadColumn);
  });
}

TEST_CASE("the values are those of the op") {
  for_every_isa([](const CpuTable&) {
    Call grid = mask_grid();
    REQUIRE(grid.run() == 0);
    const MaskParams p{5, 0, 2, 3, 4, uint64_t{1} << 31, 2, 3};
    for (int64_t m = 0; m < 2; ++m) {
      const expected::Mask mask = expected::mask(p, m);
      for (size_t k = 0; k < 12; ++k) {
        CHECK(get<uint8_t>(grid, 1, static_cast<size_t>(m) * 12 + k) == mask.cells[k]);
      }
      CHECK(get<int32_t>(grid, 2, static_cast<size_t>(2 * m)) == mask.shift_row);
      CHECK(get<int32_t>(grid, 2, static_cast<size_t>(2 * m + 1)) == mask.shift_col);
    }
    Call fill = occlusion_fill();
    put<float>(&fill.tensors[1], {7.0f, 8.0f, 9.0f});
    REQUIRE(fill.run() == 0);
    CHECK(get<float>(fill, 3, 0) == 7.0f);    // image 0, window at (0, 0)
    CHECK(get<float>(fill, 3, 3) == 0.0f);    // right of it
    CHECK(get<float>(fill, 3, 35) == 8.0f);   // the next channel
    CHECK(get<float>(fill, 3, 105) == 0.0f);  // image 1: window at (0, 2)
    CHECK(get<float>(fill, 3, 107) == 7.0f);
  });
}

TEST_CASE("the ninth number is the design") {
  for_every_isa([](const CpuTable&) {
    Call grid = mask_grid();
    std::vector<int64_t> numbers = kMask;
    numbers[1] = 127;  // the last mask of a block and the first of the next
    numbers[8] = kDesignOa128;
    put(&grid.tensors[0], numbers);
    REQUIRE(grid.run() == 0);
    const MaskParams p{5, 127, 2, 3, 4, uint64_t{1} << 31, 2, 3, kDesignOa128};
    for (size_t k = 0; k < 24; ++k) {
      const expected::Mask mask = expected::mask(p, static_cast<int64_t>(k / 12));
      CHECK(get<uint8_t>(grid, 1, k) == mask.cells[k % 12]);
    }
  });
}

TEST_CASE("accumulation adds to its inputs and leaves them alone; a bad score only answers") {
  for_every_isa([](const CpuTable&) {
    Call call = saliency_accumulate();
    const Guarded<unsigned char> before = call.tensors[4].bytes;
    REQUIRE(call.run() == 0);
    const double want[] = {10.75, 20.3125, 32.0, 42.0};  // scores 1/2 and 1/4, and two masks
    for (size_t k = 0; k < 4; ++k) CHECK(get<double>(call, 6, k) == want[k]);
    CHECK(get<int64_t>(call, 7, 0) == -1);
    CHECK(call.tensors[4].bytes.same_bytes(before));

    Call bad = saliency_accumulate();
    put<uint32_t>(&bad.tensors[0], {0x7fc00000, 0x3f000000, 0, 0x7fc00000});  // NaN, 1/2; 0, NaN
    REQUIRE(bad.run() == 0);
    CHECK(get<int64_t>(bad, 7, 0) == 1);
    for (size_t k = 0; k < 4; ++k)
      CHECK(get<double>(bad, 6, k) == 10.0 * static_cast<double>(k + 1));
  });
}
