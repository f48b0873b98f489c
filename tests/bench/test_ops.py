"""The benchmark of the operators: points, check, costs, and what is made of its result."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.common import timing
from bench.micro import op_calls, op_costs
from bench.report import charts, micro
from bench.report import pages as report
from bench.report.table import render
from tests.bench.test_report import ABOUT

OPS = sorted(op_costs.FORMULAS)
POINT = op_costs.Point(size=24, batch=3, masks=6)


def seconds_of(op: str, share: float) -> dict[str, Any]:
    fills = {"stream_fill": 2e-3, "plain_fill": 1e-3}
    return {k: timing.summary([v]) for k, v in {op: 1e-3 / share, **fills}.items()}


@pytest.fixture
def measured() -> dict[str, Any]:
    """A made-up result: every operator writes 8 MB at half the ceiling of 8 GB/s."""
    rows = [
        {
            "op": op, **point._asdict(), "written_bytes": 8_000_000, "read_bytes": 2_000_000,
            "operations": 5_000_000, "seconds": seconds_of(op, 0.5), "ceiling": "plain_fill",
            "share_of_ceiling": timing.summary([0.5]),
        }
        for op in OPS
        for point in op_costs.points(op)
    ]  # fmt: skip
    return {**ABOUT, "command": "python -m bench.micro.ops", "results": rows, "targets": []}


@pytest.mark.parametrize("op", OPS)
def test_every_operator_is_right_before_it_is_timed(op):
    assert op in op_calls.check(op)


def test_a_wrong_operator_is_not_timed(monkeypatch):
    def wrong(point, backend):
        return [lambda: np.full(3, backend == "native", np.float32)]

    monkeypatch.setitem(op_calls.BUILDERS, "pixel_fill", wrong)
    with pytest.raises(AssertionError, match="pixel_fill is off by"):
        op_calls.check("pixel_fill")


@pytest.mark.parametrize("op", OPS)
def test_a_run_has_a_call_for_every_batch(op):
    calls = op_calls.BUILDERS[op](POINT, "native")
    assert len(calls) == (1 if op_costs.FORMULAS[op].unit == "map" else 2)


@pytest.mark.parametrize(
    "op", [op for op in OPS if op not in ("occlusion_patch", "saliency_accumulate")]
)
def test_bytes_written_are_those_of_the_result(op):
    made = op_calls.BUILDERS[op](POINT, "native")[0]()
    arrays = made if isinstance(made, tuple) else (made,)
    written = op_costs.FORMULAS[op].cost(POINT.size, POINT.batch).written
    assert written == sum(array.nbytes for array in arrays)


def test_a_patch_writes_the_old_and_the_new_windows():
    side, stride, windows = op_costs.window(64)
    assert (side, stride, windows) == (8, 1, 57 * 57)
    cost = op_costs.FORMULAS["occlusion_patch"].cost(64, 5)
    assert cost.written == 2 * 5 * 3 * 8 * 8 * 4


def test_sums_are_written_once_per_shift_at_most():
    cost = op_costs.FORMULAS["saliency_accumulate"].cost
    assert cost(224, 32).written == 2 * 32 * 100 * 8
    assert cost(224, 1000).written == 2 * 121 * 100 * 8


def test_a_product_takes_fifteen_operations_a_pixel_beside_the_drawing_and_the_columns():
    cost = op_costs.FORMULAS["masked_product"].cost(224, 1)
    drawing, columns = 26 * 80 + 100, 3 * 10 * 224
    assert cost.operations - drawing - columns == 15 * 224 * 224


@pytest.mark.parametrize("op", OPS)
def test_every_operator_grows_in_size_and_batch_and_no_point_comes_twice(op):
    sweeps = op_costs.sweeps(op)
    assert [point.size for point in sweeps["size"]] == [64, 224, 512]
    assert len({point.batch for point in sweeps["batch"]}) >= 3
    found = list(op_costs.points(op))
    assert len(set(found)) == len(found)
    assert all(point.masks % point.batch == 0 for point in found)


def test_a_cell_has_speed_ceiling_and_time(measured):
    text = report.text_of("ops_size", {"ops": measured})
    assert "| operator | each | 64×64 | 224×224 | 512×512 |" in text
    assert "| `mask_grid` | mask | 4.00 of 8.0; 62.50 µs | 4.00 of 8.0; 62.50 µs |" in text
    assert text.count("\n| `") == len(OPS)


def test_operators_that_make_maps_have_no_mask_count(measured):
    text = render(micro.TABLES["ops_masks"], measured)
    assert "32 in all | 256 in all | 1024 in all" in text
    assert "saliency_expand" not in text
    assert "saliency_expand" in render(micro.TABLES["ops_batch"], measured)


def test_a_result_of_some_operators_makes_a_table_of_them(measured):
    measured["results"] = [row for row in measured["results"] if row["op"] == "pixel_fill"]
    for name in ("ops_size", "ops_batch", "ops_masks", "roofline"):
        assert report.text_of(name, {"ops": measured}).count("\n| `") == 1


def test_the_roofline_has_bytes_operations_and_the_share(measured):
    text = report.text_of("roofline", {"ops": measured})
    assert (
        "| `pixel_fill` | 8.000 | 2.000 | 5.00 | 0.50 | 4.00 | 8.0 (plain_fill) | 0.50 | 2.50 |"
        in text
    )
    assert text.count("\n| `") == len(OPS)


def test_every_operator_has_its_formula_on_the_page():
    text = report.text_of("op_costs", {})
    assert all(f"| `{op}` |" in text for op in OPS)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ops_size", "Not measured yet: `python bench/run.py --suite ops`"),
        ("roofline", "Not measured yet: `python bench/run.py --suite ops`"),
        ("roofline_cuda", "Not measured yet: `bench/gpu.sh all`"),
        ("roofline_ascend", "Not measured: no Ascend NPU"),
        ("ops_ascend", "Not measured: no Ascend NPU"),
    ],
)
def test_devices_without_a_result_are_said_not_to_be_measured(name, says):
    assert says in report.text_of(name, {})


def test_a_gpu_result_fills_its_roofline():
    row = {
        "dtype": "float32", "layout": "NCHW", "design": "iid",
        "gb_per_s": {"product": 3000.0, "fill": 3900.0, "zero": 4000.0},
        "share_of_fill": timing.summary([0.75]),
    }  # fmt: skip
    text = render(micro.TABLES["roofline_cuda"], {"results": {"products": [row]}})
    assert "| float32, NCHW, iid | 3000 | 4000 | 0.75 |" in text


def test_the_pictures_that_the_tables_show_are_drawn(measured, tmp_path):
    found = charts.drawings({"ops": measured})
    assert list(found) == [f"ops_cpu_{sweep}.png" for sweep in charts.SWEEPS]
    for (file, drawing), sweep in zip(found.items(), charts.SWEEPS, strict=True):
        charts.save(drawing, tmp_path / file)
        assert charts.digest_in(tmp_path / file) == drawing.digest
        assert f"(images/{file})" in report.text_of(f"ops_{sweep}", {"ops": measured})


def test_a_picture_of_other_figures_is_stale(measured):
    before = charts.drawings({"ops": measured})
    measured["results"][0]["seconds"]["mask_grid"]["median"] *= 2
    after = charts.drawings({"ops": measured})
    assert before["ops_cpu_size.png"].digest != after["ops_cpu_size.png"].digest


def test_without_a_result_no_picture_is_shown():
    assert ".png" not in "".join(report.text_of(f"ops_{s}", {}) for s in ("size", "batch", "masks"))
