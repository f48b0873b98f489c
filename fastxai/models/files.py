"""ONNX and OpenVINO files, and networks of PyTorch, as models."""

from __future__ import annotations

import functools
import hashlib
import mmap
import os
import re
import threading
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np

from fastxai.engine import settings
from fastxai.models.model import Convolutions, Model, joined, maker_of
from fastxai.models.openvino_network import OpenVinoNetwork

ENGINES = ("auto", "openvino", "onnxruntime")
LAYOUTS = ("NCHW", "NHWC")
_COLOURS = (1, 3, 4)
_CHUNK = 2**20  # bytes that are read at a time
_ERRORS_ONLY = 3  # of ONNX Runtime's log
# A StringStringEntryProto of protobuf: its key, then the tag and the length of its value.
_LOCATION = re.compile(rb"\x0a\x08location\x12([\x80-\xff]?[\x01-\x7f])", re.DOTALL)


def load(
    source: Any, *, engine: str = "auto", layout: str | None = None, threads: int = 0
) -> Model:
    """Loads a classifier, or any network with one image input, from a file; or takes PyTorch's.

    Args:
        source: An ONNX file; the .xml file of an OpenVINO IR with its .bin file beside it; or an
            `nn.Module` of PyTorch.
        engine: Of a file: 'openvino', 'onnxruntime', or 'auto': OpenVINO if it is installed and can
            read the file, else ONNX Runtime. Of a module: 'torch', 'openvino', or 'auto': OpenVINO
            if it is installed, `torch.export` can export the module, it computes in float32 on the
            CPU, and OpenVINO's outputs of eight copies of an image, shifted and partly covered,
            agree with PyTorch's to 1e-4; else PyTorch, and the log and `model.reason` say why.
        layout: Axes of a file's input: 'NCHW' or 'NHWC'. None: what the file says, else by which
            axis has 1, 3 or 4 entries.
        threads: Threads to use; 0: the engine's choice. PyTorch has a setting of its own.

    Returns:
        The model. It takes batches (M, C, H, W) float32 whatever the file's layout, dtype and batch
        size: a file of a fixed batch size is given whole batches, the last one padded. For an
        integer input, values are rounded and clipped to its range. One output gives an array,
        several give a dict by their names; a module gives what it returns. A module may be trained
        on: every call of an explainer looks whether it has changed.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A word is unknown, or the file cannot be read or has more than one input.
        ImportError: No engine, or not the named one, is installed.
        FileNotFoundError: There is no such file.

    Example:
        >>> import fastxai
        >>> fastxai.load("absent.onnx")
        Traceback (most recent call last):
        ...
        FileNotFoundError: load: absent.onnx does not exist.
    """
    maker = maker_of(source)
    if maker is None:
        return FileModel(source, engine=engine, layout=layout, threads=threads)
    if layout is not None:
        raise ValueError("load: `layout` is for files; a network of PyTorch takes (M, C, H, W).")
    return maker(source, engine=engine, threads=threads)


