"""Train the demo's network from scratch; writes the checkpoint into fastxai/demo, the log here.

Run `python examples/demo/train.py` (about ten minutes on two CPU cores).
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

# MindSpore 2.9 and 2.10 convolve about 100 times slower on AVX-512 machines without this.
os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")

import mindspore
import numpy as np
import sklearn
from augment import smooth_mask, soft_target
from canvas import Picture, load_glyphs, make_picture
from mindspore import Tensor, nn, ops

from fastxai.demo import CHECKPOINT, DemoNet, normalize

Job = tuple[tuple[int, ...], float]  # seed of a batch; share of the training that is done
Batch = tuple[np.ndarray, np.ndarray]  # inputs float32 [N, 3, H, W], targets float32 [N, 10]
Prepare = Callable[[Picture, np.ndarray | None, np.random.Generator], np.ndarray]

HERE = Path(__file__).parent
KIND_SHARES = {"single": 0.5, "pair": 0.4, "blank": 0.1}  # of the training pictures
MASKED_SHARE = 0.6
BATCH = 64
CHECK_SIZE = 2000  # test pictures of each kind
CHECK_SEED = 777


class LossNet(nn.Cell):
    """Mean cross entropy of the softmax of `net` to a distribution over the classes."""

    def __init__(self, net: nn.Cell) -> None:
        super().__init__(auto_prefix=False)  # the checkpoint holds the network's own names
        self.net = net

    def construct(self, x: Tensor, target: Tensor) -> Tensor:
        return -(ops.log_softmax(self.net(x), -1) * target).sum(-1).mean()


class Log:
    """Prints lines and keeps them in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.write_text("")

    def line(self, text: str) -> None:
        print(text, flush=True)
        with self._path.open("a") as file:
            file.write(text + "\n")


def masked_share(progress: float) -> float:
    """Share of masked pictures: none at first (digits are learnt faster whole), then MASKED_SHARE.

    Args:
        progress: share of the training that is done, in [0, 1].
    """
    return MASKED_SHARE * float(np.clip((progress - 0.15) / 0.15, 0, 1))


