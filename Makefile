# Everything a stranger needs: `make demo`, `make test`. Both do the whole set-up first.
VENV ?= .venv
BIN := $(VENV)/bin
COMPILED := setup.py CMakeLists.txt $(wildcard csrc/*/*.h csrc/*/*.cpp kernels/*/*.h kernels/*/*.cpp)
CXX_FILES := csrc kernels tests/kernels tests/cuda_emulator tests/ascend_emulator
# The oldest MindSpore that is supported, and what it is tested with: the contracts of the explainers
# and all that is built on MindSpore's own machinery (primitives, hooks, copies of cells, training).
OLDEST := .venv-oldest
OLDEST_MINDSPORE := mindspore~=2.7.0
OLDEST_TESTS := tests/explainer/test_contract.py tests/ops/test_mindspore_primitives.py \
    tests/explainer/test_gradcam.py tests/explainer/test_modified_relu.py \
    tests/explainer/test_riseplus.py tests/tool/test_ood_net.py tests/cli/test_doctor.py
# Tests go to a process for each core, which takes over what another one has left at the end.
WORKERS := --numprocesses logical --maxprocesses 8 --dist worksteal
# An explainer in one of MindSpore's modes: what compiles in GRAPH_MODE takes longer than a minute.
QUICK := tests/architecture tests/arguments tests/ops tests/reference tests/masks tests/common tests/network \
    tests/explainer/test_occlusion.py -m "not slow and not statistical" -k "not graph"
DOCS_VENV := .venv-docs
# Without MindSpore and with NumPy 2: files and functions.
BARE := .venv-bare
# Beside Captum, Quantus, scikit-learn and PyTorch: a gigabyte of packages, so .ci/run leaves it out.
ADAPTERS := .venv-adapters
TUTORIALS := using_cv_explainers using_rise_plus using_cv_benchmarks
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Tests and demo are about the native ops: a build that fails must not pass for one that was skipped.
export FASTXAI_BUILD ?= require

.PHONY: help demo examples test quick test-oldest test-bare test-bare-torch adapters-test setup lint format kernel-tests \
        kernel-tests-aarch64 cuda sanitize thread-sanitize report-test fuzz faults cluster-test \
        wheel-check docs docs-pictures report report-picture bench clean
help: ## this list
	@grep -E '^[a-z0-9-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 24

demo: setup ## explain a picture of two digits for both of them: writes out/demo.png
	mkdir -p out
	$(BIN)/fastxai demo -o out/demo.png

report: setup ## explain the demo's 50 pictures and write a page of them: out/report.html
	mkdir -p out
	cd out && "$(CURDIR)/$(BIN)/fastxai" demo --pictures fifty && \
	    "$(CURDIR)/$(BIN)/fastxai" batch fifty/pictures.csv --targets given --model fastxai.demo:DemoNet \
	    --ckpt fifty/demo_net.ckpt --size 96 --mean 0.5 --std 0.25 --num-masks 1024 --curves -o maps \
	    --report report.html

examples: setup ## run the tutorials: their pictures go to out/examples/
	mkdir -p out/examples
	cd out/examples && for name in $(TUTORIALS); do \
	    "$(CURDIR)/$(BIN)/python" "$(CURDIR)/examples/$$name.py" || exit 1; \
	done

test: setup ## run the tests, a process for each core
	$(BIN)/python -m pytest $(WORKERS)

quick: setup ## run what a minute is enough for: walls, operators, common parts, Occlusion
	$(BIN)/python -m pytest $(WORKERS) $(QUICK)

# A warning is no error there: that MindSpore gives some of its own.
test-oldest: setup $(OLDEST)/installed ## run the contract tests on the oldest MindSpore that is supported
	$(OLDEST)/bin/python -m pytest -W default $(OLDEST_TESTS)

# Takes the native module that lies in the source folder already: it knows nothing of MindSpore.
$(OLDEST)/installed: pyproject.toml | $(VENV)/installed
	$(BIN)/python -m venv $(OLDEST)
	FASTXAI_BUILD=skip $(OLDEST)/bin/python -m pip --disable-pip-version-check install --quiet \
	    --editable . '$(OLDEST_MINDSPORE)' 'pytest>=7'
	@touch $@

