"""Base of the explainers over models."""

from __future__ import annotations

from fastxai.models.backend import ModelBackend
from fastxai.models.model import as_model
from fastxai.perturbation.network_explainer import NetworkExplainer


class PerturbationAttribution(NetworkExplainer):
    """An explainer that scores perturbed copies of an image; arguments as of `RISE`."""

    _backend: ModelBackend

    def _make_backend(self) -> ModelBackend:
        owner = type(self).__name__
        model = as_model(owner, self._network)
        return ModelBackend(owner, model, self._activation_fn, self._output_path, self._given_score)
