"""masked_product against the streaming-write bandwidth of the machine, on the same buffer."""

from __future__ import annotations

import argparse
import ctypes
import functools
import statistics
from typing import Any

import numpy as np

import fastxai
from bench.common import record, timing
from bench.micro import fill
from fastxai.ops import MaskSpec, masked_product, native_info

GOAL = 0.8  # of the bandwidth of a non-temporal fill
OPTIONS = {
    "batch": record.Option(32, "masks per call"),
    "channels": record.Option(3),
    "size": record.Option(224, "rows and columns"),
    "repeats": record.Option(201),
    "calls": record.Option(2, "calls per sample"),
    "warmup": record.Option(10),
}


def check(library: ctypes.CDLL, image: np.ndarray, out: np.ndarray, spec: Any) -> list[str]:
    """Compares the product with the float64 reference, and the fills with their value.

    Raises:
        AssertionError: Something is wrong.
    """
    few = 4
    expected = masked_product(image, spec, 0, few, backend="reference")
    masked_product(image, spec, 0, len(out), out=out, backend="native")
    error = float(np.abs(out[:few] - expected).max())
    limit = 4 * float(np.finfo(np.float32).eps) * float(np.abs(image).max())
    assert error <= limit, f"masked_product is off by {error}, more than {limit}"
    for name, call in fill.calls(library, out, 1).items():
        out[...] = 0.0
        call()
        assert (out == 1.5).all(), f"{name} left something out"
    return [
        f"masked_product within {error:.2g} of the float64 reference (limit {limit:.2g})",
        "both fills write every value",
    ]


def measure_threads(
    library: ctypes.CDLL, options: argparse.Namespace, threads: int
) -> dict[str, Any]:
    """Times of one number of threads, as bandwidths."""
    shape = (options.channels, options.size, options.size)
    # Image and batch lie alike in their cache lines, as large arrays of one allocator do; where
    # they do not, every load of the image takes two lines (some 10 % slower).
    image = fill.aligned(shape)
    image[...] = np.random.default_rng(0).standard_normal(shape)
    out = fill.aligned((options.batch, *shape))
    spec = MaskSpec(seed=0, size=shape[1:])
    fastxai.set_num_threads(threads)
    checks = check(library, image, out, spec)
    product = functools.partial(masked_product, image, spec, 0, len(out), out=out, backend="native")
    samples = timing.interleave(
        {"masked_product": product, **fill.calls(library, out, threads)},
        options.repeats,
        warmup=options.warmup,
        calls=options.calls,
    ).wall
    share = timing.ratios(samples["stream_fill"], samples["masked_product"])
    return {
        "threads": threads,
        "buffer_bytes": out.nbytes,
        "seconds": {name: timing.summary(values) for name, values in samples.items()},
        "gb_per_s": {
            name: out.nbytes / statistics.median(values) / 1e9 for name, values in samples.items()
        },
        "us_per_mask": statistics.median(samples["masked_product"]) / options.batch * 1e6,
        "share_of_stream_fill": timing.summary(share),
        "share_of_fastest": min(samples["stream_fill"]) / min(samples["masked_product"]),
        "checks": checks,
    }


def measure(options: argparse.Namespace) -> record.Outcome:
    """Measures with one thread and with all."""
    library = fill.build()
    threads = sorted({1, record.machine()["usable_cores"]})
    rows = [measure_threads(library, options, number) for number in threads]
    targets = [
        record.target(
            f"masked_product, share of the streaming fill, {row['threads']} thread(s)",
            row["share_of_stream_fill"]["median"],
            GOAL,
            at_least=True,
        )
        for row in rows
    ]
    return record.Outcome(
        rows,
        rows[0]["checks"],
        targets,
        settings={"store_bytes": int(library.stream_store_bytes())},
        about={"fastxai": {"version": fastxai.__version__, **native_info()}},
    )


if __name__ == "__main__":
    record.main("masked_product", __doc__, OPTIONS, measure)
