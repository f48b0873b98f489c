"""From what --model names to a network and its scores."""

from __future__ import annotations

import functools
import inspect
import operator
import sys
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from fastxai.cli.messages import (
    FAILED,
    UNREADABLE_INPUT,
    WRONG_ARGUMENT,
    CliError,
    first_line,
)
from fastxai.cli.subject.module import load_module, split_model, words_of

if TYPE_CHECKING:
    from fastxai.models.model import Model

_OWNER = "fastxai"
_OPTION = "--network-output"


def load_network(model: str) -> tuple[Any, ModuleType]:
    """Import 'module:name' and return its network, built if need be, and the module.

    The network is a Cell of MindSpore, a Module of PyTorch, a model of `fastxai.models`, or another
    callable: a function of a batch.
    """
    module_name, name = split_model(model)
    module = load_module(module_name)
    try:
        found = operator.attrgetter(name)(module)
    except AttributeError as error:
        raise CliError(
            UNREADABLE_INPUT, f"--model: module {module_name!r} has no {name!r}"
        ) from error
    if _is_network(found):
        return found, module
    if not callable(found):
        kind = type(found).__name__
        words = f"--model: {model} must be a network or a function, got {kind}"
        raise CliError(UNREADABLE_INPUT, words)
    needed = _arguments_needed(found)
    if len(needed) == 1 and not isinstance(found, type):
        return _of_batches(found, model, needed), module
    if needed:
        raise CliError(UNREADABLE_INPUT, _needs_arguments(model, needed))
    try:
        network = found()
    except (Exception, SystemExit) as error:
        raise CliError(UNREADABLE_INPUT, f"--model: {model}() failed: {words_of(error)}") from error
    if not _is_network(network) and (not callable(network) or isinstance(network, type)):
        kind = type(network).__name__
        words = f"--model: {model}() must return a network of MindSpore or PyTorch or a function"
        raise CliError(UNREADABLE_INPUT, f"{words} of a batch (M, C, H, W), got {kind}")
    return network, module


def is_cell(network: Any) -> bool:
    """Whether it is a network of MindSpore, which is not imported for that."""
    nn = getattr(sys.modules.get("mindspore"), "nn", None)
    return nn is not None and isinstance(network, nn.Cell)


def _is_network(found: Any) -> bool:
    from fastxai.models.model import Model, maker_of

    return is_cell(found) or isinstance(found, Model) or maker_of(found) is not None


def _of_batches(function: Any, model: str, needed: list[str]) -> Any:
    """A function of one argument, which may be a batch or a setting of a network to build.

    Its first call tells.
    """
    known = False

    @functools.wraps(function, updated=("__dict__",) if hasattr(function, "__dict__") else ())
    def scored(batch: np.ndarray) -> Any:
        nonlocal known
        if known:
            return function(batch)
        try:
            found = function(batch)
        except Exception as error:
            words = f"--model: {model} failed as a function of a batch (M, C, H, W): "
            words += (
                f"{first_line(error)}. If it makes a network, name a function without arguments: "
            )
            words += _wrapper(model, needed)
            raise CliError(UNREADABLE_INPUT, words) from error
        if _is_network(found):
            raise CliError(UNREADABLE_INPUT, _needs_arguments(model, needed))
        known = True
        return found

    return scored


def _needs_arguments(model: str, needed: list[str]) -> str:
    return (
        f"--model: {model} needs arguments ({', '.join(needed)}); name a function without any "
        f"that gives them: {_wrapper(model, needed)}"
    )


def _wrapper(model: str, needed: list[str]) -> str:
    """A function that makes the network, as the user may write it."""
    short = split_model(model)[1].rpartition(".")[2]
    given = ", ".join(f"{argument}=..." for argument in needed)
    return f"def network(): return {short}({given})"


def as_model(network: Any, model: str, engine: str | None) -> Model:
    """A network of PyTorch or a function as a model, for the engine that was asked for, if any."""
    from fastxai.models import Callable, Model
    from fastxai.models.model import maker_of

    maker = maker_of(network)
    if maker is None:
        if engine is not None:
            raise CliError(WRONG_ARGUMENT, f"--engine: {model} is a function, which needs none")
        return network if isinstance(network, Model) else Callable(network)
    if engine not in (None, *maker.engines):
        words = f"--engine: {engine} does not run {model}, a network of PyTorch; one of"
        raise CliError(WRONG_ARGUMENT, f"{words} {', '.join(maker.engines)} does")
    try:
        made: Model = maker(network, engine=engine or "auto")
    except ImportError as error:
        words = str(error).removeprefix("load: ").rstrip(".")
        raise CliError(WRONG_ARGUMENT, f"--engine: {words}") from error
    return made


