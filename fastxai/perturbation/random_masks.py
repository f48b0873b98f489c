"""The arguments of RISE that no framework changes, checked, and the plan that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastxai.masks.designs import (
    SHIFT_RANGE,
    check_error_bar,
    check_estimator,
    check_masks,
    check_num_masks,
    check_together,
    chosen_design,
    drawn_seed,
)
from fastxai.masks.patches import check_patch, patches
from fastxai.masks.stopping import AUTO, StoppingRule, check_max_masks, check_tol
from fastxai.ops import MaskSpec
from fastxai.ops.base_value import BaseValue, base_of, base_word
from fastxai.ops.params import OA_MASKS, check_seed

if TYPE_CHECKING:
    from fastxai.perturbation.plan import MaskPlan

_GRID_SIZE = (10, 10)
_UNSHIFTED = (1, 1)


class RandomMasks:
    """Gives an explainer random masks."""

    _backend: Any  # a `Backend`, of the class that this one is mixed into

    def _set_masks(
        self,
        *,
        num_masks: int | str,
        tol: float,
        max_masks: int,
        mask_probability: float,
        grid_size: int | tuple[int, int],
        base_value: BaseValue,
        seed: int | None,
        estimator: str,
        design: str | None,
        grid: str | None = None,
    ) -> None:
        """Keeps the arguments of a constructor.

        Raises:
            TypeError: One is of the wrong kind.
            ValueError: One is out of range.
        """
        owner = type(self).__name__
        self._estimator = check_estimator(owner, estimator)
        self._tol = check_tol(owner, tol)
        self._max_masks = check_max_masks(owner, max_masks)
        self._num_masks = num_masks
        self._mask_probability, self._grid_size, self._design = check_masks(
            owner, mask_probability, grid_size, design
        )
        check_together(owner, self._design, self._estimator)
        if check_patch(owner, "grid", grid) is not None:  # else `repr` does not show it
            self._grid = grid
            if self._grid_size != _GRID_SIZE:
                raise ValueError(
                    f"{owner}: `grid` {grid!r} takes the place of `grid_size`; give one of them."
                )
        rule = self._stopping_rule(self._grid_size)
        self._check_precision(rule, self._grid_size)
        if isinstance(base_value, str):
            base_word(owner, base_value)
        self._base_value = base_value
        self._seed = None if seed is None else check_seed(owner, seed)

    def _plan(
        self, channels: int, size: tuple[int, int], unsure: bool, seed: int | None
    ) -> MaskPlan:
        from fastxai.perturbation.plan import MaskPlan, PatchPlan

        owner, cells, patch = type(self).__name__, self._grid_size, None
        if self._by_patches is not None:
            convolutions = self._backend.convolutions
            patch, cells = patches(owner, "grid", self._by_patches, convolutions, (channels, *size))
        rule = self._stopping_rule(cells)
        self._check_precision(rule, cells)
        design = self._design_of(rule.most, cells)
        if unsure:
            check_error_bar(owner, design, self._estimator, rule.most)
        spec = MaskSpec(
            self._drawn_seed(seed),
            size if patch is None else cells,
            cells,
            self._mask_probability,
            SHIFT_RANGE if patch is None else _UNSHIFTED,
            design,
        )
        base = base_of(owner, self._base_value, (channels, *size), spec.seed)
        if patch is not None:
            return PatchPlan(owner, base, spec, rule, self._estimator, unsure, patch)
        return MaskPlan(owner, base, spec, rule, self._estimator, unsure)

    @property
    def _by_patches(self) -> str | None:
        return vars(self).get("_grid")

    def _stopping_rule(self, cells: tuple[int, int]) -> StoppingRule:
        """When to stop; read at every call: scripts in the wild set `_num_masks`."""
        owner, number = type(self).__name__, self._num_masks
        block = OA_MASKS if self._is_mixed() else None
        if not isinstance(number, str):
            return StoppingRule(check_num_masks(owner, number, self._estimator), block=block)
        if number != AUTO:
            raise ValueError(f"{owner}: `num_masks` must be an int or 'auto', got {number!r}.")
        design = self._design_of(self._max_masks, cells)
        most = self._max_masks
        if self._estimator == "plain" and design != "iid":
            most -= most % OA_MASKS  # its error bar is of whole blocks
        check_error_bar(owner, design, self._estimator, most)
        return StoppingRule(most, self._tol, block)

    def _is_mixed(self) -> bool:
        """Whether two precisions score the masks."""
        return False

    def _check_precision(self, rule: StoppingRule, cells: tuple[int, int]) -> None:
        if self._is_mixed():
            from fastxai.masks.mixed import check_mixed

            blocks = self._design_of(rule.most, cells) != "iid"
            check_mixed(type(self).__name__, blocks, self._estimator, rule.most)

    def _design_of(self, most: int, cells: tuple[int, int]) -> str:
        """How a run of so many masks draws them."""
        design = chosen_design(self._design, self._mask_probability, cells, self._estimator, most)
        unshifted = self._by_patches is not None and self._design is None
        return "placed" if unshifted and design == "lattice" else design  # there are no shifts

    def _drawn_seed(self, seed: int | None) -> int:
        """This explainer's, else that of the resumed run, else a new one."""
        if self._seed is not None:
            return self._seed
        return drawn_seed() if seed is None else seed