test-bare: $(BARE)/installed ## run the tests of files, functions and their data sets without MindSpore and with NumPy 2
	$(BARE)/bin/python -m pytest tests/models tests/scores tests/detection

# Takes the native module that lies in the source folder already.
$(BARE)/installed: pyproject.toml | $(VENV)/installed
	$(BIN)/python -m venv $(BARE)
	FASTXAI_BUILD=skip $(BARE)/bin/python -m pip --disable-pip-version-check install --quiet --no-deps \
	    --editable .
	$(BARE)/bin/python -m pip --disable-pip-version-check install --quiet 'numpy>=2' pillow scipy \
	    matplotlib tqdm openvino onnxruntime pyarrow 'pytest>=7'
	@touch $@

# By hand, as it brings PyTorch; it goes into the same environment.
test-bare-torch: $(BARE)/torch ## the same of networks of PyTorch on the CPU, by themselves and by OpenVINO
	$(BARE)/bin/python -m pytest tests/torch

$(BARE)/torch: $(BARE)/installed
	$(BARE)/bin/python -m pip --disable-pip-version-check install --quiet \
	    --extra-index-url https://download.pytorch.org/whl/cpu torch
	@touch $@

adapters-test: $(ADAPTERS)/installed ## test adapters and PyTorch models beside the packages themselves
	$(ADAPTERS)/bin/python -m pytest tests/adapters tests/torch/test_models.py

# Takes the native module that lies in the source folder already.
$(ADAPTERS)/installed: pyproject.toml | $(VENV)/installed
	$(BIN)/python -m venv $(ADAPTERS)
	FASTXAI_BUILD=skip $(ADAPTERS)/bin/python -m pip --disable-pip-version-check install --quiet \
	    --extra-index-url https://download.pytorch.org/whl/cpu --editable '.[adapters,openvino]' \
	    'pytest>=7'
	@touch $@

setup: $(VENV)/installed ## make the virtual environment and build the native module

# The package is installed in place: Python sources need no new install, compiled ones do.
$(VENV)/installed: pyproject.toml $(COMPILED) | $(VENV)/bin/python
	$(PIP) install --quiet --editable '.[test]'
	@touch $@

$(VENV)/bin/python:
	@python=$$(tools/find_python.sh "$(PYTHON)") && "$$python" -m venv $(VENV)

$(VENV)/linters: pyproject.toml | $(VENV)/installed
	$(PIP) install --quiet --editable '.[test,lint]'
	@touch $@

lint: $(VENV)/linters ## ruff, mypy, clang-format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	find $(CXX_FILES) -name '*.h' -o -name '*.cpp' -o -name '*.cu' | xargs $(BIN)/clang-format --dry-run -Werror

format: $(VENV)/linters ## put every source into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	find $(CXX_FILES) -name '*.h' -o -name '*.cpp' -o -name '*.cu' | xargs $(BIN)/clang-format -i

kernel-tests: $(VENV)/installed ## C++ tests of the kernels, every instruction set (needs doctest)
	cmake -S . -B build/kernel-tests -DFASTXAI_PYTHON=OFF -DFASTXAI_KERNEL_TESTS=ON \
	    -DFASTXAI_WERROR=ON
	cmake --build build/kernel-tests --parallel 2
	ctest --test-dir build/kernel-tests --output-on-failure

kernel-tests-aarch64: ## the same, cross-compiled and run under qemu-user
	cmake -S . -B build/kernel-tests-aarch64 -DFASTXAI_PYTHON=OFF -DFASTXAI_KERNEL_TESTS=ON \
	    -DFASTXAI_WERROR=ON -DCMAKE_TOOLCHAIN_FILE=cmake/aarch64-linux-gnu.cmake
	cmake --build build/kernel-tests-aarch64 --parallel 2
	ctest --test-dir build/kernel-tests-aarch64 --output-on-failure

