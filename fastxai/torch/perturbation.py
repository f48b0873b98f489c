"""Base of the explainers over PyTorch networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import nn

from fastxai.perturbation.network_explainer import NetworkExplainer
from fastxai.torch.backend import TorchBackend
from fastxai.torch.networks import activation_of

Activation: TypeAlias = Callable[[torch.Tensor], torch.Tensor] | str | None


class PerturbationAttribution(NetworkExplainer):
    """An explainer that scores perturbed copies of an image; arguments as of `RISE`."""

    def _make_backend(self) -> TorchBackend:
        owner, network = type(self).__name__, self._network
        if not isinstance(network, nn.Module):
            kind = type(network).__name__
            raise TypeError(f"{owner}: `network` must be an nn.Module, got {kind}.")
        self._activation_fn = activation_of(owner, self._activation_fn)
        return TorchBackend(
            owner, network, self._activation_fn, self._output_path, self._given_score
        )
