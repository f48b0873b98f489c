// What the op_host files of fastxai's Ascend ops share: shapes, tiling words, descriptions.
#pragma once

#include <cstring>

#include "register/op_def_registry.h"
#include "register/tilingdata_base.h"
#include "tiling/platform/platform_ascendc.h"

namespace fastxai {

inline uint32_t dim_of(const gert::TilingContext* context, size_t input, size_t axis) {
  return static_cast<uint32_t>(context->GetInputShape(input)->GetOriginShape().GetDim(axis));
}

// Whether an input has these axes.
template <class... Dims>
bool has_shape(const gert::TilingContext* context, size_t input, Dims... dims) {
  const gert::Shape& shape = context->GetInputShape(input)->GetOriginShape();
  if (shape.GetDimNum() != sizeof...(dims)) return false;
  size_t axis = 0;
  return (... && (shape.GetDim(axis++) == static_cast<int64_t>(dims)));
}

inline bool has_rank(const gert::TilingContext* context, size_t input, size_t rank) {
  return context->GetInputShape(input)->GetOriginShape().GetDimNum() == rank;
}

// Whether an input says what a masked pixel shows: [C], or a picture [C, H, W].
inline bool is_base(const gert::TilingContext* context, size_t input, uint32_t channels,
                    uint32_t rows, uint32_t cols) {
  return has_shape(context, input, channels) || has_shape(context, input, channels, rows, cols);
}

inline uint32_t vector_cores(gert::TilingContext* context) {
  return platform_ascendc::PlatformAscendC(context->GetPlatformInfo()).GetCoreNumAiv();
}

// Hands a tiling struct over word by word. `Data` is the registered class with the array `words`.
template <class Data, class Tiling>
ge::graphStatus save_tiling(gert::TilingContext* context, const Tiling& tiling, uint32_t blocks) {
  uint32_t words[sizeof(Tiling) / sizeof(uint32_t)];
  std::memcpy(words, &tiling, sizeof tiling);
  Data data;
  data.set_words(words);
  gert::TilingData* const raw = context->GetRawTilingData();
  data.SaveToBuffer(raw->GetData(), raw->GetCapacity());
  raw->SetDataSize(data.GetDataSize());
  context->SetBlockDim(blocks);
  context->GetWorkspaceSizes(1)[0] = 0;
  return ge::GRAPH_SUCCESS;
}

// A tensor that is always given, in plain layout.
template <class Parameter>
void describe(Parameter& parameter, ge::DataType type) {
  parameter.ParamType(ops::REQUIRED)
      .DataType({type})
      .Format({ge::FORMAT_ND})
      .UnknownShapeFormat({ge::FORMAT_ND})
      .AutoContiguous();
}

}  // namespace fastxai
