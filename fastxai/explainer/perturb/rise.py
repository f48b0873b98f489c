"""RISE: saliency from random masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mindspore import nn

from fastxai.common.attribution import Output
from fastxai.explainer.perturb.perturbation import PerturbationAttribution
from fastxai.perturbation.random_masks import RandomMasks

if TYPE_CHECKING:
    from fastxai.network.activation import Activation
    from fastxai.ops.base_value import BaseValue


class RISE(RandomMasks, PerturbationAttribution):
    r"""Randomized Input Sampling for Explanation.

    Random coarse masks are enlarged to the image and multiplied into it; a pixel's saliency is how
    much the score of the target depends on seeing it.

    The coarse grid is enlarged to (H + 10, W + 10) and cropped at a shift of 0 to 10 pixels, as in
    mindspore_xai (the paper shifts by up to one cell). With p the keep probability, :math:`f_i` the
    score of mask :math:`M_i` and N masks:

    * ``estimator='plain'``: :math:`S = \frac{1}{N}\sum_i f_i M_i`, mindspore_xai's sum.
    * ``estimator='centred'``: :math:`S = p \bar f + \frac{1}{N-1}\sum_i (f_i - \bar f) M_i`. The
      same expected map (:math:`E[M] = p`), several times less noise.
    * ``estimator='control-variate'``: the score is split into a part that is linear in the mask,
      whose map is known exactly, and a rest, whose map is estimated. The fit of the linear part is
      always used on masks that it has not seen, so the expected map is the same again. It takes
      some ms more per image.

    **Values.** None is divided by p or stretched to [0, 1]: a pixel's value estimates E[f M], which
    for probabilities lies in [0, p], and noise may carry it a little outside. For other scores it
    may be anything. Only differences between the pixels of one map carry information;
    `fastxai.normalize_saliency` stretches a map to [0, 1], as pictures of maps are.

    ``design='iid'`` draws every mask for itself. ``design='oa128'`` draws blocks of 128 masks whose
    cells are exactly balanced, singly and in pairs, and which share one shift: the same expected
    map. ``design='placed'`` draws such blocks in which the interactions of near cells keep clear of
    other cells' effects, and ``design='lattice'`` besides spreads the shifts of its blocks evenly.
    Whole blocks (N a multiple of 128: take one) have the plain sum for the centred one; with a
    block that was cut off the centred sum has a slightly other divisor than N - 1, which keeps it
    unbiased. On trained networks 'lattice' with 'centred' has about six times less noise than 'iid'
    with 'centred' at as many masks, 'placed' four to five times and 'oa128' three times, so
    ``design=None`` takes 'lattice' where it can: for 'centred', keep probability 0.5, at most 127
    cells and at least 512 masks; else 'iid'. Formulas, measurements and when to use which:
    docs/estimators.md.

    Args:
        network: The classifier, (M, C, H, W) to (M, classes) or (M, classes, ...), further axes
            being averaged. It is given back as it came.
        activation_fn: Map from its scores to probabilities: a Cell such as `nn.Softmax()`,
            'softmax', 'sigmoid', a function of rows (., classes), or None where the network
            returns probabilities. It acts on the classes, of every pixel of a dense output.
        perturbation_per_eval: Masked images scored at a time, at most; 'auto' tries once which
            number is fastest, as far as memory allows, and logs it.
        num_masks: N, masks per image; at least 2 for 'centred' and 256 for 'control-variate'.
            'auto', the default: as many as it takes, each image its own number; see `tol`.
        tol: With 'auto', predicted correlation in (0, 1) with the maps of infinitely many masks at
            which an image is done. RISE checks it after 512 masks and every 256 thereafter.
        max_masks: With 'auto', the most masks for an image, 512 or more; where it ends an image, a
            warning is logged.
        mask_probability: p, probability of a cell to be kept, in (0, 1); 0.5 but for 'iid'.
        grid_size: Coarse cells per axis, an int or (rows, columns); at most 127 cells but for
            'iid'.
        base_value: What a masked pixel shows, in the units of the inputs: a number, one per
            channel, an array or Tensor (C, H, W), or a word. 'blur': the image under a Gaussian of
            standard deviation max(H, W) / 20, 'blur:12' of 12 pixels. 'mean': the mean of each
            channel of the image. 'noise': uniform between the extremes of each channel, from
            `seed`.
        seed: Seed of the masks, 0 .. 2^64 - 1. None draws one per call from NumPy's global
            generator, so `np.random.seed(0)` makes a script repeatable.
        estimator: 'centred', 'plain' or 'control-variate'.
        design: 'iid', 'oa128', 'placed' or 'lattice'; None: the least noisy one that fits, see
            above. 'lattice' does not go with 'control-variate', which it would bias.
        engine: Engine of the scores: 'auto', 'mindspore', 'openvino' or 'onnxruntime'; None:
            what `fastxai.set_engine` says, 'auto' at first.
        precision: 'float32', 'bfloat16' or 'mixed'; None: what `fastxai.set_engine` says. 'mixed'
            scores all masks in bfloat16 and some blocks of 128 in float32 too, which correct the
            map: its expectation is float32's. It needs 'centred', a design of blocks and 512 masks.
        output: Place of the scores in the network's output, if that is no Tensor: an index, a
            key, or a tuple of those from the outside to the inside.
        score: What to explain in place of a class: a class index, a score of `fastxai.scores`, or a
            function from outputs, an array (M, K) or (M, K, ...) float32 after `activation_fn`, to
            (M, T); targets are then columns of T, and None explains all of them.
        grid: None: `grid_size` cells, enlarged and shifted. 'patch': cells that are the patches of
            a transformer, found in the network; 'patch:16' or 'patch:16x8': of that many pixels.
            Such masks are constant within a patch and never shifted.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.
        ImportError: The engine is not installed.

    Randomness:
        Mask i is a pure function of (seed, i): not of the batch size, the mode, the number of
        threads or the other images of the batch. Images explained together share masks; that is
        harmless but for 'plain' with 'iid', where the errors of their maps correlate (0.83 was
        measured), so give each image a call of its own if you compare such maps.

    Precision:
        Masks and products in float32, sums in float64.

    Source:
        Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box
        Models", BMVC 2018, equation 6 (times p). The other estimators and the design are ours.

    Supported Platforms:
        ``CPU`` natively; ``Ascend`` with vendor ops if they are installed, and other devices of
        MindSpore with MindSpore's own operators: `fastxai.ops.select_device_ops`. Never run there.

    Example:
        >>> import numpy as np
        >>> import mindspore as ms
        >>> from mindspore import nn
        >>> from fastxai.explainer import RISE
        >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(3 * 16 * 16, 4))
        >>> rise = RISE(network, nn.Softmax(), num_masks=64, seed=0)
        >>> rise(ms.Tensor(np.ones((1, 3, 16, 16), np.float32)), 2).shape
        (1, 1, 16, 16)
    """

    _mixes = True

    def __init__(
        self,
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
        super().__init__(
            network,
            activation_fn,
            perturbation_per_eval,
            engine=engine,
            precision=precision,
            output=output,
            score=score,
        )
        self._set_masks(
            num_masks=num_masks,
            tol=tol,
            max_masks=max_masks,
            mask_probability=mask_probability,
            grid_size=grid_size,
            base_value=base_value,
            seed=seed,
            estimator=estimator,
            design=design,
            grid=grid,
        )

    def _is_mixed(self) -> bool:
        cell = isinstance(self._network, nn.Cell)  # a file's or a function's engine is its own
        return self._mixes and cell and self._selector.preference.precision == "mixed"
