// A stand-in for CANN's header of the same name; see op_def_registry.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#define BEGIN_TILING_DATA_DEF(Name)                                     \
  class Name {                                                          \
   public:                                                              \
    void SaveToBuffer(void* to, size_t room) const {                    \
      std::memcpy(to, this, GetDataSize() <= room ? GetDataSize() : 0); \
    }                                                                   \
    size_t GetDataSize() const { return sizeof *this; }
#define TILING_DATA_FIELD_DEF_ARR(Type, number, name)                         \
  void set_##name(const Type* from) { std::memcpy(name, from, sizeof name); } \
  Type name[number] = {}
#define END_TILING_DATA_DEF }
#define REGISTER_TILING_DATA_CLASS(Op, Name) static_assert(sizeof(Name) % 4 == 0, #Op);
