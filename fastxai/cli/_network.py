"""From an import path and a checkpoint to a network that can be explained."""

from __future__ import annotations

import importlib
import operator
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from fastxai.cli._errors import FAILED, UNREADABLE_INPUT, CliError, first_line

if TYPE_CHECKING:
    from mindspore import nn

_NAMES_SHOWN = 3


def load_network(model: str) -> tuple[nn.Cell, ModuleType]:
    """Import 'module:name' and return its network, built if need be, and the module."""
    from mindspore import nn

    module_name, _, name = model.partition(":")
    module = _import(module_name)
    try:
        found = operator.attrgetter(name)(module)
    except AttributeError as error:
        raise CliError(
            UNREADABLE_INPUT, f"--model: module {module_name!r} has no {name!r}"
        ) from error
    if isinstance(found, nn.Cell):
        return found, module
    if not callable(found):
        kind = type(found).__name__
        raise CliError(
            UNREADABLE_INPUT, f"--model: {model} must be a function or an nn.Cell, got {kind}"
        )
    try:
        network = found()
    except (Exception, SystemExit) as error:
        raise CliError(
            UNREADABLE_INPUT, f"--model: {model}() failed: {first_line(error)}"
        ) from error
    if not isinstance(network, nn.Cell):
        kind = type(network).__name__
        raise CliError(UNREADABLE_INPUT, f"--model: {model}() must return an nn.Cell, got {kind}")
    return network, module


def load_checkpoint(network: nn.Cell, path: str) -> None:
    """Load a checkpoint that holds the network's parameters, all of them and no others.

    One prefix on all names, left by a cell around the network while it was trained, is dropped.
    """
    import mindspore

    if not os.path.isfile(path):
        what = "is a folder" if os.path.isdir(path) else "does not exist"
        raise CliError(UNREADABLE_INPUT, f"--ckpt: {path} {what}")
    kind = Path(path).suffix.removeprefix(".")
    if kind not in ("ckpt", "safetensors"):
        raise CliError(UNREADABLE_INPUT, f"--ckpt: {path} must end in .ckpt or .safetensors")
    if os.path.getsize(path) == 0:
        raise CliError(UNREADABLE_INPUT, f"--ckpt: {path} is empty")
    try:
        held = mindspore.load_checkpoint(path, format=kind)
    except Exception as error:
        raise CliError(
            UNREADABLE_INPUT, f"--ckpt: cannot read {path}: {first_line(error)}"
        ) from error
    wanted = network.parameters_dict()
    held = _without_prefix(held, wanted)
    _compare(path, {k: p.shape for k, p in wanted.items()}, {k: p.shape for k, p in held.items()})
    try:
        mindspore.load_param_into_net(network, held, strict_load=True)
    except Exception as error:
        raise CliError(
            UNREADABLE_INPUT, f"--ckpt: {path} does not fit the network: {first_line(error)}"
        ) from error


def predict(network: nn.Cell, activation: nn.Cell, inputs: np.ndarray) -> np.ndarray:
    """Return the scores of the classes for one input [1, C, H, W], as float64 of shape [T]."""
    import mindspore

    try:
        outputs = activation(network(mindspore.Tensor(inputs)))
        scores = outputs.asnumpy()
    except Exception as error:
        raise CliError(FAILED, f"the network failed: {first_line(error)}") from error
    if scores.ndim < 2 or scores.shape[0] != 1 or scores.size == 0:
        raise CliError(
            FAILED, f"the network must return scores of shape (1, classes), got {scores.shape}"
        )
    scores = scores.astype(np.float64).reshape(1, scores.shape[1], -1).mean(axis=2)[0]
    if not np.isfinite(scores).all():
        raise CliError(FAILED, "the network returned scores that are not finite")
    return scores


def _import(name: str) -> ModuleType:
    if (here := os.getcwd()) not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise CliError(
            UNREADABLE_INPUT, f"--model: cannot import {name!r}: {first_line(error)}"
        ) from error


def _without_prefix(held: dict[str, Any], wanted: Iterable[str]) -> dict[str, Any]:
    """Rename what is held if that, and a single prefix, is all that sets it apart."""
    common = os.path.commonprefix(list(held))
    for end in (i + 1 for i, letter in enumerate(common) if letter == "."):
        if {name[end:] for name in held} == set(wanted):
            return {name[end:]: value for name, value in held.items()}
    return held


def _compare(path: str, wanted: dict[str, Any], held: dict[str, Any]) -> None:
    faults = []
    if missing := [name for name in wanted if name not in held]:
        faults.append(f"lacks {_count(missing)} of the network's {len(wanted)} parameters")
    if unexpected := [name for name in held if name not in wanted]:
        faults.append(f"holds {_count(unexpected)} that the network does not have")
    if wrong := [n for n in wanted if n in held and tuple(wanted[n]) != tuple(held[n])]:
        name = wrong[0]
        faults.append(
            f"holds {len(wrong)} of another shape (such as {name}: {tuple(held[name])}, "
            f"the network's is {tuple(wanted[name])})"
        )
    if faults:
        raise CliError(UNREADABLE_INPUT, f"--ckpt: {path} {' and '.join(faults)}")


def _count(names: Iterable[str]) -> str:
    names = sorted(names)
    shown = ", ".join(names[:_NAMES_SHOWN]) + (", ..." if len(names) > _NAMES_SHOWN else "")
    return f"{len(names)} ({shown})"
