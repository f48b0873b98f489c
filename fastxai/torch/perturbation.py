"""Base of the explainers over PyTorch networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import nn

from fastxai.arguments.scores import output_path
from fastxai.arguments.settings_repr import SettingsRepr
from fastxai.perturbation.explainer import PerturbationExplainer, check_per_eval
from fastxai.system.call_lock import CallLock
from fastxai.torch.backend import TorchBackend
from fastxai.torch.networks import activation_of

Activation: TypeAlias = Callable[[torch.Tensor], torch.Tensor] | str | None
Output = int | str | tuple[int | str, ...] | None


class PerturbationAttribution(SettingsRepr, PerturbationExplainer):
    """An explainer that scores perturbed copies of an image.

    Args:
        network: The classifier, (M, C, H, W) to (M, classes) or (M, classes, ...).
        activation_fn: Map from its scores to probabilities: a Module such as
            `nn.Softmax(dim=1)`, 'softmax', 'sigmoid', a function of rows (., classes), or None
            where the network returns probabilities. It acts on the classes, of every pixel of a
            dense output.
        perturbation_per_eval: Perturbed images scored at a time, at most.
        output: Place of the scores in the network's output, if that is no Tensor: an index, a
            key, or a tuple of those from the outside to the inside.
        score: What to explain in place of a class, as in `RISE`.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: `perturbation_per_eval` is not positive, or a word is unknown.
    """

    def __init__(
        self,
        network: nn.Module,
        activation_fn: Activation,
        perturbation_per_eval: int = 32,
        *,
        output: Output = None,
        score: Any = None,
    ) -> None:
        owner = type(self).__name__
        self._network = network
        self._lock = CallLock()
        self._activation_fn = activation_fn
        self._output_path = output_path(owner, output)
        if output is not None:  # else `repr` does not show it
            self._output = output
        if score is not None:
            self._score = score
        self._perturbation_per_eval = check_per_eval(owner, perturbation_per_eval, False)
        self._update_backend()

    def _make_backend(self) -> TorchBackend:
        owner, network = type(self).__name__, self._network
        if not isinstance(network, nn.Module):
            kind = type(network).__name__
            raise TypeError(f"{owner}: `network` must be an nn.Module, got {kind}.")
        self._activation_fn = activation_of(owner, self._activation_fn)
        return TorchBackend(
            owner, network, self._activation_fn, self._output_path, self._given_score
        )

    @property
    def network(self) -> nn.Module:
        """The network that was given, the same object."""
        return self._network

    @property
    def last_targets(self) -> np.ndarray | None:
        """Classes (N, L) int64 that the last call explained, also chosen ones; None before it."""
        return self._last_targets
