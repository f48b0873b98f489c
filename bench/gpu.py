"""The CUDA ops on a GPU: against the device's own write speed, PyTorch, and bare forward passes.

    python -m bench.gpu            (bench/gpu.sh builds and tests before it)

Times are of CUDA events, contenders in turn, medians with quartiles. Writes gpu.json.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from bench.common import record, timing
from bench.peers import pytorch_masks as gpu_peer
from fastxai import ops
from fastxai.ops import MaskSpec, OcclusionSpec, SaliencySums, cuda
from fastxai.torch import RISE

SIZE = (224, 224)
BATCH = 256
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
LAYOUTS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}
OPTIONS = {
    "repeats": record.Option(31),
    "masks": record.Option(6000, "of RISE on ResNet50"),
}
FILL_GOAL, EAGER_GOAL, COMPILED_GOAL, FORWARD_GOAL = 0.85, 10.0, 5.0, 1.05


def timed(
    contenders: Mapping[str, Callable[[], Any]], repeats: int, calls: int = 5
) -> dict[str, list[float]]:
    """Seconds of a call on the device, contenders in turn, each first equally often."""
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    for repeat in range(-3, repeats):
        for name in timing.rotation(list(contenders), repeat):
            begin.record()
            for _ in range(calls):
                contenders[name]()
            end.record()
            end.synchronize()
            if repeat >= 0:
                samples[name].append(begin.elapsed_time(end) / 1e3 / calls)
    return samples


def in_turn(functions: list[Callable[[], Any]]) -> Callable[[], Any]:
    """Calls one after the other of them, so that no cache holds what is written next."""
    number = 0

    def run() -> None:
        nonlocal number
        functions[number % len(functions)]()
        number += 1

    return run


def batches(dtype: str, layout: str) -> list[torch.Tensor]:
    """Two batches, each larger than the second-level cache."""
    shape = (BATCH, 3, *SIZE)
    return [
        torch.empty(shape, dtype=DTYPES[dtype], device="cuda", memory_format=LAYOUTS[layout])
        for _ in range(2)
    ]


def product_into(outs: list[torch.Tensor], spec: MaskSpec) -> Callable[[], Any]:
    """The masked product, in turn into each."""
    image = torch.randn((3, *SIZE), device="cuda")
    base = torch.zeros(3, device="cuda")
    stream = torch.cuda.current_stream()
    one = [
        functools.partial(cuda.masked_product, image, base, spec, 0, out, stream=stream)
        for out in outs
    ]
    return in_turn(one)


def check_product() -> list[str]:
    """Compares the product with the CPU's op before it is timed.

    Raises:
        AssertionError: They differ.
    """
    image = np.random.default_rng(0).normal(size=(3, *SIZE)).astype(np.float32)
    spec = MaskSpec(7, SIZE)
    expected = ops.masked_product(image, spec, 0, 8, backend="native")
    out = torch.full((8, 3, *SIZE), torch.nan, device="cuda")
    there, base = torch.from_numpy(image).cuda(), torch.zeros(3, device="cuda")
    cuda.masked_product(there, base, spec, 0, out, stream=torch.cuda.current_stream())
    assert (out.cpu().numpy() == expected).all(), "masked_product differs from the CPU's"
    return ["masked_product has the CPU's bits"]


def products(repeats: int) -> list[dict[str, Any]]:
    """Bandwidth of the product by dtype, layout and design, beside a fill of the same buffers."""
    rows = []
    kinds = [(d, la, "iid") for d in DTYPES for la in LAYOUTS] + [("float32", "NCHW", "oa128")]
    for dtype, layout, design in kinds:
        outs = batches(dtype, layout)
        contenders = {
            "product": product_into(outs, MaskSpec(1, SIZE, design=design)),
            "fill": in_turn([functools.partial(out.fill_, 1.5) for out in outs]),
            "zero": in_turn([out.zero_ for out in outs]),
        }
        samples = timed(contenders, repeats)
        size = outs[0].numel() * outs[0].element_size()
        fastest = min(("fill", "zero"), key=lambda name: statistics.median(samples[name]))
        rows.append(
            {
                "dtype": dtype, "layout": layout, "design": design, "bytes": size,
                "gb_per_s": {k: size / statistics.median(v) / 1e9 for k, v in samples.items()},
                "share_of_fill": timing.summary(
                    timing.ratios(samples[fastest], samples["product"])
                ),
            }
        )  # fmt: skip
    return rows


def others(repeats: int) -> list[dict[str, Any]]:
    """Microseconds of the ops that are small beside a network."""
    stream = torch.cuda.current_stream()
    doubles = {"dtype": torch.float64, "device": "cuda"}
    spec, windows = MaskSpec(1, SIZE), OcclusionSpec(SIZE, (7, 7), (7, 7))
    image, base = torch.randn((3, *SIZE), device="cuda"), torch.zeros(3, device="cuda")
    cells = torch.empty((BATCH, *spec.grid), dtype=torch.uint8, device="cuda")
    shifts = torch.empty((BATCH, 2), dtype=torch.int32, device="cuda")
    masks = torch.empty((BATCH, 1, *SIZE), device="cuda")
    covered = torch.empty((BATCH, 3, *SIZE), device="cuda")
    empty = SaliencySums.zeros(spec, 1)
    sums, moments = (torch.from_numpy(a).cuda() for a in (empty.sums, empty.moments))
    bad = torch.empty(1, dtype=torch.int64, device="cuda")
    scores = torch.rand((BATCH, 1), device="cuda")
    maps = torch.empty((2, *SIZE), **doubles)
    space = torch.empty(cuda.saliency_expand_workspace(tuple(sums.shape), SIZE), **doubles)
    drops = torch.rand((1, windows.num_windows), **doubles)
    one_map, small = torch.empty((1, *SIZE), **doubles), torch.empty(5000, **doubles)
    calls: dict[str, Callable[[], Any]] = {
        "mask_grid": lambda: cuda.mask_grid(spec, 0, cells, shifts, stream=stream),
        "mask_upsample": lambda: cuda.mask_upsample(
            cells, shifts, spec.up_size, masks, stream=stream
        ),
        "saliency_accumulate": lambda: cuda.saliency_accumulate(
            scores, spec, 0, sums, moments, bad, stream=stream
        ),
        "saliency_expand": lambda: cuda.saliency_expand(sums, maps, space, stream=stream),
        "occlusion_fill": lambda: cuda.occlusion_fill(
            image, base, windows, 0, covered, stream=stream
        ),
        "occlusion_patch": lambda: cuda.occlusion_patch(
            covered, image, base, windows, 0, 0, stream=stream
        ),
        "occlusion_sum": lambda: cuda.occlusion_sum(drops, windows, one_map, small, stream=stream),
    }
    samples = timed(calls, repeats, calls=20)
    return [{"op": name, "seconds": timing.summary(values)} for name, values in samples.items()]


def hot_path(repeats: int) -> dict[str, Any]:
    """Masks, products and sums of a batch, against the same in PyTorch, eager and compiled."""
    image, scores = torch.randn((3, *SIZE), device="cuda"), torch.rand((BATCH, 1), device="cuda")
    spec, stream = MaskSpec(1, SIZE), torch.cuda.current_stream()
    product = product_into(batches("float32", "NCHW"), spec)
    empty = SaliencySums.zeros(spec, 1)
    sums, moments = (torch.from_numpy(a).cuda() for a in (empty.sums, empty.moments))
    bad = torch.empty(1, dtype=torch.int64, device="cuda")

    def ours() -> None:
        product()
        cuda.saliency_accumulate(scores, spec, 0, sums, moments, bad, stream=stream)

    peer = functools.partial(gpu_peer.one_shift, image, scores, 10, SIZE, 4)
    gather = functools.partial(gpu_peer.own_shifts, image, scores, 10, SIZE)
    compiled = torch.compile(gpu_peer.one_shift)
    contenders = {
        "fastxai": ours,
        "pytorch, one shift a batch": peer,
        "pytorch, a shift a mask": gather,
        "torch.compile, one shift a batch": lambda: compiled(image, scores, 10, SIZE, 4),
    }
    samples = timed(contenders, repeats)
    return {
        "seconds": {name: timing.summary(values) for name, values in samples.items()},
        "times_ours": {
            name: timing.summary(timing.ratios(values, samples["fastxai"]))
            for name, values in samples.items()
        },
    }


def resnet50(masks: int, repeats: int) -> dict[str, Any]:
    """RISE of one image on ResNet50 in bfloat16, channels last, against its bare forward passes."""
    from torchvision.models import resnet50 as build

    torch.manual_seed(0)
    network = build(weights=None).to("cuda", torch.bfloat16).eval()
    network = network.to(memory_format=torch.channels_last)
    softmax = nn.Softmax(dim=1)
    image = torch.randn((1, 3, *SIZE), device="cuda")
    explainer = RISE(network, softmax, BATCH, num_masks=masks, seed=0)
    sizes: list[int] = []
    hook = network.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    explainer(image, 5, progress=False)
    hook.remove()
    fixed = torch.randn((sizes[0], 3, *SIZE), device="cuda", dtype=torch.bfloat16)
    fixed = fixed.to(memory_format=torch.channels_last)

    @torch.no_grad()
    def bare() -> None:
        for _ in sizes:
            softmax(network(fixed)).float()

    samples: dict[str, list[float]] = {"rise": [], "bare": []}
    runs = {"rise": lambda: explainer(image, 5, progress=False), "bare": bare}
    for repeat in range(-1, repeats):
        for name in timing.rotation(list(runs), repeat):
            torch.cuda.synchronize()
            start = time.perf_counter()
            runs[name]()
            torch.cuda.synchronize()
            if repeat >= 0:
                samples[name].append(time.perf_counter() - start)
    ratio = timing.ratios(samples["rise"], samples["bare"])
    return {
        "masks": masks, "batch": sizes[0], "batches": len(sizes), "ratio": timing.summary(ratio),
        "seconds": {name: timing.summary(values) for name, values in samples.items()},
    }  # fmt: skip


def device_info() -> dict[str, str]:
    """The GPU, its driver and the versions that matter."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    found = subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "gpu": torch.cuda.get_device_name(),
        "nvidia_smi": found,
        "torch": torch.__version__,
        "cuda": str(torch.version.cuda),
    }


