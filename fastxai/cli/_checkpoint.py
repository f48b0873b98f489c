"""From a checkpoint file to a network with its weights."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastxai.cli._errors import UNREADABLE_INPUT, WRONG_ARGUMENT, CliError, first_line

if TYPE_CHECKING:
    from mindspore import nn

    from fastxai.tool.cv import OoDNet

_NAMES_SHOWN = 3
_CLASSIFIER = "_underlying."  # before the classifier's names in a checkpoint of an OoDNet


def load_checkpoint(network: nn.Cell, path: str) -> None:
    """Load a checkpoint that holds the network's parameters, all of them and no others.

    One prefix on all names, left by a cell around the network while it was trained, is dropped.
    """
    held = _fitting("--ckpt", path, _read("--ckpt", path), network)
    _put("--ckpt", path, held, network)


def load_ood_net(network: nn.Cell, path: str, weights_are_given: bool) -> OoDNet:
    """Load a checkpoint of an OoDNet around the network, and the network's weights with it.

    Args:
        network: The classifier.
        path: The checkpoint.
        weights_are_given: The network has its weights from a checkpoint; they must not change.
    """
    option = "--ood-ckpt"
    held = _read(option, path)
    ood_net = _ood_net(network, held)
    held = _fitting(option, path, held, ood_net)
    if weights_are_given and (name := _first_difference(held, network)):
        raise CliError(
            WRONG_ARGUMENT,
            f"{option}: {path} holds another classifier than --ckpt (such as {name}); leave --ckpt "
            "out to explain that one",
        )
    _put(option, path, held, ood_net)
    return ood_net


def _ood_net(network: nn.Cell, held: dict[str, Any]) -> OoDNet:
    from fastxai.tool.cv import OoDNet

    # One class where the checkpoint is of something else: what it lacks is then said.
    classes = [
        parameter.shape[0]
        for name, parameter in held.items()
        if f".{name}".endswith("._h.weight") and _CLASSIFIER not in name
    ]
    try:
        return OoDNet(network, int(classes[0]) if classes else 1)
    except (AttributeError, TypeError, ValueError) as error:
        raise CliError(
            WRONG_ARGUMENT,
            f"riseplus cannot explain this network: {str(error).splitlines()[0]} It needs an int "
            "`num_features` and `output_features = False`, and to return its features (N, "
            "num_features) where `output_features` is True",
        ) from error


def _first_difference(held: dict[str, Any], network: nn.Cell) -> str | None:
    for name, parameter in network.parameters_and_names():
        if not np.array_equal(held[_CLASSIFIER + name].asnumpy(), parameter.asnumpy()):
            return name
    return None


def _read(option: str, path: str) -> dict[str, Any]:
    import mindspore

    if not os.path.isfile(path):
        what = "is a folder" if os.path.isdir(path) else "does not exist"
        raise CliError(UNREADABLE_INPUT, f"{option}: {path} {what}")
    kind = Path(path).suffix.removeprefix(".")
    if kind not in ("ckpt", "safetensors"):
        raise CliError(UNREADABLE_INPUT, f"{option}: {path} must end in .ckpt or .safetensors")
    if os.path.getsize(path) == 0:
        raise CliError(UNREADABLE_INPUT, f"{option}: {path} is empty")
    try:
        held: dict[str, Any] = mindspore.load_checkpoint(path, format=kind)
    except Exception as error:
        raise CliError(
            UNREADABLE_INPUT, f"{option}: cannot read {path}: {first_line(error)}"
        ) from error
    return held


def _fitting(option: str, path: str, held: dict[str, Any], network: nn.Cell) -> dict[str, Any]:
    """What is held under the network's names, if it is just what the network has."""
    wanted = network.parameters_dict()
    held = _without_prefix(held, wanted)
    shapes = {k: p.shape for k, p in wanted.items()}, {k: p.shape for k, p in held.items()}
    _compare(option, path, *shapes)
    return held


def _put(option: str, path: str, held: dict[str, Any], network: nn.Cell) -> None:
    import mindspore

    try:
        mindspore.load_param_into_net(network, held, strict_load=True)
    except Exception as error:
        raise CliError(
            UNREADABLE_INPUT, f"{option}: {path} does not fit the network: {first_line(error)}"
        ) from error


def _without_prefix(held: dict[str, Any], wanted: Iterable[str]) -> dict[str, Any]:
    """Rename what is held if that, and a single prefix, is all that sets it apart."""
    common = os.path.commonprefix(list(held))
    for end in (i + 1 for i, letter in enumerate(common) if letter == "."):
        if {name[end:] for name in held} == set(wanted):
            return {name[end:]: value for name, value in held.items()}
    return held


def _compare(option: str, path: str, wanted: dict[str, Any], held: dict[str, Any]) -> None:
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
        raise CliError(UNREADABLE_INPUT, f"{option}: {path} {' and '.join(faults)}")


def _count(names: Iterable[str]) -> str:
    names = sorted(names)
    shown = ", ".join(names[:_NAMES_SHOWN]) + (", ..." if len(names) > _NAMES_SHOWN else "")
    return f"{len(names)} ({shown})"
