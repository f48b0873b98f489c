# Cross-compiles for aarch64 with Debian's compiler (g++-aarch64-linux-gnu); ctest runs what it
# built under qemu-user:
#
#   cmake -S . -B build/aarch64 -DCMAKE_TOOLCHAIN_FILE=cmake/aarch64-linux-gnu.cmake \
#         -DFASTXAI_PYTHON=OFF -DFASTXAI_KERNEL_TESTS=ON -DFASTXAI_WERROR=ON
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)

set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)

# Where Debian puts the target's libraries; programs come from the host.
set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

find_program(FASTXAI_QEMU NAMES qemu-aarch64 qemu-aarch64-static)
if(FASTXAI_QEMU)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${FASTXAI_QEMU} -L /usr/aarch64-linux-gnu)
endif()