def load_file(path: str, engine: str | None) -> Model:
    """Load an ONNX or OpenVINO file for the engine that was asked for, if any."""
    from fastxai.models.files import load

    if engine in ("mindspore", "torch"):
        raise CliError(WRONG_ARGUMENT, f"--engine: {engine} does not run {path}")
    try:
        return load(path, engine=engine or "auto")
    except (ImportError, OSError, ValueError) as error:
        words = str(error).removeprefix("load: ").rstrip(".")
        raise CliError(UNREADABLE_INPUT, f"--model: {words}") from error


def predict(
    network: Any,
    activation: Any,
    inputs: np.ndarray,
    output: tuple[int | str, ...] = (),
    score: Any = None,
) -> np.ndarray:
    """Return the scores of the classes for one input [1, C, H, W], as float64 of shape [T]."""
    return scorer(network, activation, output, score=score)(inputs)[0]


def scorer(
    network: Any,
    activation: Any,
    output: tuple[int | str, ...] = (),
    choice: Any = None,
    score: Any = None,
) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from inputs [M, C, H, W] to the scores of the classes, float64 [M, T].

    Args:
        network: A Cell, or a model.
        activation: From its output to probabilities.
        output: Where the scores are in what it returns.
        choice: What scores a Cell; None: MindSpore.
        score: What is explained in place of classes; then T are its targets.
    """
    from fastxai.models.backend import ModelBackend
    from fastxai.models.model import Model

    def of_model(inputs: np.ndarray) -> np.ndarray:
        backend = ModelBackend(_OWNER, network, activation, output, score)
        with backend.scoring(inputs):
            return backend.class_scores(inputs).astype(np.float64)

    if isinstance(network, Model):
        return lambda inputs: _in_words(of_model, inputs)
    if score is not None:
        chosen = _chosen_scores(network, activation, output, choice, score)
        return lambda inputs: _in_words(chosen, inputs)
    from fastxai.engine.same_engine import SameEngine  # needs MindSpore

    same = SameEngine(_OWNER, activation, choice)
    return lambda inputs: _in_words(lambda batch: same(network, batch, output), inputs)


def _chosen_scores(
    network: Any, activation: Any, output: tuple[int | str, ...], choice: Any, score: Any
) -> Callable[[np.ndarray], np.ndarray]:
    """Scores that the user chose, of a Cell: as its explainers see them."""
    import mindspore

    from fastxai.explainer import Occlusion
    from fastxai.perturbation.one_image import OneImage

    engine = "mindspore" if choice is None else choice.engine
    path = output or None
    explainer = Occlusion(network, activation, engine=engine, output=path, score=score)

    def scores(inputs: np.ndarray) -> np.ndarray:
        one = OneImage(explainer, mindspore.Tensor(inputs), False)
        found = one.scores_of_batch()
        return (one.all_class_scores() if found is None else found).astype(np.float64)

    return scores


def _in_words(score: Callable[[np.ndarray], np.ndarray], inputs: np.ndarray) -> np.ndarray:
    try:
        return score(inputs)
    except CliError:
        raise
    except Exception as error:
        words = str(error)
        if words.startswith(f"{_OWNER}: "):
            raise _in_words_of_options(words.removeprefix(f"{_OWNER}: ")) from error
        raise CliError(FAILED, f"the network failed: {first_line(error)}") from error


def _in_words_of_options(words: str) -> CliError:
    """An error that speaks of `output` or `activation_fn`, as one that speaks of the options."""
    words = words.replace("`output` must be None", f"{_OPTION}: must be left out")
    words = words.replace("`output`", f"{_OPTION}:").replace("output=", f"{_OPTION} ")
    words = words.replace("activation_fn='sigmoid', or None", "--activation sigmoid, or none")
    words = words.replace("`activation_fn`", "--activation")
    code = WRONG_ARGUMENT if words.startswith(_OPTION) else FAILED
    return CliError(code, words.replace("`", "").rstrip("."))


def _arguments_needed(function: Any) -> list[str]:
    """Names of the arguments without which it cannot be called, where that can be told."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []  # a built-in one: the call will tell
    many = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    return [p.name for p in parameters if p.default is p.empty and p.kind not in many]