# The package and its tests as a tree of links, with a module built for the sanitizers in it. Leaks are
# not looked for: Python and MindSpore keep what they allocate.
SANITIZED := build/sanitize
sanitize: $(VENV)/installed ## kernel tests and tests of the operators under ASan and UBSan
	cmake -S . -B $(SANITIZED) -DFASTXAI_KERNEL_TESTS=ON -DFASTXAI_CUDA=OFF \
	    -DFASTXAI_SANITIZE=address,undefined -DCMAKE_CXX_FLAGS_RELEASE=-O1 \
	    -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python \
	    -Dpybind11_DIR=$$($(BIN)/python -c 'import pybind11; print(pybind11.get_cmake_dir())')
	cmake --build $(SANITIZED) --parallel 2
	ctest --test-dir $(SANITIZED) --output-on-failure
	tools/sanitized_ops.sh $(SANITIZED) $(BIN)/python

thread-sanitize: ## the kernel tests that use teams of threads, under TSan
	cmake -S . -B build/thread-sanitize -DFASTXAI_PYTHON=OFF -DFASTXAI_KERNEL_TESTS=ON \
	    -DFASTXAI_CUDA=OFF -DFASTXAI_SANITIZE=thread -DCMAKE_CXX_FLAGS_RELEASE=-O1
	cmake --build build/thread-sanitize --parallel 2
	ctest --test-dir build/thread-sanitize --output-on-failure

report-test: $(VENV)/browser ## the HTML report in Debian's chromium
	$(BIN)/python -m pytest tests/report

$(VENV)/browser: pyproject.toml | $(VENV)/installed
	$(PIP) install --quiet --editable '.[test,browser]'
	@touch $@

fuzz: setup ## any arguments of the operators, any picture: 11,000 cases, the same in every run
	$(BIN)/python -m pytest tests/fuzz --hypothesis-profile=fuzz

# Ray is not in `test`: its wheel is 79 MB, its head and nodes take both cores for minutes, and its
# processes would outlive a test run that is killed.
cluster-test: $(VENV)/cluster ## kill workers, a node and the driver of a cluster of Ray on this machine
	FASTXAI_TEST_CLUSTER=1 $(BIN)/python -m pytest tests/dataset/test_ray.py

$(VENV)/cluster: pyproject.toml | $(VENV)/installed
	$(PIP) install --quiet 'ray>=2.9' # as the extra `ray` says; no other build of the package
	@touch $@

faults: setup ## plant faults into a copy of the sources and see the tests fail (ten minutes)
	$(BIN)/python -m tests.faults.run $(FAULTS)

cuda: ## libfastxai_cuda.so, for NVIDIA GPUs, in place (needs nvcc and cmake, no Python)
	cmake -S . -B build/cuda -DFASTXAI_PYTHON=OFF -DFASTXAI_CUDA=ON -DFASTXAI_WERROR=ON \
	    -DCMAKE_LIBRARY_OUTPUT_DIRECTORY=$(CURDIR)/fastxai
	cmake --build build/cuda --target fastxai_gpu --parallel 2

wheel-check: setup ## build wheels for every CPython, repair them, run them in empty environments
	$(BIN)/python tools/check_wheel.py

# A virtual environment of its own: the site needs neither MindSpore nor the native module.
docs: $(DOCS_VENV)/installed ## build the site into build/site; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/python -m mkdocs build --quiet --strict
	@echo "build/site/index.html"

docs-pictures: setup ## run the pages' examples and replace the pictures that they write
	$(BIN)/python tools/page_code.py

report-picture: report $(VENV)/browser ## the same, and a new docs/images/report.png of it
	$(BIN)/python tools/report_picture.py out/report.html

$(DOCS_VENV)/installed: pyproject.toml
	@python=$$(tools/find_python.sh "$(PYTHON)") && "$$python" -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["docs"], sep="\n")' | \
	    $(DOCS_VENV)/bin/python -m pip --disable-pip-version-check install --quiet -r /dev/stdin
	@touch $@

bench: setup ## every benchmark, then the tables and charts (about five hours)
	$(BIN)/python bench/run.py --make-environments
	$(BIN)/python bench/run.py --suite all
	$(BIN)/python -m bench.report

clean: ## remove everything that was built
	rm -rf $(VENV) $(OLDEST) $(BARE) $(ADAPTERS) $(DOCS_VENV) build out *.egg-info fastxai/_native*.so fastxai/libfastxai_cuda.so
