// CANN's description of fastxai's saliency_accumulate: tensors, shapes, tiling.
#include "fastxai_host.h"
#include "saliency_accumulate_plan.h"

namespace optiling {

BEGIN_TILING_DATA_DEF(FastxaiSaliencyAccumulateTilingData)
TILING_DATA_FIELD_DEF_ARR(uint32_t, 8, words);
END_TILING_DATA_DEF;
REGISTER_TILING_DATA_CLASS(FastxaiSaliencyAccumulate, FastxaiSaliencyAccumulateTilingData)
static_assert(sizeof(fastxai::SaliencyAccumulateTiling) == 8 * sizeof(uint32_t), "words");

enum SaliencyInput { kScores, kCells, kShifts, kCount, kSums, kMoments };

static ge::graphStatus tile_saliency_accumulate(gert::TilingContext* context) {
  using fastxai::dim_of;
  using fastxai::has_rank;
  using fastxai::has_shape;
  if (!has_rank(context, kScores, 2) || !has_rank(context, kCells, 3) ||
      !has_rank(context, kSums, 6)) {
    return ge::GRAPH_FAILED;
  }
  fastxai::SaliencyAccumulateTiling t{};
  t.masks = dim_of(context, kScores, 0);
  t.targets = dim_of(context, kScores, 1);
  const uint32_t shift_rows = dim_of(context, kSums, 2);
  t.shift_cols = dim_of(context, kSums, 3);
  t.shifts = shift_rows * t.shift_cols;
  const uint32_t rows = dim_of(context, kCells, 1);
  const uint32_t cols = dim_of(context, kCells, 2);
  t.cells = rows * cols;
  if (!has_shape(context, kCells, t.masks, rows, cols) ||
      !has_shape(context, kShifts, t.masks, 2) || !has_shape(context, kCount, 1) ||
      !has_shape(context, kSums, 2, t.targets, shift_rows, t.shift_cols, rows, cols) ||
      !has_shape(context, kMoments, 2, 2, t.targets)) {
    return ge::GRAPH_FAILED;
  }
  const uint32_t blocks = fastxai::plan_saliency_accumulate(&t, fastxai::vector_cores(context));
  if (blocks == 0) return ge::GRAPH_FAILED;
  return fastxai::save_tiling<FastxaiSaliencyAccumulateTilingData>(context, t, blocks);
}

}  // namespace optiling

namespace ge {

static graphStatus shape_saliency_accumulate(gert::InferShapeContext* context) {
  *context->GetOutputShape(0) = *context->GetInputShape(optiling::kSums);
  *context->GetOutputShape(1) = *context->GetInputShape(optiling::kMoments);
  return GRAPH_SUCCESS;
}

static graphStatus type_saliency_accumulate(gert::InferDataTypeContext* context) {
  context->SetOutputDataType(0, DT_FLOAT);
  context->SetOutputDataType(1, DT_FLOAT);
  return GRAPH_SUCCESS;
}

}  // namespace ge

namespace ops {

class FastxaiSaliencyAccumulate : public OpDef {
 public:
  explicit FastxaiSaliencyAccumulate(const char* name) : OpDef(name) {
    using fastxai::describe;
    describe(this->Input("scores"), ge::DT_FLOAT);        // [M, T + 1], the last column 1
    describe(this->Input("cells"), ge::DT_FLOAT);         // [M, h, w]
    describe(this->Input("shifts"), ge::DT_INT32);        // [M, 2]
    describe(this->Input("count"), ge::DT_INT32);         // [1]
    describe(this->Input("sums"), ge::DT_FLOAT);          // [2, T + 1, Sr, Sc, h, w]
    describe(this->Input("moments"), ge::DT_FLOAT);       // [2, 2, T + 1]
    describe(this->Output("new_sums"), ge::DT_FLOAT);     // as sums
    describe(this->Output("new_moments"), ge::DT_FLOAT);  // as moments
    this->SetInferShape(ge::shape_saliency_accumulate)
        .SetInferDataType(ge::type_saliency_accumulate);
    this->AICore().SetTiling(optiling::tile_saliency_accumulate);
    this->AICore().AddConfig("ascend910b").AddConfig("ascend910_93");
  }
};

OP_ADD(FastxaiSaliencyAccumulate);

}  // namespace ops
