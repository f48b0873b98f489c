"""Many images explained with one seed, into a directory of Parquet files.

source -> items -> blocks -> Job (decode, class scores, targets, explainer) -> Folder
                    |          in this process, a shard, or an actor of Ray
                    v
             part-*.parquet, manifest.json  ->  open(folder)  ->  rows, maps, exports
"""

from typing import TYPE_CHECKING

from fastxai._lazy import lazy_names

if TYPE_CHECKING:
    from fastxai.dataset.cluster import explain_on_ray
    from fastxai.dataset.files import OtherRunError
    from fastxai.dataset.items import Item
    from fastxai.dataset.job import ImageError, Preprocess
    from fastxai.dataset.picture import Frame
    from fastxai.dataset.reader import ExplainedRow, Explanations, open
    from fastxai.dataset.run import Summary, explain

__all__ = [
    "ExplainedRow",
    "Explanations",
    "Frame",
    "ImageError",
    "Item",
    "OtherRunError",
    "Preprocess",
    "Summary",
    "explain",
    "explain_on_ray",
    "open",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "ExplainedRow": f"{__name__}.reader",
        "Explanations": f"{__name__}.reader",
        "Frame": f"{__name__}.picture",
        "ImageError": f"{__name__}.job",
        "Item": f"{__name__}.items",
        "OtherRunError": f"{__name__}.files",
        "Preprocess": f"{__name__}.job",
        "Summary": f"{__name__}.run",
        "explain": f"{__name__}.run",
        "explain_on_ray": f"{__name__}.cluster",
        "open": f"{__name__}.reader",
    },
)
