"""Options that sub-commands share."""

from __future__ import annotations

import argparse

from fastxai.cli.arguments import converters
from fastxai.cli.messages import WRONG_ARGUMENT, CliError
from fastxai.cli.subject.classes import TOP
from fastxai.cli.subject.picture import MAX_PIXELS, Frame

ACTIVATIONS = ("softmax", "sigmoid", "none", "identity")
_SIZE = (224, 224)


def add_network(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which network, and what its classes are called."""
    add = parser.add_argument
    add(
        "--model",
        required=True,
        type=converters.import_path,
        metavar="MODULE:NAME",
        help="function without arguments that returns the network, or the network itself; "
        "the current folder is searched first. FILE.py:NAME takes it from a file. For rise and "
        "occlusion also a network of PyTorch, a function of a batch (M, C, H, W), or an ONNX or "
        "OpenVINO file: net.onnx, net.xml",
    )
    add("--ckpt", metavar="FILE", help="checkpoint to load (default: as the function left it)")
    add(
        "--network-output",
        action="append",
        type=converters.output_step,
        metavar="INDEX|KEY",
        help="where the scores are in what the network returns, if that is a tuple, list or dict; "
        "again for one inside another",
    )
    add(
        "--activation",
        choices=ACTIVATIONS,
        default="softmax",
        help="from the network's output to probabilities (default: softmax); none: the network "
        "returns probabilities; identity: scores of another kind",
    )
    add(
        "--class-names",
        metavar="FILE",
        help="names of the classes, one a line (default: CLASS_NAMES of the model's module)",
    )


def add_input(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how a picture becomes the network's input."""
    add = parser.add_argument
    add(
        "--size",
        type=converters.size,
        metavar="S|HxW",
        help="resize the picture to this, in pixels (default: 224)",
    )
    add(
        "--resize",
        type=converters.sides,
        metavar="S|HxW",
        help="in place of --size: resize the shorter side to S, in pixels, the longer one in "
        "proportion, or to HxW",
    )
    add(
        "--crop",
        type=converters.size,
        metavar="S|HxW",
        help="cut this out of the middle after --resize",
    )
    add("--bgr", action="store_true", help="feed the channels in the order blue, green, red")
    add(
        "--max-pixels",
        type=converters.at_least_one,
        default=MAX_PIXELS,
        metavar="N",
        help=f"refuse pictures of more pixels before they are read (default: {MAX_PIXELS})",
    )
    add("--grayscale", action="store_true", help="feed the network one channel")
    add(
        "--mean",
        type=converters.numbers,
        default=(0.0,),
        metavar="M[,M,M]",
        help="subtracted from channels in [0, 1], in the order they are fed in (default: 0); write "
        "--mean=-1 if negative",
    )
    add(
        "--std",
        type=converters.positive_numbers,
        default=(1.0,),
        metavar="S[,S,S]",
        help="divides the channels after that (default: 1)",
    )


def frame_of(arguments: argparse.Namespace) -> Frame:
    """Return what --size, --resize and --crop ask for."""
    if arguments.bgr and arguments.grayscale:
        raise CliError(WRONG_ARGUMENT, "--bgr: not with --grayscale, which feeds one channel")
    if arguments.resize is None:
        if arguments.crop is not None:
            raise CliError(WRONG_ARGUMENT, "--crop: needs --resize, the size before the cut")
        return Frame(arguments.size or _SIZE)
    if arguments.size is not None:
        raise CliError(WRONG_ARGUMENT, "--size: not with --resize, which takes its place")
    return Frame(arguments.resize, arguments.crop)


def add_class(parser: argparse.ArgumentParser) -> None:
    """Add the option that says which classes are explained."""
    parser.add_argument(
        "--target",
        action="append",
        metavar="N|NAME|top",
        help=f"class to explain: index, name, or the top predicted one (default: {TOP}); give it "
        "again for each further class",
    )


def add_running(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how the network is run and what is printed."""
    add = parser.add_argument
    add(
        "--mode",
        choices=("pynative", "graph"),
        default="pynative",
        help="how MindSpore runs the network (default: pynative)",
    )
    add("--quiet", action="store_true", help="print errors only")
