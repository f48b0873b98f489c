"""The explainers by their names here: which options they take, how they are made and run."""

from __future__ import annotations

import argparse
import operator
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastxai.cli.arguments import converters
from fastxai.cli.arguments.converters import AUTO
from fastxai.cli.messages import (
    FAILED,
    WRONG_ARGUMENT,
    CliError,
    MissingOptionError,
    first_line,
    note,
)
from fastxai.cli.report.progress import PASSES, Progress, Work
from fastxai.cli.subject.module import load_module, split_model
from fastxai.cli.subject.subject import Model, Subject
from fastxai.perturbation.ranked_pixels import Curves

_SEED = 0  # where explainers draw one: the same command gives the same map
_LAYERS_SHOWN = 3
_OUR_FORM = re.compile(r"[A-Za-z]+: `")  # "RISE: `state` ..."
_LARGE = 128  # pixels of a side from which Occlusion's default window misses parts
_HUGE = 2**20  # pixels of an input from which a pass is announced


@dataclass(frozen=True)
class _Method:
    """An explainer.

    Attributes:
        make: Makes it, from what is explained and the arguments.
        options: Names of arguments that only some explainers take.
        noun: Its steps in the plural; '' where it takes one pass and tells no progress.
    """

    make: Callable[[Any, argparse.Namespace], Any]
    options: tuple[str, ...] = ()
    noun: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that only some explainers take."""
    add = parser.add_argument
    add(
        "--num-masks",
        type=converters.num_masks,
        metavar="N|auto",
        help="rise, riseplus: number of masks, or auto: as many as it takes to reach --tol "
        "(default: auto)",
    )
    add(
        "--tol",
        type=converters.correlation,
        metavar="R",
        help="with --num-masks auto: predicted correlation with the map of infinitely many masks "
        "at which to stop (default: 0.95)",
    )
    add(
        "--max-masks",
        type=converters.mask_ceiling,
        metavar="N",
        help="with --num-masks auto: masks to stop at, 512 or more (default: 6000)",
    )
    add(
        "--base-value",
        type=converters.base_value,
        metavar="V[,V,V]|blur[:R]|mean|noise",
        help="rise, riseplus, occlusion: what a masked pixel shows, in the units of the network's "
        "input; blur: the picture blurred by R pixels (default: 0)",
    )
    add(
        "--grid",
        type=converters.grid,
        metavar="patch[:S|:HxW]",
        help="rise, riseplus: mask whole patches of a transformer, found in the network or of this "
        "many pixels (default: 10 by 10 cells, enlarged and shifted)",
    )
    add(
        "--window",
        type=converters.window,
        metavar="S|HxW|auto|patch[:S|:HxW]",
        help="occlusion: window in pixels, without overlap; auto: a seventh of the picture in "
        "steps of a quarter of that; patch: a transformer's patch, as for --grid (default: a 32nd, "
        "without overlap)",
    )
    add(
        "--score",
        type=converters.score,
        metavar="NAME[:...]|MODULE:NAME",
        help="rise, riseplus, occlusion: explain this in place of a class's score: margin, "
        "negative or class, of every class or such as margin:3:8; value; similarity:FILE.npy; "
        "region:FILE.npy:CLASS; or a function of the outputs; --target is then one of its columns",
    )
    add(
        "--seed",
        type=converters.seed,
        metavar="N",
        help=f"rise, riseplus: seed of the masks (default: {_SEED})",
    )
    add(
        "--batch-size",
        type=converters.at_least_one,
        metavar="N",
        help="rise, riseplus, occlusion: masked pictures scored at a time (default: 32)",
    )
    add(
        "--layer",
        metavar="NAME",
        help="gradcam: layer to look at, as in network.cells_and_names(); usually the last "
        "convolutional one",
    )
    add(
        "--reshape-transform",
        type=converters.reshape_transform,
        metavar="auto|HxW|MODULE:NAME",
        help="gradcam: rows and columns of a transformer's tokens, or a function from the layer's "
        "output to (N, C, h, w); auto finds them, also in (N, h, w, C)",
    )
    add(
        "--ood-ckpt",
        metavar="FILE",
        help="riseplus: checkpoint of an OoDNet trained for the network; it holds the network's "
        "weights too, so --ckpt may be left out",
    )


@converters.converter
def explainer_name(text: str) -> str:
    """Read the name of an explainer; case, hyphens and underscores do not matter."""
    found = _SPELLINGS.get(_bare(text.strip()))
    if found is None:
        raise ValueError(f"must be one of {', '.join(NAMES)}, got {text!r}")
    return found


@converters.converter
def explainer_names(text: str) -> tuple[str, ...]:
    """Read names of explainers with commas between them."""
    found = tuple(explainer_name(part) for part in text.split(","))
    if len(set(found)) < len(found):
        raise ValueError(f"must name every explainer once, got {text!r}")
    return found


@dataclass(frozen=True)
class Outcome:
    """Result of an explainer.

    Attributes:
        saliency: [L, H, W] float32, a map for each class.
        work: What was done, and how fast.
        standard_error: [L, H, W] float32, where it was asked for.
        correlation: [L], predicted, with the maps of infinitely many masks; likewise.
        curves: Deletion and insertion of each class; likewise.
    """

    saliency: np.ndarray
    work: Work
    standard_error: np.ndarray | None = None
    correlation: np.ndarray | None = None
    curves: Sequence[Curves] | None = None


def check_options(arguments: argparse.Namespace, flag: str, chosen: Sequence[str]) -> None:
    """Refuse options of explainers that were not chosen, and explainers that lack one.

    Args:
        arguments: The parsed arguments.
        flag: The option that named the explainers.
        chosen: Their names.
    """
    options = [option for method in _METHODS.values() for option in method.options]
    for option in dict.fromkeys(options):
        users = [user for user, method in _METHODS.items() if option in method.options]
        if getattr(arguments, option, None) is not None and not set(users) & set(chosen):
            raise CliError(
                WRONG_ARGUMENT,
                f"--{option.replace('_', '-')}: only for {_either(users)}, "
                f"got {flag} {','.join(chosen)}",
            )
    for option in ("tol", "max_masks"):
        if getattr(arguments, option) is not None and not _stops_by_itself(arguments):
            flag = f"--{option.replace('_', '-')}"
            raise CliError(WRONG_ARGUMENT, f"{flag}: only with --num-masks auto")
    if "riseplus" in chosen and arguments.ood_ckpt is None:
        raise _no_ood_net()


def make(explainer: str, arguments: argparse.Namespace, subject: Subject | Model) -> Any:
    """Return the explainer of this name, ready to be called.

    Raises:
        MissingOptionError: It cannot run without an option that was not given.
        CliError: An option is wrong, or the explainer cannot be made.
    """
    if explainer not in _OF_MODELS and _is_model(subject):
        raise MissingOptionError(
            explainer, f"a network of MindSpore; {_either(_OF_MODELS)} explain {arguments.model}"
        )
    method = _METHODS[explainer]
    if subject.score is not None and "score" not in method.options:
        raise MissingOptionError(explainer, "a class, and explains no --score")
    try:
        with _own_warnings(arguments):
            return method.make(subject, arguments)
    except CliError:
        raise
    except Exception as error:
        raise _failed(error) from error


def explain(explainer: str, made: Any, arguments: argparse.Namespace, subject: Subject) -> Outcome:
    """Run what `make` made."""
    method = _METHODS[explainer]
    options = _options_of_call(method, arguments)
    height, width = subject.inputs.shape[2:]
    if explainer == "occlusion" and arguments.window is None and min(height, width) >= _LARGE:
        note(arguments, "occlusion: its default window is small here; try --window auto")
    if not method.noun and height * width >= _HUGE:
        text = f"{explainer} of {height}x{width} pixels may take minutes; it shows no progress"
        note(arguments, text)
    try:
        with _own_warnings(arguments):
            if method.noun:
                return _in_steps(made, subject, method.noun, arguments.quiet, options)
            start = time.perf_counter()
            found = _call(made, subject, options)
            work = Work(len(subject.classes), PASSES, time.perf_counter() - start)
            return _outcome(found, work)
    except Exception as error:
        if _is_of_state(error, options.get("state")):
            if isinstance(error, OSError):
                words = f"{options['state']}: {error.strerror}"
            else:
                words = str(error).removeprefix(f"{type(made).__name__}: ")
                words = words.removeprefix("`state` ")
            raise CliError(WRONG_ARGUMENT, f"--state: {words}") from error
        raise _failed(error) from error


def _is_of_state(error: Exception, path: str | None) -> bool:
    """Whether it is the file that --state names which is at fault."""
    from fastxai.perturbation.run_state import StateError

    return isinstance(error, StateError) or (
        isinstance(error, OSError)
        and path is not None
        and error.filename is not None
        and os.path.realpath(error.filename) == os.path.realpath(path)
    )


def _failed(error: Exception) -> CliError:
    return CliError(FAILED, f"the explanation failed: {first_line(error)}")


def _options_of_call(method: _Method, arguments: argparse.Namespace) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if "state" in method.options and getattr(arguments, "state", None) is not None:
        options["state"] = arguments.state
    unsure = getattr(arguments, "uncertainty", None) or _stops_by_itself(arguments)
    if "uncertainty" in method.options and unsure:
        options["ret"] = "result"
    return options


def _stops_by_itself(arguments: argparse.Namespace) -> bool:
    return arguments.num_masks in (None, AUTO)


def _in_steps(
    made: Any, subject: Subject, noun: str, quiet: bool, options: dict[str, Any]
) -> Outcome:
    state = options.get("state")
    progress = Progress(noun, quiet, goes_on=state is not None and os.path.isfile(state))
    try:
        found = _call(made, subject, {"progress": progress, **options})
        return _outcome(found, progress.work)
    finally:
        progress.close()


def _call(made: Any, subject: Subject, options: dict[str, Any]) -> Any:
    if _is_model(subject):
        return made(subject.inputs, subject.targets, show=False, **options)
    import mindspore

    found = made(mindspore.Tensor(subject.inputs), subject.targets, show=False, **options)
    if options.get("ret") != "result":
        found = found.asnumpy()  # waits for it
    return found


def _outcome(found: Any, work: Work) -> Outcome:
    if isinstance(found, np.ndarray):
        return Outcome(np.asarray(found[0], np.float32), work)
    return Outcome(found.saliency[0], work, found.standard_error[0], found.correlation[0])


@contextmanager
def _own_warnings(arguments: argparse.Namespace) -> Iterator[None]:
    """Prints UserWarnings and our RuntimeWarnings as one line each; --quiet leaves them out.

    What was said already, by another explainer or of the same scores, is not said again.
    """
    with warnings.catch_warnings(record=True) as caught:
        yield
    for warning in caught:
        words = str(warning.message)
        ours = warning.category is RuntimeWarning and _OUR_FORM.match(words)
        if warning.category is not UserWarning and not ours:
            warnings.showwarning(
                warning.message, warning.category, warning.filename, warning.lineno
            )
            continue
        said = words.partition(": ")[2]  # without the explainer's name
        if not said or not any(note.endswith(said) for note in arguments.notes):
            note(arguments, words, kind="warning")


def _is_model(subject: Subject | Model) -> bool:
    """Whether it is a file, a network of PyTorch or a function."""
    from fastxai.models import Model

    return isinstance(subject.network, Model)


def _home(subject: Subject | Model) -> Any:
    """The package of a network's explainers: that of models needs no MindSpore."""
    if _is_model(subject):
        from fastxai import models

        return models
    from fastxai import explainer

    return explainer


