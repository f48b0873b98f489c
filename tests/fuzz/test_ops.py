"""Any arguments of an op: the result is right, or the error is a documented one, alike in both.

The formula is the reference's, float64 NumPy by hand; the native op must agree with it or refuse
the same arguments with the same words.
"""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fastxai import ops
from fastxai.ops import MaskSpec, OcclusionSpec, SaliencySums
from tests._compare import HALF_RTOL, MASK_ATOL, PRODUCT_RTOL, SUM64_RTOL
from tests.fuzz._arrays import HOSTILE_INTS, NUMBERS, OTHER_KINDS, arrays, changed

if not ops.has_native():
    pytest.skip("no native kernels", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::DeprecationWarning")
SIZES = st.tuples(st.integers(1, 17), st.integers(2, 19))


def attempt(call):
    """What a call gives, or a documented error."""
    try:
        return call()
    except (TypeError, ValueError) as error:
        return error


def outcome(function, arguments, backend):
    """What a call gives: arrays, or the kind and words of a documented error."""
    given_back = attempt(lambda: function(**arguments, backend=backend))
    if not isinstance(given_back, Exception):
        return given_back
    words = str(given_back)
    assert words.split(":")[0] in (function.__name__, "MaskSpec", "OcclusionSpec"), words
    return type(given_back), words


def made(owner, call):
    """What a call gives, or None after a documented error."""
    given_back = attempt(call)
    if isinstance(given_back, Exception):
        assert str(given_back).startswith(f"{owner}: ")
        return None
    return given_back


def agree(have, want, atol):
    """Whether two outcomes are one: words alike, numbers within `atol`, NaN where NaN is."""
    if isinstance(want, tuple) and isinstance(want[0], type):
        assert have == want
        return
    have, want = np.asarray(have), np.asarray(want)
    assert have.dtype == want.dtype
    np.testing.assert_allclose(have, want, rtol=0, atol=atol)


def both(function, arguments, atol=0.0):
    """Calls an op natively and as the reference, and compares."""
    want = outcome(function, arguments, "reference")
    have = outcome(function, arguments, "native")
    refused = isinstance(want, tuple) and isinstance(want[0], type)
    if isinstance(want, tuple) and not refused:
        for one, other in zip(have, want, strict=True):
            agree(one, other, atol)
    elif want is not None and not np.isscalar(want):
        agree(have, want, atol)
    else:
        assert have == want
    return want


def magnitude(*values):
    """The largest finite number among arguments of any kind."""
    largest = 0.0
    for value in values:
        numbers = np.asarray(float(value) if isinstance(value, int) and value < 2**99 else value)
        if numbers.dtype.kind in "fiub":
            finite = numbers[np.isfinite(numbers)].astype(np.float64)
            largest = max(largest, float(np.abs(finite).max(initial=0.0)))
    return largest


@st.composite
def mask_specs(draw, size=None):
    """Masks of a small image, of any design."""
    size = size or draw(SIZES)
    grid = draw(st.tuples(st.integers(1, 9), st.integers(2, 9)))
    shifts = draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    design = draw(st.sampled_from(["iid", "oa128", "placed", "lattice"]))
    keep = 0.5 if design != "iid" else draw(st.floats(0, 1))
    return MaskSpec(draw(st.integers(0, 2**64 - 1)), size, grid, keep, shifts, design)


@st.composite
def window_specs(draw, size=None):
    """Windows over a small image."""
    size = size or draw(SIZES)
    window = tuple(draw(st.integers(1, n)) for n in size)
    return OcclusionSpec(size, window, draw(st.tuples(st.integers(1, 20), st.integers(1, 20))))


FIRST = st.one_of(st.integers(0, 300), st.sampled_from([2**32 - 1, 2**53, 2**62]))
COUNT = st.integers(0, 6)


@given(st.data())
def test_mask_grid(data):
    arguments = {"spec": data.draw(mask_specs()), "first": data.draw(FIRST)}
    both(ops.mask_grid, data.draw(changed({**arguments, "count": data.draw(COUNT)})))


@given(st.data())
def test_mask_upsample(data):
    count, h, w = data.draw(COUNT), data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    size = data.draw(SIZES)
    room = data.draw(st.tuples(st.integers(0, 5), st.integers(0, 5)))
    arguments = {
        "cells": data.draw(arrays((count, h, w), np.uint8, 0, 1)),
        "shifts": data.draw(arrays((count, 2), np.int32, 0, min(room))),
        "size": size,
        "up_size": (size[0] + room[0], size[1] + room[1]),
    }
    both(ops.mask_upsample, data.draw(changed(arguments)), MASK_ATOL)


@given(st.data())
def test_masked_product(data):
    spec = data.draw(mask_specs())
    channels = data.draw(st.integers(0, 4))
    dtype = data.draw(st.sampled_from(["float32", "float16"]))
    arguments = {
        "image": data.draw(arrays((channels, *spec.size), nan=True)),
        "spec": spec,
        "first": data.draw(FIRST),
        "count": data.draw(COUNT),
        "base_value": data.draw(NUMBERS),
        "dtype": dtype,
    }
    arguments = data.draw(changed(arguments))
    scale = magnitude(arguments["image"], arguments["base_value"])
    rtol = PRODUCT_RTOL if dtype == "float32" else HALF_RTOL
    both(ops.masked_product, arguments, max(rtol * scale, 1e-7))


@given(st.data())
def test_saliency_accumulate(data):
    spec = data.draw(mask_specs())
    rows, targets = data.draw(COUNT), data.draw(st.integers(0, 4))
    arguments = {
        "scores": data.draw(arrays((rows, targets), nan=True)),
        "spec": spec,
        "first": data.draw(FIRST),
        "count": data.draw(st.one_of(st.none(), st.integers(0, rows))),
    }
    arguments = data.draw(changed(arguments))
    into = [SaliencySums.zeros(spec, targets) for _ in range(2)]
    want, have = (
        outcome(ops.saliency_accumulate, {**arguments, "into": sums}, backend)
        for sums, backend in zip(into, ("reference", "native"), strict=True)
    )
    assert have == want
    scale = max(magnitude(arguments["scores"]), 1.0)
    atol = SUM64_RTOL * max(rows, 1)
    np.testing.assert_allclose(into[1].sums, into[0].sums, rtol=SUM64_RTOL, atol=atol * scale)
    np.testing.assert_allclose(
        into[1].moments, into[0].moments, rtol=SUM64_RTOL, atol=atol * scale * scale
    )


@given(st.data())
def test_saliency_expand(data):
    shape = data.draw(st.tuples(*[st.integers(n, 5) for n in (0, 1, 1, 1, 1)]))
    sums = data.draw(arrays(shape, np.float64, nan=True))
    arguments = data.draw(changed({"sums": sums, "size": data.draw(SIZES)}))
    scale = magnitude(arguments["sums"])
    both(ops.saliency_expand, arguments, SUM64_RTOL * max(scale, 1.0) * 25)


@st.composite
def filled(draw):
    """Arguments of `occlusion_fill`."""
    spec = draw(window_specs())
    image = draw(arrays((draw(st.integers(0, 4)), *spec.size), nan=True))
    first = draw(st.one_of(st.integers(-3, 50), st.sampled_from([-(2**62), 2**62])))
    return {
        "image": image,
        "spec": spec,
        "first": first,
        "count": draw(COUNT),
        "base_value": draw(NUMBERS),
    }


@given(st.data())
def test_occlusion_fill(data):
    both(ops.occlusion_fill, data.draw(changed(data.draw(filled()))))


@given(st.data())
def test_occlusion_patch(data):
    arguments = data.draw(filled())
    count = arguments.pop("count")
    batch = np.zeros((count, *arguments["image"].shape), np.float32)
    arguments["previous_first"] = data.draw(st.integers(-3, 50))
    arguments = data.draw(changed(arguments))
    batches = [batch.copy(), batch.copy()]
    want, have = (
        outcome(ops.occlusion_patch, {**arguments, "batch": copy}, backend)
        for copy, backend in zip(batches, ("reference", "native"), strict=True)
    )
    assert have == want
    np.testing.assert_array_equal(batches[1], batches[0])


@given(st.data())
def test_occlusion_sum(data):
    spec = data.draw(window_specs())
    targets = data.draw(st.integers(0, 3))
    drops = data.draw(arrays((targets, spec.num_windows), np.float64, nan=True))
    arguments = data.draw(changed({"drops": drops, "spec": spec}))
    scale = magnitude(arguments["drops"]) * spec.num_windows
    both(ops.occlusion_sum, arguments, SUM64_RTOL * max(scale, 1.0))


@given(st.data())
def test_pixel_fill(data):
    size = data.draw(SIZES)
    pixels = size[0] * size[1]
    image = data.draw(arrays((data.draw(st.integers(0, 4)), *size), nan=True))
    low = data.draw(st.sampled_from([-3, -(2**31), 0]))
    arguments = {
        "image": image,
        "ranks": data.draw(arrays(size, np.int32, low, pixels)),
        "intervals": data.draw(arrays((data.draw(COUNT), 2), np.int64, low, pixels)),
        "outside": data.draw(st.booleans()),
        "base_value": data.draw(NUMBERS),
    }
    both(ops.pixel_fill, data.draw(changed(arguments)))


@given(st.data())
@pytest.mark.parametrize("op", ["masked_product", "occlusion_fill", "pixel_fill"])
def test_an_output_anywhere_in_the_memory_of_the_image(op, data):
    """Partly over it, over all of it, or behind it, at any byte."""
    spec = data.draw(mask_specs())
    image = data.draw(arrays((data.draw(st.integers(1, 3)), *spec.size)))
    count = data.draw(st.integers(1, 4))
    arguments = {"image": image, "base_value": 0.5}
    if op == "pixel_fill":
        pixels = image[0].size
        arguments["ranks"] = np.arange(pixels, dtype=np.int32).reshape(spec.size)
        arguments["intervals"] = data.draw(arrays((count, 2), np.int64, 0, pixels))
    else:
        arguments["spec"] = spec if op == "masked_product" else data.draw(window_specs(spec.size))
        arguments["count"] = count
    want = getattr(ops, op)(**arguments, backend="native")
    memory = np.zeros(image.nbytes * 2 + want.nbytes, np.uint8)
    at = data.draw(st.integers(0, image.nbytes))
    to = data.draw(st.integers(0, 2 * image.nbytes))
    moved = memory[at : at + image.nbytes].view(np.float32).reshape(image.shape)
    moved[...] = image
    out = memory[to : to + want.nbytes].view(np.float32).reshape(want.shape)
    backend = data.draw(st.sampled_from(["native", "reference"]))
    getattr(ops, op)(**{**arguments, "image": moved}, out=out, backend=backend)
    np.testing.assert_allclose(out, want, rtol=0, atol=PRODUCT_RTOL * 50)


ANYTHING = st.one_of(
    st.integers(-2, 40), HOSTILE_INTS, OTHER_KINDS, NUMBERS, st.tuples(st.integers(0, 9), NUMBERS)
)


@example({"seed": 0, "size": (6, 5), "grid": (2**16, 2**16)})
@example({"seed": 0, "size": (2**22, 5), "shift_range": (2, 1)})
@given(
    st.fixed_dictionaries(
        {"seed": ANYTHING, "size": ANYTHING},
        optional={
            "grid": ANYTHING,
            "keep_probability": ANYTHING,
            "shift_range": ANYTHING,
            "design": st.one_of(st.sampled_from(["iid", "oa128", "sobol"]), OTHER_KINDS),
        },
    )
)
def test_a_mask_spec_is_refused_or_can_be_drawn(fields):
    spec = made("MaskSpec", lambda: MaskSpec(**fields))
    if spec is None:
        return
    cells, shifts = ops.mask_grid(spec, 0, 1, backend="native")
    assert cells.shape == (1, *spec.grid)
    assert ((shifts >= 0) & (shifts < spec.shift_range)).all()


@given(st.tuples(ANYTHING, ANYTHING, ANYTHING))
def test_an_occlusion_spec_is_refused_or_covers_its_window(fields):
    spec = made("OcclusionSpec", lambda: OcclusionSpec(*fields))
    if spec is None:
        return
    image = np.zeros((1, *spec.size), np.float32)
    out = ops.occlusion_fill(image, spec, spec.num_windows - 1, 1, base_value=1.0)
    assert out.sum() == spec.window[0] * spec.window[1]


@given(ANYTHING, ANYTHING)
def test_a_bilinear_matrix_is_refused_or_sums_to_1(cells, up):
    matrix = made("bilinear_matrix", lambda: ops.bilinear_matrix(cells, up))
    if matrix is None:
        return
    np.testing.assert_allclose(matrix.sum(axis=1), np.ones(up), rtol=1e-12)
