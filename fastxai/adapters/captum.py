"""RISE and Occlusion as attributions of Captum, over `fastxai.torch`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from captum.attr import PerturbationAttribution
from captum.log import log_usage
from torch import nn

from fastxai import torch as explainers
from fastxai.torch.perturbation import Activation


class _Attribution(PerturbationAttribution):
    """What both have: the constructor, and `attribute`."""

    _kind: ClassVar[Any]

    def __init__(
        self,
        forward_func: Callable[..., Any],
        activation_fn: Activation = None,
        perturbation_per_eval: int = 32,
        **settings: Any,
    ) -> None:
        super().__init__(forward_func)
        network = forward_func if isinstance(forward_func, nn.Module) else _Function(forward_func)
        self.explainer = self._kind(network, activation_fn, perturbation_per_eval, **settings)

    @log_usage()  # which gives it the `__wrapped__` that Captum's NoiseTunnel calls
    def attribute(self, inputs: Any, target: Any = None, *, show_progress: bool = False) -> Any:
        """Attributions of images.

        Args:
            inputs: Images (N, C, H, W) on the network's device, or a tuple of this one Tensor.
            target: Class of all images: an int, a tuple of one or a Tensor of one; or one class an
                image, a list or Tensor (N,). None: the class with the highest score of each image.
            show_progress: Whether to show a bar at once.

        Returns:
            Attributions in the shape, the dtype and on the device of `inputs`, the same for all
            channels of a pixel; a tuple for a tuple. float32 for images of integers.

        Raises:
            TypeError: An argument is of the wrong kind, or there are several inputs.
            ValueError: An argument has the wrong shape, range or device.
        """
        owner, images = type(self).__name__, inputs
        if isinstance(inputs, tuple):
            if len(inputs) != 1:
                raise TypeError(f"{owner}: `inputs` must be one Tensor, got {len(inputs)}.")
            (images,) = inputs
        classes = _classes(owner, target)
        maps = self.explainer(images, classes, progress=bool(show_progress))
        if images.is_floating_point():
            maps = maps.to(images.dtype)
        maps = maps.expand(images.shape).contiguous()
        return (maps,) if isinstance(inputs, tuple) else maps


class RISE(_Attribution):
    """`fastxai.torch.RISE` in Captum's interface.

    Args:
        forward_func: The network, or a function from images (M, C, H, W) to scores (M, classes).
        activation_fn: Map from its scores to probabilities, as of `fastxai.torch.RISE`. None, as
            Captum does it: the scores are explained as they are.
        perturbation_per_eval: Masked images scored at a time, at most.
        **settings: Further keywords of `fastxai.torch.RISE`, such as `num_masks` and `seed`.

    Attributes:
        explainer: The `fastxai.torch.RISE`; with `ret="result"` it tells the error bars.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.

    Supported Platforms:
        As of `fastxai.torch.RISE`.

    Example:
        >>> import torch
        >>> from fastxai.adapters.captum import RISE
        >>> rise = RISE(lambda images: images.mean(dim=(2, 3)), num_masks=64, seed=0)
        >>> tuple(rise.attribute(torch.rand(2, 3, 16, 16), target=1).shape)
        (2, 3, 16, 16)
    """

    _kind = explainers.RISE


class Occlusion(_Attribution):
    """`fastxai.torch.Occlusion` in Captum's interface.

    Its values are those of `fastxai.torch.Occlusion`: half the size of the drop, while
    `captum.attr.Occlusion` has the drop with its sign.

    Args:
        forward_func: The network, or a function from images (M, C, H, W) to scores (M, classes).
        activation_fn: Map from its scores to probabilities, as of `fastxai.torch.Occlusion`.
            None, as Captum does it: the scores are explained as they are.
        perturbation_per_eval: Covered images scored at a time, at most.
        **settings: Further keywords of `fastxai.torch.Occlusion`, such as `window`.

    Attributes:
        explainer: The `fastxai.torch.Occlusion`.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.

    Supported Platforms:
        As of `fastxai.torch.Occlusion`.

    Example:
        >>> import torch
        >>> from fastxai.adapters.captum import Occlusion
        >>> occlusion = Occlusion(lambda images: images.mean(dim=(2, 3)), window=4)
        >>> tuple(occlusion.attribute(torch.rand(2, 3, 16, 16), target=1).shape)
        (2, 3, 16, 16)
    """

    _kind = explainers.Occlusion


class _Function(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        if not callable(function):
            kind = type(function).__name__
            raise TypeError(f"`forward_func` must be a network or a function, got {kind}.")
        self.function = function

    def forward(self, images: torch.Tensor) -> Any:
        """What the function returns."""
        return self.function(images)


def _classes(owner: str, target: Any) -> Any:
    """Captum's target as fastxai's targets.

    Raises:
        TypeError: It is a place in an output of more than two axes.
    """
    places = target if isinstance(target, list) else [target]
    for place in places:
        if isinstance(place, tuple) and len(place) != 1:
            raise TypeError(
                f"{owner}: `target` must be a class or one class an image, got {place}. Further "
                "axes of the scores are averaged: explain a function that returns the places that "
                "you want as classes."
            )
    if isinstance(target, list):
        return [place[0] if isinstance(place, tuple) else place for place in places]
    if isinstance(target, tuple):
        return target[0]
    if isinstance(target, torch.Tensor) and target.numel() == 1:
        return target.reshape(()).cpu().numpy()
    return target
