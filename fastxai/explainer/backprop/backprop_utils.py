"""One forward and backward pass, as a cell that compiles once per input shape."""

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import nn, ops

from fastxai.network.evaluation import differentiating
from fastxai.network.scores import chosen_output, class_scores


def get_bp_weights(
    num_classes: int, targets: ms.Tensor, weights: ms.Tensor | None = None
) -> ms.Tensor:
    """The gradient that `GradNet` propagates back: `weights`, or 1 at each image's target.

    Args:
        num_classes: Columns of the network's output.
        targets: (N,) integers in [0, num_classes).
        weights: (N, num_classes), returned as they are.

    Returns:
        (N, num_classes), float32 if made here.
    """
    if weights is not None:
        return weights
    return (targets.reshape(-1, 1) == ops.arange(num_classes)).astype(ms.float32)


class _Differentiating(nn.Cell):
    """A cell whose `construct` takes gradients; it may fail."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Same as `construct`."""
        with differentiating():
            return super().__call__(*args, **kwargs)


class GradNet(_Differentiating):
    """Gradient of a network's output with respect to its first input.

    Args:
        network: Any Cell; its parameters keep their names.
        sens_param: Take what is propagated back as last input; else ones are.
    """

    def __init__(self, network: nn.Cell, sens_param: bool = True) -> None:
        super().__init__(auto_prefix=False)
        self.network = network
        self.grad = ops.GradOperation(sens_param=sens_param)(network)

    def construct(self, *input_data: ms.Tensor) -> ms.Tensor:
        """The gradient, in the shape of the first input."""
        return self.grad(*input_data)


class _TargetScore(nn.Cell):
    """Sum of each image's target score, to be differentiated, and all scores."""

    def __init__(self, network: nn.Cell, output: tuple[int | str, ...]) -> None:
        super().__init__(auto_prefix=False)
        self.network = network
        self.output = output

    def construct(self, images: ms.Tensor, targets: ms.Tensor) -> tuple[ms.Tensor, ms.Tensor]:
        """From images (N, C, H, W) and targets (N, 1)."""
        # A copy, since a network may write into its input, and MindSpore refuses that of a leaf.
        output = chosen_output(self.network(ops.deepcopy(images)), self.output)
        scores = class_scores(output)
        if scores.ndim == 2 and scores.shape[0] == targets.shape[0]:
            chosen = (ops.arange(scores.shape[1]) == targets).astype(scores.dtype)
            return (scores * chosen).sum(), scores
        return scores.sum(), scores  # refused by the caller


class BackwardPass(_Differentiating):
    """Gradients of the target scores, in one forward and one backward pass.

    A target that the network does not have gives zeros, and is refused by whoever sees the scores.
    `auto_prefix=False` keeps MindSpore from renaming the parameters of the caller's network.

    Args:
        network: The classifier.
        weights: Parameters to differentiate by; None: the images.
        output: Indices and keys that lead to the scores in what it returns.
    """

    def __init__(
        self, network: nn.Cell, weights: Any = None, output: tuple[int | str, ...] = ()
    ) -> None:
        super().__init__(auto_prefix=False)
        position = 0 if weights is None else None
        self.target_score = _TargetScore(network, output)
        self.grad = ms.value_and_grad(self.target_score, position, weights, has_aux=True)

    def construct(self, images: ms.Tensor, targets: ms.Tensor) -> tuple[Any, ms.Tensor]:
        """Gradients and scores (N, classes), from images (N, C, H, W) and targets (N, 1)."""
        (_, scores), gradients = self.grad(images, targets)
        return gradients, scores
