"""Contents of a report, whatever made it: pictures, maps of them, settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image


@dataclass(frozen=True)
class ReportMap:
    """A map of a picture.

    Attributes:
        explainer: Name of what made it.
        target: The class that is explained.
        values: (H, W) float32.
        class_name: Name of the class, None where there is none.
        probability: Score of the class after the activation, None where it is not known.
        standard_error: (H, W) float32, of every pixel; None without.
        correlation: Predicted, with the map of infinitely many masks; None without.
        settings: What made it, of kinds that JSON has; a download of the page.
        curves: By their names, such as 'deletion': scores of the class at equal steps from none of
            the pixels to all, the most salient ones first.
    """

    explainer: str
    target: int
    values: np.ndarray
    class_name: str | None = None
    probability: float | None = None
    standard_error: np.ndarray | None = None
    correlation: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportEntry:
    """A picture with its maps.

    Attributes:
        name: Of the picture, as a reader knows it.
        photograph: RGB, at its own size; None where it is not there, and the maps stand alone.
        box: Left, upper, right and lower edge of what the network sees, in its pixels; None where
            that is all of it.
        maps: The maps of it.
        predicted: The class with the highest score, None where it is not known.
        label: The right class, None where it is not known.
        error: Why there are no maps, '' where there are.
    """

    name: str
    photograph: Image.Image | None
    box: tuple[float, float, float, float] | None
    maps: Sequence[ReportMap]
    predicted: int | None = None
    label: int | None = None
    error: str = ""


@dataclass(frozen=True)
class Report:
    """Everything of a page.

    Attributes:
        title: Its heading.
        summary: Labels and texts that stand above the pictures.
        entries: The pictures, in any order.
    """

    title: str
    summary: Sequence[tuple[str, str]]
    entries: Sequence[ReportEntry]
