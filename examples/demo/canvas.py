"""Pictures for the demo: real 8x8 handwriting pasted on procedural 96x96 canvases.

The handwriting is scikit-learn's bundled copy of the UCI "Optical Recognition of Handwritten
Digits" test set (1797 glyphs). Everything else is drawn from the `numpy.random.Generator` that
the caller passes, so one generator state gives one picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw

from fastxai.demo import SIZE  # side of a canvas, pixels

CLASSES = 10
DIGIT_SIDE = (28, 46)  # least and largest side of the frame of a digit that counts, pixels
GAP = 4  # least distance of two digits, pixels
TEST_SHARE = 0.3
SPLIT_SEED = 20240
KINDS = ("single", "pair", "blank")

Box = tuple[int, int, int, int]  # y0, x0, y1, x1; y1 and x1 are exclusive


@dataclass(frozen=True)
class Glyphs:
    """Handwritten digits: `images` uint8 [n, 8, 8] in [0, 255], `labels` int64 [n] in [0, 10)."""

    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Picture:
    """One canvas: `image` uint8 [96, 96, 3], with a label and a tight box for each digit."""

    image: np.ndarray
    labels: tuple[int, ...]
    boxes: tuple[Box, ...]


@cache
def load_glyphs(split: str) -> Glyphs:
    """Load the handwriting of one split; the two splits share no glyph.

    Args:
        split: "train" (70 % of the glyphs of every class) or "test" (the other 30 %).

    Returns:
        Glyphs, in a fixed order.

    Raises:
        ImportError: scikit-learn is not installed.
        ValueError: `split` is neither "train" nor "test".
    """
    if split not in ("train", "test"):
        raise ValueError(f"load_glyphs: `split` must be 'train' or 'test', got {split!r}.")
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            "The handwritten digits come with scikit-learn, which is not installed: "
            "pip install scikit-learn (or, in a clone of fastxai, pip install '.[demo]')."
        ) from error
    bunch = load_digits()
    images = np.round(bunch.images * (255.0 / 16.0)).astype(np.uint8)
    labels = bunch.target.astype(np.int64)
    rng = np.random.default_rng(SPLIT_SEED)
    chosen = []
    for label in range(CLASSES):
        members = rng.permutation(np.flatnonzero(labels == label))
        cut = round(len(members) * TEST_SHARE)
        chosen.append(members[:cut] if split == "test" else members[cut:])
    index = np.sort(np.concatenate(chosen))
    return Glyphs(images[index], labels[index])


def make_picture(
    rng: np.random.Generator,
    glyphs: Glyphs,
    kind: str,
    labels: tuple[int, ...] | None = None,
) -> Picture:
    """Draw one picture.

    Args:
        rng: source of every random choice.
        glyphs: handwriting to take digits, distractors and fragments from.
        kind: "single" (one dominant digit), "pair" (two different digits of equal standing that do
            not overlap) or "blank" (none). All three have small faint distractors and strokes.
        labels: classes of the digits, each in [0, 10): one, two different ones or none, after
            `kind`; drawn uniformly when None.

    Returns:
        Picture with as many labels and boxes as `kind` has digits.

    Raises:
        ValueError: If `kind` is unknown, or `labels` does not fit `kind`.
    """
    if kind not in KINDS:
        raise ValueError(f"make_picture: `kind` must be one of {KINDS}, got {kind!r}.")
    count = {"single": 1, "pair": 2, "blank": 0}[kind]
    if labels is None:
        labels = tuple(int(c) for c in rng.permutation(CLASSES)[:count])
    if len(labels) != count or len(set(labels)) != count:
        raise ValueError(f"make_picture: {kind!r} needs {count} different `labels`, got {labels}.")
    canvas = _background(rng)
    slots = _place_digits(rng, count)
    _scatter_distractors(rng, canvas, glyphs, slots)
    boxes = []
    for label, slot in zip(labels, slots, strict=True):
        glyph = glyphs.images[rng.choice(np.flatnonzero(glyphs.labels == label))]
        boxes.append(_paste(rng, canvas, glyph, slot, opacity=rng.uniform(0.75, 1.0)))
    noisy = canvas + rng.normal(0.0, rng.uniform(1.0, 6.0), canvas.shape)
    return Picture(np.clip(np.round(noisy), 0, 255).astype(np.uint8), tuple(labels), tuple(boxes))


def _background(rng: np.random.Generator) -> np.ndarray:
    """A textured canvas without digits, float32 [96, 96, 3] in [0, 255]."""
    base = rng.uniform(50, 205)
    canvas = np.full((SIZE, SIZE, 3), base, np.float32) + rng.uniform(-35, 35, 3)
    for cells in rng.choice([2, 3, 4, 6, 9, 14, 24], size=2, replace=False):
        canvas += _smooth_noise(rng, int(cells), rng.uniform(5, 18))
    angle = rng.uniform(0, 2 * np.pi)
    ramp = np.linspace(-1, 1, SIZE)
    slope = np.cos(angle) * ramp[:, None] + np.sin(angle) * ramp[None, :]
    canvas += rng.uniform(0, 30) * slope[:, :, None] * rng.uniform(0.4, 1.0, 3)
    picture = Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))
    _draw_strokes(rng, picture)
    return np.asarray(picture).astype(np.float32)


def _smooth_noise(rng: np.random.Generator, cells: int, strength: float) -> np.ndarray:
    """Noise float32 [96, 96, 3] on a `cells` x `cells` grid, bicubic between its points."""
    grey = rng.normal(0.0, 1.0, (cells, cells, 1))
    grid = (strength * (0.8 * grey + 0.5 * rng.normal(0.0, 1.0, (cells, cells, 3)))).astype("f4")
    planes = [
        Image.fromarray(np.ascontiguousarray(grid[:, :, c])).resize(
            (SIZE, SIZE), Image.Resampling.BICUBIC
        )
        for c in range(3)
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1)


def _draw_strokes(rng: np.random.Generator, picture: Image.Image) -> None:
    """Draw up to five thin low-contrast lines and arcs into `picture`."""
    pen = ImageDraw.Draw(picture)
    for _ in range(rng.integers(0, 6)):
        y0, x0, y1, x1 = (int(v) for v in rng.integers(0, SIZE, 4))
        under = picture.getpixel((x0, y0))
        shift = rng.choice([-1, 1]) * rng.uniform(15, 45)
        colour = tuple(int(np.clip(v + shift, 0, 255)) for v in under)
        width = int(rng.integers(1, 4))
        if rng.random() < 0.5:
            pen.line((x0, y0, x1, y1), fill=colour, width=width)
        else:
            radius = int(rng.integers(5, 30))
            start = float(rng.uniform(0, 360))
            bounds = (x0 - radius, y0 - radius, x0 + radius, y0 + radius)
            pen.arc(bounds, start, start + float(rng.uniform(40, 160)), fill=colour, width=width)


def _place_digits(rng: np.random.Generator, count: int) -> list[Box]:
    """Choose `count` slots inside the canvas that keep GAP pixels from each other."""
    while True:
        slots: list[Box] = []
        for _ in range(count):
            side = rng.uniform(*DIGIT_SIDE)
            height, width = (
                int(np.clip(round(side * rng.uniform(0.88, 1.12)), *DIGIT_SIDE)) for _ in range(2)
            )
            slots.append(_random_slot(rng, height, width))
        if count < 2 or not _near(slots[0], slots[1], GAP):
            return slots


def _random_slot(rng: np.random.Generator, height: int, width: int) -> Box:
    """A slot of the given size, uniformly placed inside the canvas."""
    y0 = int(rng.integers(0, SIZE - height + 1))
    x0 = int(rng.integers(0, SIZE - width + 1))
    return y0, x0, y0 + height, x0 + width


def _near(a: Box, b: Box, gap: int) -> bool:
    """True if the two boxes overlap or are less than `gap` pixels apart on both axes."""
    return a[0] < b[2] + gap and b[0] < a[2] + gap and a[1] < b[3] + gap and b[1] < a[3] + gap


def _scatter_distractors(
    rng: np.random.Generator, canvas: np.ndarray, glyphs: Glyphs, taken: list[Box]
) -> None:
    """Paste up to five small faint digits and fragments of digits clear of the slots `taken`."""
    for _ in range(rng.integers(1, 6)):
        glyph = glyphs.images[rng.integers(len(glyphs.images))]
        if rng.random() < 0.5:
            top, left = (int(v) for v in rng.integers(0, 5, 2))
            glyph = glyph[top : top + 4, left : left + 4]
        height, width = (int(v) for v in rng.integers(9, 16, 2))
        slot = _random_slot(rng, height, width)
        if not any(_near(slot, other, 1) for other in taken):
            _paste(rng, canvas, glyph, slot, opacity=rng.uniform(0.2, 0.5))


def _paste(
    rng: np.random.Generator, canvas: np.ndarray, glyph: np.ndarray, slot: Box, opacity: float
) -> Box:
    """Blend a glyph into `canvas` in place, light on dark or dark on light.

    Args:
        rng: source of the ink's colour and tilt.
        canvas: float32 [96, 96, 3] in [0, 255], changed in place.
        glyph: uint8 [h, w] in [0, 255], 255 = ink.
        slot: where the glyph's own frame goes.
        opacity: in [0, 1], share of the ink where the glyph is 255.

    Returns:
        Tight box of the ink (coverage of at least 1/5).
    """
    y0, x0, y1, x1 = slot
    framed = np.pad(glyph, 1)  # ink that touches the glyph's edge fades out instead of being cut
    image = Image.fromarray(framed).resize((x1 - x0, y1 - y0), Image.Resampling.BICUBIC)
    image = image.rotate(float(rng.uniform(-8, 8)), Image.Resampling.BILINEAR)
    cover = np.asarray(image).astype(np.float32) / 255
    patch = canvas[y0:y1, x0:x1]
    dark_ground = patch.mean() < 127.5
    colour = rng.uniform(190, 255, 3) if dark_ground else rng.uniform(0, 65, 3)
    patch += (opacity * cover)[:, :, None] * (colour.astype(np.float32) - patch)
    rows = np.flatnonzero((cover > 0.2).any(axis=1))
    columns = np.flatnonzero((cover > 0.2).any(axis=0))
    if not len(rows):
        return slot
    top, left, bottom, right = (int(v) for v in (rows[0], columns[0], rows[-1], columns[-1]))
    return y0 + top, x0 + left, y0 + bottom + 1, x0 + right + 1
