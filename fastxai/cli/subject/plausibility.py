"""Notes on networks and scores that give plausible nonsense."""

from __future__ import annotations

import argparse
import warnings
from typing import Any

import numpy as np

from fastxai.cli.messages import CliError, note
from fastxai.cli.subject.network import is_cell, load_network

_ROUNDING = 1e-3  # by which probabilities may leave [0, 1]


def check_plausibility(arguments: argparse.Namespace, network: Any, scores: np.ndarray) -> None:
    """Say what looks wrong with a network or with its scores [K] of the picture."""
    if arguments.score is None:  # else they are no probabilities
        _check_scores(arguments, scores)
    if arguments.ckpt is None and arguments.ood_ckpt is None:
        _check_weights(arguments, network)


def _check_scores(arguments: argparse.Namespace, scores: np.ndarray) -> None:
    if arguments.activation == "none":
        _check_range(arguments, scores)
    elif arguments.activation == "softmax":
        _check_softmax(arguments, scores)


def _check_range(arguments: argparse.Namespace, scores: np.ndarray) -> None:
    low, high = scores.min(), scores.max()
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        text = f"the network returns scores from {low:.4g} to {high:.4g}, which are no"
        text += " probabilities; softmax or sigmoid makes them such"
        note(arguments, f"--activation none: {text}")


def _check_softmax(arguments: argparse.Namespace, scores: np.ndarray) -> None:
    from fastxai.arguments.plausibility import warn_of_softmax_twice

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_softmax_twice("--activation softmax", scores[None])
    for warning in caught:
        note(arguments, str(warning.message), kind="warning")


def _check_weights(arguments: argparse.Namespace, network: Any) -> None:
    """Random weights differ from those of the same network when it is built once more."""
    ours = _weights(network)
    if not ours:
        return
    try:
        others = _weights(load_network(arguments.model)[0])
    except CliError:
        return  # it can be built only once: nothing can be said
    for name in ours.keys() & others.keys():
        if not np.array_equal(ours[name], others[name]):
            load = "give --ckpt FILE, or load them there" if is_cell(network) else "load them there"
            text = f"{arguments.model} has random weights ({name} is another one when it is built"
            text += f" once more), whose map says nothing; {load}"
            note(arguments, f"--ckpt: not given, and {text}", kind="warning")
            return


def _weights(network: Any) -> dict[str, np.ndarray]:
    """Weights of a network of MindSpore or PyTorch by their names; none of others."""
    if is_cell(network):
        return {name: each.asnumpy() for name, each in network.parameters_dict().items()}
    module = getattr(network, "network", network)  # of a model of PyTorch's
    if not hasattr(module, "named_parameters"):
        return {}
    return {name: each.detach().cpu().numpy() for name, each in module.named_parameters()}
