"""Work of one process: decode images, choose targets, explain, keep the rows."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from fastxai.dataset.blocks import Block
from fastxai.dataset.decoding import Decoded, FileFacts, check_unchanged
from fastxai.dataset.files import Folder, Row
from fastxai.dataset.items import Item
from fastxai.dataset.picture import MAX_PIXELS, Frame, load_picture, to_input
from fastxai.dataset.pipeline import Pipeline, Place, Told
from fastxai.dataset.scoring import ImageMaps, Scoring
from fastxai.dataset.targets import TargetRule
from fastxai.perturbation.ranked_pixels import POINTS
from fastxai.system.first_line import first_line

_LONG_S = 10.0  # what an image takes from which on its state is kept in a file
_LARGEST_FLOAT16 = 65504.0

Watch = Callable[[int, int], None] | None


class ImageError(RuntimeError):
    """An image could not be explained, and the run was to stop at that."""


@dataclass(frozen=True)
class Preprocess:
    """Preprocessing of a picture file into the network's input.

    Attributes:
        frame: What part of it, and at which size, (height, width) in pixels.
        mean: Subtracted from channels in [0, 1], one number or one per channel.
        std: Divides them after that.
        grayscale: One channel.
        bgr: Channels in the order blue, green, red.
        max_pixels: Larger pictures are refused before they are decoded.
    """

    frame: Frame = Frame((224, 224))
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    grayscale: bool = False
    bgr: bool = False
    max_pixels: int = MAX_PIXELS

    def __call__(self, item: Item) -> np.ndarray:
        """The input (C, H, W) float32 of an image.

        Raises:
            PictureError: Its file cannot be read.
            ValueError: It is an array of another kind.
        """
        if item.path is not None:
            seen = load_picture(item.path, self.frame, self.grayscale, self.max_pixels).seen
            return to_input(seen, self.mean, self.std, self.bgr)[0]
        image = np.asarray(item.image)
        if image.ndim != 3 or image.dtype.kind not in "fiub":
            raise ValueError(f"the image must be numbers (C, H, W), got {image.dtype}{image.shape}")
        return np.ascontiguousarray(image, np.float32)


@dataclass(frozen=True)
class Options:
    """Arguments of a run that every worker of it knows."""

    rule: TargetRule
    preprocess: Preprocess = Preprocess()
    activation_fn: Any = "softmax"
    dtype: str = "float16"
    uncertainty: bool = False
    strict: bool = False
    curves: bool = False

    def settings(self) -> dict[str, Any]:
        """What of it the rows depend on, in kinds that JSON has."""
        known: dict[str, Any] = {
            "targets": self.rule.text,
            "uncertainty": self.uncertainty,
            "preprocess": asdict(self.preprocess),
        }
        return known | ({"curves": POINTS} if self.curves else {})


class Job:
    """One explainer that works on blocks of one run.

    Args:
        explainer: The explainer.
        options: Of the run.
        folder: Where the rows go.
    """

    def __init__(self, explainer: Any, options: Options, folder: Folder) -> None:
        self.scoring = Scoring(explainer, options.activation_fn, options.uncertainty)
        self._options = options
        self.folder = folder
        self._last_s = np.inf  # what the last image took: the first may be long

    def run(self, blocks: Iterable[Block], tell: Told) -> None:
        """Explains the images of blocks that have no rows yet, and writes the blocks' parts.

        Raises:
            ImageError: An image failed, and `strict` is set.
            OtherRunError: An image that has rows has changed since.
            OSError: A file cannot be written.
        """
        Pipeline(self, tell).run(blocks)

    def decode(self, item: Item) -> Decoded:
        """The input of an image, or why there is none."""
        return Decoded.of(item, self._options.preprocess)

    def earlier(self, index: int, item: Item) -> list[Row]:
        """The rows that an image has already.

        Raises:
            OtherRunError: It has changed since.
        """
        rows = self.folder.rows_of(index) or []
        check_unchanged(item, rows, self.folder.path)
        return rows

    def explain(self, place: Place, scoring: Scoring, watch: Watch) -> list[Row]:
        """The rows of an image; of one that fails, one with its error."""
        assert place.decoded is not None
        decoded = place.decoded.result()
        rows = self._guarded(place.item, lambda: self._rows(place, decoded, scoring, watch))
        return [row | _columns(decoded.file) for row in rows]

    def _rows(self, place: Place, decoded: Decoded, scoring: Scoring, watch: Watch) -> list[Row]:
        begun = time.perf_counter()
        if decoded.image is None:
            raise decoded.error or ValueError("it could not be decoded")
        image, scores = decoded.image, place.scores
        if scores is None:
            scores = scoring.class_scores(image)
        targets = self._options.rule.choose(place.item, scores)
        if not targets:
            return []
        state = self.folder.state(place.index)
        kept = state if self._last_s > _LONG_S or os.path.exists(state) else None
        found = scoring.explain(image, targets, kept if scoring.perturbs else None, watch)
        found = self._with_curves(scoring, image, targets, found)
        self._last_s = time.perf_counter() - begun
        return self.rows(place.item, scores, targets, found, self._last_s)

    def _with_curves(
        self, scoring: Scoring, image: np.ndarray, targets: Sequence[int], found: ImageMaps
    ) -> ImageMaps:
        if not self._options.curves:
            return found
        curves = scoring.curves(image, targets, found.saliency, POINTS)
        return replace(found, curves=curves)

    def _guarded(self, item: Item, work: Callable[[], list[Row]]) -> list[Row]:
        try:
            return work()
        except (OSError, MemoryError):
            raise  # of our files: a full disk is no fault of the image
        except Exception as error:
            if self._options.strict:
                raise ImageError(f"{item.id}: {words_of(error)}") from error
            return [self._failed(item, words_of(error))]

    def prepare(
        self, index: int, item: Item
    ) -> tuple[np.ndarray, tuple[int, ...], tuple[int, int]]:
        """Class scores and targets of an image, its copies and how many are scored at a time."""
        image = self._options.preprocess(item)
        scores = self.scoring.scores_of({index: image})[index]
        return scores, self._options.rule.choose(item, scores), self.scoring.one(image).cuts()

    def score_range(
        self, item: Item, targets: Sequence[int], first: int, count: int
    ) -> tuple[np.ndarray, str]:
        """Scores of a range of an image's copies, and the engine that gave them."""
        one = self.scoring.one(self._options.preprocess(item))
        return one.score_range(targets, first, count), self.scoring.engine

    def merge(self, index: int, item: Item, scores: Any, targets: Any, parts: Any) -> list[Row]:
        """Keeps the rows of an image whose masks were scored in ranges."""
        begun = time.perf_counter()
        image = self._options.preprocess(item)

        def work() -> list[Row]:
            scored = [part for part, _ in parts]
            found = self.scoring.merged(image, targets, scored, parts[0][1])
            found = self._with_curves(self.scoring, image, targets, found)
            return self.rows(item, scores, targets, found, time.perf_counter() - begun)

        rows = self._guarded(item, work) if targets else []
        rows = [row | _columns(FileFacts.of(item.path)) for row in rows]
        self.folder.keep_rows(index, rows)
        return rows

    def fail(self, index: int, item: Item, words: str) -> list[Row]:
        """Keeps the row of an image that failed elsewhere."""
        if self._options.strict:
            raise ImageError(f"{item.id}: {words}")
        rows = [self._failed(item, words) | _columns(FileFacts.of(item.path))]
        self.folder.keep_rows(index, rows)
        return rows

    # ---- rows ------------------------------------------------------------------------------

    def rows(
        self,
        item: Item,
        scores: np.ndarray,
        targets: Sequence[int],
        found: ImageMaps,
        seconds: float,
    ) -> list[Row]:
        """The rows of an image that was explained."""
        if self._options.dtype == "float16" and np.abs(found.saliency).max() > _LARGEST_FLOAT16:
            raise ValueError("the map is too large for float16; use dtype='float32'")
        rows = []
        for place, target in enumerate(targets):
            row = self._row(item, target)
            row |= {
                "predicted": int(scores.argmax()),
                "probability": float(scores[target]),
                "num_masks": found.num_masks,
                "seconds": seconds,
                "engine": found.engine,
                "map": found.saliency[place],
            }
            if found.scores is not None:
                row["score_mean"], row["score_std"] = map(float, found.scores[place])
            if found.correlation is not None:
                row["correlation"] = float(found.correlation[place])
            if found.standard_error is not None:
                row["standard_error"] = found.standard_error[place]
            if found.curves is not None:
                row |= found.curves[place].values
            rows.append(row)
        return rows

    def _failed(self, item: Item, words: str) -> Row:
        return self._row(item, -1) | {"error": words}

    def _row(self, item: Item, target: int) -> Row:
        names = self._options.rule.names
        return {
            "id": item.id,
            "path": item.path,
            "target": target,
            "class_name": names[target] if names and 0 <= target < len(names) else None,
            "label": self._label(item),
            "predicted": -1,
            "probability": float("nan"),
            "score_mean": None,
            "score_std": None,
            "num_masks": 0,
            "correlation": None,
            "seconds": 0.0,
            "engine": None,
            "seed": self.scoring.seed,
            "deletion": None,
            "insertion": None,
            "error": None,
            "map": None,
            "standard_error": None,
            **_columns(None),
        }

    def _label(self, item: Item) -> int | None:
        try:
            return self._options.rule.label(item)
        except ValueError:
            return None  # a name that no class has: the row's error says so where it matters


def _columns(file: FileFacts | None) -> Row:
    """What rows keep of a file."""
    return {
        "file_modified_ns": None if file is None else file.modified_ns,
        "file_sha256": None if file is None else file.sha256,
    }


def words_of(error: Exception) -> str:
    """An error in a line, without the kind of those whose text is ours."""
    return first_line(error).removeprefix("PictureError: ").removeprefix("ValueError: ")
