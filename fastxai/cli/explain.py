"""``fastxai explain``: from a picture file and a network to a saliency map."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastxai.cli import _classes, _engine, _network, _options, _picture
from fastxai.cli._errors import FAILED, WRONG_ARGUMENT, CliError, first_line
from fastxai.cli._progress import Progress

if TYPE_CHECKING:
    from mindspore import nn
    from PIL import Image

_NUM_MASKS = 6000
_SEED = 0
_NOUNS = {"rise": "masks", "occlusion": "windows"}


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Add ``explain`` to the sub-commands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "explain",
        help="show where a network sees a class in a picture",
        description="Explain one class of one picture: write the saliency map over the picture.",
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    parser.add_argument("image", metavar="IMAGE", help="picture file that Pillow reads")
    _options.add_network(parser)
    _options.add_input(parser)
    _options.add_scoring(parser)
    _engine.add_arguments(parser)
    _add_explainer(parser)
    _add_output(parser)
    return parser


def _add_explainer(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--explainer", choices=tuple(_NOUNS), default="rise", help="method (default: rise)")
    add(
        "--target",
        default=_classes.TOP,
        metavar="N|NAME|top",
        help="class to explain: index, name, or the top predicted one (default: top)",
    )
    add(
        "--num-masks",
        type=_options.at_least_one,
        metavar="N",
        help=f"rise: number of masks (default: {_NUM_MASKS})",
    )
    add(
        "--seed",
        type=_options.seed,
        metavar="N",
        help=f"rise: seed of the masks (default: {_SEED})",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("-o", "--output", required=True, metavar="FILE", help="picture to write: map over IMAGE")
    add("--npy", metavar="FILE", help="write the map too, as a float32 array (H, W)")
    add("--quiet", action="store_true", help="print errors only")


def run(arguments: argparse.Namespace) -> int:
    """Explain the picture, write the files, print what was done."""
    _check(arguments)
    _engine.apply(arguments)
    picture = _picture.load_picture(arguments.image, arguments.size, arguments.grayscale)
    inputs = _picture.to_input(picture, arguments.mean, arguments.std)
    _set_mode(arguments.mode)
    network, module = _network.load_network(arguments.model)
    if arguments.ckpt is not None:
        _network.load_checkpoint(network, arguments.ckpt)
    network.set_train(False)
    activation = _activation(arguments.activation)
    scores = _network.predict(network, activation, inputs)
    names = _classes.class_names(arguments.class_names, module)
    _classes.check_names(names, len(scores), arguments.class_names is not None)
    target = _classes.choose(arguments.target, scores, names)
    saliency, speed = _explain(arguments, network, activation, inputs, target)
    written = _write(arguments, saliency, picture)
    if not arguments.quiet:
        name = f" ({names[target]})" if names else ""
        print(f"class        {target}{name}")
        print(f"probability  {scores[target]:.4f} ({arguments.activation})")
        print(f"{arguments.explainer:<12} {speed}")
        for name, text in _engine.rows():
            print(f"{name:<12} {text}")
        for path in written:
            print(f"written      {path}")
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Refuse what can be refused before anything is loaded."""
    from PIL import Image

    for option in ("num_masks", "seed"):
        if arguments.explainer != "rise" and getattr(arguments, option) is not None:
            raise CliError(
                WRONG_ARGUMENT,
                f"--{option.replace('_', '-')}: only for --explainer rise, "
                f"got {arguments.explainer}",
            )
    Image.init()
    suffix = Path(arguments.output).suffix.lower()
    if Image.registered_extensions().get(suffix) not in Image.SAVE:
        raise CliError(
            WRONG_ARGUMENT,
            f"--output: must end in .png or another suffix that Pillow writes, "
            f"got {arguments.output}",
        )
    for option, path in (("--output", arguments.output), ("--npy", arguments.npy)):
        if path is None:
            continue
        folder = Path(path).absolute().parent
        if not folder.is_dir():
            raise CliError(WRONG_ARGUMENT, f"{option}: there is no folder {folder}")
        if os.path.isdir(path) or not os.access(path if os.path.exists(path) else folder, os.W_OK):
            raise CliError(WRONG_ARGUMENT, f"{option}: cannot write {path}")


def _set_mode(mode: str) -> None:
    import mindspore

    graph = mode == "graph"
    mindspore.set_context(mode=mindspore.GRAPH_MODE if graph else mindspore.PYNATIVE_MODE)


def _activation(name: str) -> nn.Cell:
    from mindspore import nn

    return {"softmax": nn.Softmax, "sigmoid": nn.Sigmoid, "identity": nn.Identity}[name]()


def _explain(
    arguments: argparse.Namespace,
    network: nn.Cell,
    activation: nn.Cell,
    inputs: np.ndarray,  # [1, C, H, W]
    target: int,
) -> tuple[np.ndarray, str]:
    """Return the saliency map [H, W] and how fast it was made."""
    import mindspore

    from fastxai.explainer import RISE, Occlusion

    progress = Progress(_NOUNS[arguments.explainer], arguments.quiet)
    try:
        explainer: RISE | Occlusion
        if arguments.explainer == "rise":
            masks = _NUM_MASKS if arguments.num_masks is None else arguments.num_masks
            seed = _SEED if arguments.seed is None else arguments.seed
            explainer = RISE(network, activation, arguments.batch_size, num_masks=masks, seed=seed)
        else:
            explainer = Occlusion(network, activation, arguments.batch_size)
        saliency = explainer(mindspore.Tensor(inputs), target, show=False, progress=progress)
        array = np.asarray(saliency.asnumpy()[0, 0], np.float32)
    except Exception as error:
        raise CliError(FAILED, f"the explanation failed: {first_line(error)}") from error
    finally:
        progress.close()
    return array, progress.summary


def _write(arguments: argparse.Namespace, saliency: np.ndarray, picture: Image.Image) -> list[str]:
    from fastxai.visual.cv import saliency_to_image

    try:
        saliency_to_image(saliency, picture).save(arguments.output)
        if arguments.npy is None:
            return [arguments.output]
        with open(arguments.npy, "wb") as file:  # np.save would add a suffix to a bare name
            np.save(file, saliency)
    except OSError as error:
        raise CliError(WRONG_ARGUMENT, f"cannot write: {first_line(error)}") from error
    return [arguments.output, arguments.npy]
