"""Reads the files of a run back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastxai.dataset.files import Row, maps_of, read_manifest, read_rows
from fastxai.dataset.schema import MAPS, PARTS, check_pyarrow

if TYPE_CHECKING:
    import pandas

    from fastxai.dataset.exports import Progress


class ExplainedRow(Row):
    """A row with its map, a dict of the columns; a notebook shows the map over the picture.

    Args:
        values: The columns.
        manifest: Of its run.
    """

    def __init__(self, values: Row, manifest: dict[str, Any]) -> None:
        super().__init__(values)
        self._manifest = manifest

    def _repr_html_(self) -> str | None:
        """The view of a report; None, for the text, without the extra `report`."""
        from fastxai.dataset.pages import report_of
        from fastxai.report.notebook import in_frame

        try:
            return in_frame(report_of(self._manifest, self))
        except ImportError:
            return None


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
        self._kept: list[Path] | None = None

    @property
    def parts(self) -> list[Path]:
        """The Parquet files, in the order of the images."""
        if self._kept is not None:
            return self._kept
        return sorted(self.folder.glob(PARTS), key=lambda path: path.stem)

    def as_it_is(self) -> Explanations:
        """The blocks that are done now, while others are being written."""
        found = Explanations(self.folder)
        found._kept = self.parts
        return found

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

    def __iter__(self) -> Iterator[ExplainedRow]:
        """Rows with their maps (H, W), a file at a time."""
        for path in self.parts:
            for row in read_rows(path):
                yield ExplainedRow(row, self.manifest)

    def row(self, image_id: str, target: int | None = None) -> ExplainedRow:
        """The row of an image with its map, which a notebook shows over the picture.

        Args:
            image_id: Its id.
            target: Which of its classes; None takes the first.

        Raises:
            KeyError: There is no such row.
        """
        wanted = [("id", "=", image_id)]
        for path in self.parts:
            for row in read_rows(path, wanted):
                if target is None or row["target"] == target:
                    return ExplainedRow(row, self.manifest)
        raise KeyError(image_id if target is None else (image_id, target))

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

    def map_sizes(self) -> list[tuple[int, int] | None]:
        """(H, W) of every row's map, None where there is none, without reading the maps."""
        import pyarrow.parquet as pq

        found: list[tuple[int, int] | None] = []
        for path in self.parts:
            height, width = pq.read_schema(path).field("map").type.shape
            errors = pq.read_table(path, columns=["error"])["error"].to_pylist()
            found += [(height, width) if error is None else None for error in errors]
        return found

    def to_zarr(self, folder: str | os.PathLike[str], *, progress: Progress = None) -> int:
        """Writes all rows as arrays of a Zarr group, format 2; needs the extra `zarr`.

        Every column is an array (rows,) of its name. `map`, and `standard_error` of a run with
        `uncertainty`, are (rows, H, W) of the run's dtype, where (H, W) is the largest map. A
        smaller one, of size (`height`, `width`), lies in the upper left corner. What is missing
        is NaN, -1 or ''. The attribute `manifest` has the settings, the seed among them, and
        `_ARRAY_DIMENSIONS` names the axes for xarray.

        Args:
            folder: Folder to make; nothing may be there.
            progress: Is called with the number of rows that are done, and of all.

        Returns:
            The number of rows.

        Raises:
            ImportError: zarr is not installed.
            OSError: There is something, or a file cannot be written.
        """
        from fastxai.dataset.exports import zarr

        return zarr.write(self.as_it_is(), folder, progress)

    def to_virelay(
        self,
        folder: str | os.PathLike[str],
        *,
        pixels_of: Callable[[str], np.ndarray] | None = None,
        progress: Progress = None,
    ) -> int:
        """Writes a project of ViRelAy, without analyses; needs the extra `virelay`.

        A sample is a row with a map, so a picture with several targets is there several times.
        `input.h5` holds what the network saw of it, `data` (rows, 3, H, W) in [0, 1], and as
        `label` the true class; where one is not known, the predicted classes of all.
        `attribution.h5` holds `attribution` (rows, 3, H, W), a third of the map in every channel,
        because ViRelAy sums the channels; `label`, the class that is explained; and `prediction`
        (rows, classes), the probabilities of the explained classes, 0 for all others, which the
        rows do not know. Both are groups of one array a sample where sizes differ.
        `project.yaml` is what ViRelAy opens, `label-map.json` has the names of the classes.

        Args:
            folder: Folder to make; nothing may be there.
            pixels_of: From an image's id to what the network saw, (H, W, 3) uint8, for images
                that were given as arrays; None reads the files again.
            progress: Is called with the number of samples that are done, and of all.

        Returns:
            The number of samples.

        Raises:
            ImportError: h5py is not installed.
            ValueError: There is no map, an image cannot be read, or is not as large as its map.
            OSError: There is something, or a file cannot be written.

        Source:
            "Database Specification", documentation of ViRelAy 0.6.
        """
        from fastxai.dataset.exports import virelay

        return virelay.write(self.as_it_is(), folder, pixels_of, progress)

    def to_fiftyone(self) -> list[Any]:
        """Samples of FiftyOne, one per picture, for `dataset.add_samples`; needs fiftyone.

        A sample has `saliency`, a `fiftyone.Heatmap` of its first target over the whole
        photograph, `saliency_2` and so on of further ones, `prediction`, `ground_truth` where
        the label is known, `image_id`, and `error` where it failed. A heatmap has the range of
        the map's values, and the attributes `label`, `target`, `probability`, `correlation`,
        `num_masks` and `explainer`.

        Returns:
            The samples, in the order of the run; their maps are all in memory.

        Raises:
            ImportError: fiftyone is not installed.
            ValueError: An image was given as an array, or its file cannot be read.
        """
        from fastxai.dataset.exports import fiftyone

        return fiftyone.samples(self.as_it_is())

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
