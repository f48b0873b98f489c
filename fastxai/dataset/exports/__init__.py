"""What a run has written, in the layouts of other tools; each tool is imported when it is used.

`Explanations.to_zarr` calls `zarr`, `Explanations.to_virelay` calls `virelay`, and
`Explanations.to_fiftyone` calls `fiftyone`. `pictures` reads the photographs of a run once more.
"""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], object] | None  # is told how many rows of how many are done
