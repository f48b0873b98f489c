"""``fastxai batch``: a folder, a list or a glob of pictures, into a directory of Parquet files."""

from __future__ import annotations

import argparse
import functools
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastxai.cli import explainers
from fastxai.cli.arguments import converters
from fastxai.cli.arguments.engine import add_engine, apply_engine
from fastxai.cli.arguments.options import add_input, add_network, add_running, frame_of
from fastxai.cli.messages import ATTENTION, FAILED, UNREADABLE_INPUT, WRONG_ARGUMENT, CliError
from fastxai.cli.report.html import add_report, check_report
from fastxai.cli.report_command import write_page

if TYPE_CHECKING:
    from fastxai.dataset import Preprocess, Summary

_EXAMPLES = """\
examples:
  fastxai batch pictures/ --model my_nets:resnet50 --ckpt resnet50.ckpt -o maps/
  fastxai batch test.csv --model my_nets:resnet50 --ckpt resnet50.ckpt -o maps/ \\
      --targets differ --workers 4
  srun fastxai batch test.csv --model my_nets:resnet50 --ckpt resnet50.ckpt -o maps/ \\
      --shard $SLURM_PROCID/$SLURM_NTASKS"""

_OF_WHOLE = ("--workers", "--report")  # not handed on to the workers


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Add ``batch`` to the sub-commands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "batch",
        help="explain a folder or a list of pictures",
        description="Explain many pictures into a directory of Parquet files. The same command "
        "goes on where it was interrupted, with the same maps.",
        epilog=_EXAMPLES,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    add = parser.add_argument
    add(
        "source",
        metavar="SOURCE",
        help="folder, quoted glob, or .csv or .parquet list with a column path, and where wished "
        "id, target and label",
    )
    add(
        "-o", "--output", required=True, metavar="FOLDER", help="directory to make or to go on with"
    )
    add_network(parser)
    add_input(parser)
    add(
        "--targets",
        default="top",
        metavar="WHICH",
        help="top, top:K, label, given (by the list), differ (predicted class and label where they "
        "differ), or classes with commas between them (default: top)",
    )
    add(
        "--explainer",
        type=explainers.explainer_name,
        default="rise",
        metavar="NAME",
        help=f"method: {', '.join(explainers.NAMES)} (default: rise)",
    )
    explainers.add_arguments(parser)
    add("--uncertainty", action="store_true", default=None, help="rise, riseplus: standard errors")
    add("--map-dtype", choices=("float16", "float32"), default="float16", help="of maps")
    add_report(parser)
    add("--strict", action="store_true", help="stop at the first picture that fails")
    _add_workers(parser)
    add_running(parser)
    add_engine(parser)
    return parser


def _add_workers(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--workers",
        type=converters.at_least_one,
        metavar="N",
        help="processes on this machine; with --ray: actors",
    )
    add("--shard", type=_shard, metavar="I/N", help="explain the I-th of N shares, from 0 on")
    add(
        "--ray",
        nargs="?",
        const="local",
        metavar="ADDRESS",
        help="use the cluster of Ray at this address, auto for the one of this machine; without "
        "ADDRESS Ray is started here",
    )
    add(
        "--resources",
        type=_resources,
        default={},
        metavar="NAME=N[,...]",
        help="with --ray: what each actor takes, by Ray's names, fractions too, such as GPU=0.5 or "
        "NPU=1",
    )
    add(
        "--share-images",
        action="store_true",
        help="with --ray: all actors work on one image together, for few large ones",
    )


@converters.converter
def _shard(text: str) -> tuple[int, int]:
    """Read a share such as 0/4."""
    first, _, second = text.partition("/")
    if not (first.isdigit() and second.isdigit() and int(first) < int(second)):
        raise ValueError(f"must be I/N with 0 <= I < N, got {text!r}")
    return int(first), int(second)


@converters.converter
def _resources(text: str) -> dict[str, float]:
    """Read what an actor takes, such as NPU=1."""
    found = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        if not name or float(number) <= 0:
            raise ValueError(f"must be NAME=N with N above 0, got {part!r}")
        found[name] = float(number)
    return found


def run(arguments: argparse.Namespace) -> int:
    """Explain the pictures, print how many were."""
    from fastxai.dataset import ImageError, OtherRunError

    explainers.check_options(arguments, "--explainer", (arguments.explainer,))
    _check_workers(arguments)
    check_report(arguments)
    arguments.state = None
    alone = arguments.ray is None
    if alone and arguments.workers is not None and arguments.workers > 1:
        _run_workers(arguments)
    preprocess = preprocess_of(arguments)
    settings = {
        "targets": _targets(arguments.targets),
        "preprocess": preprocess,
        "activation_fn": None
        if arguments.activation in ("none", "identity")
        else arguments.activation,
        "dtype": arguments.map_dtype,
        "uncertainty": bool(arguments.uncertainty),
        "strict": arguments.strict,
        "curves": arguments.curves,
        "progress": not arguments.quiet,
    }
    try:
        done = _explain(arguments, settings) if alone else _explain_on_ray(arguments, settings)
    except ImageError as error:
        raise CliError(FAILED, f"--strict: {error}") from error
    except ImportError as error:
        raise CliError(WRONG_ARGUMENT, str(error)) from error
    except OtherRunError as error:
        words = str(error).removeprefix("dataset: ")
        raise CliError(WRONG_ARGUMENT, f"--output: {words}") from error
    except ValueError as error:
        words = str(error).removeprefix("dataset: ")
        if words.startswith("`targets` "):
            words = words.removeprefix("`targets` ").rstrip(".")
            raise CliError(WRONG_ARGUMENT, f"--targets: {words}") from error
        raise CliError(UNREADABLE_INPUT, f"SOURCE: {words}") from error
    except OSError as error:
        place = error.filename or arguments.output
        raise CliError(
            WRONG_ARGUMENT,
            f"--output: cannot write {place}: {error.strerror}; what is written "
            "stays valid, and the same command goes on",
        ) from error
    if not arguments.quiet:
        _print(done)
    if arguments.report is not None:
        write_page("--report", arguments.report, arguments.output, quiet=arguments.quiet)
    return ATTENTION if done.failed else 0


