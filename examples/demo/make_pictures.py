"""Write the demo pictures: two different digits each, in handwriting that training never saw."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from canvas import load_glyphs, make_picture
from PIL import Image

from fastxai.demo.samples import FOLDER

LABELS = ((3, 8), (4, 0), (7, 2), (6, 5))


def write_pictures(folder: Path, seed: int) -> None:
    """Write one PNG for each pair of LABELS, and `pictures.json` with labels and boxes.

    Args:
        folder: where to, made if missing.
        seed: of every random choice; the same seed gives the same pixels.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng, glyphs, entries = np.random.default_rng(seed), load_glyphs("test"), []
    for labels in LABELS:
        picture = make_picture(rng, glyphs, "pair", labels)
        name = "{}_and_{}.png".format(*labels)
        Image.fromarray(picture.image).save(folder / name)
        entries.append({"file": name, "labels": picture.labels, "boxes": picture.boxes})
    lines = ",\n".join("  " + json.dumps(entry) for entry in entries)
    (folder / "pictures.json").write_text(f"[\n{lines}\n]\n")


def main() -> None:
    """Read the command line and write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--seed", type=int, default=2)
    options = parser.parse_args()
    write_pictures(options.out, options.seed)


if __name__ == "__main__":
    main()
