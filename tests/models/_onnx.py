"""Small ONNX files, written byte by byte: no package is needed for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

FLOAT, UINT8 = 1, 2  # ONNX's numbers of dtypes
SHAPE = (3, 8, 10)  # (C, H, W)
CLASSES = 4


def weights(classes: int = CLASSES) -> np.ndarray:
    """(C H W, classes) float32 of the linear networks here."""
    rng = np.random.default_rng(5)
    return rng.normal(0, 0.1, (int(np.prod(SHAPE)), classes)).astype(np.float32)


def linear(batch: np.ndarray) -> np.ndarray:
    """Scores of the linear network, by NumPy."""
    return batch.reshape(len(batch), -1) @ weights()


def write_linear(
    path: Path,
    batch: int | None = None,
    *,
    nhwc: bool = False,
    uint8: bool = False,
    opset: int = 13,
    twice: bool = False,
) -> Path:
    """A file whose output 'scores' is `linear`.

    Args:
        path: The file.
        batch: Its batch size; None: any.
        nhwc: Whether it takes (M, H, W, C).
        uint8: Whether it takes bytes.
        opset: Version that it claims.
        twice: Whether there is an output 'minus' too, first, of negative scores.
    """
    channels, height, width = SHAPE
    table = weights()
    shape = (channels, height, width)
    if nhwc:
        shape = (height, width, channels)
        table = table.reshape(*SHAPE, -1).transpose(1, 2, 0, 3).reshape(table.shape)
    nodes, at = [], "image"
    if uint8:
        nodes.append(_node("Cast", [at], "floats", _attribute("to", FLOAT)))
        at = "floats"
    nodes.append(_node("Flatten", [at], "rows", _attribute("axis", 1)))
    nodes.append(_node("MatMul", ["rows", "table"], "scores"))
    outputs = ["scores"]
    if twice:
        nodes.append(_node("Neg", ["scores"], "minus"))
        outputs = ["minus", "scores"]
    dims = b"".join(_int(1, size) for size in table.shape)
    tensor = dims + _int(2, FLOAT) + _bytes(8, b"table") + _bytes(9, table.tobytes())
    graph = b"".join(_bytes(1, node) for node in nodes) + _bytes(2, b"net") + _bytes(5, tensor)
    graph += _bytes(11, _value("image", UINT8 if uint8 else FLOAT, (batch, *shape)))
    graph += b"".join(_bytes(12, _value(name, FLOAT, (batch, CLASSES))) for name in outputs)
    model = _int(1, 8) + _bytes(7, graph) + _bytes(8, _bytes(1, b"") + _int(2, opset))
    path.write_bytes(model)
    return path


def _varint(number: int) -> bytes:
    found = b""
    while number > 127:
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])


def _int(field: int, number: int) -> bytes:
    return _varint(field << 3) + _varint(number)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _attribute(name: str, number: int) -> bytes:
    return _bytes(1, name.encode()) + _int(3, number) + _int(20, 2)


def _node(kind: str, inputs: list[str], output: str, attribute: bytes = b"") -> bytes:
    names = b"".join(_bytes(1, name.encode()) for name in inputs)
    found = names + _bytes(2, output.encode()) + _bytes(4, kind.encode())
    return found + (_bytes(5, attribute) if attribute else b"")


def _value(name: str, dtype: int, shape: tuple[int | None, ...]) -> bytes:
    dims = b"".join(_bytes(1, _bytes(2, b"M") if size is None else _int(1, size)) for size in shape)
    tensor = _int(1, dtype) + _bytes(2, dims)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, tensor))
