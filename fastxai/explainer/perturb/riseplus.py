"""RISEPlus: RISE that trusts the masked images which look like real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mindspore import nn

from fastxai.common.attribution import Output
from fastxai.explainer.perturb.rise import RISE
from fastxai.tool.cv.ood_net import OoDNet

if TYPE_CHECKING:
    from fastxai.explainer.perturb.weighted_backend import WeightedBackend
    from fastxai.network.activation import Activation
    from fastxai.ops.base_value import BaseValue


class RISEPlus(RISE):
    r"""RISE with every mask weighted by how much the masked image looks like a real one.

    A classifier's score of an image that is unlike all it was trained on means little. With
    :math:`q(x)` the largest of the OoD scores of an image over the classes, I the image and B the
    image with every pixel masked (all 0 by default), mask i has the weight

    .. math:: u_i = \frac{\min(\max(q(I M_i), q(B)), q(I)) - q(B)}{q(I) - q(B) + 2.2\cdot 10^{-16}}

    and the map is RISE's with :math:`f_i u_i` in the place of the score :math:`f_i`. An image that
    scores like B gets a map of zeros; one that scores below B gets RISE's. Values mean what those
    of `RISE` do, and are no larger.

    Where `network` is the OoDNet's classifier, both scores come from one pass, if some dense layer
    (or SequentialCell) of it turns the features into the class scores; that is tried on real masked
    images in every call. `one_pass` says how it was.

    Args:
        ood_net: OoDNet trained on images of the classifier's kind; usually its `underlying` is
            `network`. It is evaluated and given back as it came.
        network: The classifier, as in `RISE`.
        activation_fn: Map from its scores to probabilities: a Cell such as `nn.Softmax()`,
            'softmax', 'sigmoid', a function of rows (., classes), or None where the network
            returns probabilities. It acts on the classes, of every pixel of a dense output.
        perturbation_per_eval: Masked images scored at a time, at most, or 'auto', as in `RISE`.
        num_masks: Masks per image; at least 2 for 'centred' and 256 for 'control-variate'. 'auto',
            the default: as many as it takes, as in `RISE`.
        tol: With 'auto', the predicted correlation at which an image is done.
        max_masks: With 'auto', the most masks for an image.
        mask_probability: Probability of a cell to be kept, in (0, 1); 0.5 but for 'iid'.
        grid_size: Coarse cells per axis, an int or (rows, columns); at most 127 cells but for
            'iid'.
        base_value: What a masked pixel shows, in the units of the inputs: a number, one per
            channel, an array or Tensor (C, H, W), or a word. 'blur': the image under a Gaussian of
            standard deviation max(H, W) / 20, 'blur:12' of 12 pixels. 'mean': the mean of each
            channel of the image. 'noise': uniform between the extremes of each channel, from
            `seed`.
        seed: 0 .. 2^64 - 1, or None for one from NumPy's global generator.
        estimator: 'centred', 'plain' (mindspore_xai's sum) or 'control-variate'.
        design: One of RISE's, or None for what fits; all and the estimators as in `RISE`.
        engine: Engine of the scores, as in `RISE`.
        precision: As in `RISE`. The OoD scores of the bounds are always MindSpore's.
        output: Place of the scores in the network's output, if that is no Tensor: an index, a
            key, or a tuple of those from the outside to the inside.
        score: What to explain in place of a class: a class index, a score of `fastxai.scores`, or a
            function from outputs, an array (M, K) or (M, K, ...) float32 after `activation_fn`, to
            (M, T); targets are then columns of T, and None explains all of them.
            Weights draw it towards 0, so 0 should mean nothing in particular.
        grid: None: `grid_size` cells, enlarged and shifted. 'patch': cells that are the patches of
            a transformer, found in the network; 'patch:16' or 'patch:16x8': of that many pixels.
            Such masks are constant within a patch and never shifted.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.
        ImportError: The engine is not installed.

    Randomness:
        As in `RISE`, and the same masks from the same seed.

    Precision:
        Scores and weights in float32, sums in float64.

    Source:
        MindSpore XAI, after Qiu et al., "Resisting Out-of-Distribution Data Problem in Perturbation
        of XAI", 2021, arXiv 2107.14000.

    Supported Platforms:
        ``CPU`` natively; other devices of MindSpore with masks made on the host.

    Example:
        >>> import numpy as np
        >>> import mindspore as ms
        >>> from mindspore import nn
        >>> from fastxai.explainer import RISEPlus
        >>> from fastxai.tool.cv import OoDNet
        >>> class Classifier(nn.Cell):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.num_features = 6
        ...         self.output_features = False
        ...         self.hidden = nn.SequentialCell(nn.Flatten(), nn.Dense(768, 6), nn.ReLU())
        ...         self.dense = nn.Dense(6, 3)
        ...
        ...     def construct(self, x):
        ...         x = self.hidden(x)
        ...         if self.output_features:
        ...             return x
        ...         return self.dense(x)
        >>> network = Classifier()
        >>> ood_net = OoDNet(network, 3)  # to be trained: see OoDNet.train
        >>> rise_plus = RISEPlus(ood_net, network, nn.Softmax(), num_masks=64, seed=0)
        >>> rise_plus(ms.Tensor(np.ones((1, 3, 16, 16), np.float32)), 2).shape
        (1, 1, 16, 16)
    """

    _mixes = False  # the coarse and the exact pass would each need weights of their own
    _backend: WeightedBackend

    def __init__(
        self,
        ood_net: OoDNet,
        network: nn.Cell,
        activation_fn: Activation,
        perturbation_per_eval: int | str = 32,
        *,
        num_masks: int | str = "auto",
        tol: float = 0.95,
        max_masks: int = 6000,
        mask_probability: float = 0.5,
        grid_size: int | tuple[int, int] = 10,
        base_value: BaseValue = 0.0,
        seed: int | None = None,
        estimator: str = "centred",
        design: str | None = None,
        engine: str | None = None,
        precision: str | None = None,
        output: Output = None,
        score: Any = None,
        grid: str | None = None,
    ) -> None:
        if not isinstance(ood_net, OoDNet):
            kind = type(ood_net).__name__
            raise TypeError(f"{self._owner}: `ood_net` must be an OoDNet, got {kind}.")
        self._ood_net = ood_net
        super().__init__(
            network,
            activation_fn,
            perturbation_per_eval,
            num_masks=num_masks,
            tol=tol,
            max_masks=max_masks,
            mask_probability=mask_probability,
            grid_size=grid_size,
            base_value=base_value,
            seed=seed,
            estimator=estimator,
            design=design,
            engine=engine,
            precision=precision,
            output=output,
            score=score,
            grid=grid,
        )

    @property
    def ood_net(self) -> OoDNet:
        """The OoDNet that was given, the same object."""
        return self._ood_net

    @property
    def one_pass(self) -> bool | None:
        """Whether the last call took both scores from one pass; None before it."""
        return self._backend.one_pass

    def _make_backend(self) -> WeightedBackend:
        from fastxai.explainer.perturb.weighted_backend import WeightedBackend

        return WeightedBackend(self._ood_net, *self._backend_arguments())

    def _scored_parts(self) -> tuple[Any, ...]:
        return (*super()._scored_parts(), self._ood_net)
