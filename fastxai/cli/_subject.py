"""What is to be explained: the picture, the network and the class."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastxai.cli import _checkpoint, _classes, _engine, _network, _options, _picture

if TYPE_CHECKING:
    from mindspore import nn
    from PIL import Image

    from fastxai.tool.cv import OoDNet


@dataclass(frozen=True)
class Subject:
    """One class of one picture, as a network sees it."""

    picture: Image.Image  # of size (W, H), as the network sees it, before --mean and --std
    inputs: np.ndarray  # [1, C, H, W] float32
    network: nn.Cell
    activation: nn.Cell
    ood_net: OoDNet | None
    target: int
    rows: list[tuple[str, str]]  # for the report

    @property
    def class_name(self) -> str:
        """The class as the report has it."""
        return self.rows[0][1]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what says which picture, network and class."""
    parser.add_argument("image", metavar="IMAGE", help="picture file that Pillow reads")
    _options.add_network(parser)
    _options.add_input(parser)
    _options.add_class(parser)
    _options.add_running(parser)
    _engine.add_arguments(parser)


def load(arguments: argparse.Namespace) -> Subject:
    """Read the picture, build the network, find the class."""
    _engine.apply(arguments)
    picture = _picture.load_picture(arguments.image, arguments.size, arguments.grayscale)
    inputs = _picture.to_input(picture, arguments.mean, arguments.std)
    _set_mode(arguments.mode)
    network, module = _network.load_network(arguments.model)
    if arguments.ckpt is not None:
        _checkpoint.load_checkpoint(network, arguments.ckpt)
    ood_net = None
    if arguments.ood_ckpt is not None:
        given = arguments.ckpt is not None
        ood_net = _checkpoint.load_ood_net(network, arguments.ood_ckpt, given)
    network.set_train(False)
    activation = _activation(arguments.activation)
    scores = _network.predict(network, activation, inputs)
    names = _classes.class_names(arguments.class_names, module)
    _classes.check_names(names, len(scores), arguments.class_names is not None)
    target = _classes.choose(arguments.target, scores, names)
    rows = [
        ("class", f"{target} ({names[target]})" if names else str(target)),
        ("probability", f"{scores[target]:.4f} ({arguments.activation})"),
    ]
    return Subject(picture, inputs, network, activation, ood_net, target, rows)


def _set_mode(mode: str) -> None:
    import mindspore

    graph = mode == "graph"
    mindspore.set_context(mode=mindspore.GRAPH_MODE if graph else mindspore.PYNATIVE_MODE)


def _activation(name: str) -> nn.Cell:
    from mindspore import nn

    return {"softmax": nn.Softmax, "sigmoid": nn.Sigmoid, "identity": nn.Identity}[name]()
