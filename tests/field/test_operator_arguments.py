"""Numbers that an op's dtype does not hold, sizes that overflow, arrays of another form.

Met by trying to break the ops: each was taken for another value, or was refused by the native op
and not by the reference. What is not right is an error now, the same from both.
"""

import mindspore as ms
import numpy as np
import pytest

from fastxai import ops
from fastxai.ops import MaskSpec, OcclusionSpec, SaliencySums, mindspore_primitives
from fastxai.ops.device import CoveredBatches, MaskedBatches
from tests.ops._cells import Wrap

BACKENDS = ["native", "reference"] if ops.has_native() else ["reference"]
HUGE = (2**31, 2**63, 2**64, -1, -(2**63))
SPEC = MaskSpec(3, (6, 5), (2, 3), 0.5, (3, 2))
WINDOWS = OcclusionSpec((6, 5), (2, 2), (2, 1))
IMAGE = np.arange(60, dtype=np.float32).reshape(2, 6, 5)
RANKS = np.arange(30, dtype=np.int32).reshape(6, 5)
CELLS = np.ones((2, 2, 3), np.uint8)
SHIFTS = np.zeros((2, 2), np.int32)
SUMS = np.ones((1, 3, 2, 2, 3))


def masked(array):
    return np.ma.MaskedArray(array, np.zeros(np.shape(array), bool))


def swapped(array):
    return array.astype(array.dtype.newbyteorder())


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def calls():
    """Each op with good arguments: the function, and its arguments by name."""
    into = SaliencySums.zeros(SPEC, 1)
    batch = ops.occlusion_fill(IMAGE, WINDOWS, 0, 2)
    return {
        "mask_grid": (ops.mask_grid, {"spec": SPEC, "first": 0, "count": 2}),
        "mask_upsample": (
            ops.mask_upsample,
            {"cells": CELLS, "shifts": SHIFTS, "size": (6, 5), "up_size": (8, 6)},
        ),
        "masked_product": (
            ops.masked_product,
            {"image": IMAGE, "spec": SPEC, "first": 0, "count": 2, "base_value": 0.0},
        ),
        "saliency_accumulate": (
            ops.saliency_accumulate,
            {"scores": np.ones((4, 1), np.float32), "spec": SPEC, "first": 0, "into": into},
        ),
        "saliency_expand": (ops.saliency_expand, {"sums": SUMS, "size": (6, 5)}),
        "occlusion_fill": (
            ops.occlusion_fill,
            {"image": IMAGE, "spec": WINDOWS, "first": 0, "count": 2, "base_value": 0.0},
        ),
        "occlusion_patch": (
            ops.occlusion_patch,
            {"batch": batch, "image": IMAGE, "spec": WINDOWS, "previous_first": 0, "first": 1},
        ),
        "occlusion_sum": (
            ops.occlusion_sum,
            {"drops": np.ones((1, WINDOWS.num_windows)), "spec": WINDOWS},
        ),
        "pixel_fill": (
            ops.pixel_fill,
            {"image": IMAGE, "ranks": RANKS, "intervals": np.array([[0, 3]]), "base_value": 0.0},
        ),
    }


def call(op, backend, **changes):
    function, arguments = calls()[op]
    return function(**{**arguments, **changes}, backend=backend)


