"""Base of the explainers that know no MindSpore: over PyTorch networks, files and functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastxai.arguments.scores import Output, output_path
from fastxai.arguments.settings_repr import SettingsRepr
from fastxai.perturbation.explainer import PerturbationExplainer, check_per_eval
from fastxai.system.call_lock import CallLock


class NetworkExplainer(SettingsRepr, PerturbationExplainer):
    """An explainer of one network that its backend scores.

    Args:
        network: The classifier, (M, C, H, W) to (M, classes) or (M, classes, ...).
        activation_fn: Map from its scores to probabilities, or None.
        perturbation_per_eval: Perturbed images scored at a time, at most.
        output: Place of the scores in what the network returns: an index, a key, or a tuple of
            those from the outside to the inside.
        score: What to explain in place of a class, as in `RISE`.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: `perturbation_per_eval` is not positive, or a word is unknown.
    """

    def __init__(
        self,
        network: Any,
        activation_fn: Any,
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

    @property
    def network(self) -> Any:
        """The network that was given, the same object."""
        return self._network

    @property
    def last_targets(self) -> np.ndarray | None:
        """Targets (N, L) int64 that the last call explained, also chosen ones; None before it."""
        return self._last_targets