class FileModel(Model):
    """A network in a file; `load` makes it and says what the arguments are."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        engine: str = "auto",
        layout: str | None = None,
        threads: int = 0,
    ) -> None:
        self._path = _checked_path(path)
        self._arguments: dict[str, Any] = {"engine": engine, "layout": layout, "threads": threads}
        for name, value, known in (("engine", engine, ENGINES), ("layout", layout, LAYOUTS)):
            if value not in known and not (name == "layout" and value is None):
                raise ValueError(f"load: `{name}` must be one of {known}, got {value!r}.")
        self._digest = _digest(self._path)
        self._runner = _runner(self._path, engine, threads)
        self.name = self._runner.name
        self._layout = layout or self._runner.layout or _guessed(self._runner.shape)
        self._lock = threading.Lock()
        self._dtype = self._runner.dtype
        self.takes_pixels = self._dtype.kind in "iu"

    def __reduce__(self) -> Any:
        """A copy and a pickle read the file again."""
        return functools.partial(FileModel, **self._arguments), (str(self._path),)

    def __repr__(self) -> str:
        """Path, engine and layout."""
        return f"FileModel({str(self._path)!r}, engine={self.name!r}, layout={self._layout!r})"

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """(M, C, H, W) that the file takes; None for an axis of any length."""
        return _to_nchw(self._runner.shape, self._layout)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return self._runner.outputs

    @property
    def convolutions(self) -> Convolutions:
        """Input channels, kernel and stride of each one; none where ONNX Runtime read the file."""
        return self._runner.convolutions()

    def identity(self) -> str:
        """SHA-256 of the file, and of the weights beside it."""
        return f"{self._digest} {self._layout}"

    def version(self) -> str:
        """The engine with its version."""
        return self._runner.version

    def __call__(self, batch: np.ndarray) -> Any:
        """Outputs for a batch; as of `load`."""
        self._check_shape(batch.shape)
        fixed = self._runner.shape[0]
        with self._lock:
            if fixed is None or len(batch) == fixed:
                return self._run(batch)
            starts = range(0, len(batch), fixed)
            return joined([self._padded(batch[start : start + fixed], fixed) for start in starts])

    def _padded(self, part: np.ndarray, size: int) -> Any:
        count = len(part)
        if count < size:
            part = np.concatenate([part, np.repeat(part[-1:], size - count, axis=0)])
        found = self._run(part)
        if isinstance(found, dict):
            return {name: array[:count] for name, array in found.items()}
        return found[:count]

    def _run(self, batch: np.ndarray) -> Any:
        if self._layout == "NHWC":
            batch = batch.transpose(0, 2, 3, 1)
        if self.takes_pixels:
            limits = np.iinfo(self._dtype)
            batch = np.clip(np.rint(batch), limits.min, limits.max)
        found = self._runner.run(np.ascontiguousarray(batch, self._dtype))
        return found[0] if len(found) == 1 else dict(zip(self.outputs, found, strict=True))

    def _check_shape(self, shape: tuple[int, ...]) -> None:
        wanted = self.input_shape
        pairs = zip(shape[1:], wanted[1:], strict=True)
        if any(want is not None and got != want for got, want in pairs):
            words = ", ".join("any" if n is None else str(n) for n in wanted[1:])
            raise ValueError(
                f"`network` takes images (C, H, W) of ({words}), got {shape[1:]}: resize the "
                f"images, or say which axis holds the channels: fastxai.load({self._path.name!r}, "
                f"layout={'NCHW' if self._layout == 'NHWC' else 'NHWC'!r})."
            )


class _Runner(ABC):
    """An engine with the file's network in it."""

    name: str
    version: str
    shape: tuple[int | None, ...]  # of the input as the file has it, of 4 axes
    dtype: np.dtype
    layout: str | None = None  # where the file says it
    outputs: tuple[str, ...]

    def convolutions(self) -> Convolutions:
        """Those of the network, where the engine tells of them."""
        return ()

    @abstractmethod
    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        """Outputs, arrays of their own."""


class _OpenVino(_Runner):
    name = "openvino"

    def __init__(self, path: Path, threads: int) -> None:
        import openvino

        from fastxai.engine.openvino import core

        network = core().read_model(str(path))
        self.version = f"OpenVINO {openvino.__version__}"
        _check_inputs(path, len(network.inputs))
        port = network.input(0)
        dims = port.partial_shape
        rank = dims.rank.get_length() if dims.rank.is_static else 4
        lengths = list(dims) if dims.rank.is_static else [None] * 4
        self.shape = _checked_rank(
            path, rank, [n.get_length() if n is not None and n.is_static else None for n in lengths]
        )
        self.dtype = np.dtype(port.get_element_type().to_dtype())
        self.layout = _layout_of(str(openvino.layout_helpers.get_layout(port)))
        self.outputs = tuple(
            next(iter(sorted(port.get_names())), str(index))
            for index, port in enumerate(network.outputs)
        )
        self._compiled = OpenVinoNetwork(network, threads, fixed=None not in self.shape)

    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        return self._compiled.run(batch)

    def convolutions(self) -> Convolutions:
        return self._compiled.convolutions()