ARGUMENTS = {op: arguments for op, (_, arguments) in calls().items()}
FORMS = (masked, lambda a: a.astype(object), lambda a: a.astype(complex), lambda a: a.tolist())
OUT = np.zeros((2, 2, 6, 5), np.float32)
ZEROS = SaliencySums.zeros(SPEC, 1)
BAD = [
    # out of the dtype's range
    *[("mask_upsample", {"cells": np.full((2, 2, 3), v)}, ValueError) for v in (-1, 2, 255, 257)],
    ("mask_upsample", {"cells": np.full((2, 2, 3), 2**63, np.uint64)}, ValueError),
    ("mask_upsample", {"shifts": np.full((2, 2), 2**32)}, ValueError),
    ("mask_upsample", {"shifts": np.full((2, 2), 2**64 - 1, np.uint64)}, ValueError),
    *[
        (op, {"base_value": value}, ValueError)
        for op in ("masked_product", "occlusion_fill", "pixel_fill")
        for value in (1e300, -1e39, 10**400, (0.0, 1e300), np.nan, np.inf, np.longdouble("1e4000"))
    ],
    *[
        (op, {"image": IMAGE.astype(np.float64) * 1e300}, ValueError)
        for op in ("masked_product", "occlusion_fill", "occlusion_patch", "pixel_fill")
    ],
    ("masked_product", {"base_value": 65520, "dtype": "float16"}, ValueError),
    ("masked_product", {"base_value": -3.4e38, "dtype": "bfloat16"}, ValueError),
    ("occlusion_sum", {"drops": np.full((1, 12), np.longdouble("1e4000"))}, ValueError),
    *[(op, {"count": v}, ValueError) for op in ("mask_grid", "masked_product") for v in HUGE],
    *[("occlusion_fill", {"count": v}, ValueError) for v in HUGE],
    *[("saliency_accumulate", {"count": v}, ValueError) for v in (5, *HUGE)],
    *[("mask_grid", {"first": v}, ValueError) for v in (2**63, 2**64, -1)],
    *[("occlusion_fill", {"first": v}, ValueError) for v in (2**63, 2**64, -(2**63))],
    *[("occlusion_patch", {"previous_first": v}, ValueError) for v in (2**63, -(2**64))],
    # sizes
    *[("saliency_expand", {"size": (v, 5)}, ValueError) for v in (0, *HUGE)],
    ("saliency_expand", {"size": (2**22 - 1, 5)}, ValueError),
    ("saliency_expand", {"size": (2**20, 2**12)}, ValueError),
    ("saliency_expand", {"sums": np.ones((1, 3, 2, 2, 0))}, ValueError),
    ("masked_product", {"image": IMAGE[:0], "count": 2**30}, ValueError),
    ("occlusion_fill", {"image": IMAGE[:0], "count": 2**30}, ValueError),
    (
        "pixel_fill",
        {"image": IMAGE[:0], "intervals": np.broadcast_to(np.int64(1), (2**28, 2))},
        ValueError,
    ),
    ("mask_upsample", {"cells": np.zeros((2, 1, 2**22 + 1), np.uint8)}, ValueError),
    ("mask_upsample", {"size": (2**31, 5), "up_size": (2**31, 6)}, ValueError),
    (
        "pixel_fill",
        {
            "image": np.zeros((1, 1, 2**22 + 1), np.float32),
            "ranks": np.zeros((1, 2**22 + 1), np.int32),
        },
        ValueError,
    ),
    # not finite
    *[("saliency_expand", {"sums": SUMS * v}, ValueError) for v in (np.nan, np.inf, 1e308)],
    # kinds
    *[
        (op, {name: value}, TypeError)
        for op, name in [
            ("mask_grid", "count"),
            ("masked_product", "first"),
            ("occlusion_fill", "count"),
            ("occlusion_fill", "first"),
            ("occlusion_patch", "previous_first"),
            ("saliency_accumulate", "count"),
            ("saliency_expand", "size"),
            ("mask_upsample", "up_size"),
        ]
        for value in (True, 1.0, np.float32(1), np.array(1), "1", [1])
    ],
    *[
        (op, {"spec": v}, TypeError)
        for op in calls()
        if "spec" in calls()[op][1]
        for v in (None, 3)
    ],
    ("mask_grid", {"spec": WINDOWS}, TypeError),
    ("occlusion_fill", {"spec": SPEC}, TypeError),
    ("saliency_accumulate", {"into": SUMS}, TypeError),
    *[
        (op, {name: form(ARGUMENTS[op][name])}, TypeError)
        for op, name in [
            ("mask_upsample", "cells"),
            ("mask_upsample", "shifts"),
            ("masked_product", "image"),
            ("saliency_accumulate", "scores"),
            ("saliency_expand", "sums"),
            ("occlusion_fill", "image"),
            ("occlusion_patch", "batch"),
            ("occlusion_sum", "drops"),
            ("pixel_fill", "ranks"),
            ("pixel_fill", "intervals"),
        ]
        for form in (
            masked,
            lambda a: a.astype(object),
            lambda a: a.astype(complex),
            lambda a: a.tolist(),
        )
    ],
    *[("masked_product", {"base_value": v}, TypeError) for v in (True, "1", [[1], [1, 2]], None)],
    ("masked_product", {"dtype": ["float32"]}, ValueError),
    # what is written into
    *[
        ("masked_product", {"out": form(OUT)}, error)
        for form, error in [
            (read_only, ValueError),
            (swapped, TypeError),
            (masked, TypeError),
            (lambda a: a[::-1], ValueError),
            (lambda a: np.broadcast_to(a[:1], a.shape), ValueError),
            (lambda a: a.astype(np.float64), TypeError),
        ]
    ],
    ("masked_product", {"out": swapped(OUT.astype(np.float16)), "dtype": "float16"}, TypeError),
    *[
        ("saliency_accumulate", {"into": SaliencySums(*pair)}, error)
        for pair, error in [
            ((read_only(ZEROS.sums), ZEROS.moments), ValueError),
            ((ZEROS.sums, read_only(ZEROS.moments)), ValueError),
            ((swapped(ZEROS.sums), ZEROS.moments), TypeError),
            ((ZEROS.sums.astype(np.float32), ZEROS.moments), TypeError),
            ((ZEROS.sums[..., ::-1], ZEROS.moments), ValueError),
            ((ZEROS.sums, ZEROS.sums.reshape(-1)[:4].reshape(2, 2)), ValueError),
            ((ZEROS.sums, ZEROS.moments[:, :1]), ValueError),
            ((ZEROS.sums, np.float64(1)), TypeError),
        ]
    ],
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("op", "changes", "error"), BAD)
def test_what_does_not_fit_is_refused_by_both(op, changes, error, backend):
    with pytest.raises(error, match=r"^(\w+): .*(`|\d)"):
        call(op, backend, **changes)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("op", ["mask_grid", "occlusion_sum", "pixel_fill"])