def _rise(subject: Subject | Model, arguments: argparse.Namespace) -> Any:
    return _home(subject).RISE(
        subject.network, subject.activation, **_scores(subject), **_masks(arguments)
    )


def _rise_plus(subject: Subject | Model, arguments: argparse.Namespace) -> Any:
    from fastxai.explainer import RISEPlus

    if subject.ood_net is None:
        raise _no_ood_net()
    return RISEPlus(
        subject.ood_net,
        subject.network,
        subject.activation,
        **_scores(subject),
        **_masks(arguments),
    )


def _occlusion(subject: Subject | Model, arguments: argparse.Namespace) -> Any:
    return _home(subject).Occlusion(
        subject.network,
        subject.activation,
        **_scores(subject),
        **_given(arguments, "batch_size", "base_value", "window"),
    )


def _scores(subject: Subject | Model) -> dict[str, Any]:
    """Where the scores are in the outputs, and what is explained in their place."""
    return {"output": subject.output, "score": subject.score}


def _backprop(name: str) -> Callable[[Any, argparse.Namespace], Any]:
    """Makes an explainer that takes nothing but the network."""

    def made(subject: Subject | Model, arguments: argparse.Namespace) -> Any:
        from fastxai import explainer

        return getattr(explainer, name)(subject.network, output=subject.output)

    return made


