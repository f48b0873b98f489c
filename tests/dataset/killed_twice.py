"""A command that is killed twice, and its rows beside those of one that was not.

python -m tests.dataset.killed_twice 2000
"""

import itertools
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from fastxai.dataset import open as open_folder

ROOT = Path(__file__).parents[2]


def content(rows):
    """Rows with maps as bytes; without the seconds that they took."""
    for row in rows:
        kept = {name: value for name, value in row.items() if name != "seconds"}
        for name in ("map", "standard_error"):
            kept[name] = None if kept[name] is None else kept[name].tobytes()
        kept["probability"] = repr(kept["probability"])  # NaN equals nothing
        yield kept


def make_pictures(folder, number):
    """Pictures of noise, each with its own seed."""
    folder.mkdir()
    for index in range(number):
        pixels = np.random.default_rng(index).integers(0, 256, (14, 16, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{index:05d}.png")


def command(pictures, folder, *options):
    """Explains the pictures by the small network."""
    words = [sys.executable, "-m", "fastxai", "batch", pictures, "-o", folder, "--size", "12"]
    model = f"{ROOT / 'tests/dataset/models.py'}:network"
    return [*map(str, words), "--model", model, "--num-masks", "192", "--quiet", *options]


def kill_at(words, folder, blocks):
    """Runs a command until so many blocks are done, then kills it; gives those that are."""
    with subprocess.Popen(words, cwd=ROOT) as process:
        while _parts(folder) < blocks:
            if process.poll() is not None:
                raise RuntimeError(f"the command ended by itself, with {process.returncode}")
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    return _parts(folder)


def _parts(folder):
    return len(list(folder.glob("part-*.parquet")))


def compare(folder, number, *options):
    """Rows that are not equal; prints where the kills came."""
    make_pictures(folder / "pictures", number)
    whole = command(folder / "pictures", folder / "whole", *options)
    subprocess.run(whole, cwd=ROOT, check=True)
    cut = command(folder / "pictures", folder / "cut", *options)
    for share in (3, 6):
        blocks = len(list(folder.glob("whole/part-*")))
        found = kill_at(cut, folder / "cut", share * blocks // 10)
        print(f"killed with {found} of {blocks} blocks", flush=True)
    subprocess.run(cut, cwd=ROOT, check=True)
    rows = [content(open_folder(folder / name)) for name in ("whole", "cut")]
    return sum(a != b for a, b in itertools.zip_longest(*rows)), len(open_folder(folder / "cut"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        begun = time.monotonic()
        others, rows = compare(Path(place), int(sys.argv[1]), *sys.argv[2:])
        print(f"{rows} rows, {others} differ; {time.monotonic() - begun:.0f} s")
        sys.exit(others > 0 or rows != int(sys.argv[1]))