def _print(done: Summary) -> None:
    """Print what was done, and which pictures failed."""
    print(done)
    for line in done.faults:
        print(f"  {line}")
    if done.faults and done.failed > len(done.faults):
        print(f"  and {done.failed - len(done.faults)} more: column `error` of the rows")


def _check_workers(arguments: argparse.Namespace) -> None:
    for name in ("workers", "ray"):
        if arguments.shard is not None and getattr(arguments, name) is not None:
            raise CliError(WRONG_ARGUMENT, f"--shard: not with --{name}")
    if arguments.shard is not None and arguments.report is not None:
        raise CliError(WRONG_ARGUMENT, "--report: not with --shard; run fastxai report at the end")
    if arguments.ray is None and (arguments.resources or arguments.share_images):
        raise CliError(WRONG_ARGUMENT, "--resources and --share-images: only with --ray")


def _explain(arguments: argparse.Namespace, settings: dict[str, Any]) -> Summary:
    from fastxai.dataset import explain

    apply_engine(arguments)
    made, names = make(arguments)
    shard = arguments.shard or (0, 1)
    source, folder = arguments.source, arguments.output
    return explain(made, source, folder, class_names=names, shard=shard, **settings)


def _explain_on_ray(arguments: argparse.Namespace, settings: dict[str, Any]) -> Summary:
    from fastxai.cli.subject.module import module_of
    from fastxai.cli.subject.subject import names_and_score
    from fastxai.dataset import explain_on_ray

    names, _ = names_and_score(arguments, module_of(arguments.model))
    plain = {
        name: value for name, value in vars(arguments).items() if name not in ("run", "parser")
    }
    resources = dict(arguments.resources)
    return explain_on_ray(
        functools.partial(_make_on_worker, plain, os.getcwd()),
        os.path.abspath(arguments.source),
        arguments.output,
        address=None if arguments.ray == "local" else arguments.ray,
        workers=arguments.workers or 1,
        cpus=resources.pop("CPU", 1.0),
        gpus=resources.pop("GPU", 0.0),
        resources=resources,
        share_images=arguments.share_images,
        class_names=names,
        **settings,
    )


def _make_on_worker(plain: dict[str, Any], folder: str) -> Any:
    """The explainer, in an actor; paths start at the folder of the command."""
    os.chdir(folder)
    arguments = argparse.Namespace(**plain)
    apply_engine(arguments)
    return make(arguments)[0]


def make(arguments: argparse.Namespace) -> tuple[Any, Sequence[str] | None]:
    """The explainer that the arguments ask for, and the names of the classes."""
    from fastxai.cli.subject.subject import load_model

    model = load_model(arguments)
    return explainers.make(arguments.explainer, arguments, model), model.names


def preprocess_of(arguments: argparse.Namespace) -> Preprocess:
    """Preprocessing that the arguments describe."""
    from fastxai.dataset import Preprocess

    return Preprocess(
        frame_of(arguments),
        tuple(arguments.mean),
        tuple(arguments.std),
        arguments.grayscale,
        arguments.bgr,
        arguments.max_pixels,
    )


def _targets(text: str) -> Any:
    words = ("top", "label", "given", "differ")
    if text in words or text.startswith("top:"):
        return text
    parts = [part.strip() for part in text.split(",")]
    return [int(part) if part.isdigit() else part for part in parts]


def _run_workers(arguments: argparse.Namespace) -> None:
    """Run a process for each share; this one then only counts what they made.

    A worker that dies leaves its blocks to this process.
    """
    number = arguments.workers
    workers = [
        subprocess.Popen(_command(arguments.argv, index, number), stdout=subprocess.DEVNULL)
        for index in range(number)
    ]
    try:
        codes = [worker.wait() for worker in workers]
    except BaseException:
        for worker in workers:
            worker.send_signal(signal.SIGINT)
        for worker in workers:
            worker.wait()
        raise
    if wrong := [code for code in codes if code not in (0, ATTENTION) and code > 0]:
        raise CliError(wrong[0], "a worker stopped, as it says above; the same command goes on")


def _command(argv: Sequence[str], index: int, number: int) -> list[str]:
    """This command for one share."""
    kept, skip = [], False
    for word in argv:
        if skip:
            skip = False
        elif word in _OF_WHOLE:
            skip = True
        elif not word.startswith(tuple(f"{option}=" for option in _OF_WHOLE)):
            kept.append(word)
    threads = max((os.cpu_count() or 1) // number, 1)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    return [sys.executable, "-m", "fastxai", *kept, "--shard", f"{index}/{number}"]