def _gradcam(subject: Subject | Model, arguments: argparse.Namespace) -> Any:
    from fastxai.explainer import GradCAM

    if arguments.layer is None:
        raise MissingOptionError("gradcam", f"--layer NAME, {_layers_of(subject.network)}")
    try:
        return GradCAM(
            subject.network,
            arguments.layer,
            output=subject.output,
            reshape_transform=_transform(arguments.reshape_transform),
        )
    except ValueError as error:
        words = str(error).removeprefix("GradCAM: ").rstrip(".")
        raise CliError(WRONG_ARGUMENT, f"--layer: {words}") from error


def _transform(given: Any) -> Any:
    """`--reshape-transform`, a function where a module's was named."""
    if not isinstance(given, str) or given == AUTO:
        return given
    module, name = split_model(given)
    try:
        found = operator.attrgetter(name)(load_module(module, "--reshape-transform"))
    except AttributeError as error:
        words = f"--reshape-transform: module {module!r} has no {name!r}"
        raise CliError(WRONG_ARGUMENT, words) from error
    if not callable(found):
        words = f"--reshape-transform: {given} must be a function, got {type(found).__name__}"
        raise CliError(WRONG_ARGUMENT, words)
    return found


def _masks(arguments: argparse.Namespace) -> dict[str, Any]:
    seed = _SEED if arguments.seed is None else arguments.seed
    return {
        **_given(arguments, "batch_size", "base_value", "grid", "num_masks", "tol", "max_masks"),
        "seed": seed,
    }


