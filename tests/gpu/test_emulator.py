"""The emulator shows the faults that it is there for."""

import subprocess

import pytest

from tests.gpu import _emulated

HEAD = """
#include <cuda_runtime.h>
#include <cstdio>
constexpr int kThreads = 64;
template <class... Params, class... Args>
int start(void (*kernel)(Params...), unsigned blocks, size_t shared, Args... args) {
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(blocks);
  config.blockDim = dim3(kThreads);
  config.dynamicSmemBytes = shared;
  return static_cast<int>(cudaLaunchKernelEx(&config, kernel, args...));
}
inline unsigned* words() { return reinterpret_cast<unsigned*>(cuda_emulator::shared_memory()); }
"""
# Every thread passes its number on to its left neighbour through shared memory.
PASS_ON = """
__global__ void kernel(unsigned* out) {
  words()[threadIdx.x] = threadIdx.x;
  %s
  out[threadIdx.x] = words()[(threadIdx.x + 1) %% kThreads];
}
int main() {
  unsigned out[kThreads];
  if (start(kernel, 1, sizeof out, out) != 0) return 2;
  for (unsigned k = 0; k < kThreads; ++k) {
    if (out[k] != (k + 1) %% kThreads) return 3;
  }
  return 0;
}
"""


@pytest.fixture
def run(tmp_path):
    """Compiles a program over the emulator and runs it: (exit status, what it said)."""
    if _emulated.compiler() is None:
        pytest.skip("no C++ compiler")

    def compiled_and_run(source: str) -> tuple[int, str]:
        file, program = tmp_path / "program.cu", tmp_path / "program"
        file.write_text(HEAD + source, encoding="utf-8")
        emulator = _emulated.ROOT / "tests" / "cuda_emulator" / "emulator.cpp"
        command = [_emulated.compiler(), *_emulated.FLAGS, "-x", "c++", str(file), str(emulator)]
        subprocess.run([*command, "-o", str(program)], check=True)
        done = subprocess.run([str(program)], capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    return compiled_and_run


def test_a_right_kernel_passes(run):
    assert run(PASS_ON % "__syncthreads();") == (0, "")


def test_a_missing_barrier_shows(run):
    assert run(PASS_ON % "")[0] == 3


def test_a_barrier_that_some_threads_do_not_meet_shows(run):
    status, said = run(PASS_ON % "if (threadIdx.x < 32) __syncthreads();")
    assert status != 0
    assert "a barrier that some threads of the block never meet" in said


def test_a_write_past_shared_memory_shows(run):
    status, said = run(PASS_ON % "__syncthreads(); words()[kThreads + threadIdx.x % 4] = 1;")
    assert status != 0
    assert "write past the end of shared memory" in said


def test_shared_memory_holds_rubbish_at_first(run):
    kernel = """
__global__ void kernel(unsigned* out) { *out = words()[0]; }
int main() {
  unsigned out = 0;
  start(kernel, 1, 64, &out);
  return out == 0xA5A5A5A5u ? 0 : 3;
}
"""
    assert run(kernel)[0] == 0


def test_a_misaligned_vector_shows(run):
    kernel = """
__global__ void kernel(unsigned char* out) {
  __stcs(reinterpret_cast<uint4*>(out + 16 * threadIdx.x), make_uint4(1, 2, 3, 4));
}
int main() {
  alignas(16) static unsigned char out[2048];
  if (start(kernel, 1, 0, out) != 0) return 2;
  return start(kernel, 1, 0, out + 4);
}
"""
    status, said = run(kernel)
    assert status != 0
    assert "misaligned store" in said


@pytest.mark.parametrize(("blocks", "shared"), [("0", "0"), ("1", "49153"), ("2147483648u", "0")])
def test_a_launch_that_no_gpu_takes_is_refused(run, blocks, shared):
    kernel = "__global__ void kernel() {}\nint main() { return start(kernel, %s, %s); }\n"
    assert run(kernel % (blocks, shared))[0] == 9  # cudaErrorInvalidConfiguration
