#!/bin/bash
# Builds, tests and measures the CUDA ops on a machine with an NVIDIA GPU, in calls of less than
# eight minutes each, which print a table of their steps last:
#
#   bench/gpu.sh build|tests|measure|sanitize|all [FOLDER]
#
#   build      the CPU's native module, and the CUDA library for the GPU here (9.0 where there is none)
#   tests      tests/gpu and tests/torch on the GPU
#   measure    python -m bench.gpu: FOLDER/gpu.json, written after each section
#   sanitize   memcheck and racecheck of every kernel, where compute-sanitizer is installed
#   all        the four in this order, in less than half an hour
#
# FOLDER gets the logs and gpu.json; default bench/results. PYTHON=... is the Python to use, by
# default python3. Needs nvcc, cmake, a C++ compiler and a Python with PyTorch, torchvision, NumPy,
# pybind11 and pytest; neither MindSpore nor a network. Exit code: 1 a step failed, 2 there is no
# GPU, 64 the arguments are wrong.
set -uo pipefail
cd "$(dirname "$0")/.."
parts=(build tests measure sanitize)
python=${PYTHON:-python3}

usage() { sed -n 's/^# \{0,1\}//; 2,18p' "$0" >&2; exit 64; }

case ${1:-} in
    build|tests|measure|sanitize) chosen=("$1") ;;
    all) chosen=("${parts[@]}") ;;
    *) usage ;;
esac
results=$(realpath -m "${2:-bench/results}")
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1

if [ "${chosen[*]}" != build ] && ! nvidia-smi; then
    echo "bench/gpu.sh: no NVIDIA GPU (nvidia-smi failed): nothing was measured" >&2
    exit 2
fi
mkdir -p "$results"
table=()
failed=0

# Runs a step of at most $2 seconds; what it says also goes to a log. A failure is told in the table
# and does not end the run.
step() {
    local name=$1 limit=$2 begun=$SECONDS
    local log=$results/gpu-$name.log
    shift 2
    printf '\n=== [%3ds] %s\n' "$SECONDS" "$name"
    timeout "$limit" "$@" 2>&1 | tee "$log"
    local status=${PIPESTATUS[0]} outcome=ok
    case $status in
        0) ;;
        124) outcome="stopped after $limit s" ;;
        *) outcome="failed ($status)" ;;
    esac
    [ "$status" -eq 0 ] || failed=1
    table+=("| $name | $outcome | $((SECONDS - begun)) | $(grep -v '^ *$' "$log" | tail -n 1 | tr '|' '/' | cut -c1-100) |")
    return "$status"
}

# Compute capability of the GPU here as CMake wants it. CMake's own `native` ends the configuration
# where it sees no GPU; a bare number means machine code and PTX.
architecture() {
    local found
    found=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1 | tr -d '. ')
    [[ $found =~ ^[0-9]{2,3}$ ]] && echo "$found" || echo 90
}

# What two builds have in common; $1 is the folder.
configure() {
    local folder=$1
    shift
    cmake -S . -B "$folder" -DCMAKE_BUILD_TYPE=Release "-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=$PWD/fastxai" "$@"
}

build_native() {
    local pybind
    pybind=$("$python" -m pybind11 --cmakedir) || return 1
    configure build/gpu-native -DFASTXAI_CUDA=OFF "-Dpybind11_DIR=$pybind" \
        "-DPython_EXECUTABLE=$(command -v "$python")" &&
        cmake --build build/gpu-native --target _native --parallel "$(nproc)"
}

build_cuda() {
    configure build/gpu -DFASTXAI_PYTHON=OFF -DFASTXAI_CUDA=ON \
        "-DCMAKE_CUDA_ARCHITECTURES=$(architecture)" &&
        cmake --build build/gpu --target fastxai_gpu --parallel "$(nproc)"
}
export -f configure architecture build_native build_cuda
export python

# Two steps, so that Python headers which are missing stop the tests' CPU side alone.
build() {
    step native 180 bash -c build_native
    step cuda 280 bash -c build_cuda
}

tests() {
    export FASTXAI_TEST_GPU_ALONE=1
    step tests 440 "$python" -m pytest -q --maxfail=30 -p no:cacheprovider \
        tests/gpu/test_masks.py tests/gpu/test_saliency.py tests/gpu/test_occlusion.py \
        tests/gpu/test_aot.py tests/torch
}

measure() { step measure 460 "$python" -m bench.gpu --results "$results"; }

# Bad addresses, races on shared memory: on a small run of every kernel, of ours alone. PyTorch's
# cache of memory would hide a write behind an array.
sanitize() {
    if ! command -v compute-sanitizer >/dev/null; then
        table+=("| sanitize | no compute-sanitizer: it is in CUDA's toolkit and in the package nvidia-cuda-sanitizer-api | 0 | |")
        return
    fi
    local tool
    export PYTORCH_NO_CUDA_MEMORY_CACHING=1
    for tool in memcheck racecheck; do
        step "$tool" 220 compute-sanitizer --tool "$tool" --error-exitcode 9 \
            --kernel-name kernel_substring=fastxai "$python" -m bench.micro.gpu_kernels
    done
}

for part in "${chosen[@]}"; do "$part"; done

printf '\n| step | outcome | s | last line |\n|---|---|---|---|\n'
printf '%s\n' "${table[@]}"
exit "$failed"
