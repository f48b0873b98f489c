// CANN's description of fastxai's masked_product: tensors, shapes, tiling.
#include "fastxai_host.h"
#include "masked_product_plan.h"

namespace optiling {

BEGIN_TILING_DATA_DEF(FastxaiMaskedProductTilingData)
TILING_DATA_FIELD_DEF_ARR(uint32_t, 13, words);
END_TILING_DATA_DEF;
REGISTER_TILING_DATA_CLASS(FastxaiMaskedProduct, FastxaiMaskedProductTilingData)
static_assert(sizeof(fastxai::MaskedProductTiling) == 13 * sizeof(uint32_t), "words");

enum MaskedProductInput { kImage, kBase, kCells, kShifts, kRows, kRowWeights, kCols, kColWeights };

static ge::graphStatus tile_masked_product(gert::TilingContext* context) {
  using fastxai::dim_of;
  using fastxai::has_rank;
  using fastxai::has_shape;
  using fastxai::is_base;
  if (!has_rank(context, kImage, 3) || !has_rank(context, kCells, 3) ||
      !has_rank(context, kRows, 2) || !has_rank(context, kCols, 2)) {
    return ge::GRAPH_FAILED;
  }
  fastxai::MaskedProductTiling t{};
  t.channels = dim_of(context, kImage, 0);
  t.rows = dim_of(context, kImage, 1);
  t.cols = dim_of(context, kImage, 2);
  t.masks = dim_of(context, kCells, 0);
  t.grid_rows = dim_of(context, kCells, 1);
  t.grid_cols = dim_of(context, kCells, 2);
  t.up_rows = dim_of(context, kRows, 1);
  t.up_cols = dim_of(context, kCols, 1);
  t.base_picture = has_rank(context, kBase, 3) ? 1 : 0;
  if (!is_base(context, kBase, t.channels, t.rows, t.cols) ||
      !has_shape(context, kShifts, t.masks, 2) || !has_shape(context, kRows, 2, t.up_rows) ||
      !has_shape(context, kRowWeights, 2, t.up_rows) || !has_shape(context, kCols, 2, t.up_cols) ||
      !has_shape(context, kColWeights, 2, t.up_cols) || t.up_rows < t.rows || t.up_cols < t.cols) {
    return ge::GRAPH_FAILED;
  }
  const uint32_t blocks = fastxai::plan_masked_product(&t, fastxai::vector_cores(context));
  if (blocks == 0) return ge::GRAPH_FAILED;
  return fastxai::save_tiling<FastxaiMaskedProductTilingData>(context, t, blocks);
}

}  // namespace optiling

namespace ge {

// [M, C, H, W]
static graphStatus shape_masked_product(gert::InferShapeContext* context) {
  const gert::Shape& image = *context->GetInputShape(optiling::kImage);
  gert::Shape* const out = context->GetOutputShape(0);
  out->SetDimNum(4);
  out->SetDim(0, context->GetInputShape(optiling::kCells)->GetDim(0));
  out->SetDim(1, image.GetDim(0));
  out->SetDim(2, image.GetDim(1));
  out->SetDim(3, image.GetDim(2));
  return GRAPH_SUCCESS;
}

static graphStatus type_masked_product(gert::InferDataTypeContext* context) {
  context->SetOutputDataType(0, DT_FLOAT);
  return GRAPH_SUCCESS;
}

}  // namespace ge

namespace ops {

class FastxaiMaskedProduct : public OpDef {
 public:
  explicit FastxaiMaskedProduct(const char* name) : OpDef(name) {
    using fastxai::describe;
    describe(this->Input("image"), ge::DT_FLOAT);        // [C, H, W]
    describe(this->Input("base"), ge::DT_FLOAT);         // [C] or [C, H, W]
    describe(this->Input("cells"), ge::DT_FLOAT);        // [M, h, w]
    describe(this->Input("shifts"), ge::DT_INT32);       // [M, 2]
    describe(this->Input("rows"), ge::DT_INT32);         // [2, up rows]
    describe(this->Input("row_weights"), ge::DT_FLOAT);  // [2, up rows]
    describe(this->Input("cols"), ge::DT_INT32);         // [2, up columns]
    describe(this->Input("col_weights"), ge::DT_FLOAT);  // [2, up columns]
    describe(this->Output("out"), ge::DT_FLOAT);         // [M, C, H, W]
    this->SetInferShape(ge::shape_masked_product).SetInferDataType(ge::type_masked_product);
    this->AICore().SetTiling(optiling::tile_masked_product);
    this->AICore().AddConfig("ascend910b").AddConfig("ascend910_93");
  }
};

OP_ADD(FastxaiMaskedProduct);

}  // namespace ops
