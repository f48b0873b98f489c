"""What a run has written, read back."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastxai.dataset.files import Row, maps_of, read_manifest, read_rows
from fastxai.dataset.schema import MAPS, PARTS, check_pyarrow

if TYPE_CHECKING:
    import pandas


class Explanations:
    """A directory of explanations; one that is being written shows the blocks that are done.

    Args:
        folder: The directory.

    Attributes:
        manifest: What the maps depend on.

    Raises:
        ValueError: It is no such directory.
        ImportError: pyarrow cannot be imported.

    Supported Platforms:
        Any.

    Example:
        >>> import fastxai.dataset
        >>> try:
        ...     fastxai.dataset.open("/nowhere")
        ... except ValueError as error:
        ...     print(error)
        dataset: /nowhere has no manifest.json.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        check_pyarrow()
        self.folder = Path(folder)
        self.manifest: dict[str, Any] = read_manifest(folder)

    @property
    def parts(self) -> list[Path]:
        """The Parquet files, in the order of the images."""
        return sorted(self.folder.glob(PARTS), key=lambda path: path.stem)

    def rows(self, columns: Sequence[str] | None = None) -> list[Row]:
        """All rows without their maps, as dicts.

        Args:
            columns: Names of the schema; None for all but the maps.
        """
        import pyarrow.parquet as pq

        found: list[Row] = []
        for path in self.parts:
            names = columns or [n for n in pq.read_schema(path).names if n not in MAPS]
            found += pq.read_table(path, columns=list(names)).to_pylist()
        return found

    def __len__(self) -> int:
        import pyarrow.parquet as pq

        return sum(pq.read_metadata(path).num_rows for path in self.parts)

    def __iter__(self) -> Iterator[Row]:
        """Rows with their maps (H, W), a file at a time."""
        for path in self.parts:
            yield from read_rows(path)

    def maps(self, image_id: str, name: str = "map") -> dict[int, np.ndarray]:
        """Maps (H, W) of an image by target.

        Args:
            image_id: Its id.
            name: 'map' or 'standard_error'.

        Raises:
            KeyError: There is no map of it.
        """
        import pyarrow.parquet as pq

        found: dict[int, np.ndarray] = {}
        for path in self.parts:
            table = pq.read_table(path, columns=["target", name], filters=[("id", "=", image_id)])
            pairs = zip(table["target"].to_pylist(), maps_of(table, name), strict=True)
            found |= {target: each for target, each in pairs if each is not None}
        if not found:
            raise KeyError(image_id)
        return found

    def to_pandas(self) -> pandas.DataFrame:
        """All rows with their maps as arrays; needs pandas."""
        import pandas

        return pandas.DataFrame(list(self))


def open(folder: str | os.PathLike[str]) -> Explanations:
    """Opens a directory that `fastxai.dataset.explain` has written.

    Args:
        folder: The directory.

    Returns:
        Its rows, maps and manifest.

    Raises:
        ValueError: It is no such directory.
    """
    return Explanations(folder)
