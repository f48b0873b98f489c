"""Result of an explainer, with its uncertainty."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastxai._version import __version__
from fastxai.perturbation import fields
from fastxai.perturbation.archive import Member, first_misfit, read_archive, write_archive

if TYPE_CHECKING:
    from PIL import Image

_FORMAT = "fastxai explanation 2"
_PIXELS = ("N", "L", "H", "W")
ARRAYS = {
    "saliency": Member("float32", _PIXELS),
    "targets": Member("int64", ("N", "L")),
    "num_masks": Member("int64", ("N",)),
    "exact_masks": Member("int64", ("N",)),
    "standard_error": Member("float32", _PIXELS),
    "degrees_of_freedom": Member("int64", ("N",)),
    "correlation": Member("float64", ("N", "L")),
}
_ERROR_BAR = {"standard_error", "degrees_of_freedom", "correlation"}
_REQUIRED = ARRAYS.keys() - _ERROR_BAR - {"exact_masks"}
_FACTS = {
    "explainer": fields.is_text,
    "engine": fields.is_text,
    "precision": fields.is_text,
    "seconds": fields.is_number(0),
    "seed": fields.is_none_or(fields.is_integer(0, 2**64 - 1)),
    "design": fields.is_none_or(fields.is_text),
    "estimator": fields.is_none_or(fields.is_text),
    "tol": fields.is_none_or(fields.is_number(0, 1)),
    "engine_error": fields.is_none_or(fields.is_number(0)),
    "version": fields.is_text,
}


@dataclass(frozen=True, eq=False)
class Explanation:
    """Maps of N images by L targets with their error bars and settings, from `ret='result'`.

    Args:
        explainer: Name of the explainer's class.
        saliency: (N, L, H, W) float32, the maps, as `ret='tensor'` would have given them.
        targets: (N, L) int64 classes.
        num_masks: (N,) int64 masks (for Occlusion: windows) that were scored for each image.
        engine: Engine of the scores: 'mindspore', 'openvino', 'onnxruntime' or 'torch'.
        precision: Precision of the engine.
        seconds: Seconds of the call, all images together.
        standard_error: (N, L, H, W) float32, of every pixel, as an estimate of the map that
            infinitely many masks would give. None without randomness.
        degrees_of_freedom: (N,) int64, of that standard error's own estimate; None with it.
        correlation: (N, L) float64, predicted correlation of each map with that of infinitely many
            masks, in [0, 1]. Where all scores of a target are equal it is 1, and 0 for 'plain' with
            'iid', whose map then shows the masks alone. None as above.
        seed: Seed of the masks, also where it was drawn; None as above.
        design: Design of the masks; None as above.
        estimator: Estimator of the map; None as above.
        tol: Correlation at which the run was to stop; None where `num_masks` was a number.
        engine_error: Relative error of the engine's scores against MindSpore's, measured on a
            batch; None for MindSpore itself.
        version: fastxai's.
        exact_masks: (N,) int64 masks of each image that float32 scored too; None where `precision`
            is not 'mixed'.

    Raises:
        ValueError: From `load` and `interval`, as they say.

    Source:
        Ours; formulas and measurements: docs/uncertainty.md.

    Supported Platforms:
        Any: arrays of NumPy.

    Example:
        >>> import numpy as np
        >>> import mindspore as ms
        >>> from mindspore import nn
        >>> from fastxai.explainer import RISE
        >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(3 * 16 * 16, 4))
        >>> rise = RISE(network, nn.Softmax(), num_masks=64, seed=7)
        >>> found = rise(ms.Tensor(np.ones((1, 3, 16, 16), np.float32)), 2, ret="result")
        >>> found.saliency.shape, found.standard_error.shape, found.seed
        ((1, 1, 16, 16), (1, 1, 16, 16), 7)
    """

    explainer: str
    saliency: np.ndarray
    targets: np.ndarray
    num_masks: np.ndarray
    engine: str
    precision: str
    seconds: float
    standard_error: np.ndarray | None = None
    degrees_of_freedom: np.ndarray | None = None
    correlation: np.ndarray | None = None
    seed: int | None = None
    design: str | None = None
    estimator: str | None = None
    tol: float | None = None
    engine_error: float | None = None
    version: str = __version__
    exact_masks: np.ndarray | None = None

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.saliency.shape))
        text = f"{self.explainer} {shape}, masks {self.num_masks.tolist()}"
        if self.correlation is not None:
            text += f", predicted correlation {np.round(self.correlation, 4).tolist()}"
        return f"<Explanation: {text}, {self.engine} {self.precision}, {self.seconds:.1f} s>"

    @property
    def reached(self) -> np.ndarray | None:
        """(N,) bool, whether each image's maps all reached `tol`; None where there is none."""
        if self.tol is None or self.correlation is None:
            return None
        return (self.correlation >= self.tol).all(axis=1)

    def interval(self, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends (N, L, H, W) of every pixel's confidence interval.

        An interval of one pixel covers the value that infinitely many masks would give with a
        probability of `level`; neighbouring pixels err together.

        Args:
            level: In (0, 1).

        Raises:
            ValueError: `level` is out of range, or there is no standard error.
        """
        from scipy.special import stdtrit  # quantiles of Student's t; MindSpore needs SciPy too

        if not 0 < level < 1:
            raise ValueError(f"Explanation: `level` must be in (0, 1), got {level}.")
        if self.standard_error is None or self.degrees_of_freedom is None:
            raise ValueError(f"Explanation: {self.explainer} has no standard error.")
        quantiles = stdtrit(self.degrees_of_freedom, (1 + level) / 2).astype(np.float32)
        half = self.standard_error * quantiles[:, None, None, None]
        return self.saliency - half, self.saliency + half

    def to_image(self, *, clip_percentile: float | None = None) -> list[list[Image.Image]]:
        """Pictures of the maps: N lists of L.

        Args:
            clip_percentile: Percentile of each map that gets the brightest colour, as in
                `saliency_to_image`; None takes the maximum, as `ret='image'` does.

        Raises:
            TypeError: `clip_percentile` is no number.
            ValueError: It is not in (0, 100].
        """
        from fastxai.visual.cv.display import to_images

        return to_images(self.saliency, clip_percentile=clip_percentile)

    def show(self, *, clip_percentile: float | None = None) -> None:
        """Displays the pictures of the maps.

        Args:
            clip_percentile: As in `to_image`.

        Raises:
            TypeError: `clip_percentile` is no number.
            ValueError: It is not in (0, 100].
            RuntimeError: There are several, and matplotlib is not installed.
        """
        from fastxai.visual.cv.display import show_images

        show_images(self.to_image(clip_percentile=clip_percentile))

    def to_json(self) -> str:
        """Settings and a summary of every map as JSON, without the arrays, which `save` keeps.

        The members are those of the command line's `--json` where it has them (docs/cli.md).

        Returns:
            JSON: `schema`, `fastxai` and `explainers`, a list of one. Its `maps` have an `image`
            too, an index from 0. Numbers that are not finite are null.
        """
        from fastxai.perturbation.summary import explanation_summary
        from fastxai.system.json_text import json_text

        return json_text(explanation_summary(self), indent=2)

    def _repr_html_(self) -> str | None:
        """The maps in a notebook, with sliders; None, for the text, without the extra `report`."""
        from fastxai.perturbation.summary import as_report
        from fastxai.report.notebook import in_frame

        try:
            return in_frame(as_report(self))
        except (ImportError, ValueError):
            return None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes everything to one file, under exactly this name; NumPy's npz, no pickle.

        The file is there whole or not at all.

        Args:
            path: File to make or to replace.

        Raises:
            TypeError: A field is of a kind that JSON does not have.
            ValueError: An array or another field is not what the fields above say.
            OSError: The file cannot be written.
        """
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        arrays = {name: values.pop(name) for name in ARRAYS}
        held = {name: np.asarray(array) for name, array in arrays.items() if array is not None}
        try:
            known = json.loads(json.dumps(values))
            misfit = first_misfit(
                {name: (a.dtype.name, a.shape) for name, a in held.items()}, ARRAYS
            )
            if misfit is not None:
                raise ValueError(misfit)
            _check(known, held)
        except ValueError as error:
            raise ValueError(f"Explanation: cannot be saved: {error}.") from error
        write_archive(path, _FORMAT, known, held)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Explanation:
        """Reads what `save` wrote.

        Args:
            path: The file.

        Raises:
            OSError: It cannot be read.
            ValueError: It is no such file, or damaged.
        """
        try:
            known, arrays = read_archive(path, _FORMAT, ARRAYS)
            _check(known, arrays)
        except ValueError as error:
            raise ValueError(
                f"Explanation: {os.fspath(path)} is no file that Explanation.save has written, "
                f"or it is damaged ({error})."
            ) from error
        values: dict[str, Any] = {**known, **arrays}
        return cls(**values)


def _check(known: object, arrays: Mapping[str, np.ndarray]) -> None:
    """Refuses facts and arrays that cannot be an explanation's.

    Raises:
        ValueError: They cannot.
    """
    fields.check_fields(known, _FACTS)
    missing = _REQUIRED - arrays.keys()
    if missing:
        raise ValueError(f"it has no {min(missing)!r}")
    check_values(arrays)


def check_values(arrays: Mapping[str, np.ndarray]) -> None:
    """Refuses arrays of an explanation that hold what no run can have found.

    Args:
        arrays: Some of `ARRAYS`, of the right dtypes and shapes.

    Raises:
        ValueError: A value is out of its range, or a part of the error bar is missing.
    """
    with np.errstate(invalid="ignore"):
        for name, array in arrays.items():
            if name == "correlation":
                right = np.isnan(array) | ((array >= 0) & (array <= 1))
            elif name == "saliency":
                right = np.isfinite(array)
            else:
                least = 1 if name in ("num_masks", "degrees_of_freedom") else 0
                right = (array >= least) & (array < np.inf)
            if not right.all():
                raise ValueError(f"its {name!r} holds {array[~right][0]}")
    missing = _ERROR_BAR - arrays.keys()
    if missing and missing != _ERROR_BAR:
        raise ValueError(f"it has an error bar without {min(missing)!r}")
