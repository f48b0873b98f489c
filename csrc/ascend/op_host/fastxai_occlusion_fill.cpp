// CANN's description of fastxai's occlusion_fill: tensors, shapes, tiling.
#include "fastxai_host.h"
#include "occlusion_plan.h"

namespace optiling {

BEGIN_TILING_DATA_DEF(FastxaiOcclusionFillTilingData)
TILING_DATA_FIELD_DEF_ARR(uint32_t, 7, words);
END_TILING_DATA_DEF;
REGISTER_TILING_DATA_CLASS(FastxaiOcclusionFill, FastxaiOcclusionFillTilingData)
static_assert(sizeof(fastxai::OcclusionTiling) == 7 * sizeof(uint32_t), "words");

enum OcclusionInput { kImage, kBase, kWindows, kGeometry };

static ge::graphStatus tile_occlusion_fill(gert::TilingContext* context) {
  using fastxai::dim_of;
  if (!fastxai::has_rank(context, kImage, 3) || !fastxai::has_rank(context, kWindows, 1)) {
    return ge::GRAPH_FAILED;
  }
  fastxai::OcclusionTiling t{};
  t.images = dim_of(context, kWindows, 0);
  t.channels = dim_of(context, kImage, 0);
  t.rows = dim_of(context, kImage, 1);
  t.cols = dim_of(context, kImage, 2);
  t.base_picture = fastxai::has_rank(context, kBase, 3) ? 1 : 0;
  if (!fastxai::is_base(context, kBase, t.channels, t.rows, t.cols) ||
      !fastxai::has_shape(context, kGeometry, 4)) {
    return ge::GRAPH_FAILED;
  }
  const uint32_t blocks = fastxai::plan_occlusion(&t, fastxai::vector_cores(context));
  if (blocks == 0) return ge::GRAPH_FAILED;
  return fastxai::save_tiling<FastxaiOcclusionFillTilingData>(context, t, blocks);
}

}  // namespace optiling

namespace ge {

// [M, C, H, W]
static graphStatus shape_occlusion_fill(gert::InferShapeContext* context) {
  const gert::Shape& image = *context->GetInputShape(optiling::kImage);
  gert::Shape* const out = context->GetOutputShape(0);
  out->SetDimNum(4);
  out->SetDim(0, context->GetInputShape(optiling::kWindows)->GetDim(0));
  out->SetDim(1, image.GetDim(0));
  out->SetDim(2, image.GetDim(1));
  out->SetDim(3, image.GetDim(2));
  return GRAPH_SUCCESS;
}

static graphStatus type_occlusion_fill(gert::InferDataTypeContext* context) {
  context->SetOutputDataType(0, DT_FLOAT);
  return GRAPH_SUCCESS;
}

}  // namespace ge

namespace ops {

class FastxaiOcclusionFill : public OpDef {
 public:
  explicit FastxaiOcclusionFill(const char* name) : OpDef(name) {
    using fastxai::describe;
    describe(this->Input("image"), ge::DT_FLOAT);     // [C, H, W]
    describe(this->Input("base"), ge::DT_FLOAT);      // [C] or [C, H, W]
    describe(this->Input("windows"), ge::DT_INT64);   // [M]
    describe(this->Input("geometry"), ge::DT_INT64);  // [4]
    describe(this->Output("out"), ge::DT_FLOAT);      // [M, C, H, W]
    this->SetInferShape(ge::shape_occlusion_fill).SetInferDataType(ge::type_occlusion_fill);
    this->AICore().SetTiling(optiling::tile_occlusion_fill);
    this->AICore().AddConfig("ascend910b").AddConfig("ascend910_93");
  }
};

OP_ADD(FastxaiOcclusionFill);

}  // namespace ops
