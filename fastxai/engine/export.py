"""A cell as an ONNX model, made by MindSpore, with no trace left behind."""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

from fastxai.engine.full_slices import without_full_slices
from fastxai.engine.in_place import without_in_place
from fastxai.engine.protocol import Unusable
from fastxai.engine.rewrites import with_known_operators
from fastxai.network.evaluation import running

_log = logging.getLogger("fastxai")
_DUMP_VARIABLE = "MS_OM_PATH"  # where MindSpore writes rank_0/om/analyze_fail.ir; else here

# What MindSpore 2.10 says, and what it means.
_MEANINGS = (
    (r"Can not find key (\w+) in convert map", "the operator {0} cannot be exported to ONNX"),
    (r"\[prim\] is null", "control flow that depends on data cannot be exported to ONNX"),
    (
        r"parameters number of the function is",
        "a network whose `construct` takes more than `self` and the images cannot be exported",
    ),
    (r"JIT strict mode", "Python code in `construct` cannot be exported to ONNX: {line}"),
    (r"exceeded the protobuf", "the network is too large for an ONNX file, 2 GB"),
)


def exported(cell: nn.Cell, shape: tuple[int, ...]) -> bytes:
    """The cell as an ONNX model for batches of one shape.

    Train flags, phases, attributes and Parameter names of all cells in it, the context and the
    working directory stay as they are, also after an exception or Ctrl-C.

    Args:
        cell: Images float32 of `shape` to scores; in evaluation mode, and new: MindSpore cannot
            export one cell twice. The cells in it may have been exported before.
        shape: (M, C, H, W).

    Returns:
        The model; for the same network it differs in the name of its graph alone.

    Raises:
        Unusable: MindSpore cannot export it.
    """
    images = ms.Tensor(np.zeros(shape, np.float32))
    with (
        untraced() as folder,
        _muted_logger(),
        _unchanged(cell),
        _unchanged_syntax(),
        without_in_place(),
        with_known_operators(),
    ):
        try:
            ms.export(cell, images, file_name=f"{folder}/network", file_format="ONNX")
        except Exception as error:  # MindSpore raises whatever its parser and exporter meet
            raise Unusable(_meaning(str(error))) from error
        return without_full_slices(Path(folder, "network.onnx").read_bytes())


@contextmanager
def untraced(*, repeat: bool = False) -> Iterator[str]:
    """Lets MindSpore try what may fail: no file in the working directory, no word on stderr.

    Args:
        repeat: Where it does not fail, what it, or the network, said on stderr is said afterwards.

    Yields:
        A folder that is there as long.
    """
    with (
        running("MindSpore"),  # environment and stderr are ours as long
        tempfile.TemporaryDirectory(prefix="fastxai-") as folder,
        _dumping_into(folder),
        _quiet(repeat),
    ):
        yield folder


def _meaning(message: str) -> str:
    line = next((line.strip() for line in message.splitlines() if line.strip()), "no message")
    for pattern, text in _MEANINGS:
        match = re.search(pattern, message)
        if match:
            return text.format(*match.groups(), line=line)
    return f"MindSpore cannot export it to ONNX: {line}"


@contextmanager
def _unchanged(cell: nn.Cell) -> Iterator[None]:
    """Gives every cell its attributes back: compiling notes phases and scopes in them."""
    saved = [(part, dict(vars(part))) for _, part in cell.cells_and_names()]
    names = [(parameter, parameter.name) for parameter in cell.get_parameters()]
    try:
        yield
    finally:
        for part, attributes in saved:
            if part.training != attributes.get("training", part.training):
                part.add_flags(training=attributes["training"])  # tells the C++ side too
            state = vars(part)
            for name in [name for name in state if name not in attributes]:
                del state[name]
            state.update(attributes)
        for parameter, name in names:
            if parameter.name != name:
                parameter.name = name


@contextmanager
def _unchanged_syntax() -> Iterator[None]:
    """Gives the context its syntax level back: `ms.export` leaves STRICT there where it raises."""
    before = ms.get_context("jit_syntax_level")
    try:
        yield
    finally:
        ms.set_context(jit_syntax_level=before)


@contextmanager
def _dumping_into(folder: str) -> Iterator[None]:
    """Sends the files in which MindSpore explains a failure into a folder."""
    before = os.environ.get(_DUMP_VARIABLE)
    os.environ[_DUMP_VARIABLE] = folder
    try:
        yield
    finally:
        if before is None:
            del os.environ[_DUMP_VARIABLE]
        else:
            os.environ[_DUMP_VARIABLE] = before


@contextmanager
def _quiet(repeat: bool) -> Iterator[None]:
    """Takes what MindSpore prints while it tries to the log 'fastxai', level DEBUG.

    Its C++ side writes warnings that mean nothing here straight to file descriptor 2.

    Args:
        repeat: Where nothing was raised, it is printed after all.
    """
    try:
        terminal = os.dup(2)
    except OSError:  # closed, as in a daemon: nobody is disturbed
        yield
        return
    failed = True
    with tempfile.TemporaryFile() as taken:
        try:
            _flush()
            os.dup2(taken.fileno(), 2)
            yield
            failed = False
        finally:
            _flush()
            os.dup2(terminal, 2)
            os.close(terminal)
            taken.seek(0)
            text = taken.read()
            if text and repeat and not failed:
                os.write(2, text)
            elif text.strip():
                _log.debug("MindSpore, while trying: %s", text.decode(errors="replace").strip())


def _flush() -> None:
    if sys.stderr is not None:
        sys.stderr.flush()


@contextmanager
def _muted_logger() -> Iterator[None]:
    """Keeps MindSpore's Python logger from announcing that this export will go some day."""

    def drop(record: Any) -> bool:
        return False

    logger = ms.log._get_logger()
    logger.addFilter(drop)
    try:
        yield
    finally:
        logger.removeFilter(drop)
