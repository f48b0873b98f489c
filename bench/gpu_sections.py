"""What bench.gpu measures, a function a section: operators, a batch of RISE, RISE of ResNet50.

`python -m bench.gpu_sections SECTION FILE` measures one; bench.gpu runs it for each.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from bench.common import gpu_timing, timing
from bench.common.gpu_timing import in_turn
from bench.common.sections import write_section
from bench.peers import pytorch_masks as gpu_peer
from fastxai import ops
from fastxai.ops import MaskSpec, OcclusionSpec, SaliencySums, cuda
from fastxai.torch import RISE
from fastxai.torch.cuda_step import stream_of

DEVICE = "cuda"
SIZE = (224, 224)
BATCH = 256
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
LAYOUTS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}
# dtype, layout and design of the masked products: all of iid, and every other design.
PRODUCTS = [
    *((dtype, layout, "iid") for dtype in DTYPES for layout in LAYOUTS),
    *(("float32", "NCHW", design) for design in ("oa128", "placed", "lattice")),
    ("bfloat16", "NHWC", "lattice"),  # what RISE takes by default on a GPU
]


def _stream() -> int:
    """The current stream: of a capture while there is one."""
    return stream_of(torch.empty(0, device=DEVICE))


def batches(dtype: str, layout: str) -> list[torch.Tensor]:
    """Two batches, each larger than the second-level cache."""
    shape = (BATCH, 3, *SIZE)
    return [
        torch.empty(shape, dtype=DTYPES[dtype], device=DEVICE, memory_format=LAYOUTS[layout])
        for _ in range(2)
    ]


def _workspace(out: torch.Tensor, spec: MaskSpec) -> torch.Tensor:
    size = cuda.masked_product_workspace(tuple(out.shape), spec.grid)
    return torch.empty(size, dtype=torch.float64, device=DEVICE)


def product_into(outs: list[torch.Tensor], spec: MaskSpec) -> Callable[[], Any]:
    """The masked product, in turn into each."""
    space = _workspace(outs[0], spec)
    image = torch.randn((3, *SIZE), device=DEVICE)
    base = torch.zeros(3, device=DEVICE)

    def into(out: torch.Tensor) -> None:
        cuda.masked_product(image, base, spec, 0, out, space, stream=_stream())

    return in_turn([functools.partial(into, out) for out in outs])


def check(options: argparse.Namespace) -> list[str]:
    """Compares the product of every design with the CPU's op before anything is timed.

    Raises:
        AssertionError: They differ.
    """
    image = np.random.default_rng(0).normal(size=(3, *SIZE)).astype(np.float32)
    there, base = torch.from_numpy(image).to(DEVICE), torch.zeros(3, device=DEVICE)
    native = ops.has_native()
    for design in ("iid", "oa128", "placed", "lattice"):
        spec = MaskSpec(7, SIZE, design=design)
        expected = ops.masked_product(
            image, spec, 120, 16, backend="native" if native else "reference"
        )
        out = torch.full((16, 3, *SIZE), torch.nan, device=DEVICE)
        space = _workspace(out, spec)
        cuda.masked_product(there, base, spec, 120, out, space, stream=_stream())
        furthest = np.abs(out.cpu().numpy() - expected).max()
        limit = 0.0 if native else 4 * np.finfo(np.float32).eps * np.abs(image).max()
        assert furthest <= limit, f"masked_product, {design}: differs from the CPU's by {furthest}"
    return [f"masked_product has the {'CPU' if native else 'reference'}'s values, every design"]


def products(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Bandwidth of the product by dtype, layout and design, beside a fill of the same buffers."""
    rows = []
    for dtype, layout, design in PRODUCTS:
        outs = batches(dtype, layout)
        contenders = {
            "product": product_into(outs, MaskSpec(1, SIZE, design=design)),
            "fill": in_turn([functools.partial(out.fill_, 1.5) for out in outs]),
            "zero": in_turn([out.zero_ for out in outs]),
        }
        samples, how = gpu_timing.timed(contenders, options.repeats)
        size = outs[0].numel() * outs[0].element_size()
        fastest = min(("fill", "zero"), key=lambda name: statistics.median(samples[name]))
        share = timing.summary(timing.ratios(samples[fastest], samples["product"]))
        print(f"{dtype}, {layout}, {design}: {share['median']:.3f} of the fill", flush=True)
        rows.append(
            {
                "dtype": dtype, "layout": layout, "design": design, "bytes": size, "timed": how,
                "gb_per_s": {k: size / statistics.median(v) / 1e9 for k, v in samples.items()},
                "share_of_fill": share,
            }
        )  # fmt: skip
    return rows


