"""Maps for the metrics of Quantus: an `explain_func`, and modules of what is none of PyTorch's.

Quantus is not needed to import it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from fastxai.models.backend import ModelBackend
from fastxai.models.model import as_model
from fastxai.system.tensors import host_array

_METHODS = ("RISE", "Occlusion")


def explain(
    model: Any,
    inputs: Any,
    targets: Any,
    *,
    method: str = "RISE",
    activation_fn: Any = None,
    device: str | None = None,
    **settings: Any,
) -> np.ndarray:
    """Maps of images, as the metrics of Quantus ask their `explain_func` for them.

    Args:
        model: A network of PyTorch, on the CPU or a GPU; or what `as_module` made a module of, or
            takes: it is explained as it is.
        inputs: Images (N, C, H, W), an array or Tensor.
        targets: Classes (N,).
        method: 'RISE' or 'Occlusion'.
        activation_fn: Map from the scores to probabilities, as the explainers take it.
        device: What Quantus tells of the device. It is not used: images go where the network is.
        **settings: Further keywords of the explainer, such as `num_masks`, `seed` or `window`. For
            Quantus: `explain_func_kwargs={"num_masks": 1024, "seed": 0}`.

    Returns:
        (N, 1, H, W) float32.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument has the wrong shape or range.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from fastxai.adapters.quantus import explain
        >>> network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 4))
        >>> explain(network, torch.ones(2, 3, 16, 16), [1, 3], num_masks=64, seed=0).shape
        (2, 1, 16, 16)
    """
    if method not in _METHODS:
        raise ValueError(f"explain: `method` must be one of {_METHODS}, got {method!r}.")
    network = model.network if isinstance(model, _Scored) else model
    kind, images = _explainer(network, method, np.asarray(host_array(inputs), np.float32))
    maps = kind(network, activation_fn, **settings)(images, host_array(targets), progress=False)
    return np.asarray(host_array(maps))


def as_module(network: Any) -> nn.Module:
    """A module of PyTorch that scores by something else, for metrics that ask for predictions.

    Quantus takes networks of PyTorch and Keras alone. `explain` looks into the module, and explains
    what it was made of.

    Args:
        network: A cell of MindSpore; a model of `fastxai.load`, an estimator of
            `fastxai.adapters.sklearn`, or a function from a batch (M, C, H, W) float32 to scores.

    Returns:
        A module in evaluation mode, from images (M, C, H, W) to scores (M, classes) float32, on
        the CPU and without gradients: for metrics that need none.

    Raises:
        TypeError: `network` is of another kind.

    Example:
        >>> import torch
        >>> from fastxai.adapters.quantus import as_module
        >>> module = as_module(lambda batch: batch.mean(axis=(2, 3)))
        >>> module(torch.ones(2, 3, 16, 16)).tolist()
        [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """
    return _Scored(network)


class _Scored(nn.Module):
    """Scores by something that is no module; a copy of it scores by the same."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        if _is_cell(network):
            from fastxai.engine.scorer import Scorer

            scorer = Scorer("as_module", None)
            self._scores = lambda batch: scorer(network, batch)
        else:
            backend = ModelBackend("as_module", as_model("as_module", network), None, ())
            self._scores = backend.scores
        self.eval()  # Quantus refuses modules in training mode

    def __deepcopy__(self, memo: Any) -> _Scored:
        return _Scored(self.network)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Scores (M, classes) of images."""
        batch = np.array(host_array(images), np.float32)  # it may write into it
        return torch.from_numpy(np.asarray(self._scores(batch), np.float32))


def _explainer(network: Any, method: str, images: np.ndarray) -> tuple[Any, Any]:
    """The explainer for a network, and images as it takes them."""
    if isinstance(network, nn.Module):
        from fastxai import torch as explainers

        place = next((p.device for p in network.parameters()), torch.device("cpu"))
        return getattr(explainers, method), torch.from_numpy(images).to(place)
    if _is_cell(network):
        import mindspore

        from fastxai import explainer

        return getattr(explainer, method), mindspore.Tensor(images)
    from fastxai import models

    return getattr(models, method), images


def _is_cell(network: Any) -> bool:
    """Whether it is a network of MindSpore, without importing that."""
    return any(kind.__module__.startswith("mindspore.") for kind in type(network).__mro__)
