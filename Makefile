# Everything a stranger needs: `make demo`, `make test`. Both do the whole set-up first.
VENV ?= .venv
BIN := $(VENV)/bin
COMPILED := setup.py CMakeLists.txt $(wildcard csrc/*/*.h csrc/*/*.cpp kernels/*/*.h kernels/*/*.cpp)
CXX_FILES := csrc kernels tests/kernels tests/cuda_emulator tests/ascend_emulator
TUTORIALS := using_cv_explainers using_rise_plus using_cv_benchmarks
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Tests and demo are about the native ops: a build that fails must not pass for one that was skipped.
export FASTXAI_BUILD ?= require

.PHONY: help demo examples test setup lint format kernel-tests kernel-tests-aarch64 cuda \
        wheel-check bench clean
help: ## this list
	@grep -E '^[a-z0-9-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 24

demo: setup ## explain a picture of two digits for both of them: writes out/demo.png
	mkdir -p out
	$(BIN)/fastxai demo -o out/demo.png

examples: setup ## run the tutorials: their pictures go to out/examples/
	mkdir -p out/examples
	cd out/examples && for name in $(TUTORIALS); do \
	    "$(CURDIR)/$(BIN)/python" "$(CURDIR)/examples/$$name.py" || exit 1; \
	done

test: setup ## run the tests
	$(BIN)/python -m pytest

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

cuda: ## libfastxai_cuda.so, for NVIDIA GPUs, in place (needs nvcc and cmake, no Python)
	cmake -S . -B build/cuda -DFASTXAI_PYTHON=OFF -DFASTXAI_CUDA=ON -DFASTXAI_WERROR=ON \
	    -DCMAKE_LIBRARY_OUTPUT_DIRECTORY=$(CURDIR)/fastxai
	cmake --build build/cuda --target fastxai_gpu --parallel 2

wheel-check: setup ## build wheels with and without native code and look into them
	$(BIN)/python tools/check_wheel.py

bench: setup ## every benchmark: bench/results/ and the tables (about an hour)
	bench/run_all.sh

clean: ## remove everything that was built
	rm -rf $(VENV) build out *.egg-info fastxai/_native*.so fastxai/libfastxai_cuda.so
