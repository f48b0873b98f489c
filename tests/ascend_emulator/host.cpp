// The op_host files for Python (ctypes): what they say of an op, and what they make of shapes.
#include <cstdio>

#include "register/op_def_registry.h"

namespace {

gert::Shape shape_from(const int64_t** dims, const int32_t rank) {
  gert::Shape shape;
  shape.SetDimNum(static_cast<size_t>(rank));
  for (int32_t axis = 0; axis < rank; ++axis) {
    shape.SetDim(static_cast<size_t>(axis), *(*dims)++);
  }
  return shape;
}

void append(std::string* text, const ops::OpDef& op) {
  const char* const types[] = {"float32", "float16", "int32", "int64", "bfloat16"};
  for (const auto* side : {&op.inputs, &op.outputs}) {
    *text += side == &op.inputs ? "" : "->";
    for (const auto& tensor : *side) *text += tensor->name + ":" + types[tensor->type] + " ";
  }
  for (const std::string& soc : op.core.socs) *text += "@" + soc;
}

}  // namespace

extern "C" {

// "input:type ... ->output:type ... @soc@soc"
int32_t emu_describe(const char* name, char* text, int32_t room) {
  const auto found = ops::registry().find(name);
  if (found == ops::registry().end()) return 1;
  std::string all;
  append(&all, *found->second);
  std::snprintf(text, static_cast<size_t>(room), "%s", all.c_str());
  return 0;
}

// Tiling words of inputs whose axes follow each other in `dims`; their number, or -1: refused.
int32_t emu_tile(const char* name, int32_t inputs, const int32_t* ranks, const int64_t* dims,
                 uint32_t cores, uint32_t* words, uint32_t* blocks) {
  gert::TilingContext context;
  context.cores = cores;
  for (int32_t k = 0; k < inputs; ++k) context.inputs.emplace_back(shape_from(&dims, ranks[k]));
  if (ops::registry().at(name)->core.tiling(&context) != ge::GRAPH_SUCCESS) return -1;
  if (context.workspace != 0) return -1;
  std::memcpy(words, context.tiling.GetData(), context.tiling.GetDataSize());
  *blocks = context.blocks;
  return static_cast<int32_t>(context.tiling.GetDataSize() / sizeof(uint32_t));
}

// Axes of output `index`, and its type; returns the rank.
int32_t emu_infer(const char* name, int32_t inputs, const int32_t* ranks, const int64_t* dims,
                  int32_t index, int64_t* out, int32_t* type) {
  const ops::OpDef& op = *ops::registry().at(name);
  gert::InferShapeContext shapes;
  for (int32_t k = 0; k < inputs; ++k) shapes.inputs.push_back(shape_from(&dims, ranks[k]));
  shapes.outputs.resize(op.outputs.size());
  gert::InferDataTypeContext types;
  types.types.resize(op.outputs.size());
  if (op.infer_shape(&shapes) != ge::GRAPH_SUCCESS) return -1;
  if (op.infer_type(&types) != ge::GRAPH_SUCCESS) return -1;
  const gert::Shape& shape = shapes.outputs.at(static_cast<size_t>(index));
  for (size_t axis = 0; axis < shape.GetDimNum(); ++axis) out[axis] = shape.GetDim(axis);
  *type = types.types.at(static_cast<size_t>(index));
  return static_cast<int32_t>(shape.GetDimNum());
}
}