def _given(arguments: argparse.Namespace, *options: str) -> dict[str, Any]:
    """Options that were given, under the explainers' names; for the others their defaults hold."""
    found = {option: getattr(arguments, option) for option in options}
    return {
        _ARGUMENTS.get(option, option): value
        for option, value in found.items()
        if value is not None
    }


def _layers_of(network: Any) -> str:
    """Which layers gradcam may look at."""
    cells = network.cells_and_names()
    found = [name for name, cell in cells if name and "Conv" in type(cell).__name__]
    if not found:
        return "a layer with an output (1, K, h, w); the network holds no convolution"
    return (
        f"usually the last convolution; the network ends with {', '.join(found[-_LAYERS_SHOWN:])}"
    )


def _no_ood_net() -> MissingOptionError:
    return MissingOptionError(
        "riseplus",
        "--ood-ckpt FILE, the checkpoint of an OoDNet trained for this network "
        "(fastxai.tool.cv.OoDNet)",
    )


def _either(users: Sequence[str]) -> str:
    *others, last = users
    return f"{', '.join(others)} or {last}" if others else last


def _bare(text: str) -> str:
    return text.lower().replace("-", "").replace("_", "")


_ARGUMENTS = {"batch_size": "perturbation_per_eval"}  # options of other names than arguments
_OF_MASKS = (
    *("num_masks", "tol", "max_masks", "seed", "batch_size", "base_value", "grid"),
    *("uncertainty", "state", "score"),
)
_METHODS = {
    "rise": _Method(_rise, _OF_MASKS, "masks"),
    "riseplus": _Method(_rise_plus, (*_OF_MASKS, "ood_ckpt"), "masks"),
    "occlusion": _Method(
        _occlusion, ("batch_size", "base_value", "window", "state", "score"), "windows"
    ),
    "gradient": _Method(_backprop("Gradient")),
    "gradcam": _Method(_gradcam, ("layer", "reshape_transform")),
    "guided-backprop": _Method(_backprop("GuidedBackprop")),
    "deconvolution": _Method(_backprop("Deconvolution")),
}
_OF_MODELS = ("rise", "occlusion")
NAMES = tuple(_METHODS)
_SPELLINGS = {_bare(known): known for known in NAMES}
