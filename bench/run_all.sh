#!/bin/sh
# Every benchmark of the project, in order, then the tables. Some hours on two cores.
# PEER_PYTHON: Python with MindSpore, mindspore_xai 1.8.1 and what fastxai needs; made if missing.
# ENGINE_PYTHON: the same without mindspore_xai, with mindcv, openvino and onnxruntime.
# TORCH_PYTHON: Python with torch, captum and openvino_xai.
# BENCH_RESULTS: folder for the JSON files; the tables are made from it.
set -eu

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
python=${PEER_PYTHON:-bench/.peer/bin/python}
engines=${ENGINE_PYTHON:-bench/.engines/bin/python}
torch=${TORCH_PYTHON:-bench/.torch/bin/python}
results=${BENCH_RESULTS:-bench/results}

if [ ! -x "$python" ]; then
    if [ -n "${PEER_PYTHON:-}" ]; then
        echo "run_all: PEER_PYTHON=$PEER_PYTHON is not a program" >&2
        exit 1
    fi
    echo "run_all: making bench/.peer (about 1 GB)"
    "${PYTHON:-python3.11}" -m venv bench/.peer
    "$python" -m pip install --quiet --upgrade pip
    "$python" -m pip install --quiet mindspore==2.10.0 'numpy<2' mindspore-xai==1.8.1 \
        'pillow>=9' 'matplotlib>=3.5' 'tqdm>=4.60' 'setuptools>=77' 'pybind11>=2.13' 'cmake>=3.18'
fi

if [ ! -x "$engines" ]; then
    echo "run_all: making $engines"
    "${PYTHON:-python3.11}" -m venv "$(dirname -- "$(dirname -- "$engines")")"
    "$engines" -m pip install --quiet mindspore==2.10.0 'numpy<2' 'pillow>=9' 'matplotlib>=3.5' \
        'tqdm>=4.60' mindcv openvino onnxruntime scikit-learn
fi
if [ ! -x "$torch" ]; then
    echo "run_all: making $torch"
    "${PYTHON:-python3.11}" -m venv "$(dirname -- "$(dirname -- "$torch")")"
    "$torch" -m pip install --quiet torch captum openvino-xai \
        --extra-index-url https://download.pytorch.org/whl/cpu
fi

# Both libraries in one process: fastxai from this folder, built for the peer's Python.
export PYTHONPATH="$root" GLOG_v="${GLOG_v:-3}"
unset ONEDNN_MAX_CPU_ISA DNNL_MAX_CPU_ISA OMP_NUM_THREADS FASTXAI_ISA FASTXAI_KEEP_ONEDNN_ISA
if ! "$python" -c 'from fastxai import _native' 2>/dev/null; then
    FASTXAI_BUILD=require PATH="$(dirname -- "$python"):$PATH" \
        "$python" setup.py --quiet build_ext --inplace
fi

run() {
    echo
    echo "== $*"
    "$python" -m "$@" --results "$results"
}

run bench.micro.masked_product
run bench.micro.ops
run bench.micro.hot_path
run bench.micro.memory
run bench.peers.explainers --repeats "${REPEATS:-3}" --occlusion-repeats "${OCCLUSION_REPEATS:-2}"
run bench.micro.gradients
run bench.quality.designs
peer=$python
python=$engines
run bench.peers.engines
run bench.peers.over_bare
run bench.micro.memory --engines openvino onnxruntime --modes pynative
run bench.peers.sharing
run bench.quality.riseplus_designs
run bench.quality.uncertainty
run bench.quality.uncertainty --network resnet50 --reference 16384
run bench.quality.maps
run bench.quality.maps --network resnet50 --pictures 20 --reference 16384
run bench.quality.to_quality --peer-python "$peer" --networks demo resnet50 --pictures 30 30
run bench.peers.libraries --peer-python "$peer" --torch-python "$torch" --openvino-xai-python "$torch"
run bench.report