def _host_seconds(call: Callable[[], Any], repeats: int) -> dict[str, float]:
    """Seconds until a call returns: what the host spends on queueing it."""
    samples = []
    for _ in range(max(repeats, 5)):
        start = time.perf_counter()
        call()
        samples.append(time.perf_counter() - start)
    return timing.summary(samples)


def other_ops() -> dict[str, Callable[[], Any]]:
    """The ops that are small beside a network, ready to be called."""
    doubles = {"dtype": torch.float64, "device": DEVICE}
    spec, windows = MaskSpec(1, SIZE), OcclusionSpec(SIZE, (7, 7), (7, 7))
    image, base = torch.randn((3, *SIZE), device=DEVICE), torch.zeros(3, device=DEVICE)
    cells = torch.empty((BATCH, *spec.grid), dtype=torch.uint8, device=DEVICE)
    shifts = torch.empty((BATCH, 2), dtype=torch.int32, device=DEVICE)
    masks = torch.empty((BATCH, 1, *SIZE), device=DEVICE)
    covered = torch.empty((BATCH, 3, *SIZE), device=DEVICE)
    empty = SaliencySums.zeros(spec, 1)
    sums, moments = (torch.from_numpy(a).to(DEVICE) for a in (empty.sums, empty.moments))
    bad = torch.empty(1, dtype=torch.int64, device=DEVICE)
    scores = torch.rand((BATCH, 1), device=DEVICE)
    maps = torch.empty((2, *SIZE), **doubles)
    space = torch.empty(cuda.saliency_expand_workspace(tuple(sums.shape), SIZE), **doubles)
    drops = torch.rand((1, windows.num_windows), **doubles)
    one_map = torch.empty((1, *SIZE), **doubles)
    small = torch.empty(cuda.occlusion_sum_workspace(1, windows), **doubles)

    def accumulate(design: str) -> Callable[[], Any]:
        own = MaskSpec(1, SIZE, design=design)
        return lambda: cuda.saliency_accumulate(
            scores, own, 0, sums, moments, bad, stream=_stream()
        )

    return {
        "mask_grid": lambda: cuda.mask_grid(spec, 0, cells, shifts, stream=_stream()),
        "mask_upsample": lambda: cuda.mask_upsample(
            cells, shifts, spec.up_size, masks, stream=_stream()
        ),
        "saliency_accumulate": accumulate("iid"),
        "saliency_accumulate, lattice": accumulate("lattice"),
        "saliency_expand": lambda: cuda.saliency_expand(sums, maps, space, stream=_stream()),
        "occlusion_fill": lambda: cuda.occlusion_fill(
            image, base, windows, 0, covered, stream=_stream()
        ),
        "occlusion_patch": lambda: cuda.occlusion_patch(
            covered, image, base, windows, 0, 0, stream=_stream()
        ),
        "occlusion_sum": lambda: cuda.occlusion_sum(
            drops, windows, one_map, small, stream=_stream()
        ),
    }


