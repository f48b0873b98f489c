"""Explain one picture of two digits for both of them, and put the maps side by side."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import nn
from model import CLASS_NAMES, demo_net
from PIL import Image

from fastxai.explainer import RISE
from fastxai.visual.cv import saliency_to_image
from fastxai.visual.cv.sheet import side_by_side

HERE = Path(__file__).resolve().parent
MEAN, STD = 0.5, 0.25  # as in canvas.normalize
SCALE = 3  # of the written picture


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--picture", default="3_and_8.png", help="a file of pictures/")
    parser.add_argument("--output", type=Path, default=Path("out/demo.png"), metavar="PNG")
    parser.add_argument("--num-masks", type=int, default=6000, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def energy_share(saliency: np.ndarray, box: list[int]) -> float:
    """Share of a map's energy above its mean, [H, W], that lies inside a box, in [0, 1]."""
    energy = np.maximum(saliency - saliency.mean(), 0.0)
    y0, x0, y1, x1 = box
    return float(energy[y0:y1, x0:x1].sum() / energy.sum())


def main() -> int:
    """Explain, print the figures, write the picture."""
    options = parse_options()
    entries = json.loads((HERE / "pictures" / "pictures.json").read_text(encoding="utf-8"))
    known = {entry["file"]: entry for entry in entries}
    if options.picture not in known:
        print(f"run_demo: --picture must be one of {', '.join(known)}", file=sys.stderr)
        return 2
    labels, boxes = known[options.picture]["labels"], known[options.picture]["boxes"]
    picture = Image.open(HERE / "pictures" / options.picture).convert("RGB")
    pixels = (np.asarray(picture, np.float32) / 255 - MEAN) / STD
    images = ms.Tensor(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]))

    ms.set_context(mode=ms.GRAPH_MODE)  # masks, network and sums in one compiled graph
    network = demo_net()
    scores = nn.Softmax()(network(images)).asnumpy()[0]
    rise = RISE(network, nn.Softmax(), 64, num_masks=options.num_masks, seed=options.seed)
    start = time.perf_counter()
    maps = rise(images, [labels]).asnumpy()[0]  # both digits from the same passes
    seconds = time.perf_counter() - start

    speed = (
        f"{options.num_masks} masks in {seconds:.1f} s, {options.num_masks / seconds:.0f} masks/s"
    )
    print(f"{options.picture}: {speed}, both classes from the same passes")
    panels = [(options.picture, picture)]
    for label, saliency, own, other in zip(labels, maps, boxes, boxes[::-1], strict=True):
        shares = energy_share(saliency, own), energy_share(saliency, other)
        print(
            f"  {CLASS_NAMES[label]:<6} p = {scores[label]:.3f}; energy of the map on this digit "
            f"{shares[0]:.0%}, on the other {shares[1]:.0%}"
        )
        title = f"RISE, class {CLASS_NAMES[label]} (p = {scores[label]:.2f})"
        panels.append((title, saliency_to_image(saliency, picture)))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    side_by_side(panels, SCALE).save(options.output)
    print(f"wrote {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
