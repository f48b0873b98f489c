"""Slices that take all of a Tensor, which OpenVINO cannot read, out of an ONNX model.

MindSpore exports `x[:, :n]` where x has n channels as a Slice of no axes; ghost modules and
Res2Nets have such. They become Identity. The model is read in the wire format of protobuf, as the
package onnx need not be installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

# Numbers of fields in onnx.proto.
_GRAPH = 7  # of ModelProto
_NODE, _INITIALIZER = 1, 5  # of GraphProto
_INPUT, _OP_TYPE = 1, 4  # of NodeProto
_DIMS, _TENSOR_NAME = 1, 8  # of TensorProto
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # kinds of values on the wire


class _Field(NamedTuple):
    number: int
    whole: memoryview  # with its tag
    content: memoryview  # of a kind with a length; of others empty
    value: int  # of a varint; of others 0


def without_full_slices(model: bytes) -> bytes:
    """The model, with each Slice of no axes as an Identity; the same object if there is none."""
    top = list(_fields(memoryview(model)))
    found = False
    parts: list[bytes | memoryview] = []
    for field in top:
        graph = _mended_graph(field.content) if field.number == _GRAPH else None
        found |= graph is not None
        parts += [field.whole] if graph is None else _message(_GRAPH, graph)
    return b"".join(parts) if found else model


def _mended_graph(graph: memoryview) -> list[bytes | memoryview] | None:
    """Parts of the graph without such slices; None: it has none."""
    fields = list(_fields(graph))
    empty = {
        name
        for field in fields
        if field.number == _INITIALIZER and (name := _name_if_empty(field.content))
    }
    parts: list[bytes | memoryview] = []
    found = False
    for field in fields:
        node = _identity_for(field.content, empty) if field.number == _NODE and empty else None
        found |= node is not None
        parts += [field.whole] if node is None else _message(_NODE, node)
    return parts if found else None


def _name_if_empty(tensor: memoryview) -> bytes:
    """Name of a Tensor of the shape (0,); b'' of any other."""
    dims: list[int] = []
    name = b""
    for field in _fields(tensor):
        if field.number == _DIMS:
            dims += list(field.content) if len(field.content) else [field.value]  # packed, or not
        elif field.number == _TENSOR_NAME:
            name = bytes(field.content)
        if dims and dims != [0]:
            return b""  # most are weights: their values are not walked through
    return name if dims == [0] else b""


def _identity_for(node: memoryview, empty: set[bytes]) -> list[bytes | memoryview] | None:
    """Parts of an Identity in place of a Slice from nowhere; None for another node."""
    fields = list(_fields(node))
    inputs = [field for field in fields if field.number == _INPUT]
    kind = next((bytes(field.content) for field in fields if field.number == _OP_TYPE), b"")
    if kind != b"Slice" or len(inputs) < 2 or bytes(inputs[1].content) not in empty:
        return None
    kept = [field.whole for field in fields if field.number not in (_INPUT, _OP_TYPE)]
    return [inputs[0].whole, *_message(_OP_TYPE, [b"Identity"]), *kept]


def _fields(message: memoryview) -> Iterator[_Field]:
    at, nothing = 0, message[:0]
    while at < len(message):
        begin = at
        tag, at = _varint(message, at)
        content, value = nothing, 0
        kind = tag & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
        elif kind == _BYTES:
            size, at = _varint(message, at)
            content = message[at : at + size]
            at += size
        elif kind in (_FIXED32, _FIXED64):
            at += 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"not an ONNX model: a field of the kind {kind}")
        yield _Field(tag >> 3, message[begin:at], content, value)


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """The number at a place, and the place behind it."""
    number, shift = 0, 0
    while True:
        byte = message[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
        shift += 7


def _message(number: int, parts: list[bytes | memoryview]) -> list[bytes | memoryview]:
    """A field of bytes: its tag, its length, and its parts."""
    return [_encoded(number << 3 | _BYTES), _encoded(sum(map(len, parts))), *parts]


def _encoded(number: int) -> bytes:
    found = b""
    while number > 127:
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])
