"""Contents of a directory of explanations: columns of its rows, names of its files.

A directory is `manifest.json` and `part-*.parquet`. Every part has the columns below, a row for
each image and target. The map is an Arrow tensor of fixed shape (H, W), so a part holds maps of
one shape; parts of other shapes lie beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastxai.system.first_line import first_line

if TYPE_CHECKING:
    import pyarrow as pa

MANIFEST = "manifest.json"
PARTS = "part-*.parquet"
FORMAT = "fastxai dataset 1"  # `format` of the manifest
DTYPES = ("float16", "float32")  # of maps

# Column, Arrow's name of its type or 'floats' for a list, whether it may be null. A row with
# `error` has no map, and -1 and NaN where nothing was scored.
COLUMNS = (
    ("id", "string", False),
    ("path", "string", True),
    ("target", "int64", False),
    ("class_name", "string", True),
    ("label", "int64", True),
    ("predicted", "int64", False),
    ("probability", "float64", False),  # of `target`, after the activation
    ("score_mean", "float64", True),  # of `target` over the masked copies
    ("score_std", "float64", True),
    ("num_masks", "int64", False),
    ("correlation", "float64", True),  # predicted, with the map of infinitely many masks
    ("seconds", "float64", False),  # of the image, all its targets together
    ("engine", "string", True),
    ("seed", "uint64", True),
    ("deletion", "floats", True),  # scores of `target`, a curve; null where none was asked for
    ("insertion", "floats", True),
    ("error", "string", True),
    ("file_modified_ns", "int64", True),  # since 1970, when the file was explained
    ("file_sha256", "string", True),
)
# Tensors (H, W), full of NaN where there is none: pyarrow writes null tensors to Parquet, but
# cannot read them back. `fastxai.dataset.open` gives None for them.
MAPS = ("map", "standard_error")

# Of the manifest. `explainer`, `network` and `settings` say what the maps depend on.
MANIFEST_FIELDS = (
    "format",
    "explainer",  # name of its class
    "network",  # digest of what it computes and of its weights
    "settings",  # seed and all other arguments that change a map
    "seed",
    "versions",  # of fastxai and what it computes with
    "class_names",  # list, or null
    "list",  # digest of ids, targets and labels, in their order; null of a stream
    "images",  # number, null of a stream
    "block",  # images of a part, at most
    "dtype",  # of maps
)


def check_pyarrow() -> None:
    """Looks before anything is scored whether Parquet files can be written and read.

    Raises:
        ImportError: pyarrow cannot be imported; why not.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "fastxai.dataset needs pyarrow, which cannot be imported "
            f"({first_line(error)}): pip install 'fastxai[dataset]'"
        ) from error


def arrow_schema(size: tuple[int, int], dtype: str = "float16") -> pa.Schema:
    """The columns of a part whose maps are of one size.

    Args:
        size: (H, W) of the maps.
        dtype: 'float16' or 'float32'.

    Returns:
        The schema, maps as fixed-shape tensors of Arrow.

    Raises:
        ValueError: The dtype is another.
        ImportError: pyarrow is not installed.
    """
    import pyarrow as pa

    if dtype not in DTYPES:
        raise ValueError(f"dataset: `dtype` must be one of {', '.join(DTYPES)}, got {dtype!r}.")
    value = pa.float16() if dtype == "float16" else pa.float32()
    tensor = pa.fixed_shape_tensor(value, size)
    fields = [pa.field(name, _type(kind), null) for name, kind, null in COLUMNS]
    return pa.schema([*fields, *(pa.field(name, tensor, False) for name in MAPS)])


def _type(kind: str) -> Any:
    """Arrow's type of a column."""
    import pyarrow as pa

    return pa.list_(pa.float64()) if kind == "floats" else getattr(pa, kind)()
