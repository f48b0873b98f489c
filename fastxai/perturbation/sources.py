"""Perturbed copies of one image, written on the host where whatever scores them reads them."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from fastxai.ops import MaskSpec, OcclusionSpec, mask_grid, masked_product, occlusion_fill


class Source(ABC):
    """Copies 0, 1, ... of one image.

    Args:
        image: (C, H, W) float32.
        base: (C,) or (C, H, W) float32, what a perturbed pixel shows.
    """

    def __init__(self, image: np.ndarray, base: np.ndarray) -> None:
        self.image = image
        self._base = base

    @abstractmethod
    def fill(self, out: np.ndarray, first: int) -> None:
        """Writes copies `first`, `first + 1`, ... into an array (M, C, H, W) float32."""


class MaskSource(Source):
    """Copy i is the image under mask i.

    Args:
        image: (C, H, W) float32.
        base: (C,) or (C, H, W) float32.
        spec: The masks.
    """

    def __init__(self, image: np.ndarray, base: np.ndarray, spec: MaskSpec) -> None:
        super().__init__(image, base)
        self._spec = spec

    def fill(self, out: np.ndarray, first: int) -> None:
        masked_product(self.image, self._spec, first, len(out), base_value=self._base, out=out)


class PatchSource(Source):
    """Copy i shows the patches of the image that mask i keeps.

    Args:
        image: (C, H, W) float32.
        base: (C,) or (C, H, W) float32.
        spec: The masks, a pixel of them for each patch.
    """

    def __init__(self, image: np.ndarray, base: np.ndarray, spec: MaskSpec) -> None:
        super().__init__(image, base)
        self._spec = spec
        self._shape = self._in_patches(image)
        whole = np.broadcast_to(base.reshape(len(image), *base.shape[1:] or (1, 1)), image.shape)
        self._shown, self._hidden = image.reshape(self._shape), whole.reshape(self._shape)

    def _in_patches(self, image: np.ndarray) -> tuple[int, ...]:
        """(C, h, rows, w, columns) of an image of h x w patches."""
        channels, height, width = image.shape
        rows, columns = self._spec.grid
        return channels, rows, height // rows, columns, width // columns

    def fill(self, out: np.ndarray, first: int) -> None:
        """Writes copies `first`, `first + 1`, ... into an array (M, C, H, W) float32."""
        cells, _ = mask_grid(self._spec, first, len(out))
        copies = out.reshape(len(out), *self._shape)
        copies[...] = self._hidden
        np.copyto(copies, self._shown, where=cells[:, None, :, None, :, None].astype(bool))


class WindowSource(Source):
    """Copy 0 is the image itself, copy i + 1 has window i covered.

    Args:
        image: (C, H, W) float32.
        base: (C,) or (C, H, W) float32.
        spec: The windows.
    """

    def __init__(self, image: np.ndarray, base: np.ndarray, spec: OcclusionSpec) -> None:
        super().__init__(image, base)
        self._spec = spec

    def fill(self, out: np.ndarray, first: int) -> None:
        occlusion_fill(self.image, self._spec, first - 1, len(out), base_value=self._base, out=out)
