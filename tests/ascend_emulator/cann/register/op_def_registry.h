// A stand-in for CANN's header of the same name: enough for g++ to compile op_host files, keep what
// they say of an op, and call their tiling and inference. Written from their use in Apache-licensed
// operators; it proves nothing about CANN's own.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ge {

enum DataType { DT_FLOAT, DT_FLOAT16, DT_INT32, DT_INT64, DT_BF16 };
enum Format { FORMAT_ND };
using graphStatus = uint32_t;
constexpr graphStatus GRAPH_SUCCESS = 0;
constexpr graphStatus GRAPH_FAILED = 0xFFFFFFFF;

}  // namespace ge

namespace gert {

class Shape {
 public:
  size_t GetDimNum() const { return dims_.size(); }
  int64_t GetDim(size_t axis) const { return dims_.at(axis); }
  void SetDimNum(size_t number) { dims_.resize(number); }
  void SetDim(size_t axis, int64_t dim) { dims_.at(axis) = dim; }

 private:
  std::vector<int64_t> dims_;
};

class StorageShape {
 public:
  explicit StorageShape(const Shape& shape) : shape_(shape) {}
  const Shape& GetOriginShape() const { return shape_; }

 private:
  Shape shape_;
};

class TilingData {
 public:
  void* GetData() { return bytes_; }
  size_t GetCapacity() const { return sizeof bytes_; }
  void SetDataSize(size_t size) { size_ = size; }
  size_t GetDataSize() const { return size_; }

 private:
  alignas(8) uint8_t bytes_[1024] = {};
  size_t size_ = 0;
};

class TilingContext {
 public:
  const StorageShape* GetInputShape(size_t index) const { return &inputs.at(index); }
  TilingData* GetRawTilingData() { return &tiling; }
  void SetBlockDim(uint32_t number) { blocks = number; }
  size_t* GetWorkspaceSizes(size_t) { return &workspace; }
  const uint32_t* GetPlatformInfo() const { return &cores; }

  std::vector<StorageShape> inputs;
  TilingData tiling;
  uint32_t blocks = 0;
  size_t workspace = 1;
  uint32_t cores = 0;
};

class InferShapeContext {
 public:
  const Shape* GetInputShape(size_t index) const { return &inputs.at(index); }
  Shape* GetOutputShape(size_t index) { return &outputs.at(index); }

  std::vector<Shape> inputs;
  std::vector<Shape> outputs;
};

class InferDataTypeContext {
 public:
  void SetOutputDataType(size_t index, ge::DataType type) { types.at(index) = type; }

  std::vector<ge::DataType> types;
};

}  // namespace gert

namespace ops {

enum Option { REQUIRED, OPTIONAL };

class OpParamDef {
 public:
  explicit OpParamDef(const char* tensor) : name(tensor) {}
  OpParamDef& ParamType(Option) { return *this; }
  OpParamDef& DataType(std::vector<ge::DataType> types) {
    type = types.at(0);
    return *this;
  }
  OpParamDef& Format(std::vector<ge::Format>) { return *this; }
  OpParamDef& UnknownShapeFormat(std::vector<ge::Format>) { return *this; }
  OpParamDef& AutoContiguous() { return *this; }

  std::string name;
  ge::DataType type = ge::DT_FLOAT;
};

class OpAICoreDef {
 public:
  OpAICoreDef& SetTiling(ge::graphStatus (*function)(gert::TilingContext*)) {
    tiling = function;
    return *this;
  }
  OpAICoreDef& AddConfig(const char* soc) {
    socs.emplace_back(soc);
    return *this;
  }

  ge::graphStatus (*tiling)(gert::TilingContext*) = nullptr;
  std::vector<std::string> socs;
};

class OpDef {
 public:
  explicit OpDef(const char* op) : op_name(op) {}
  OpParamDef& Input(const char* input) { return add(&inputs, input); }
  OpParamDef& Output(const char* output) { return add(&outputs, output); }
  OpDef& SetInferShape(ge::graphStatus (*function)(gert::InferShapeContext*)) {
    infer_shape = function;
    return *this;
  }
  OpDef& SetInferDataType(ge::graphStatus (*function)(gert::InferDataTypeContext*)) {
    infer_type = function;
    return *this;
  }
  OpAICoreDef& AICore() { return core; }

  std::string op_name;
  std::vector<std::unique_ptr<OpParamDef>> inputs;
  std::vector<std::unique_ptr<OpParamDef>> outputs;
  OpAICoreDef core;
  ge::graphStatus (*infer_shape)(gert::InferShapeContext*) = nullptr;
  ge::graphStatus (*infer_type)(gert::InferDataTypeContext*) = nullptr;

 private:
  static OpParamDef& add(std::vector<std::unique_ptr<OpParamDef>>* to, const char* tensor) {
    to->push_back(std::make_unique<OpParamDef>(tensor));
    return *to->back();
  }
};

// All ops of a library, by name.
inline std::map<std::string, std::unique_ptr<OpDef>>& registry() {
  static std::map<std::string, std::unique_ptr<OpDef>> all;
  return all;
}

template <class Op>
struct Registered {
  explicit Registered(const char* name) { registry()[name] = std::make_unique<Op>(name); }
};

}  // namespace ops

#define OP_ADD(Op) static const ops::Registered<Op> registered_##Op(#Op)
