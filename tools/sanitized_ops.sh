#!/bin/sh
# The tests of the operators against the native module that `make sanitize` built.
# Usage: tools/sanitized_ops.sh BUILD_FOLDER PYTHON
set -eu
build=$1
python=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
tree=$build/tree

rm -rf "$tree"
mkdir -p "$tree"
cp -rs "$PWD/fastxai" "$PWD/tests" "$PWD/kernels" "$PWD/pyproject.toml" "$tree"
find "$tree/fastxai" -maxdepth 1 -name '_native*.so' -delete
cp "$build"/_native*.so "$tree/fastxai"

cd "$tree"
libraries="$(${CXX:-g++} -print-file-name=libasan.so) $(${CXX:-g++} -print-file-name=libstdc++.so)"
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1
LD_PRELOAD="$libraries" exec "$python" -m pytest -q -p no:cacheprovider tests/ops tests/field/test_operator_arguments.py
