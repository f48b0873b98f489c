"""Tables of bench/micro: operators, RISE without a network, gradients, memory, and a GPU's."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bench.common.timing import GRAPH
from bench.micro.op_costs import BATCH, FORMULAS, SIZE, sweeps
from bench.report.table import Column, Row, Table

LIBRARIES = {"ours": "fastxai", "peer": "mindspore_xai 1.8.1"}
EXPLAINERS = {"rise": "RISE", "occlusion": "Occlusion"}
_ENGINES = {"openvino": ": OpenVINO", "onnxruntime": ": ONNX Runtime"}
_HOT_PATH = {
    "fastxai_ops": "fastxai: ops",
    "fastxai_rise": "fastxai: RISE",
    "peer_rise": "mindspore_xai 1.8.1: RISE",
    "peer_masks": "mindspore_xai 1.8.1: its masks alone",
}


def _hot_path(result: Row) -> Iterator[Row]:
    for process in result["results"]:
        wall = process["wall"]
        for name, title in _HOT_PATH.items():
            if name in wall["us_per_mask"]:
                yield {
                    "process": f"{process['mode'].upper()}, {process['cores']} core(s)",
                    "title": title,
                    "us": wall["us_per_mask"][name],
                    "times": wall["speedup_over_peer"].get(name),
                }


def _peer_speed(row: Row) -> str:
    if not row["speedup"]:
        return "fails"
    median, q1, q3 = (format(row["speedup"][key], ".2f") for key in ("median", "q1", "q3"))
    return f"{median} ({q1} to {q3}){'' if row['peer_is_right'] else ', of a wrong map'}"


def sweep_rows(result: Row, op: str, sweep: str) -> list[Row]:
    """Rows of an operator, in the order in which `sweep` grows."""
    found = {
        (row["size"], row["batch"], row["masks"]): row
        for row in result["results"]
        if row["op"] == op
    }
    return [found[point] for point in sweeps(op).get(sweep, []) if point in found]


def gb_per_s(row: Row, name: str) -> float:
    """Bytes the operator writes, over the seconds of a contender."""
    return float(row["written_bytes"] / row["seconds"][name]["median"] / 1e9)


def _speed_and_time(row: Row) -> str:
    own, most = gb_per_s(row, row["op"]), gb_per_s(row, row["ceiling"])
    each = row["seconds"][row["op"]]["median"] / row["masks"] * 1e6
    return f"{own:.2f} of {most:.1f}; {each:.2f} µs"


def _sweep(sweep: str, title: str, form: str) -> Table:
    """A table of a sweep: a row an operator, a column a value of what grows."""

    def rows(result: Row) -> Iterator[Row]:
        for op, formula in FORMULAS.items():
            found = {str(row[sweep]): row for row in sweep_rows(result, op, sweep)}
            if found:
                yield {"op": f"`{op}`", "unit": formula.unit, **found}

    def columns(result: Row) -> list[Column]:
        values = {row[sweep] for op in FORMULAS for row in sweep_rows(result, op, sweep)}
        return [
            Column("operator", "op"),
            Column("each", "unit"),
            *(Column(form.format(value), _value_at(str(value))) for value in sorted(values)),
        ]

    picture = f"![GB/s of operators and of the fill, by {sweep}](images/ops_cpu_{sweep}.png)"
    return Table(title, "ops", rows, columns, [picture])


def _value_at(value: str) -> Callable[[Row], str | None]:
    return lambda row: _speed_and_time(row[value]) if value in row else None


def _usual_points(result: Row) -> list[Row]:
    rows = [row for op in FORMULAS for row in sweep_rows(result, op, "size")]
    return [row for row in rows if row["size"] == SIZE]


def _gop_per_s(row: Row) -> float:
    return float(row["operations"] / row["seconds"][row["op"]]["median"] / 1e9)


_ROOFLINE = [
    Column("operator", lambda row: f"`{row['op']}`"),
    Column("MB written", "written_bytes", ".3f", 1e-6),
    Column("MB read", "read_bytes", ".3f", 1e-6),
    Column("Mop", "operations", ".2f", 1e-6),
    Column(
        "operations a byte",
        lambda row: row["operations"] / (row["written_bytes"] + row["read_bytes"]),
        ".2f",
    ),
    Column("GB/s written", lambda row: gb_per_s(row, row["op"]), ".2f"),
    Column("ceiling GB/s", lambda row: f"{gb_per_s(row, row['ceiling']):.1f} ({row['ceiling']})"),
    Column("share of the ceiling", "share_of_ceiling", ".2f"),
    Column("Gop/s", _gop_per_s, ".2f"),
]


def _memory(title: str, source: str) -> Table:
    def library(row: Row) -> str:
        return LIBRARIES[row["library"]] + _ENGINES.get(row.get("engine", ""), "")

    columns = [
        Column("library", library),
        Column("mode", lambda row: row["mode"].upper()),
        Column("explainer", lambda row: EXPLAINERS[row["explainer"]]),
        Column("network", "network"),
        Column("masks or windows", "count"),
        Column("MB beyond the network", "beyond_bytes", ".0f", 1e-6),
        Column(
            "allowed MB",
            lambda row: row["limit_bytes"] if row["library"] == "ours" else None,
            ".0f",
            1e-6,
        ),
    ]
    return Table(title, source, "results", columns)


def _ceiling(row: Row) -> float:
    return float(max(row["gb_per_s"]["fill"], row["gb_per_s"]["zero"]))


def _gpu_hot_path(result: Row) -> Iterator[Row]:
    found = result["results"].get("hot_path") or {"seconds": {}}
    for name, seconds in found["seconds"].items():
        yield {"name": name, "seconds": seconds, "times": found["times_ours"][name]}


def _gpu_rise(result: Row) -> list[Row]:
    return [result["results"]["resnet50"]] if result["results"].get("resnet50") else []


def _gpu_failed(result: Row) -> list[Row]:
    """Sections of bench.gpu, or parts of one, without figures."""
    failed = dict(result.get("failed", {}))
    missing = (result["results"].get("hot_path") or {}).get("missing")
    if missing:
        failed["a part of hot_path"] = missing
    return [{"section": name, "why": why} for name, why in failed.items()]


def _gpu_versions(result: Row) -> str:
    return f"{result['device']['nvidia_smi']}; PyTorch {result['device']['torch']}"


def _gpu_clock(result: Row) -> str:
    """That replays of a CUDA graph were timed, or which figures are others."""
    found = result["results"]
    rows = [*(found.get("products") or []), found.get("hot_path") or {}]
    timed = [*(found.get("others") or [])]
    ways = [*(row.get("timed", {}) for row in rows), {row["op"]: row.get("timed") for row in timed}]
    odd = {name: how for way in ways for name, how in way.items() if how not in (None, GRAPH)}
    named = "; ".join(f"{name}: {how}" for name, how in odd.items())
    return named or f"replays of a {GRAPH}"


GPU = [
    Table(
        "masked_product on a GPU",
        "gpu",
        "results.products",
        [
            Column(
                "masked_product", lambda row: f"{row['dtype']}, {row['layout']}, {row['design']}"
            ),
            Column("GB/s", "gb_per_s.product", ".0f"),
            Column("fill GB/s", _ceiling, ".0f"),
            Column("share of the fill", "share_of_fill", ".2f"),
        ],
    ),
    Table(
        "The other operators on a GPU",
        "gpu",
        "results.others",
        [
            Column("op", "op"),
            Column("µs", "seconds", ".1f", 1e6),
            Column("µs of the host", "host_seconds", ".1f", 1e6),
        ],
    ),
    Table(
        "A batch of RISE without a network on a GPU",
        "gpu",
        _gpu_hot_path,
        [
            Column("masks, products and sums of a batch", "name"),
            Column("µs", "seconds", ".1f", 1e6),
            Column("times fastxai's", "times", ".1f"),
        ],
    ),
    Table(
        "RISE of ResNet50 on a GPU over its bare passes",
        "gpu",
        _gpu_rise,
        [
            Column(
                "RISE, ResNet50, bfloat16",
                lambda row: f"{row['masks']} masks in {row['batches']} batches of {row['batch']}",
            ),
            Column("s", "seconds.rise", ".2f"),
            Column("bare passes s", "seconds.bare", ".2f"),
            Column("ratio", "ratio", ".3f"),
        ],
    ),
    Table(
        "Sections without figures",
        "gpu",
        _gpu_failed,
        [Column("section", "section"), Column("why", "why")],
    ),
    Table(
        "The GPU of these tables, and their clock",
        "gpu",
        lambda result: [result],
        [Column("GPU, driver, memory", _gpu_versions), Column("clock", _gpu_clock)],
    ),
]

TABLES: dict[str, Table | list[Table]] = {
    "masked_product": Table(
        "masked_product against fills of the same buffer",
        "masked_product",
        "results",
        [
            Column("threads", "threads"),
            Column("masked_product GB/s", "gb_per_s.masked_product", ".1f"),
            Column("streaming fill GB/s", "gb_per_s.stream_fill", ".1f"),
            Column("plain fill GB/s", "gb_per_s.plain_fill", ".1f"),
            Column("share of the streaming fill", "share_of_stream_fill", ".2f"),
            Column("µs a mask", "us_per_mask", ".1f"),
        ],
    ),
    "ops_size": _sweep("size", f"Operators by image size, {BATCH} at a time", "{0}×{0}"),
    "ops_batch": _sweep("batch", f"Operators by batch, {SIZE}×{SIZE}", "{0} a call"),
    "ops_masks": _sweep("masks", f"Operators by number of masks, {BATCH} at a time", "{0} in all"),
    "op_costs": Table(
        "Bytes and operations of one call",
        "",
        lambda _: [{"op": f"`{op}`", **formula._asdict()} for op, formula in FORMULAS.items()],
        [
            Column("operator", "op"),
            Column("bytes written", "written"),
            Column("bytes read", "read"),
            Column("operations", "operations"),
        ],
    ),
    "roofline": Table("Operators against the CPU's memory", "ops", _usual_points, _ROOFLINE),
    "roofline_cuda": GPU[0],
    "hot_path": Table(
        "RISE without a network",
        "hot_path",
        _hot_path,
        [
            Column("process", "process"),
            Column("what", "title"),
            Column("µs a mask", "us", ".1f"),
            Column("times mindspore_xai's RISE", "times", ".1f"),
        ],
    ),
    "gradients": Table(
        "Gradient explainers of ResNet50",
        "gradients",
        "results",
        [
            Column("explainer", "explainer"),
            Column("mode", lambda row: row["mode"].upper()),
            Column("images", "images"),
            Column("fastxai s", "fastxai_s", ".3f"),
            Column("times mindspore_xai 1.8.1's speed", _peer_speed),
            Column("bare passes", "over_bare", ".2f"),
        ],
    ),
    "memory": _memory("Peak memory beyond the network, by MindSpore", "memory"),
    "memory_engines": _memory("Peak memory beyond the network, by other engines", "memory_engines"),
    "gpu": GPU,
}
