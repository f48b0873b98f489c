// How the emulator refuses: every broken rule ends the run with one sentence.
#pragma once

#include <cstdarg>
#include <cstdio>
#include <string>

namespace emu {

struct Fault {
  std::string text;
};

[[noreturn]] __attribute__((format(printf, 1, 2))) inline void fault(const char* format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  throw Fault{text};
}

}  // namespace emu
