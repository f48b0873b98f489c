"""Arguments of an op, good ones and hostile ones, as hypothesis draws them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

# Beyond some dtype, and refused by every op that takes a size: none of them is a large allocation.
HOSTILE_INTS = st.sampled_from(
    [-(2**64), -(2**63) - 1, -(2**63), -(2**31), -1, 2**31, 2**32, 2**53, 2**63, 2**64, 10**30]
)
OTHER_KINDS = st.sampled_from(
    [None, True, False, 1.0, np.float32(2), float("nan"), float("inf"), "1", [1], np.array(1), 1j]
)
NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.floats(-1e3, 1e3, width=32),
    st.sampled_from([1e300, -1e39, 3.5e38, 65520.0, 1e-45, 10**400, 2**70, float("nan")]),
)


def _odd(array: np.ndarray) -> np.ndarray:
    """The same numbers one byte off every alignment."""
    memory = np.zeros(array.nbytes + 1, np.uint8)
    moved = memory[1:].view(array.dtype).reshape(array.shape)
    moved[...] = array
    return moved


def _spread(array: np.ndarray) -> np.ndarray:
    """Every second element of a larger array."""
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


def _reversed(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array[::-1])[::-1]


def _swapped(array: np.ndarray) -> np.ndarray:
    return array.astype(array.dtype.newbyteorder())


def _read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array


class Plain(np.ndarray):
    """A subclass that adds nothing."""


# The same numbers in another form: an input must be read right.
SAME = st.sampled_from(
    [np.copy, _odd, _spread, _reversed, _swapped, _read_only, np.asfortranarray]
    + [lambda a: a.view(Plain)]
)
# Something else that may not be one of the op's arrays at all: it must be refused, or read right.
OTHER = st.sampled_from(
    [
        lambda a: a.astype(np.float64),
        lambda a: a.astype(np.float16),
        lambda a: a.astype(np.longdouble),
        lambda a: a.astype(np.int64),
        lambda a: a.astype(np.uint64),
        lambda a: a.astype(np.int8),
        lambda a: a.astype(object),
        lambda a: a.astype(complex),
        lambda a: a.astype(str),
        lambda a: a.astype("M8[s]") if a.dtype.kind == "i" else a.astype(bool),
        lambda a: np.ma.MaskedArray(a, np.ones(a.shape, bool)),
        lambda a: a.tolist(),
        lambda a: a[None],
        lambda a: a[..., :-1],
        lambda a: a[:0],
        lambda a: a.reshape(-1),
        lambda a: np.broadcast_to(a[:1], a.shape),
        lambda a: -a if a.dtype.kind in "if" else a,
        lambda a: a.astype(np.float64) * 1e300,
        lambda a: a * a.dtype.type(0),
        lambda a: np.full(a.shape, np.nan),
        lambda a: np.full(a.shape, 2**64 - 1, np.uint64),
        lambda a: np.full(a.shape, -(2**63), np.int64),
        lambda a: np.float32(1),
    ]
)


@st.composite
def arrays(draw, shape, dtype=np.float32, low=-50, high=50, nan=False):
    """Numbers from a drawn seed: hypothesis shrinks the shape, not each of them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    if np.dtype(dtype).kind in "iu":
        return rng.integers(low, high + 1, shape).astype(dtype)
    array = rng.uniform(low, high, shape).astype(dtype)
    if nan and array.size and draw(st.booleans()):
        array.flat[draw(st.integers(0, array.size - 1))] = np.nan
    return array


@st.composite
def changed(draw, arguments):
    """Arguments by name with some of them in another form, and at most one hostile."""
    names = draw(st.lists(st.sampled_from(sorted(arguments)), max_size=3, unique=True))
    for place, name in enumerate(names):
        value = arguments[name]
        if isinstance(value, np.ndarray):
            form = draw(OTHER if place == 0 else SAME)
            arguments[name] = form(value) if value.ndim and value.size else value
        elif place == 0:
            arguments[name] = draw(
                st.one_of(HOSTILE_INTS, OTHER_KINDS, NUMBERS, st.tuples(HOSTILE_INTS, NUMBERS))
            )
    return arguments