def others(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Seconds of the small ops, on the device and of the host that queues them."""
    calls = other_ops()
    calls["masked_product"] = product_into(batches("float32", "NCHW"), MaskSpec(1, SIZE))
    host = {name: _host_seconds(call, options.repeats) for name, call in calls.items()}
    samples, how = gpu_timing.timed(calls, options.repeats, calls=50)
    return [
        {
            "op": name, "timed": how[name],
            "seconds": timing.summary(values), "host_seconds": host[name],
        }
        for name, values in samples.items()
    ]  # fmt: skip


def hot_path(options: argparse.Namespace) -> dict[str, Any]:
    """Masks, products and sums of a batch, against the same in PyTorch, eager and compiled."""
    image, scores = torch.randn((3, *SIZE), device=DEVICE), torch.rand((BATCH, 1), device=DEVICE)
    spec = MaskSpec(1, SIZE)
    product = product_into(batches("float32", "NCHW"), spec)
    empty = SaliencySums.zeros(spec, 1)
    sums, moments = (torch.from_numpy(a).to(DEVICE) for a in (empty.sums, empty.moments))
    bad = torch.empty(1, dtype=torch.int64, device=DEVICE)

    def ours() -> None:
        product()
        cuda.saliency_accumulate(scores, spec, 0, sums, moments, bad, stream=_stream())

    contenders: dict[str, Callable[[], Any]] = {
        "fastxai": ours,
        "pytorch, one shift a batch": lambda: gpu_peer.one_shift(image, scores, 10, SIZE, 4),
        "pytorch, a shift a mask": lambda: gpu_peer.own_shifts(image, scores, 10, SIZE),
    }
    try:
        compiled = torch.compile(gpu_peer.one_shift)
        compiled(image, scores, 10, SIZE, 4)
        contenders["torch.compile, one shift a batch"] = lambda: compiled(
            image, scores, 10, SIZE, 4
        )
        missing = ""
    except Exception as error:  # no Triton, no compiler: the others are measured all the same
        missing = f"torch.compile: {type(error).__name__}: {error}".splitlines()[0]
        print(missing, flush=True)
    samples, how = gpu_timing.timed(contenders, options.repeats)
    return {
        "timed": how, "missing": missing,
        "seconds": {name: timing.summary(values) for name, values in samples.items()},
        "times_ours": {
            name: timing.summary(timing.ratios(values, samples["fastxai"]))
            for name, values in samples.items()
        },
    }  # fmt: skip


def resnet50(options: argparse.Namespace) -> dict[str, Any]:
    """RISE of one image on ResNet50 in bfloat16, channels last, against its bare forward passes."""
    from torchvision.models import resnet50 as build

    torch.manual_seed(0)
    network = build(weights=None).to(DEVICE, torch.bfloat16).eval()
    return rise_over_bare(network.to(memory_format=torch.channels_last), options.masks, 3)


def rise_over_bare(network: nn.Module, masks: int, repeats: int) -> dict[str, Any]:
    """Wall time of RISE and of as many bare passes, in turn."""
    softmax = nn.Softmax(dim=1)
    dtype = next(network.parameters()).dtype
    image = torch.randn((1, 3, *SIZE), device=DEVICE)
    explainer = RISE(network, softmax, BATCH, num_masks=masks, seed=0)
    sizes: list[int] = []
    hook = network.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    explainer(image, 5, progress=False)
    hook.remove()
    fixed = torch.randn((sizes[0], 3, *SIZE), device=DEVICE, dtype=dtype)
    fixed = fixed.to(memory_format=torch.channels_last)

    @torch.no_grad()
    def bare() -> None:
        for _ in sizes:
            softmax(network(fixed)).float()

    samples: dict[str, list[float]] = {"rise": [], "bare": []}
    runs = {"rise": lambda: explainer(image, 5, progress=False), "bare": bare}
    for repeat in range(-1, repeats):
        for name in timing.rotation(list(runs), repeat):
            _wait()
            start = time.perf_counter()
            runs[name]()
            _wait()
            if repeat >= 0:
                samples[name].append(time.perf_counter() - start)
    ratio = timing.ratios(samples["rise"], samples["bare"])
    return {
        "masks": masks, "batch": sizes[0], "batches": len(sizes), "ratio": timing.summary(ratio),
        "seconds": {name: timing.summary(values) for name, values in samples.items()},
    }  # fmt: skip


def _wait() -> None:
    if DEVICE == "cuda":
        torch.cuda.synchronize()


# Name, what measures it, seconds that it may take: 450 in all.
SECTIONS: dict[str, tuple[Callable[[argparse.Namespace], Any], float]] = {
    "check": (check, 60),
    "products": (products, 110),
    "others": (others, 50),
    "hot_path": (hot_path, 110),
    "resnet50": (resnet50, 120),
}


def main() -> None:
    """Measures one section and writes what it found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("section", choices=SECTIONS)
    parser.add_argument("to", type=Path)
    parser.add_argument("--repeats", type=int, default=31)
    parser.add_argument("--masks", type=int, default=6000)
    options = parser.parse_args()
    write_section(options.to, lambda: SECTIONS[options.section][0](options))


if __name__ == "__main__":
    main()
