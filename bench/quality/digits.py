"""Pictures of digits with known boxes, networks trained on such, and RISE maps of their scores.

Pictures are drawn from handwriting that training never saw, one digit and two in turns.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.common.machine import ROOT

EXAMPLES = ROOT / "examples"
SIDES = {"demo": 96, "resnet50": 224}  # pixels of the input of each network
REFERENCE = 782 * 128  # masks of a map that others are compared with
_SEED = 77
_BATCH = 32


def result_name(benchmark: str) -> Callable[[argparse.Namespace], str]:
    """What names the result of a benchmark with an option `network`."""

    def name(options: argparse.Namespace) -> str:
        return benchmark if options.network == "demo" else f"{benchmark}_{options.network}"

    return name


class Case(NamedTuple):
    """A picture as a network takes it, with the first digit in it."""

    image: np.ndarray  # (3, H, W) float32
    label: int
    box: tuple[int, int, int, int]  # y0, x0, y1, x1; the last two are exclusive


def cases(network: str, number: int) -> list[Case]:
    """The first `number` cases of a network of `SIDES`; the same every time."""
    _find(EXAMPLES, EXAMPLES / "demo")
    from canvas import load_glyphs, make_picture

    from fastxai.demo import normalize

    rng, glyphs, made = np.random.default_rng(_SEED), load_glyphs("test"), []
    for index in range(number):
        picture = make_picture(rng, glyphs, ("single", "pair")[index % 2])
        if network == "demo":
            image, box = normalize(picture.image), picture.boxes[0]
        else:
            from common.dataset import to_input
            from make_data import enlarge, enlarge_box

            image = np.ascontiguousarray(to_input(enlarge(picture.image)))
            box = enlarge_box(picture.boxes[0])
        made.append(Case(image, picture.labels[0], box))
    return made


def network_of(name: str) -> Any:
    """The trained network of a name of `SIDES`, in evaluation mode."""
    if name == "demo":
        # Its file alone: importing fastxai would protect mindspore_xai from slow convolutions.
        _find(ROOT / "fastxai" / "demo")
        from network import demo_net

        return demo_net()
    _find(EXAMPLES)
    import mindspore as ms
    from common.resnet import resnet50, width_of

    weights = ms.load_checkpoint(str(EXAMPLES / "digits_resnet50.ckpt"))
    network = resnet50(10, width=width_of(weights))
    missing, _ = ms.load_param_into_net(network, weights)
    assert not missing, missing
    return network.set_train(False)


def _find(*folders: Path) -> None:
    """Lets the modules in folders be imported; mindspore_xai installs a package `examples`."""
    for folder in folders:
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))


def probabilities(network: Any, image: np.ndarray) -> np.ndarray:
    """What the network gives the classes of a whole picture, (classes,) float32."""
    import mindspore as ms
    from mindspore import nn

    return np.array(nn.Softmax()(network(ms.Tensor(image[None]))).asnumpy()[0])


class Scorer:
    """Scores masked copies of an image by the engine that fastxai chooses.

    Args:
        network: The classifier; its softmax is what counts.
        side: Pixels of its input.
    """

    def __init__(self, network: Any, side: int) -> None:
        from mindspore import nn

        self._cells = network, nn.Softmax()
        self._buffer = np.empty((_BATCH, 3, side, side), np.float32)
        self._engine: Any = None

    def __call__(self, image: np.ndarray, spec: Any, count: int, first: int = 0) -> np.ndarray:
        """Probabilities (count, classes) float32 under masks first .. first + count - 1."""
        from fastxai.ops import masked_product

        if self._engine is None:

            def fill(copies: np.ndarray) -> None:
                masked_product(image, spec, 0, len(copies), out=copies)

            self._engine = self._made(fill)
        found = []
        for at in range(first, first + count, _BATCH):
            masked_product(image, spec, at, _BATCH, out=self._buffer)
            found.append(np.array(self._engine(self._buffer)))
        return np.concatenate(found)[:count]

    def batch(self, copies: np.ndarray) -> np.ndarray:
        """Probabilities (M, classes) float32 of copies (M, C, H, W) as they are."""
        if self._engine is None:
            self._engine = self._made(lambda out: np.copyto(out, copies[:1]))
        found = []
        for at in range(0, len(copies), _BATCH):
            part = copies[at : at + _BATCH]
            self._buffer[: len(part)] = part
            found.append(np.array(self._engine(self._buffer))[: len(part)])
        return np.concatenate(found)

    @property
    def name(self) -> str:
        """Of the engine."""
        return str(self._engine.name)

    def _made(self, fill: Callable[[np.ndarray], None]) -> Any:
        from bench.common.explainers import engine_of

        return engine_of(*self._cells, self._buffer.shape, 10**6, fill)


def maps_after(
    numbers: Sequence[int], scores: np.ndarray, spec: Any, estimator: str
) -> list[np.ndarray]:
    """Maps (L, H, W) of the first masks of a spec, for each of some ascending numbers of masks.

    Args:
        numbers: Of masks; the last is at most N.
        scores: (N, L).
        spec: The masks.
        estimator: 'plain', 'centred' or 'control-variate'.
    """
    from fastxai.masks.control_variate import control_variate_maps
    from fastxai.masks.estimators import maps_of_sums
    from fastxai.ops import SaliencySums, saliency_accumulate

    if estimator == "control-variate":
        return [control_variate_maps(scores[:n].astype(np.float64), spec) for n in numbers]
    sums, done, maps = SaliencySums.zeros(spec, scores.shape[1]), 0, []
    for number in numbers:
        saliency_accumulate(scores[done:number].astype(np.float32), spec, done, sums)
        maps.append(maps_of_sums(sums, spec, estimator))
        done = number
    return maps


def noise(saliency: np.ndarray, reference: np.ndarray) -> float:
    """1 / rho^2 - 1, rho being the correlation of two maps. It falls as 1 / masks."""
    rho = float(np.corrcoef(np.ravel(saliency), np.ravel(reference))[0, 1])
    return 1 / rho**2 - 1
