#!/bin/sh
# Prints a Python that MindSpore 2.10 has wheels for, or says in one line what is missing.
# Usage: find_python.sh [PYTHON]
set -u

fail() {
    echo "fastxai: $1" >&2
    exit 1
}

usable() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null
}

found=
for candidate in ${1:-python3 python3.11 python3.12}; do
    if usable "$candidate"; then
        found=$candidate
        break
    fi
done
[ -n "$found" ] || fail "Python 3.11 or 3.12 is missing (Debian: apt-get install python3.11); make PYTHON=/path/to/it"
"$found" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "$found cannot make virtual environments (Debian: apt-get install python3-venv)"
"$found" -c 'import os, sysconfig as s; os.stat(os.path.join(s.get_path("include"), "Python.h"))' 2>/dev/null ||
    fail "the headers of $found are missing (Debian: apt-get install python3-dev)"
printf 'int main() { if constexpr (true) return 0; }' | ${CXX:-c++} -std=c++17 -x c++ - -o /dev/null 2>/dev/null ||
    fail "a C++17 compiler is missing (Debian: apt-get install g++)"
echo "$found"
