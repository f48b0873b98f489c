// What a native call can answer. Nothing here throws: a status travels to the border, where Python
// turns it into an exception and MindSpore into a non-zero return value.
#pragma once

namespace fastxai {

enum class Status : int {
  kOk = 0,
  kArgumentCount = 101,  // MindSpore passed another number of tensors than the op has
  kDtype = 102,          // a tensor has another dtype than the op takes
  kShape = 103,          // a tensor has another shape than the op takes
  kParams = 104,         // a number in the parameter tensor is out of range
  kMemory = 105,         // scratch memory could not be allocated
  kException = 106,      // an exception was stopped at the border
  kIsa = 107,            // this machine does not have the instruction set asked for
  kDevice = 108,         // the device refused to take the work
};

const char* status_text(Status status) noexcept;

}  // namespace fastxai
