"""Walls of the C++ rooms: each rule takes a path and a text and says what crosses."""

from __future__ import annotations

import re
from collections.abc import Iterator

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
_STRING = re.compile(r'"(?:\\.|[^"\\\n])*"')
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.M)

# Anything that allocates, owns, prints or throws.
_KERNEL_HEADERS_BANNED = re.compile(
    r"^(Python\.h|pybind11/.*|.*mindspore.*|(\.\./)*csrc/.*|cstdlib|stdlib\.h|new|memory|vector"
    r"|string|map|unordered_map|functional|iostream|stdexcept|exception)$"
)
_KERNEL_WORDS_BANNED = re.compile(
    r"\b(?:getenv|secure_getenv|setenv|new|delete|throw|try|catch)\b"
    r"|\b(?:malloc|calloc|realloc|free|posix_memalign|aligned_alloc)\s*\("
    r"|\bstd::(?:vector|string|map|unique_ptr|shared_ptr|function|exception)\b"
)
_INTRINSIC = re.compile(r"\b(?:_mm\d*_\w+|__m(?:128|256|512)[id]?|v(?:ld|st)1q?_\w+)\b")
_INTRINSIC_HEADER = re.compile(r"^(?:\w*intrin\.h|arm_neon\.h|arm_sve\.h)$")
# What of kernels/ the border may see: launch prototypes and parameter structs, not the arithmetic.
_BORDER_MAY_INCLUDE = re.compile(
    r"^kernels/(?:(\w+)/\1|common/(?:any_address|mask_params|image|half|isa|team))\.h$"
)
_LOOP = re.compile(r"\b(?:for|while)\s*\(|\bdo\s*\{|\bstd::(?:transform|accumulate|for_each)\b")

# Loops in csrc/ that run over no data: (file, loop's line) -> why.
ALLOWED_LOOPS = {
    (
        "csrc/dispatch/team.cpp",
        "for (int helper = 1; helper < shares; ++helper) begun_.notify_one();",
    ): "threads: wakes those of a team",
    ("csrc/dispatch/team.cpp", "while (true) {"): "threads: the life of one",
    ("csrc/dispatch/team.cpp", "while (next_ < shares_) {"): "threads: their shares",
    (
        "csrc/dispatch/team.cpp",
        "while (helpers_ < helpers && pthread_create(&thread, nullptr, &Team::help, this) == 0) {",
    ): "threads: starts those of a team",
    (
        "csrc/dispatch/team.cpp",
        "for (int share = 0; share < shares; ++share) work(context, share);",
    ): "shares, where one thread does them all",
    (
        "csrc/mindspore/aot.h",
        "for (int axis = 0; axis < ndims_[tensor]; ++axis) {",
    ): "bytes: multiplies the handful of axes of a shape",
    (
        "csrc/mindspore/aot.h",
        "for (int tensor = first_output; tensor < want; ++tensor) {",
    ): "aot_host_call: the one or two outputs of an op",
}


def code_of(text: str, *, strings: bool = False) -> str:
    """The text without comments (and string literals), its lines where they were."""

    def blank(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match.group())

    # Strings first would take an apostrophe-free comment with one quote for a string.
    text = _COMMENT.sub(blank, text)
    return text if strings else _STRING.sub(blank, text)


def _includes(text: str) -> Iterator[tuple[int, str]]:
    code = code_of(text, strings=True)
    for match in _INCLUDE.finditer(code):
        yield code.count("\n", 0, match.start()) + 1, match.group(2)


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(code_of(text).splitlines(), 1):
        for match in pattern.finditer(line):
            yield number, match.group()


def kernels_stay_plain(path: str, text: str) -> list[str]:
    """No Python, pybind11, MindSpore, csrc, environment, allocation or exception in kernels/."""
    found = [
        f"{path}:{line}: includes {name}"
        for line, name in _includes(text)
        if _KERNEL_HEADERS_BANNED.match(name)
    ]
    return found + [
        f"{path}:{line}: {word.strip()}" for line, word in _matches(_KERNEL_WORDS_BANNED, text)
    ]


def border_has_no_intrinsics(path: str, text: str) -> list[str]:
    """Vector code lives in kernels/ alone."""
    found = [
        f"{path}:{line}: includes {name}"
        for line, name in _includes(text)
        if _INTRINSIC_HEADER.match(name)
    ]
    return found + [f"{path}:{line}: {word}" for line, word in _matches(_INTRINSIC, text)]


def border_sees_kernel_interfaces_only(path: str, text: str) -> list[str]:
    """csrc/ includes <op>/<op>.h and the parameter structs, no source and no arithmetic."""
    return [
        f"{path}:{line}: includes {name}"
        for line, name in _includes(text)
        if re.search(r"(^|/)kernels/", name) and not _BORDER_MAY_INCLUDE.match(name)
    ]


def border_has_no_loops(path: str, text: str) -> list[str]:
    """csrc/ runs over no data, ALLOWED_LOOPS apart."""
    lines = text.splitlines()
    return [
        f"{path}:{line}: a loop: {lines[line - 1].strip()}"
        for line, _ in _matches(_LOOP, text)
        if (path, lines[line - 1].strip()) not in ALLOWED_LOOPS
    ]


def python_stays_in_its_room(path: str, text: str) -> list[str]:
    """Only csrc/pybind/ knows Python."""
    if path.startswith("csrc/pybind/"):
        return []
    return [
        f"{path}:{line}: includes {name}"
        for line, name in _includes(text)
        if name == "Python.h" or name.startswith("pybind11/") or "csrc/pybind/" in name
    ]


def no_mindspore_headers(path: str, text: str) -> list[str]:
    """The entry points are plain C: no header of MindSpore, whose ABI would bind the build."""
    own = ("csrc/mindspore/", "mindspore/aot.h")
    return [
        f"{path}:{line}: includes {name}"
        for line, name in _includes(text)
        if re.search(r"mindspore|ms_extension|custom_aot_extra|mindapi", name)
        and not name.startswith(own)
    ]


KERNEL_RULES = [kernels_stay_plain]
BORDER_RULES = [
    border_has_no_intrinsics,
    border_sees_kernel_interfaces_only,
    border_has_no_loops,
    python_stays_in_its_room,
    no_mindspore_headers,
]