def goals(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The targets that these results answer."""
    lines = []
    for row in results["products"]:
        if row["layout"] == "NCHW" and row["design"] == "iid" and row["dtype"] != "float16":
            what = f"masked_product {row['dtype']} on a GPU, share of the fill"
            median = row["share_of_fill"]["median"]
            lines.append(record.target(what, median, FILL_GOAL, at_least=True))
    times = results["hot_path"]["times_ours"]
    for name, goal in (
        ("pytorch, one shift a batch", EAGER_GOAL),
        ("torch.compile, one shift a batch", COMPILED_GOAL),
    ):
        what = f"masks, products and sums on a GPU, times faster than {name}"
        lines.append(record.target(what, times[name]["median"], goal, at_least=True))
    if results["resnet50"] is not None:
        what = "RISE of ResNet50 on a GPU over its bare forward passes"
        median = results["resnet50"]["ratio"]["median"]
        lines.append(record.target(what, median, FORWARD_GOAL, at_least=False))
    return lines


def measure(options: argparse.Namespace) -> record.Outcome:
    """Measures everything."""
    if not torch.cuda.is_available():
        raise SystemExit("bench.gpu: PyTorch sees no NVIDIA GPU: nothing was measured")
    device = device_info()
    print(device)
    checks = check_product()
    results: dict[str, Any] = {"products": products(options.repeats)}
    results["others"] = others(options.repeats)
    results["hot_path"] = hot_path(options.repeats)
    try:
        results["resnet50"] = resnet50(options.masks, 3)
    except ImportError as error:
        print(f"no torchvision, so no ResNet50: {error}")
        results["resnet50"] = None
    about = {"device": device, "library": cuda.cuda_info()}
    settings = {"batch": BATCH, "size": SIZE}
    return record.Outcome(results, checks, goals(results), settings, about)


if __name__ == "__main__":
    record.main("gpu", __doc__, OPTIONS, measure)
