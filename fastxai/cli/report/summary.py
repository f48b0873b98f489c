"""Summary of a run, as lines and as JSON (docs/cli.md describes its members)."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastxai._version import __version__
from fastxai.cli.arguments.paths import outputs_of
from fastxai.cli.explainers import Outcome
from fastxai.cli.subject.subject import Class, Subject
from fastxai.perturbation.summary import SCHEMA, map_summary


@dataclass(frozen=True)
class Entry:
    """An explainer of a run: what it found, or why it was left out.

    Attributes:
        name: The explainer.
        outcome: What it found; None where it was left out.
        engine: What scored its network; None where nothing was scored.
        left_out: Why it was left out; '' where it was not.
    """

    name: str
    outcome: Outcome | None = None
    engine: Any = None
    left_out: str = ""


def class_rows(arguments: argparse.Namespace, subject: Subject) -> list[tuple[str, str]]:
    """Two lines for each class, or for each target of a score, after its name."""
    chosen = arguments.score
    rows = [] if chosen is None else [("score", chosen)]
    label = "score" if arguments.activation == "identity" else "probability"
    for each in subject.classes:
        rows.append(("class" if chosen is None else "target", each.title))
        text = f"{each.score:.4f} ({arguments.activation})"
        rows.append((label if chosen is None else "value", text))
    return rows


def written_rows(arguments: argparse.Namespace) -> list[tuple[str, str]]:
    """Style of the picture, and the files that were written."""
    rows = []
    if arguments.clip_percentile < 100:
        text = f"brightest at percentile {arguments.clip_percentile:g} of the map"
        rows.append(("colours", f"{text}; --clip-percentile 100 takes its maximum"))
    files = [path for flag, path in outputs_of(arguments) if flag != "--state"]
    return rows + [("written", path) for path in files]


def empty_maps(outcome: Outcome, classes: Sequence[Class]) -> str:
    """Which maps show nothing; '' if none does."""
    texts = []
    kinds = {
        "zero everywhere": _is_zero,
        "the same everywhere": _is_constant,
        "not finite": _is_not_finite,
    }
    for words, found in kinds.items():
        named = [c.title for m, c in zip(outcome.saliency, classes, strict=True) if found(m)]
        if len(named) == len(classes):
            texts.append(words)
        elif named:
            texts.append(f"{words} for class {', '.join(named)}")
    return " and ".join(texts)


def as_dict(
    arguments: argparse.Namespace, subject: Subject, entries: Sequence[Entry]
) -> dict[str, Any]:
    """The report for programs."""
    photograph = subject.picture.photograph
    return {
        "schema": SCHEMA,
        "fastxai": __version__,
        "command": arguments.command,
        "image": {
            "path": arguments.image,
            "height": photograph.height,
            "width": photograph.width,
            "seen": [float(edge) for edge in subject.picture.box],
        },
        "model": arguments.model,
        "checkpoint": arguments.ckpt,
        "input_shape": list(subject.inputs.shape),
        "network_output": list(subject.output or ()),
        "activation": arguments.activation,
        "score": arguments.score,
        "classes": [
            {"index": each.index, "name": each.name, "score": each.score}
            for each in subject.classes
        ],
        "explainers": [_explainer(entry, subject.classes) for entry in entries],
        "clip_percentile": arguments.clip_percentile,
        "notes": list(arguments.notes),
        "written": {flag.removeprefix("--"): path for flag, path in outputs_of(arguments)},
    }


def _explainer(entry: Entry, classes: Sequence[Class]) -> dict[str, Any]:
    outcome = entry.outcome
    if outcome is None:
        return {"name": entry.name, "left_out": entry.left_out}
    rho = outcome.correlation
    engine = entry.engine
    return {
        "name": entry.name,
        "left_out": None,
        "steps": outcome.work.steps,
        "unit": outcome.work.unit,
        "seconds": round(outcome.work.seconds, 3),
        "engine": None
        if engine is None
        else {"name": engine.engine, "precision": engine.precision, "reason": engine.reason},
        "maps": [
            map_summary(each.index, found, None if rho is None else rho[place])
            | ({} if outcome.curves is None else {"curves": outcome.curves[place].values})
            for place, (each, found) in enumerate(zip(classes, outcome.saliency, strict=True))
        ],
    }


def _is_zero(saliency: np.ndarray) -> bool:
    return not saliency.any()


def _is_constant(saliency: np.ndarray) -> bool:
    return bool(saliency.any() and saliency.min() == saliency.max())


def _is_not_finite(saliency: np.ndarray) -> bool:
    return not bool(np.isfinite(saliency).all())
