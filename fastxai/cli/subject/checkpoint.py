"""From a checkpoint file to a network with its weights."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastxai.cli.messages import UNREADABLE_INPUT, WRONG_ARGUMENT, CliError, first_line

if TYPE_CHECKING:
    from mindspore import nn

    from fastxai.tool.cv import OoDNet

_Shapes = Mapping[str, tuple[int, ...]]

_NAMES_SHOWN = 3
# Names before (or as) those of the parameters in a checkpoint, of what MindSpore's optimizers keep.
# fmt: off
_OPTIMIZER = frozenset([
    "accu_grads", "accum", "accum_update", "adam_m", "adam_v", "ax_", "exp_avg", "exp_avg_sq",
    "exp_avg_sq_col", "exp_avg_sq_row", "lamb_m", "lamb_v", "learning_rate", "max_exp_avg_sq",
    "mean_grad", "mean_square", "moment", "moment1", "moment2", "momentum", "moments", "prev",
    "stat", "step_size", "vhat",
])
# fmt: on
_CLASSIFIER = "_underlying."  # before the classifier's names in a checkpoint of an OoDNet


def load_checkpoint(network: nn.Cell, path: str) -> list[str]:
    """Load the network's parameters, which a checkpoint must hold, in their shapes.

    A prefix on their names, left by a cell around the network while it was trained, is dropped.

    Returns:
        Notes on what else it holds that looks wrong.
    """
    held, notes = _fitting("--ckpt", path, _read("--ckpt", path), network)
    _put("--ckpt", path, held, network)
    return notes


def load_ood_net(network: nn.Cell, path: str, weights_are_given: bool) -> tuple[OoDNet, list[str]]:
    """Load a checkpoint of an OoDNet around the network, and the network's weights with it.

    Args:
        network: The classifier.
        path: The checkpoint.
        weights_are_given: The network has its weights from a checkpoint; they must not change.

    Returns:
        The OoDNet, and notes as of `load_checkpoint`.
    """
    option = "--ood-ckpt"
    held = _read(option, path)
    ood_net = _ood_net(network, held)
    held, notes = _fitting(option, path, held, ood_net)
    if weights_are_given and (name := _first_difference(held, network)):
        raise CliError(
            WRONG_ARGUMENT,
            f"{option}: {path} holds another classifier than --ckpt (such as {name}); leave --ckpt "
            "out to explain that one",
        )
    _put(option, path, held, ood_net)
    return ood_net, notes


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
        held = mindspore.load_checkpoint(path, format=kind)
    except Exception as error:
        raise CliError(
            UNREADABLE_INPUT, f"{option}: cannot read {path}: {first_line(error)}"
        ) from error
    # The others are texts of `append_dict`.
    return {name: value for name, value in held.items() if isinstance(value, mindspore.Tensor)}


def _fitting(
    option: str, path: str, held: dict[str, Any], network: nn.Cell
) -> tuple[dict[str, Any], list[str]]:
    """The network's own parameters under its names, and notes on what else is held."""
    wanted = {name: tuple(value.shape) for name, value in network.parameters_dict().items()}
    shapes = {name: tuple(value.shape) for name, value in held.items()}
    prefix = _prefix(option, path, wanted, shapes)
    found = {name: prefix + name for name in wanted if prefix + name in held}
    left = {name: shape for name, shape in shapes.items() if name not in found.values()}
    _check(option, path, wanted, {name: shapes[full] for name, full in found.items()}, left)
    notes = _leftovers(option, path, wanted, left)
    return {name: held[full] for name, full in found.items()}, notes


def _put(option: str, path: str, held: dict[str, Any], network: nn.Cell) -> None:
    import mindspore

    try:
        mindspore.load_param_into_net(network, held)
    except Exception as error:
        raise CliError(
            UNREADABLE_INPUT, f"{option}: {path} does not fit the network: {first_line(error)}"
        ) from error


def _prefix(option: str, path: str, wanted: _Shapes, held: _Shapes) -> str:
    """Prefix of the network's names in a checkpoint; '' if no prefix fits better."""
    first = next(iter(wanted), "")
    tails = [name.removesuffix(first) for name in held if f".{name}".endswith(f".{first}")]
    named = [tail for tail in tails if _is_weights(tail) and all(tail + n in held for n in wanted)]
    fitting = [tail for tail in named if all(held[tail + n] == wanted[n] for n in wanted)]
    if "" in named or not named:
        return ""
    found = sorted(fitting or named, key=len)
    if not all(each.endswith(found[0]) for each in found):  # else: 'net.', 'ema.net.'
        raise CliError(
            UNREADABLE_INPUT,
            f"{option}: {path} holds the network's parameters more than once, under "
            f"{_list(found)}; save those that are meant to a checkpoint of their own",
        )
    return found[0]


def _is_weights(prefix: str) -> bool:
    """Whether what has this prefix may be weights, and not what an optimizer keeps of them."""
    return not _OPTIMIZER.intersection(prefix.split("."))


def _check(option: str, path: str, wanted: _Shapes, found: _Shapes, left: _Shapes) -> None:
    """Refuse a checkpoint that lacks a parameter of the network, or has it in another shape."""
    faults = []
    if missing := [name for name in wanted if name not in found]:
        faults.append(f"lacks {_count(missing)} of the network's {len(wanted)} parameters")
        if left:
            faults.append(f"holds {_count(left)} that the network does not have")
    if wrong := [name for name in found if wanted[name] != found[name]]:
        name = wrong[0]
        faults.append(
            f"holds {len(wrong)} of another shape (such as {name}: {found[name]}, "
            f"the network's is {wanted[name]})"
        )
    if faults:
        raise CliError(UNREADABLE_INPUT, f"{option}: {path} {' and '.join(faults)}")


def _leftovers(option: str, path: str, wanted: _Shapes, left: _Shapes) -> list[str]:
    """Note on entries of a checkpoint that are no parameters of the network.

    Nothing of what an optimizer and a trainer keep: counts and rates, which are single numbers,
    and values that are named after a parameter.
    """
    copies, strange = set(), []
    for name, shape in left.items():
        starts = [place + 1 for place, letter in enumerate(name) if letter == "."]
        start = next((start for start in starts if name[start:] in wanted), 0)
        if not _is_weights(name[:start] or name.split(".")[0]) or math.prod(shape) <= 1:
            continue
        if start and wanted[name[start:]] == shape:
            copies.add(name[:start])
        else:
            strange.append(name)
    notes = []
    if strange:
        notes.append(
            f"{option}: {path} holds {_count(strange)} that the network does not have; they are "
            "left out. Is it this network's checkpoint?"
        )
    if copies:
        notes.append(
            f"{option}: {path} holds parameters of the network under {_list(copies)} too; those "
            "are left out"
        )
    return notes


def _count(names: Iterable[str]) -> str:
    names = sorted(names)
    return f"{len(names)} ({_list(names)})"


def _list(names: Iterable[str]) -> str:
    names = sorted(names)
    return ", ".join(names[:_NAMES_SHOWN]) + (", ..." if len(names) > _NAMES_SHOWN else "")
