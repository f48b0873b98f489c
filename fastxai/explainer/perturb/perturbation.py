"""Base of the perturbation explainers of MindSpore's networks."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, ClassVar

from mindspore import nn

from fastxai.common.attribution import Attribution, Output
from fastxai.perturbation.explainer import PerturbationExplainer, check_per_eval

if TYPE_CHECKING:
    from fastxai.engine.settings import Choice
    from fastxai.explainer.perturb.backend import MindSporeBackend
    from fastxai.models.backend import ModelBackend
    from fastxai.network.activation import Activation


class PerturbationAttribution(Attribution, PerturbationExplainer):
    """An explainer that scores perturbed copies of an image.

    Args:
        network: The classifier, (M, C, H, W) to (M, classes) or (M, classes, ...): a Cell, a model
            of `fastxai.load` or a function of arrays.
        activation_fn: Map from its scores to probabilities: a Cell such as `nn.Softmax()`,
            'softmax', 'sigmoid', a function of rows (., classes), or None where the network
            returns probabilities.
        perturbation_per_eval: Perturbed images scored at a time, at most; 'auto' tries once which
            number is fastest, as far as memory allows, and logs it.
        engine: Engine of the scores, as in `fastxai.set_engine`; None: what was set there.
        precision: The same.
        output: Place of the scores in the network's output, if that is no Tensor: an index, a
            key, or a tuple of those from the outside to the inside.
        score: What to explain in place of a class, as in `RISE`.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: `perturbation_per_eval` is not positive, or a word is unknown.
        ImportError: The engine is not installed.
    """

    _backend: MindSporeBackend | ModelBackend
    _finds_batch = True
    _mixes: ClassVar[bool] = False  # whether precision 'mixed' is of use

    def __init__(
        self,
        network: Any,
        activation_fn: Activation,
        perturbation_per_eval: int | str = 32,
        *,
        engine: str | None = None,
        precision: str | None = None,
        output: Output = None,
        score: Any = None,
    ) -> None:
        from fastxai.engine.selector import Selector

        super().__init__(network, output=output)
        if score is not None:  # else `repr` does not show it
            self._score = score
        self._activation_fn = activation_fn
        self._perturbation_per_eval = check_per_eval(self._owner, perturbation_per_eval, True)
        self._selector = Selector(self._owner, engine, precision, self._mixes)
        self._update_backend()

    def _check_cell(self, name: str, value: Any) -> None:
        if isinstance(value, (nn.Cell, type)) or not callable(value):
            super()._check_cell(name, value)
            return
        from fastxai.models.model import as_model

        as_model(self._owner, value)

    def _make_backend(self) -> MindSporeBackend | ModelBackend:
        """What scores the network."""
        if not isinstance(self._network, nn.Cell):
            return self._model_backend()
        from fastxai.explainer.perturb.backend import MindSporeBackend

        return MindSporeBackend(*self._backend_arguments())

    def _model_backend(self) -> ModelBackend:
        """What scores a file or a function, whose engine is its own."""
        from fastxai.models.backend import ModelBackend
        from fastxai.models.model import as_model
        from fastxai.network.activation import OfArrays

        if self._selector.is_named:
            raise ValueError(
                f"{self._owner}: `engine` and `precision` are for MindSpore networks; a file's "
                "engine is chosen by fastxai.load(path, engine=...)."
            )
        activation = self._activation_fn
        if isinstance(activation, nn.Cell):
            activation = OfArrays(activation)
        model = as_model(self._owner, self._network)
        return ModelBackend(self._owner, model, activation, self._output_path, self._given_score)

    def _backend_arguments(self) -> tuple[Any, ...]:
        from fastxai.network.activation import activation_cell

        super()._check_cell("network", self._network)
        self._activation_fn = activation_cell(self._owner, self._activation_fn)
        return (
            self._owner,
            self._network,
            self._activation_fn,
            self._output_path,
            self._selector,
            self._given_score,
        )

    def _fresh(self) -> dict[str, Any]:
        backend, selector = copy.copy(self._backend), copy.copy(self._selector)
        if hasattr(backend, "selector"):
            backend.selector = selector
        return {**super()._fresh(), "_backend": backend, "_selector": selector}

    @property
    def engine(self) -> Choice | None:
        """What scored the last call, why, and its error against MindSpore; None before it."""
        return self._selector.choice