def prepare(picture: Picture, mask: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Turn a picture into the network's input.

    Args:
        picture: any kind of picture.
        mask: float32 [96, 96] in [0, 1] to multiply the input with, or None.
        rng: not used; others choose a part of the picture.

    Returns:
        float32 [3, 96, 96].
    """
    x = normalize(picture.image)
    return x if mask is None else x * mask


def make_batch(
    job: Job, prepare: Prepare = prepare, shares: dict[str, float] = KIND_SHARES
) -> Batch:
    """Make a batch of 64 new pictures.

    Args:
        job: says how many to mask, and seeds every choice.
        prepare: makes inputs of pictures.
        shares: of the kinds of pictures.
    """
    seed, progress = job
    rng, glyphs, inputs, targets = np.random.default_rng(seed), load_glyphs("train"), [], []
    for kind in rng.choice(list(shares), size=BATCH, p=list(shares.values())):
        picture = make_picture(rng, glyphs, str(kind))
        mask = smooth_mask(rng) if rng.random() < masked_share(progress) else None
        inputs.append(prepare(picture, mask, rng))
        targets.append(soft_target(picture, mask))
    return np.stack(inputs), np.stack(targets)


def measure_accuracy(net: nn.Cell, kind: str, count: int, prepare: Prepare) -> float:
    """Accuracy on unmasked pictures of glyphs that training never saw, always the same ones.

    Args:
        net: the classifier; left in training mode.
        kind: "single": the highest logit is the dominant digit. "pair": the two highest logits are
            the two digits.
        count: number of pictures.
        prepare: makes inputs of pictures.

    Returns:
        Share of the pictures that are right, in [0, 1].
    """
    net.set_train(False)
    rng, glyphs, right = np.random.default_rng(CHECK_SEED), load_glyphs("test"), 0
    for start in range(0, count, 100):
        pictures = [make_picture(rng, glyphs, kind) for _ in range(min(100, count - start))]
        inputs = np.stack([prepare(picture, None, rng) for picture in pictures])
        logits = net(Tensor(inputs)).asnumpy()
        order = np.argsort(-logits, axis=1)
        right += sum(
            set(row[: len(p.labels)]) == set(p.labels)
            for row, p in zip(order, pictures, strict=True)
        )
    net.set_train(True)
    return right / count


def make_step(net: nn.Cell, total: int, peak: float) -> nn.Cell:
    """Build the training step: Adam, learning rate warmed up over 50 steps, then a cosine to 0."""
    step = np.arange(total)
    rates = peak * np.minimum(1, (step + 1) / 50) * 0.5 * (1 + np.cos(np.pi * step / total))
    optimizer = nn.Adam(net.trainable_params(), learning_rate=rates.astype(np.float32).tolist())
    return nn.TrainOneStepCell(LossNet(net), optimizer).set_train(True)


def train(
    net: nn.Cell,
    options: argparse.Namespace,
    log: Log,
    make: Callable[[Job], Batch],
    prepare: Prepare,
) -> None:
    """Train `net` in place; a second process makes the batches. One log line an epoch."""
    total = options.epochs * options.steps
    step, start = make_step(net, total, options.rate), time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        for epoch in range(1, options.epochs + 1):
            done = (epoch - 1) * options.steps
            jobs = [((options.seed, i), i / total) for i in range(done, done + options.steps)]
            losses = [float(step(Tensor(x), Tensor(t)).asnumpy()) for x, t in pool.imap(make, jobs)]
            single = measure_accuracy(net, "single", options.check, prepare)
            pair = measure_accuracy(net, "pair", options.check, prepare)
            log.line(
                f"epoch {epoch:2d}  loss {np.mean(losses):.4f}  test single top-1 {single:.4f}  "
                f"test pair top-2 {pair:.4f}  {time.perf_counter() - start:6.1f} s"
            )


def parse_options(doc: str, out: Path, log: Path) -> argparse.Namespace:
    """Read the command line.

    Args:
        doc: what the program does.
        out: where the checkpoint goes by default.
        log: where the log goes by default.
    """
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--steps", type=int, default=100, help="batches of 64 an epoch")
    parser.add_argument("--rate", type=float, default=3e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--check", type=int, default=200, help="test pictures of a kind an epoch")
    parser.add_argument("--out", type=Path, default=out)
    parser.add_argument("--log", type=Path, default=log)
    return parser.parse_args()


def train_and_save(
    make_net: Callable[[], nn.Cell],
    options: argparse.Namespace,
    make: Callable[[Job], Batch],
    prepare: Prepare,
) -> None:
    """Train, measure, save.

    Args:
        make_net: makes the network, once the seed is set.
        options: of `parse_options`.
        make: makes the batches, in a process of its own.
        prepare: makes the inputs that are measured.
    """
    start = time.perf_counter()
    mindspore.set_seed(options.seed)
    mindspore.set_context(mode=mindspore.GRAPH_MODE)
    log, net = Log(options.log), make_net()
    log.line(
        f"python {platform.python_version()}, mindspore {mindspore.__version__}, "
        f"numpy {np.__version__}, scikit-learn {sklearn.__version__}, {os.cpu_count()} cores, "
        f"ONEDNN_MAX_CPU_ISA={os.environ['ONEDNN_MAX_CPU_ISA']}"
    )
    log.line(
        f"glyphs: {len(load_glyphs('train').labels)} train, {len(load_glyphs('test').labels)} "
        f"test; parameters: {sum(p.size for p in net.trainable_params())}; seed {options.seed}; "
        f"{options.epochs} epochs of {options.steps} batches of {BATCH} new pictures"
    )
    train(net, options, log, make, prepare)
    mindspore.save_checkpoint(net, str(options.out))
    for kind, what in (("single", "top-1"), ("pair", "top-2, both digits")):
        right = measure_accuracy(net, kind, CHECK_SIZE, prepare)
        log.line(f"final: {kind} {what}: {right:.4f} of {CHECK_SIZE} test pictures")
    log.line(f"{time.perf_counter() - start:.0f} s in all")
    log.line(f"checkpoint: {options.out.name}, {options.out.stat().st_size} bytes")


def main() -> None:
    """Train the demo's network."""
    doc = __doc__.splitlines()[0]
    options = parse_options(doc, CHECKPOINT, HERE / "train.log")
    train_and_save(DemoNet, options, make_batch, prepare)


if __name__ == "__main__":
    main()
