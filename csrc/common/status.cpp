#include "status.h"

namespace fastxai {

const char* status_text(Status status) noexcept {
  switch (status) {
    case Status::kOk:
      return "ok";
    case Status::kArgumentCount:
      return "wrong number of tensors";
    case Status::kDtype:
      return "a tensor has the wrong dtype";
    case Status::kShape:
      return "a tensor has the wrong shape";
    case Status::kParams:
      return "a number in the parameter tensor is out of range";
    case Status::kMemory:
      return "no memory for the scratch space";
    case Status::kException:
      return "an exception was stopped at the border";
    case Status::kIsa:
      return "this machine does not have the instruction set asked for";
    case Status::kDevice:
      return "the device refused to take the work";
  }
  return "unknown status";
}

}  // namespace fastxai
