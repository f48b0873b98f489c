"""The arguments of Occlusion that no framework changes, checked, and the plan that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastxai.masks.patches import is_patch, patches
from fastxai.masks.windows import AUTO, windows_of
from fastxai.ops.base_value import BaseValue, base_of, base_word
from fastxai.ops.checks import MAX_AXIS, check_pair

if TYPE_CHECKING:
    from fastxai.perturbation.plan import WindowPlan


class Windows:
    """Gives an explainer windows that it covers one at a time."""

    _backend: Any  # a `Backend`, of the class that this one is mixed into

    def _set_windows(
        self,
        window: int | tuple[int, int] | str | None,
        strides: int | tuple[int, int] | None,
        base_value: BaseValue,
    ) -> None:
        """Keeps the arguments of a constructor.

        Raises:
            TypeError: One is of the wrong kind.
            ValueError: One is out of range.
        """
        owner = type(self).__name__
        self._window: tuple[int, int] | str | None = None
        if isinstance(window, str):
            if window != AUTO and not is_patch(window):
                raise ValueError(
                    f"{owner}: `window` must be 'auto', 'patch', 'patch:16' or pixels, got "
                    f"{window!r}."
                )
            self._window = window
        elif window is not None:
            self._window = check_pair(owner, "window", window, 1, MAX_AXIS)
        self._strides = (
            None if strides is None else check_pair(owner, "strides", strides, 1, MAX_AXIS)
        )
        if isinstance(base_value, str):
            base_word(owner, base_value)
        self._base_value = base_value

    def _plan(
        self, channels: int, size: tuple[int, int], unsure: bool, seed: int | None
    ) -> WindowPlan:
        from fastxai.perturbation.plan import WindowPlan

        owner, window = type(self).__name__, self._window
        if isinstance(window, str) and window != AUTO:
            convolutions = self._backend.convolutions
            window, _ = patches(owner, "window", window, convolutions, (channels, *size))
        spec = windows_of(owner, size, window, self._strides)
        return WindowPlan(owner, base_of(owner, self._base_value, (channels, *size)), spec)
