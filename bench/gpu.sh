#!/bin/bash
# Builds, tests and measures the CUDA ops on a machine with an NVIDIA GPU, in one command of a few
# minutes. Needs nvcc, cmake, a C++ compiler and a Python with PyTorch, torchvision, NumPy, pybind11
# and pytest; neither MindSpore nor a network.
#
#   bench/gpu.sh [FOLDER]     FOLDER gets gpu.json and the logs; default bench/results
#   PYTHON=...                the Python to use, by default python3
set -uo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
results=$(realpath -m "${1:-bench/results}")
mkdir -p "$results"
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1
failed=()

say() { printf '\n=== [%3ds] %s\n' "$SECONDS" "$*"; }

# Runs a step; what it says also goes to a log, and a failure is told at the end.
step() {
    local name=$1
    shift
    say "$name"
    "$@" 2>&1 | tee "$results/gpu-$name.log" | tail -n 40
    local status=${PIPESTATUS[0]}
    [ "$status" -eq 0 ] || failed+=("$name ($status)")
    return "$status"
}

build() {
    local pybind
    pybind=$("$python" -m pybind11 --cmakedir) || return 1
    # Machine code of the GPU here alone: the build that is handed out has three, and takes longer.
    cmake -S . -B build/gpu -DCMAKE_BUILD_TYPE=Release -DFASTXAI_CUDA=ON \
        -DCMAKE_CUDA_ARCHITECTURES=native -Dpybind11_DIR="$pybind" \
        -DPython_EXECUTABLE="$(command -v "$python")" \
        -DCMAKE_LIBRARY_OUTPUT_DIRECTORY="$PWD/fastxai" || return 1
    cmake --build build/gpu --target _native fastxai_gpu --parallel "$(nproc)"
}

run_tests() {
    FASTXAI_TEST_GPU_ALONE=1 timeout 150 "$python" -m pytest -q -x -p no:cacheprovider \
        tests/gpu/test_masks.py tests/gpu/test_saliency.py tests/gpu/test_occlusion.py \
        tests/gpu/test_aot.py tests/torch
}

# Bad addresses, races on shared memory: on a small run of every kernel.
sanitize() {
    local tool
    for tool in memcheck racecheck; do
        timeout 60 compute-sanitizer --tool "$tool" --error-exitcode 9 \
            "$python" -m bench.micro.gpu_kernels || return 1
    done
}

nvidia-smi || { echo "bench/gpu.sh: no NVIDIA GPU (nvidia-smi failed): nothing was measured" >&2; exit 2; }
step build build || { echo "bench/gpu.sh: the build failed" >&2; exit 1; }
step tests run_tests
if command -v compute-sanitizer >/dev/null; then step sanitizer sanitize; else say "no compute-sanitizer"; fi
step measure timeout 240 "$python" -m bench.gpu --results "$results"

say "done"
[ ${#failed[@]} -eq 0 ] || { printf 'bench/gpu.sh: failed: %s\n' "${failed[*]}" >&2; exit 1; }
