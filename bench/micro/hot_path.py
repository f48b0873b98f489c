"""RISE without a network: masks, product and sum per mask, fastxai against mindspore_xai.

The peer's RISE is called as a user calls it, with a network that returns a slice of its input;
the time of that network alone, measured in the same repeat, is subtracted. fastxai is measured
as its ops (`masked_product`, `saliency_accumulate`, `saliency_expand`) and as its RISE with the
same network and the same subtraction. The peer's mask generation is also timed alone. Samples of
all contenders take about equally long.
"""

from __future__ import annotations

import argparse

from bench.common import processes, record

GOAL = 25.0  # times the speed of mindspore_xai 1.8.1
RUNS = ((1, "pynative"), (1, "graph"), (0, "pynative"))  # cores (0: all) and mode
OPTIONS = {
    "masks": record.Option(512, "masks per run; a multiple of --batch"),
    "batch": record.Option(32),
    "size": record.Option(224),
    "repeats": record.Option(15),
}


def measure(options: argparse.Namespace) -> record.Outcome:
    """Measures in a process on one core (the target) in each mode, then on all cores."""
    if options.masks % options.batch:
        raise SystemExit("hot_path: --batch must divide --masks")
    rows = []
    for cores, mode in RUNS:
        asked = {**vars(options), "cores": cores, "mode": mode}
        rows.append(
            processes.ask_worker("bench.micro.hot_path_worker", asked, {"OMP_NUM_THREADS": "1"})
        )
    targets = []
    speedups = rows[0]["wall"]["speedup_over_peer"]
    if speedups:
        what = "hot path of RISE per mask, times mindspore_xai 1.8.1's speed, one core"
        ratio = speedups["fastxai_ops"]["median"]
        targets.append(record.target(what, ratio, GOAL, at_least=True))
    return record.Outcome(rows, rows[0]["checks"], targets)


if __name__ == "__main__":
    record.main("hot_path", __doc__, OPTIONS, measure)