@pytest.mark.parametrize("name", ["cuda", None, np.array(["native", "native"])])
def test_another_backend_is_refused(op, name, backend):
    with pytest.raises(ValueError, match="`backend` must be one of"):
        call(op, name)


@pytest.mark.parametrize(
    "fields",
    [
        {"grid": (2**16, 2**16)},
        {"grid": (2**20, 3), "size": (3, 2**20)},
        {"size": (2**22, 3), "shift_range": (2, 1)},
        {"seed": np.uint64(3), "size": 6.0},
        {"seed": 2**64},
    ],
)
def test_masks_that_no_op_takes_are_no_spec(fields):
    with pytest.raises((TypeError, ValueError), match=r"^MaskSpec: "):
        MaskSpec(**{"seed": 0, "size": (6, 5), **fields})


def test_windows_and_sums_of_2_31_elements_are_refused():
    with pytest.raises(ValueError, match="2\\^31 or more"):
        OcclusionSpec((2**16, 2**16), (1, 1), (1, 1))
    with pytest.raises(ValueError, match="2\\^31 or more"):
        SaliencySums.zeros(SPEC, 2**30)
    with pytest.raises(TypeError, match="`targets` must be an int"):
        SaliencySums.zeros(SPEC, 1.0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_unsigned_end_beyond_int64_is_beyond_every_rank(backend):
    for high in (2**31, 2**63 - 1, 2**63, 2**64 - 1):
        intervals = np.array([[3, high]], np.uint64)
        out = call("pixel_fill", backend, intervals=intervals, base_value=-1.0)
        np.testing.assert_array_equal(out[0], np.where(RANKS >= 3, -1.0, IMAGE))


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_int_of_more_than_64_bits_is_a_number(backend):
    out = call("occlusion_fill", backend, base_value=(2**70, -(2**65)))
    assert out[0, :, 0, 0].tolist() == [2.0**70, -(2.0**65)]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("shift", [0, 60, 120])
@pytest.mark.parametrize("op", ["masked_product", "occlusion_fill", "pixel_fill"])
def test_an_output_over_its_image_holds_what_it_holds_elsewhere(op, shift, backend):
    expected = call(op, backend)
    memory = np.zeros(240, np.float32)
    image = memory[shift : shift + 60].reshape(2, 6, 5)
    image[...] = IMAGE
    out = memory[: expected.size].reshape(expected.shape)
    assert call(op, backend, image=image, out=out) is out
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_outputs_over_other_arguments(backend):
    expected = call("pixel_fill", backend)
    memory = np.zeros(60, np.float32)
    ranks = memory[:30].view(np.int32).reshape(6, 5)
    ranks[...] = RANKS
    out = call("pixel_fill", backend, ranks=ranks, out=memory.reshape(1, 2, 6, 5))
    np.testing.assert_array_equal(out, expected)

    batch = ops.occlusion_fill(IMAGE, WINDOWS, -1, 3)
    ops.occlusion_patch(batch, batch[0], WINDOWS, -1, 0, base_value=-7.0, backend=backend)
    for row, (top, left) in enumerate([(0, 0), (0, 1), (0, 2)]):
        covered = IMAGE.copy()
        covered[:, top : top + 2, left : left + 2] = -7.0
        np.testing.assert_array_equal(batch[row], covered)

    into = SaliencySums(np.zeros((2, 3, 2, 2, 3)), np.zeros((2, 2)))
    scores = into.sums.view(np.float32).reshape(-1)[:4].reshape(4, 1)
    scores[...] = 0.5
    ops.saliency_accumulate(scores, SPEC, 0, into, backend=backend)
    np.testing.assert_array_equal(into.moments, [[2.0, 1.0], [4.0, 4.0]])


@pytest.mark.parametrize("backend", BACKENDS)
def test_patching_touches_the_windows_alone(backend):
    batch = np.full((1, 2, 6, 5), 9.0, np.float32)
    ops.occlusion_patch(batch, IMAGE, WINDOWS, 0, 3, base_value=-1.0, backend=backend)
    expected = np.full((2, 6, 5), 9.0, np.float32)
    expected[:, :2, :2] = IMAGE[:, :2, :2]
    expected[:, :2, 3:5] = -1.0
    np.testing.assert_array_equal(batch[0], expected)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_drop_that_is_not_finite_stays_under_its_window(backend, value):
    drops = np.random.default_rng(0).normal(size=(2, WINDOWS.num_windows))
    drops[0, [1, 6]] = value, -value
    drops[0, [2, 9]] = value
    expected = np.zeros((2, 6, 5))
    number = np.ones((6, 5))
    with np.errstate(all="ignore"):
        for window in range(WINDOWS.num_windows):
            top, left = window // 4 * 2, window % 4
            expected[:, top : top + 2, left : left + 2] += drops[:, window, None, None]
            number[top : top + 2, left : left + 2] += 1
        maps = ops.occlusion_sum(drops, WINDOWS, backend=backend)
        np.testing.assert_allclose(maps, expected / number, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("form", [swapped, np.asfortranarray, lambda a: a[..., ::-1][..., ::-1]])
@pytest.mark.parametrize("backend", BACKENDS)
def test_inputs_of_any_order_are_read_right(form, backend):
    for op, (_, arguments) in calls().items():
        if op == "occlusion_patch":
            continue
        arrays = {
            name: form(value) for name, value in arguments.items() if isinstance(value, np.ndarray)
        }
        for have, want in (
            zip(call(op, backend, **arrays), call(op, backend), strict=True)
            if (op != "saliency_accumulate")
            else ()
        ):
            np.testing.assert_array_equal(have, want)


@pytest.mark.parametrize("backend", BACKENDS)
def test_arrays_at_odd_addresses_are_read_and_written_right(backend):
    def odd(array):
        memory = np.zeros(array.nbytes + 1, np.uint8)
        moved = memory[1:].view(array.dtype).reshape(array.shape)
        moved[...] = array
        return moved

    for op, (_, arguments) in calls().items():
        changes = {n: odd(v) for n, v in arguments.items() if isinstance(v, np.ndarray)}
        if op == "saliency_accumulate":
            changes["into"] = SaliencySums(odd(ZEROS.sums), odd(ZEROS.moments))
            want = SaliencySums.zeros(SPEC, 1)
            call(op, backend, into=want)
            call(op, backend, **changes)
            np.testing.assert_array_equal(changes["into"].sums, want.sums)
            continue
        if op in ("masked_product", "occlusion_fill"):
            changes["out"] = odd(OUT)
        have, want = call(op, backend, **changes), call(op, backend)
        for one, other in zip(have, want, strict=True) if want is not None else ():
            np.testing.assert_array_equal(one, other)


@pytest.mark.skipif(not ops.has_native(), reason="no native kernels")
def test_the_binding_refuses_float16_of_another_byte_order():
    out = np.zeros((2, 2, 6, 5), np.float16)
    base = np.zeros(2, np.float32)
    with pytest.raises(ValueError, match="byte order"):
        ops.native.native().masked_product(IMAGE, base, SPEC.params(0, 2), swapped(out))


def test_copies_on_a_device_check_as_the_ops_do():
    with pytest.raises(TypeError, match="`spec` must be a MaskSpec"):
        MaskedBatches(IMAGE, WINDOWS, 0.0, "mindspore")
    for made in (
        MaskedBatches(IMAGE, SPEC, 0.0, "mindspore"),
        CoveredBatches(IMAGE, WINDOWS, 0.0, "mindspore"),
    ):
        with pytest.raises(ValueError, match="`count` must be in"):
            made(0, -1)
        with pytest.raises(TypeError, match="`first` must be an int"):
            made(0.5, 1)


def primitives():
    """A primitive, its good arguments, and the bad ones of one of them."""
    base = np.zeros(2, np.float32)
    params, windows = SPEC.params(0, 2), WINDOWS.params(0, 2)
    bad, other = params.copy(), params.copy()
    bad[2], other[3] = -1, 7
    bad_windows = windows.copy()
    bad_windows[2] = 0
    drops = np.ones((1, WINDOWS.num_windows))
    return {
        "mask_grid": (mindspore_primitives.mask_grid(2, SPEC.grid), [params], 0, [bad, other]),
        "mask_upsample": (
            mindspore_primitives.mask_upsample((6, 5)),
            [CELLS, SHIFTS, np.array([8, 6])],
            2,
            [np.array([2, 6]), np.array([8, -1]), np.array([2**40, 6])],
        ),
        "masked_product": (mindspore_primitives.masked_product(2), [IMAGE, base, params], 2, [bad]),
        "masked_product float16": (
            mindspore_primitives.masked_product(2, ms.float16),
            [IMAGE, base, params],
            2,
            [bad],
        ),
        "occlusion_fill": (
            mindspore_primitives.occlusion_fill(2),
            [IMAGE, base, windows],
            2,
            [bad_windows],
        ),
        "occlusion_sum": (
            mindspore_primitives.occlusion_sum((6, 5)),
            [drops, windows],
            1,
            [bad_windows],
        ),
        "pixel_fill": (
            mindspore_primitives.pixel_fill(1),
            [IMAGE, base, RANKS, np.array([[0, 3]]), np.array([0])],
            4,
            [np.array([2]), np.array([-1])],
        ),
    }


@pytest.mark.skipif(not ops.has_native(), reason="no native kernels")
@pytest.mark.parametrize("name", list(primitives()) if ops.has_native() else [])
def test_a_primitive_says_what_is_wrong_and_takes_the_next_call(name, mode):
    op, arguments, which, bad = primitives()[name]
    cell = Wrap(op)

    def run(changed=None):
        values = list(arguments)
        if changed is not None:
            values[which] = changed
        outputs = cell(*[ms.Tensor(value) for value in values])
        return [o.asnumpy() for o in (outputs if isinstance(outputs, tuple) else (outputs,))]

    good = run()
    for values in bad:
        for output in run(values):
            no_value = {"f": np.isnan, "u": lambda a: a == 255, "i": lambda a: a == -1}
            assert no_value[output.dtype.kind](output).all()
        for one, other in zip(run(), good, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.skipif(not ops.has_native(), reason="no native kernels")
def test_the_sums_answer_in_bad_row_and_take_the_next_call(mode):
    cell = Wrap(mindspore_primitives.saliency_accumulate())
    sums = ms.Tensor(np.ones((2, 3, 2, 2, 3)))
    moments = ms.Tensor(np.ones((2, 2)))

    def run(params, target=0):
        scores = ms.Tensor(np.full((2, 1), 0.5, np.float32))
        state = cell(scores, ms.Tensor(np.array([target])), ms.Tensor(params), sums, moments)
        return [output.asnumpy() for output in state]

    for index, value, target, answer in [
        (2, -1, 0, -3),
        (3, 7, 0, -3),
        (6, 2, 0, -3),
        (2, 2, 5, -2),
    ]:
        params = SPEC.params(0, 2)
        params[index] = value
        new_sums, new_moments, bad = run(params, target)
        assert bad.tolist() == [answer]
        np.testing.assert_array_equal(new_sums, sums.asnumpy())
        np.testing.assert_array_equal(new_moments, moments.asnumpy())
        _, new_moments, bad = run(SPEC.params(0, 2))
        assert bad.tolist() == [-1]
        np.testing.assert_array_equal(new_moments, [[2.0, 1.5], [3.0, 3.0]])
