"""What precision 'mixed' saves: seconds and noise of RISE maps in three precisions.

Of each picture of digits the first digit is explained with a fixed number of masks, by OpenVINO in
float32, 'mixed' and bfloat16 in turns. The noise of a map, against one of many more masks in
float32, falls as 1 / masks, so seconds times noise is the work for a map of a given error. The gain
is that of float32 over another's. bfloat16's own expectation is another map: where its noise no
longer falls with masks, that is the bias that 'mixed' takes away.

It needs a processor with bfloat16: without one there is nothing to measure.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from bench.common import record, timing
from bench.common.machine import machine
from bench.quality import digits

PRECISIONS = ("float32", "mixed", "bfloat16")
LEAST = 1.4  # times float32, at equal error
_REFERENCE_SEED = 10**6
OPTIONS = {
    "network": record.Option("demo", choices=list(digits.SIDES)),
    "pictures": record.Option(8),
    "masks": record.Option(2048, "of a map"),
    "runs": record.Option(4, "per picture and precision"),
    "batch": record.Option(32),
    "reference": record.Option(2**15, "masks of a reference"),
}


def rise(network: Any, precision: str, masks: int, seed: int, batch: int) -> Any:
    """An explainer."""
    from mindspore import nn

    from fastxai.explainer import RISE

    return RISE(
        network, nn.Softmax(), batch, num_masks=masks, seed=seed, engine="openvino",
        precision=precision,
    )  # fmt: skip


def measure_runs(options: argparse.Namespace) -> dict[str, list[dict[str, float]]]:
    """Seconds, noise and share of exact masks of every run, by precision."""
    import mindspore as ms

    network = digits.network_of(options.network)
    runs: dict[str, list[dict[str, float]]] = {precision: [] for precision in PRECISIONS}
    for index, case in enumerate(digits.cases(options.network, options.pictures)):
        inputs = ms.Tensor(case.image[None])
        seed = _REFERENCE_SEED + index
        many = rise(network, "float32", options.reference, seed, options.batch)
        known = many(inputs, case.label).asnumpy()[0, 0].astype("float64")
        made = {
            precision: rise(network, precision, 512, 0, options.batch) for precision in PRECISIONS
        }
        for explainer in made.values():
            explainer(inputs, case.label)  # compiles its engines
        for run in range(options.runs):
            for precision in timing.rotation(PRECISIONS, run):
                explainer = rise(
                    network, precision, options.masks, 1000 * index + run, options.batch
                )
                start = time.perf_counter()
                found = explainer(inputs, case.label, ret="result")
                seconds = time.perf_counter() - start
                exact = found.num_masks if precision == "float32" else found.exact_masks
                runs[precision].append(
                    {
                        "picture": index,
                        "seconds": seconds,
                        "noise": digits.noise(found.saliency[0, 0], known),
                        "exact": 0.0 if exact is None else float(exact[0]) / options.masks,
                    }
                )
        print(index, {each: runs[each][-1] for each in PRECISIONS}, flush=True)
    return runs


def summary(runs: Mapping[str, Sequence[Mapping[str, float]]]) -> list[dict[str, Any]]:
    """A row for each precision: its time and noise over float32's, and the gain of both."""
    base = runs["float32"]
    rows = []
    for precision, own in runs.items():
        speeds = timing.ratios([run["seconds"] for run in base], [run["seconds"] for run in own])
        speed = timing.summary(speeds)
        noises = [sum(run["noise"] for run in each) / len(each) for each in (own, base)]
        rows.append(
            {
                "precision": precision,
                "speed": speed,
                "noise": noises[0] / noises[1],
                "gain": speed["median"] * noises[1] / noises[0],
                "exact": math.fsum(run["exact"] for run in own) / len(own),
            }
        )
    return rows


def measure(options: argparse.Namespace) -> record.Outcome:
    """Every picture in every precision."""
    if not machine()["bfloat16"]:
        raise SystemExit("mixed: this processor has no bfloat16 instructions; nothing to measure.")
    runs = measure_runs(options)
    rows = summary(runs)
    gain = next(row["gain"] for row in rows if row["precision"] == "mixed")
    aim = record.target(
        f"{options.network}: work of float32 over that of 'mixed' at equal error", gain, LEAST,
        at_least=True,
    )  # fmt: skip
    return record.Outcome(rows, targets=[aim], raw=runs)


if __name__ == "__main__":
    record.main(digits.result_name("mixed"), __doc__, OPTIONS, measure)
