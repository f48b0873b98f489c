"""Masked and covered copies of an image made on MindSpore's device, and who makes them.

On a CPU the kernels work in host memory. On another device that would send every batch over the
bus, so copies are made there: by the vendor ops on an Ascend NPU that has them installed, else by
MindSpore's own operators.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastxai.ops.base_value import base_values
from fastxai.ops.bilinear import bilinear_taps
from fastxai.ops.checks import check_elements, check_spec, float_image
from fastxai.ops.mask_grid import mask_grid
from fastxai.ops.params import MaskSpec, OcclusionSpec

CHOICES = ("auto", "host", "mindspore", "ascend")
_INSTALL = "docs/ascend.md says how to build and install them."

_chosen = "auto"


def select_device_ops(name: str) -> None:
    """Chooses who makes the copies that explainers score.

    Args:
        name: 'auto': the host on a CPU; on an Ascend NPU the vendor ops if they are installed;
            elsewhere MindSpore's own operators. 'host', 'mindspore' and 'ascend' name one of these,
            and where it cannot be had explainers raise RuntimeError.

    Raises:
        ValueError: `name` is another.

    Example:
        >>> select_device_ops("mindspore")
        >>> device_ops()[0]
        'mindspore'
        >>> select_device_ops("auto")
    """
    global _chosen
    if name not in CHOICES:
        raise ValueError(f"select_device_ops: `name` must be one of {CHOICES}, got {name!r}.")
    _chosen = name


def device_ops() -> tuple[str, str]:
    """Who makes the copies now, 'host', 'mindspore' or 'ascend', and why.

    Raises:
        RuntimeError: 'ascend' was named and cannot be had.
    """
    import mindspore as ms

    from fastxai.ops import ascend

    target = str(ms.get_context("device_target"))
    if _chosen in ("host", "mindspore"):
        return _chosen, "named by select_device_ops"
    if _chosen == "auto" and target == "CPU":
        return "host", "the device is the CPU"
    if target != "Ascend":
        if _chosen == "ascend":
            raise RuntimeError(f"The Ascend ops were named, and the device is {target}.")
        return "mindspore", f"fastxai has no kernels for {target} in MindSpore"
    package = ascend.find_package()
    if package is not None:
        return "ascend", str(package)
    if _chosen == "ascend":
        raise RuntimeError(
            f"The Ascend ops were named, and no package with {', '.join(ascend.CALLED)} is in "
            f"ASCEND_CUSTOM_OPP_PATH or ASCEND_OPP_PATH/vendors. {_INSTALL}"
        )
    return "mindspore", f"the Ascend ops are not installed. {_INSTALL}"


class MaskedBatches:
    """Masked copies of one image on the device; coarse masks are drawn on the host.

    Args:
        image: (C, H, W) numeric; used as float32.
        spec: The masks.
        base_value: What a mask of 0 shows: a number, one per channel, or a picture (C, H, W).
        made_by: 'mindspore' or 'ascend', as `device_ops` gives it.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A shape or a value does not fit.
    """

    def __init__(self, image: np.ndarray, spec: MaskSpec, base_value: object, made_by: str) -> None:
        owner = type(self).__name__
        self._spec = check_spec(owner, spec, MaskSpec)
        self._shape, self._fixed = _on_device(owner, image, spec.size, base_value)
        rows, cols = map(bilinear_taps, spec.grid, spec.up_size)
        self._op, self._taps = _product(made_by, rows, cols)

    def __call__(self, first: int, count: int) -> Any:
        """Copies under masks `first` .. `first + count - 1`: Tensor (count, C, H, W) float32.

        Raises:
            ValueError: The copies have 2^31 elements or more.
        """
        import mindspore as ms

        self._spec.params(first, count)  # checks them
        check_elements(type(self).__name__, (count, *self._shape))
        cells, shifts = mask_grid(self._spec, first, count)
        masks = ms.Tensor(cells.astype(np.float32)), ms.Tensor(shifts)
        return self._op(*self._fixed, *masks, *self._taps)


def _on_device(
    owner: str, image: np.ndarray, size: tuple[int, int], base_value: object
) -> tuple[tuple[int, ...], tuple[Any, Any]]:
    """Shape of an image of that size; it and its base levels as Tensors."""
    import mindspore as ms

    image = float_image(owner, image)
    if image.shape[1:] != size:
        raise ValueError(f"{owner}: `image` must be {size} pixels, got {image.shape[1:]}.")
    return image.shape, (ms.Tensor(image), ms.Tensor(base_values(owner, base_value, image.shape)))


def _product(made_by: str, rows: Any, cols: Any) -> tuple[Any, tuple[Any, ...]]:
    """An op and the taps that it takes."""
    import mindspore as ms

    from fastxai.ops import ascend, mindspore_operators

    if made_by == "ascend":
        tables = (rows.cells, rows.weights, 4 * cols.cells, cols.weights)
        return ascend.masked_product(), tuple(map(ms.Tensor, tables))
    return mindspore_operators.masked_product, (
        mindspore_operators.taps_of(rows),
        mindspore_operators.taps_of(cols),
    )


class CoveredBatches:
    """Copies of one image on the device, each with one window covered.

    Args:
        image: (C, H, W) numeric; used as float32.
        spec: The windows.
        base_value: What a covered pixel shows: a number, one per channel, or a picture (C, H, W).
        made_by: 'mindspore' or 'ascend', as `device_ops` gives it.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A shape or a value does not fit.
    """

    def __init__(
        self, image: np.ndarray, spec: OcclusionSpec, base_value: object, made_by: str
    ) -> None:
        from fastxai.ops import ascend

        owner = type(self).__name__
        self._spec = check_spec(owner, spec, OcclusionSpec)
        self._shape, self._fixed = _on_device(owner, image, spec.size, base_value)
        self._vendor = ascend.occlusion_fill() if made_by == "ascend" else None

    def __call__(self, first: int, count: int) -> Any:
        """Copies for windows `first` .. `first + count - 1`: Tensor (count, C, H, W) float32.

        A number outside the windows, such as -1, covers nothing.

        Raises:
            ValueError: The copies have 2^31 elements or more.
        """
        import mindspore as ms

        from fastxai.ops import mindspore_operators

        spec = self._spec
        spec.params(first, count)  # checks them
        check_elements(type(self).__name__, (count, *self._shape))
        windows = np.arange(first, first + count, dtype=np.int64)
        if self._vendor is not None:
            geometry = np.array([*spec.window, *spec.strides], np.int64)
            return self._vendor(*self._fixed, ms.Tensor(windows), ms.Tensor(geometry))
        row, col = np.divmod(windows, spec.grid[1])
        corners = np.stack([row * spec.strides[0], col * spec.strides[1]], axis=1)
        outside = (windows < 0) | (windows >= spec.num_windows)
        corners[outside] = spec.size  # nothing lies there
        return mindspore_operators.occlusion_fill(
            *self._fixed, ms.Tensor(corners.astype(np.int32)), spec.window
        )
