"""RISE without a network: masks, product and sum per mask, fastxai against mindspore_xai.

The peer's RISE is called as a user calls it, with a network that returns a slice of its input;
the time of that network alone, measured in the same repeat, is subtracted. fastxai is measured
as its ops (`masked_product`, `saliency_accumulate`, `saliency_expand`) and as its RISE with the
same network and the same subtraction. The peer's mask generation is also timed alone. Samples of
all contenders take about equally long.
"""

from __future__ import annotations

import argparse
from typing import Any

from bench.common import processes, record

GOAL = 25.0  # times the speed of mindspore_xai 1.8.1
RUNS = ((1, "pynative"), (1, "graph"), (0, "pynative"))  # cores (0: all) and mode
NAMES = {
    "fastxai_ops": "fastxai ops",
    "fastxai_rise": "fastxai RISE",
    "peer_rise": "mindspore_xai 1.8.1 RISE",
    "peer_masks": "mindspore_xai 1.8.1 masks",
}
OPTIONS = {
    "masks": record.Option(512, "masks per run; a multiple of --batch"),
    "batch": record.Option(32),
    "size": record.Option(224),
    "repeats": record.Option(15),
}


def show(row: dict[str, Any]) -> None:
    """Prints one process's figures."""
    print(f"{row['mode']}, process on {row['cores']} core(s), fastxai on one thread:")
    for name, title in NAMES.items():
        line = f"  {title:<25}"
        for clock in ("wall", "cpu"):
            if name not in row[clock]["us_per_mask"]:
                line += " not installed here"
                break
            micro = row[clock]["us_per_mask"][name]
            line += f" {clock} {micro['median']:.1f} ({micro['q1']:.1f} .. {micro['q3']:.1f}) us"
            if name in row[clock]["speedup_over_peer"]:
                line += f", {row[clock]['speedup_over_peer'][name]['median']:.1f}x;"
        print(line)
    print(f"  subtracted: {row['wall']['us_per_mask']['network_alone']['median']:.1f} us a mask")


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
        show(rows[-1])
    targets = []
    speedups = rows[0]["wall"]["speedup_over_peer"]
    if speedups:
        what = "hot path of RISE per mask, times mindspore_xai 1.8.1's speed, one core"
        ratio = speedups["fastxai_ops"]["median"]
        targets.append(record.target(what, ratio, GOAL, at_least=True))
    return record.Outcome(rows, rows[0]["checks"], targets)


if __name__ == "__main__":
    record.main("hot_path", __doc__, OPTIONS, measure)
