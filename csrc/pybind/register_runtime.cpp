#include <pybind11/stl.h>

#include <vector>

#include "bindings.h"
#include "csrc/dispatch/cpu_table.h"
#include "csrc/dispatch/threads.h"

namespace fastxai {

void register_runtime(py::module_& module) {
  module.def("isa", [] { return std::string(cpu_table().name); });
  module.def("isas", [] {
    const char* names[kMaxIsas];
    const int count = available_isas(names);
    return std::vector<std::string>(names, names + count);
  });
  module.def(
      "select_isa", [](const std::string& name) { return select_isa(name.c_str()); },
      py::arg("name"));
  module.def("num_threads", &num_threads);
  module.def("set_num_threads", &set_num_threads, py::arg("threads"));
}

}  // namespace fastxai
