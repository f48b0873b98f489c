"""``fastxai doctor``: is this installation healthy, and what to do if not."""

from __future__ import annotations

import argparse
from typing import Any

from fastxai.cli.messages import ATTENTION, FAILED, CliError, first_line


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Add ``doctor`` to the sub-commands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "doctor",
        help="check this installation and say what to do",
        description="Show what fastxai runs on, measure MindSpore's convolutions, advise.",
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "--no-probe", action="store_true", help="skip the measurement of some seconds"
    )
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Print the configuration, the measurement and the advice."""
    from fastxai._config import mindspore_requirement, show_config, supported_mindspore
    from fastxai.ops.native import remedy

    config = show_config()
    advice = []
    if not config["native"]["available"]:
        advice.append(f"native code is missing ({config['native']['reason']}): {remedy()}")
    if config["mindspore"] is None:
        advice.append(f"MindSpore is not installed: pip install '{mindspore_requirement()}'")
    elif not config["mindspore"]["supported"]:
        advice.append(
            f"fastxai is not tested on MindSpore {config['mindspore']['version']}, but on "
            f"{supported_mindspore()}: pip install '{mindspore_requirement()}'"
        )
    onednn = config["onednn"]
    limit = f"convolutions are slow ({onednn['detail']}): {onednn['remedy']}"
    if arguments.no_probe or config["mindspore"] is None:
        if onednn["state"] in ("too-late", "failed", "kept"):
            advice.append(limit)
    elif verdict := _probe():
        advice.append(limit if onednn["remedy"] else verdict)
    print()
    for line in advice:
        print(f"attention    {line}")
    if not advice:
        print("healthy")
    return ATTENTION if advice else 0


def _probe() -> str:
    """Measure and print; return what is wrong, or ''."""
    from fastxai._onednn import probe_convolution

    try:
        probe = probe_convolution()
    except Exception as error:
        raise CliError(FAILED, f"the measurement failed: {first_line(error)}") from error
    print(
        f"convolution  3x3: {probe.conv3x3_gflops:.1f} GFLOP/s, "
        f"1x1: {probe.pointwise_gflops:.1f} GFLOP/s"
    )
    return probe.verdict if probe.slow else ""
