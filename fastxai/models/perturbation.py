"""Base of the explainers over models."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastxai.arguments.scores import output_path
from fastxai.arguments.settings_repr import SettingsRepr
from fastxai.models.backend import ModelBackend
from fastxai.models.model import as_model
from fastxai.models.outputs import Activation
from fastxai.perturbation.explainer import PerturbationExplainer, check_per_eval
from fastxai.system.call_lock import CallLock

Output = int | str | tuple[int | str, ...] | None


class PerturbationAttribution(SettingsRepr, PerturbationExplainer):
    """An explainer that scores perturbed copies of an image; arguments as of `RISE`."""

    _backend: ModelBackend

    def __init__(
        self,
        network: Any,
        activation_fn: Activation = None,
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
        if score is not None:  # else `repr` does not show it
            self._score = score
        if output is not None:
            self._output = output
        self._perturbation_per_eval = check_per_eval(owner, perturbation_per_eval, False)
        self._update_backend()

    def _make_backend(self) -> ModelBackend:
        owner = type(self).__name__
        model = as_model(owner, self._network)
        return ModelBackend(owner, model, self._activation_fn, self._output_path, self._given_score)

    @property
    def network(self) -> Any:
        """The model or function that was given, the same object."""
        return self._network

    @property
    def last_targets(self) -> np.ndarray | None:
        """Targets (N, L) int64 that the last call explained, also chosen ones; None before it."""
        return self._last_targets
