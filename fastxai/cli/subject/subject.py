"""Subject of an explanation: the picture, the network and the classes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from fastxai.cli.arguments.engine import add_engine, apply_engine
from fastxai.cli.arguments.options import add_class, add_input, add_network, add_running, frame_of
from fastxai.cli.arguments.paths import check_modules
from fastxai.cli.messages import WRONG_ARGUMENT, CliError, note
from fastxai.cli.subject.checkpoint import load_checkpoint, load_ood_net
from fastxai.cli.subject.classes import TOP, check_names, choose, class_names
from fastxai.cli.subject.module import is_model_file
from fastxai.cli.subject.network import as_model, is_cell, load_file, load_network, predict
from fastxai.cli.subject.picture import Picture, load_picture, to_input
from fastxai.cli.subject.plausibility import check_plausibility
from fastxai.cli.subject.score import load_score, names_of_targets

if TYPE_CHECKING:
    from mindspore import nn

    from fastxai.tool.cv import OoDNet


@dataclass(frozen=True)
class Class:
    """A class that is explained."""

    index: int
    name: str | None
    score: float

    @property
    def title(self) -> str:
        """As the report has it."""
        return f"{self.index} ({self.name})" if self.name is not None else str(self.index)


@dataclass(frozen=True)
class Subject:
    """Classes of one picture, as a network sees it."""

    picture: Picture
    inputs: np.ndarray  # [1, C, H, W] float32
    network: Any  # a Cell, or a model
    output: tuple[int | str, ...] | None  # where the scores are in what it returns
    activation: Any  # a Cell; of a model a word or None
    ood_net: OoDNet | None
    score: Any  # what --score names; None: classes are explained
    classes: list[Class]

    @property
    def targets(self) -> list[list[int]]:
        """The classes as explainers take them, (1, L)."""
        return [[each.index for each in self.classes]]


def add_subject(parser: argparse.ArgumentParser) -> None:
    """Add what says which picture, network and classes."""
    parser.add_argument("image", metavar="IMAGE", help="picture file that Pillow reads")
    add_network(parser)
    add_input(parser)
    add_class(parser)
    add_running(parser)
    add_engine(parser)


@dataclass(frozen=True)
class Model:
    """A network with its weights, and what makes probabilities of its scores."""

    network: Any  # a Cell, or a model
    output: tuple[int | str, ...] | None  # where the scores are in what it returns
    activation: Any  # a Cell; of a model a word or None
    ood_net: OoDNet | None
    names: Sequence[str] | None  # of its classes, or of what `score` returns
    score: Any  # what --score names; None: classes are explained


def load_model(arguments: argparse.Namespace) -> Model:
    """Build the network, load its weights, read the names of its classes."""
    if is_model_file(arguments.model):
        _check_model(arguments)
        network = load_file(arguments.model, arguments.engine)
        return _of_model(arguments, network, ModuleType("file"))
    if arguments.mode == "graph" or sys.modules.get("mindspore"):
        _set_mode(arguments.mode)  # before the module, which may choose another; else its default
    network, module = load_network(arguments.model)
    check_modules(arguments)
    if not is_cell(network):
        _check_model(arguments)
        return _of_model(arguments, as_model(network, arguments.model, arguments.engine), module)
    if arguments.engine == "torch":
        raise CliError(WRONG_ARGUMENT, "--engine: torch does not run a network of MindSpore")
    return _of_cell(arguments, network, module)


def _of_cell(arguments: argparse.Namespace, network: nn.Cell, module: ModuleType) -> Model:
    notes, ood_net = [], None
    if arguments.ckpt is not None:
        notes += load_checkpoint(network, arguments.ckpt)
    if arguments.ood_ckpt is not None:
        given = arguments.ckpt is not None
        ood_net, more = load_ood_net(network, arguments.ood_ckpt, given)
        notes += more
    for text in notes:
        note(arguments, text)
    network.set_train(False)
    activation = _activation(arguments.activation)
    output = tuple(arguments.network_output or ()) or None
    return Model(network, output, activation, ood_net, *names_and_score(arguments, module))


def _check_model(arguments: argparse.Namespace) -> None:
    """Refuse what is for networks of MindSpore alone."""
    for option in ("ckpt", "ood_ckpt"):
        if getattr(arguments, option) is not None:
            flag = f"--{option.replace('_', '-')}"
            raise CliError(WRONG_ARGUMENT, f"{flag}: {arguments.model} holds its weights already")
    if arguments.precision not in (None, "float32"):
        raise CliError(WRONG_ARGUMENT, "--precision: only for networks of MindSpore")


def _of_model(arguments: argparse.Namespace, network: Any, module: ModuleType) -> Model:
    words = arguments.activation if arguments.activation in ("softmax", "sigmoid") else None
    output = tuple(arguments.network_output or ()) or None
    return Model(network, output, words, None, *names_and_score(arguments, module))


def names_and_score(
    arguments: argparse.Namespace, module: ModuleType
) -> tuple[Sequence[str] | None, Any]:
    """Names of the targets, and what is explained in place of classes, if anything."""
    names, text = class_names(arguments.class_names, module), arguments.score
    if text is None:
        return names, None
    score = load_score(text, names)
    check_modules(arguments)  # that of the score too
    return names_of_targets(text, names, arguments.class_names is not None), score


def load_subject(arguments: argparse.Namespace) -> Subject:
    """Read the picture, build the network, find the classes."""
    apply_engine(arguments)
    picture, inputs = _load_picture(arguments)
    model = load_model(arguments)
    network, activation, names = model.network, model.activation, model.names
    scores = predict(network, activation, inputs, model.output or (), model.score)
    check_plausibility(arguments, network, scores)
    of_score = model.score is not None
    check_names(names, len(scores), arguments.class_names is not None, of_score)
    targets = choose(arguments.target or [TOP], scores, names)
    classes = [Class(i, names[i] if names else None, float(scores[i])) for i in targets]
    known = network, model.output, activation, model.ood_net, model.score
    return Subject(picture, inputs, *known, classes)


def _load_picture(arguments: argparse.Namespace) -> tuple[Picture, np.ndarray]:
    frame = frame_of(arguments)
    picture = load_picture(arguments.image, frame, arguments.grayscale, arguments.max_pixels)
    for text in picture.notes:
        note(arguments, text)
    inputs = to_input(picture.seen, arguments.mean, arguments.std, arguments.bgr)
    return picture, inputs


def _set_mode(mode: str) -> None:
    try:
        import mindspore
    except ModuleNotFoundError as error:
        words = "--mode: needs MindSpore, which is not installed: pip install mindspore"
        raise CliError(WRONG_ARGUMENT, words) from error
    graph = mode == "graph"
    mindspore.set_context(mode=mindspore.GRAPH_MODE if graph else mindspore.PYNATIVE_MODE)


def _activation(name: str) -> nn.Cell:
    from mindspore import nn

    return {"softmax": nn.Softmax, "sigmoid": nn.Sigmoid}.get(name, nn.Identity)()
