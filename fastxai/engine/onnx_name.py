"""The name of the graph in an ONNX model, which MindSpore makes up from counters.

Without it the same network always gives the same bytes, and so the same digest. ONNX is protobuf:
fields of a number and a wire type, and here the two that matter, by the schema of onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator

_GRAPH = 7  # ModelProto.graph
_NAME = 2  # GraphProto.name
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types


def renamed(model: bytes, name: str = "network") -> bytes:
    """The model with another name of its graph.

    Args:
        model: A serialized ModelProto.
        name: The name.

    Returns:
        The model; as it was where it has no named graph.

    Raises:
        ValueError: These bytes are no protobuf message.
    """
    for number, start, body, end in _fields(model):
        if number != _GRAPH:
            continue
        graph = model[body:end]
        for inner, name_start, _, name_end in _fields(graph):
            if inner == _NAME:
                graph = b"".join(
                    [graph[:name_start], _bytes(_NAME, name.encode()), graph[name_end:]]
                )
                return b"".join([model[:start], _bytes(_GRAPH, graph), model[end:]])
    return model


def _fields(message: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Number, start, start of the content and end of each field."""
    place = 0
    while place < len(message):
        start = place
        tag, place = _varint(message, place)
        body = place
        if tag & 7 == _VARINT:
            _, place = _varint(message, place)
        elif tag & 7 == _BYTES:
            length, body = _varint(message, place)
            place = body + length
        elif tag & 7 in (_FIXED64, _FIXED32):
            place += 8 if tag & 7 == _FIXED64 else 4
        else:
            raise ValueError(f"renamed: wire type {tag & 7} at byte {start} is not protobuf.")
        if place > len(message):
            raise ValueError(f"renamed: the field at byte {start} is cut off.")
        yield tag >> 3, start, body, place


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(message):
        byte = message[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
        shift += 7
    raise ValueError(f"renamed: a number is cut off at byte {place}.")


def _bytes(number: int, content: bytes) -> bytes:
    head = bytearray()
    for value in (number << 3 | _BYTES, len(content)):
        while value > 127:
            head.append(value & 127 | 128)
            value >>= 7
        head.append(value)
    return bytes(head) + content