class _OnnxRuntime(_Runner):
    name = "onnxruntime"

    def __init__(self, path: Path, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        self.version = f"ONNX Runtime {onnxruntime.__version__}"
        inputs = self._session.get_inputs()
        _check_inputs(path, len(inputs))
        self._input = inputs[0].name
        lengths = [n if isinstance(n, int) and n > 0 else None for n in inputs[0].shape]
        self.shape = _checked_rank(path, len(lengths), lengths)
        kind = inputs[0].type.removeprefix("tensor(").removesuffix(")")
        self.dtype = np.dtype({"float": "float32", "double": "float64"}.get(kind, kind))
        self.outputs = tuple(output.name for output in self._session.get_outputs())

    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        return list(self._session.run(None, {self._input: batch}))


_RUNNERS: dict[str, type[Any]] = {"openvino": _OpenVino, "onnxruntime": _OnnxRuntime}


def _runner(path: Path, engine: str, threads: int) -> Any:
    """The first engine that can read the file.

    Raises:
        ValueError: None can; it says why of each.
        ImportError: None is installed, or not the one that was named.
    """
    names = [engine] if engine != "auto" else list(_RUNNERS)
    if path.suffix == ".xml":
        names = [name for name in names if name == "openvino"]
        if not names:
            raise ValueError("load: ONNX Runtime does not read .xml files: use engine='openvino'.")
    installed = [name for name in names if settings.version_of(name) is not None]
    if not installed:
        how = settings.how_to_install(names[0])
        raise ImportError(f"load: {' and '.join(names)} cannot be imported: {how}.")
    reasons = []
    for name in installed:
        try:
            return _RUNNERS[name](path, threads)
        except _Misfit as misfit:
            raise ValueError(f"load: {misfit}") from None
        except Exception as error:  # each engine has errors of its own
            reasons.append(f"{settings.TITLES[name]}: {_first_words(error)}")
    raise ValueError(
        f"load: cannot read {path}. {'; '.join(reasons)}. Is the file whole, and is its opset one "
        "that this version of the engine knows?"
    )


class _Misfit(Exception):  # noqa: N818 - found and told in `load`'s words
    """The file was read, and is of no use here."""


def _check_inputs(path: Path, number: int) -> None:
    if number != 1:
        raise _Misfit(
            f"{path} has {number} inputs. Only networks of one input can be loaded; write a "
            "function that fills in the others, and explain that."
        )


def _checked_rank(path: Path, rank: int, lengths: list[int | None]) -> tuple[int | None, ...]:
    if rank != 4:
        raise _Misfit(f"{path} takes inputs of {rank} axes, not images (M, C, H, W).")
    return tuple(lengths)


def _checked_path(path: Any) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        kind = type(path).__name__
        raise TypeError(f"load: `source` must be a path or a module of PyTorch, got {kind}.")
    found = Path(path)
    if found.suffix not in (".onnx", ".xml"):
        raise ValueError(f"load: `source` must end in .onnx or .xml, got {found}.")
    if not found.is_file():
        what = "is a folder" if found.is_dir() else "does not exist"
        raise FileNotFoundError(f"load: {found} {what}.")
    return found.absolute()


def _digest(path: Path) -> str:
    """SHA-256 of a file and of the files with its weights beside it."""
    digest = hashlib.sha256()
    for part in (path, *_weights_beside(path)):
        with part.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def _weights_beside(path: Path) -> list[Path]:
    """The .bin file of an IR; the files that an ONNX file says its weights are in.

    Each such tensor has an entry 'location' with the file's path from the folder of the ONNX file.
    """
    if path.suffix == ".xml":
        weights = path.with_suffix(".bin")
        return [weights] if weights.is_file() else []
    if path.stat().st_size == 0:
        return []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        named = {_text_at(content, entry) for entry in _LOCATION.finditer(content)}
    parts = [path.parent / os.fsdecode(name) for name in sorted(named)]
    return [part for part in parts if part.is_file()]


def _text_at(content: mmap.mmap, entry: re.Match[bytes]) -> bytes:
    """The text whose length ends an entry's match: 7 bits a byte, the lowest first."""
    size = sum((byte & 127) << 7 * place for place, byte in enumerate(entry[1]))
    return content[entry.end() : entry.end() + size]


def _layout_of(text: str) -> str | None:
    """'NHWC' of OpenVINO's '[N,H,W,C]'; None where it says nothing of channels."""
    letters = text.strip("[]").replace(",", "")
    return letters if letters in LAYOUTS else None


def _guessed(shape: tuple[int | None, ...]) -> str:
    return "NHWC" if shape[3] in _COLOURS and shape[1] not in _COLOURS else "NCHW"


def _to_nchw(shape: tuple[int | None, ...], layout: str) -> tuple[int | None, ...]:
    return shape if layout == "NCHW" else (shape[0], shape[3], shape[1], shape[2])


def _first_words(error: Exception) -> str:
    """The line of an engine's error that says something to a user."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("Exception from", "Check '"))]
    return (told or lines or [type(error).__name__])[0].rstrip(".")[:300]
