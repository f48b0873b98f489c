"""Plan of a call for each image: the masks or windows, and the treatment of the scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastxai.arguments.targets import not_finite
from fastxai.masks.stopping import AUTO, StoppingRule
from fastxai.ops import MaskSpec, OcclusionSpec
from fastxai.ops.base_value import Base

if TYPE_CHECKING:
    from fastxai.perturbation.maps import Maps
    from fastxai.perturbation.sources import Source
    from fastxai.perturbation.tally import MaskTally, Tally, WindowTally


@dataclass(frozen=True)
class Plan(ABC):
    """The same for every image of a call.

    Attributes:
        owner: Name for messages.
        base: What a perturbed pixel shows.
    """

    owner: str
    base: Base

    unit: ClassVar[str]  # what is counted: 'mask', 'window'
    on_host: ClassVar[bool] = False  # copies are made there, whatever the device
    uncounted: ClassVar[int] = 0  # copies at the beginning that are no units

    @property
    @abstractmethod
    def rule(self) -> StoppingRule:
        """When to stop, in copies."""

    @property
    def units(self) -> int:
        """Masks or windows of an image, at most."""
        return self.rule.most - self.uncounted

    def units_of(self, copies: int) -> int:
        """Masks or windows among so many copies."""
        return max(copies - self.uncounted, 0)

    def not_finite(self, first: int, count: int) -> ValueError:
        """The error about scores of copies `first` .. `first + count - 1`."""
        last = first + count - 1 - self.uncounted
        return not_finite(self.owner, f"{self.unit}s", self.units_of(first), last)

    @abstractmethod
    def source(self, image: np.ndarray) -> Source:
        """The copies of an image (C, H, W)."""

    @abstractmethod
    def tally(self, targets: int) -> Tally:
        """Tally of the scores of so many targets, on the host."""

    @abstractmethod
    def maps(self, tally: Any, labels: np.ndarray) -> Maps:
        """What makes maps of a tally for classes (L,)."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """All that the maps depend on, but for the scores, as kinds that JSON has."""

    def description(self) -> dict[str, Any]:
        """What an `Explanation` says of it."""
        return {}


@dataclass(frozen=True)
class MaskPlan(Plan):
    """Random masks.

    Attributes:
        spec: The masks.
        stop: When to stop.
        estimator: How the sums become a map.
        unsure: Whether it has to be known how sure the maps are.
    """

    spec: MaskSpec
    stop: StoppingRule
    estimator: str
    unsure: bool

    unit = "mask"

    @property
    def rule(self) -> StoppingRule:
        return self.stop

    @property
    def keeps_scores(self) -> bool:
        """Whether the sums alone are not enough."""
        blocks = self.spec.blocks and (self.unsure or self.stop.tol is not None)
        return blocks or self.estimator == "control-variate"

    def source(self, image: np.ndarray) -> Source:
        from fastxai.perturbation.sources import MaskSource

        return MaskSource(image, self.base.of(image), self.spec)

    def tally(self, targets: int) -> MaskTally:
        from fastxai.perturbation.tally import MaskTally

        return MaskTally(self.spec, targets, self.keeps_scores)

    def maps(self, tally: Any, labels: np.ndarray) -> Maps:
        from fastxai.perturbation.maps import MaskMaps

        return MaskMaps(self, tally, labels)

    def settings(self) -> dict[str, Any]:
        return {
            "num_masks": self.stop.most if self.stop.tol is None else AUTO,
            "tol": self.stop.tol,
            "max_masks": self.stop.most,
            "mask_probability": self.spec.keep_probability,
            "grid_size": self.spec.grid,
            "base_value": self.base.settings,
            "seed": self.spec.seed,
            "estimator": self.estimator,
            "design": self.spec.design,
        }

    def description(self) -> dict[str, Any]:
        return {
            "seed": self.spec.seed,
            "design": self.spec.design,
            "estimator": self.estimator,
            "tol": self.stop.tol,
        }


@dataclass(frozen=True)
class PatchPlan(MaskPlan):
    """Random masks that are constant within patches: `spec` is of images with a pixel per patch.

    Attributes:
        patch: (rows, columns) of a patch in pixels.
    """

    patch: tuple[int, int]

    on_host = True

    def source(self, image: np.ndarray) -> Source:
        """The copies of an image (C, H, W)."""
        from fastxai.perturbation.sources import PatchSource

        return PatchSource(image, self.base.of(image), self.spec)

    def maps(self, tally: Any, labels: np.ndarray) -> Maps:
        """What makes maps of a tally for classes (L,)."""
        from fastxai.perturbation.maps import PatchMaps

        return PatchMaps(self, tally, labels)

    def settings(self) -> dict[str, Any]:
        """All that the maps depend on, but for the scores, as kinds that JSON has."""
        return {**super().settings(), "patch": self.patch}


@dataclass(frozen=True)
class WindowPlan(Plan):
    """Windows that are covered one at a time; copy 0 is the image itself.

    Attributes:
        spec: The windows.
    """

    spec: OcclusionSpec

    unit = "window"
    uncounted = 1

    @property
    def rule(self) -> StoppingRule:
        return StoppingRule(1 + self.spec.num_windows)

    def source(self, image: np.ndarray) -> Source:
        from fastxai.perturbation.sources import WindowSource

        return WindowSource(image, self.base.of(image), self.spec)

    def tally(self, targets: int) -> WindowTally:
        from fastxai.perturbation.tally import WindowTally

        return WindowTally(self.spec, targets)

    def maps(self, tally: Any, labels: np.ndarray) -> Maps:
        from fastxai.perturbation.maps import WindowMaps

        return WindowMaps(tally)

    def settings(self) -> dict[str, Any]:
        spec = self.spec
        return {
            "window": spec.window, "strides": spec.strides, "base_value": self.base.settings
        }  # fmt: skip
