"""masked_product against the streaming-write bandwidth of the machine, on the same buffer."""

from __future__ import annotations

import argparse
import ctypes
import functools
import os
import statistics
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.common import record, timing

SOURCE = Path(__file__).resolve().parent / "stream_fill.cpp"
BUILD = Path(__file__).resolve().parents[1] / ".build"
GOAL = 0.8  # of the bandwidth of a non-temporal fill
_LINE = 64  # bytes


def build_fill() -> ctypes.CDLL:
    """Compiles and loads the fills, for this machine."""
    BUILD.mkdir(exist_ok=True)
    library = BUILD / "stream_fill.so"
    compiler = os.environ.get("CXX", "g++")
    flags = ["-O3", "-std=c++17", "-fopenmp", "-march=native", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, str(SOURCE), "-o", str(library)], check=True)
    loaded = ctypes.CDLL(str(library))
    for name in ("stream_fill", "plain_fill"):
        function = getattr(loaded, name)
        function.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_float, ctypes.c_int]
        function.restype = None
    return loaded


def aligned(shape: tuple[int, ...], offset: int = 0) -> np.ndarray:
    """Touched float32 array `offset` bytes after a multiple of 64 bytes."""
    count = int(np.prod(shape))
    raw = np.zeros(count * 4 + 2 * _LINE, np.uint8)
    start = -raw.ctypes.data % _LINE + offset
    return raw[start : start + count * 4].view(np.float32).reshape(shape)


def check(fill: ctypes.CDLL, image: np.ndarray, out: np.ndarray, spec: Any) -> list[str]:
    """Compares the product with the float64 reference, and the fills with their value.

    Raises:
        AssertionError: Something is wrong.
    """
    from fastxai.ops import masked_product

    few = 4
    expected = masked_product(image, spec, 0, few, backend="reference")
    masked_product(image, spec, 0, len(out), out=out, backend="native")
    error = float(np.abs(out[:few] - expected).max())
    limit = 4 * float(np.finfo(np.float32).eps) * float(np.abs(image).max())
    assert error <= limit, f"masked_product is off by {error}, more than {limit}"
    for name in ("stream_fill", "plain_fill"):
        out[...] = 0.0
        getattr(fill, name)(out.ctypes.data, out.nbytes // _LINE, 1.5, 1)
        assert (out == 1.5).all(), f"{name} left something out"
    return [
        f"masked_product within {error:.2g} of the float64 reference (limit {limit:.2g})",
        "both fills write every value",
    ]


def contenders(
    fill: ctypes.CDLL, image: np.ndarray, out: np.ndarray, spec: Any, threads: int
) -> dict[str, Callable[[], Any]]:
    """The product and the fills on the same buffer with the same threads."""
    from fastxai.ops import masked_product

    lines = out.nbytes // _LINE
    return {
        "masked_product": functools.partial(
            masked_product, image, spec, 0, len(out), out=out, backend="native"
        ),
        "stream_fill": functools.partial(fill.stream_fill, out.ctypes.data, lines, 1.5, threads),
        "plain_fill": functools.partial(fill.plain_fill, out.ctypes.data, lines, 1.5, threads),
    }


def measure(fill: ctypes.CDLL, options: argparse.Namespace, threads: int) -> dict[str, Any]:
    """Times of one number of threads, as bandwidths."""
    import fastxai
    from fastxai.ops import MaskSpec

    shape = (options.channels, options.size, options.size)
    # Image and batch lie alike in their cache lines, as large arrays of one allocator do; where
    # they do not, every load of the image takes two lines (some 10 % slower).
    image = aligned(shape)
    image[...] = np.random.default_rng(0).standard_normal(shape)
    out = aligned((options.batch, *shape))
    spec = MaskSpec(seed=0, size=shape[1:])
    fastxai.set_num_threads(threads)
    checks = check(fill, image, out, spec)
    samples = timing.interleave(
        contenders(fill, image, out, spec, threads),
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


def main() -> None:
    """Measures with one thread and with all."""
    parser = record.parser(__doc__)
    parser.add_argument("--batch", type=int, default=32, help="masks per call")
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--size", type=int, default=224, help="rows and columns")
    parser.add_argument("--repeats", type=int, default=201)
    parser.add_argument("--calls", type=int, default=2, help="calls per sample")
    parser.add_argument("--warmup", type=int, default=10)
    options = parser.parse_args()
    about = record.header()
    record.print_header(about)
    import fastxai
    from fastxai.ops import native_info

    about["fastxai"] = {"version": fastxai.__version__, **native_info()}
    fill = build_fill()
    cores = about["machine"]["usable_cores"]
    rows = [measure(fill, options, threads) for threads in sorted({1, cores})]
    targets = []
    for row in rows:
        share, speed = row["share_of_stream_fill"], row["gb_per_s"]
        print(
            f"{row['threads']} thread(s): {speed['masked_product']:.1f} GB/s, stream fill "
            f"{speed['stream_fill']:.1f}, plain fill {speed['plain_fill']:.1f}; share "
            f"{share['median']:.3f} ({share['q1']:.3f} .. {share['q3']:.3f}; of the "
            f"fastest {row['share_of_fastest']:.3f}), {row['us_per_mask']:.1f} us a mask"
        )
        what = f"masked_product, share of the streaming fill, {row['threads']} thread(s)"
        targets.append(record.target(what, share["median"], GOAL, at_least=True))
    settings = {k: v for k, v in vars(options).items() if k != "results"}
    settings["store_bytes"] = int(fill.stream_store_bytes())
    record.write(
        options.results, "masked_product", about, settings, rows, rows[0]["checks"], targets
    )


if __name__ == "__main__":
    main()
