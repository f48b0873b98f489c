"""What is to be explained: the picture, the network and the classes."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastxai.cli import (
    _checkpoint,
    _classes,
    _engine,
    _network,
    _options,
    _output,
    _paths,
    _picture,
    _plausible,
)

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

    picture: _picture.Picture
    inputs: np.ndarray  # [1, C, H, W] float32
    network: nn.Cell
    output: tuple[int | str, ...] | None  # where the scores are in what it returns
    activation: nn.Cell
    ood_net: OoDNet | None
    classes: list[Class]

    @property
    def targets(self) -> list[list[int]]:
        """The classes as explainers take them, (1, L)."""
        return [[each.index for each in self.classes]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what says which picture, network and classes."""
    parser.add_argument("image", metavar="IMAGE", help="picture file that Pillow reads")
    _options.add_network(parser)
    _options.add_input(parser)
    _options.add_class(parser)
    _options.add_running(parser)
    _engine.add_arguments(parser)


def load(arguments: argparse.Namespace) -> Subject:
    """Read the picture, build the network, find the classes."""
    _engine.apply(arguments)
    picture, inputs = _load_picture(arguments)
    _set_mode(arguments.mode)
    network, module = _network.load_network(arguments.model)
    _paths.check_modules(arguments)
    notes, ood_net = [], None
    if arguments.ckpt is not None:
        notes += _checkpoint.load_checkpoint(network, arguments.ckpt)
    if arguments.ood_ckpt is not None:
        given = arguments.ckpt is not None
        ood_net, more = _checkpoint.load_ood_net(network, arguments.ood_ckpt, given)
        notes += more
    for note in notes:
        _output.note(arguments, note)
    network.set_train(False)
    activation = _activation(arguments.activation)
    output = tuple(arguments.network_output or ())
    scores = _network.predict(network, activation, inputs, output)
    _plausible.check(arguments, network, scores)
    names = _classes.class_names(arguments.class_names, module)
    _classes.check_names(names, len(scores), arguments.class_names is not None)
    targets = _classes.choose(arguments.target or [_classes.TOP], scores, names)
    classes = [Class(i, names[i] if names else None, float(scores[i])) for i in targets]
    return Subject(picture, inputs, network, output or None, activation, ood_net, classes)


def _load_picture(arguments: argparse.Namespace) -> tuple[_picture.Picture, np.ndarray]:
    frame = _options.frame(arguments)
    picture = _picture.load_picture(
        arguments.image, frame, arguments.grayscale, arguments.max_pixels
    )
    for note in picture.notes:
        _output.note(arguments, note)
    inputs = _picture.to_input(picture.seen, arguments.mean, arguments.std, arguments.bgr)
    return picture, inputs


def _set_mode(mode: str) -> None:
    import mindspore

    graph = mode == "graph"
    mindspore.set_context(mode=mindspore.GRAPH_MODE if graph else mindspore.PYNATIVE_MODE)


def _activation(name: str) -> nn.Cell:
    from mindspore import nn

    return {"softmax": nn.Softmax, "sigmoid": nn.Sigmoid}.get(name, nn.Identity)()
