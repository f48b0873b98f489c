"""The options that say what scores the network, and the line that says what did."""

from __future__ import annotations

import argparse
import logging
from typing import Any

from fastxai.cli.messages import WRONG_ARGUMENT, CliError
from fastxai.engine.settings import ENGINES, PRECISIONS, TITLES, Choice, set_engine


def add_engine(parser: argparse.ArgumentParser) -> None:
    """Add --engine and --precision."""
    parser.add_argument(
        "--engine",
        choices=(*ENGINES, "torch"),
        help="what scores the network (default: auto, the fastest one that agrees with the "
        "network's framework); torch: PyTorch itself",
    )
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="what an engine computes in (default: float32); bfloat16 is faster and less exact, "
        "mixed corrects it by float32 for RISE",
    )


def apply_engine(arguments: argparse.Namespace) -> None:
    """Make what was asked for the process default; without either option leave it alone."""
    if arguments.quiet:
        logging.getLogger("fastxai").setLevel(logging.ERROR)  # no hint what to install
    if arguments.engine in (None, "torch") and arguments.precision is None:
        return
    try:
        engine = "auto" if arguments.engine == "torch" else arguments.engine  # not MindSpore's
        set_engine(engine or "auto", precision=arguments.precision or "float32")
    except (ImportError, ValueError) as error:
        text = str(error).removeprefix("set_engine: ")
        absent = isinstance(error, ImportError) and arguments.engine not in (None, "auto")
        option = "--engine" if absent else "--precision"
        raise CliError(WRONG_ARGUMENT, f"{option}: {text}") from error


def engine_of(explainer: Any) -> Choice | None:
    """What scored an explainer's last call, and why; None where nothing was scored."""
    from fastxai.models.model import Model

    network = getattr(explainer, "network", None)
    if not isinstance(network, Model) or network.name == "function":
        return getattr(explainer, "engine", None)
    reason, error = getattr(network, "reason", ""), getattr(network, "error", None)
    return Choice(type(explainer).__name__, network.name, network.precision, reason, error)


def engine_rows(choice: Choice | None) -> list[tuple[str, str]]:
    """What scored a network, as lines of a report; none if nothing was scored."""
    if choice is None:
        return []
    text = f"{TITLES.get(choice.engine, 'PyTorch')}, {choice.precision}"
    return [("engine", f"{text} ({choice.reason})" if choice.reason else text)]
