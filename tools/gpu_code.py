"""What nvcc makes of the kernels that write batches: registers, spills, instructions of the loops.

    python tools/gpu_code.py [--architecture 90]

Needs nvcc, and nvdisasm of CUDA's toolkit or of the package nvidia-cuda-nvdisasm. Read from built
code: it says nothing of the time that a GPU takes.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("masked_product", "occlusion")
# Kernels of three channels that write whole vectors, and of coarse rows.
SHOWN = re.compile(
    r"planar_product<\w+, [48], 3|interleaved_product<\w+, [48]|fill_windows<\w+, [48]|enlarge_rows"
)
_FLAGS = ("-std=c++17", "-O3", "-DNDEBUG", "-fmad=false", "-cubin", "-Xptxas", "-v")


def output(*command: str, both: bool = False) -> str:
    """What a program says."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout + (done.stderr if both else "")


def plain(symbol: str) -> str:
    """The name of a kernel without what all of them have in common."""
    found = re.search(r"(\w+(?:<.*?>)?)\(", output("c++filt", symbol).replace("fastxai::", ""))
    return found[1].replace("device::", "") if found else symbol


def resources(said: str) -> dict[str, tuple[int, int, int]]:
    """Registers and bytes of spill stores and loads, by symbol, of what ptxas says."""
    spills = r"(\d+) bytes spill stores, (\d+) bytes spill loads"
    pattern = rf"entry function '(\w+)'.*?{spills}.*?Used (\d+)"
    return {
        symbol: (int(registers), int(stores), int(loads))
        for symbol, stores, loads, registers in re.findall(pattern, said, re.DOTALL)
    }


def loops(code: str) -> Iterator[list[str]]:
    """The instructions of each innermost loop that stores vectors of 16 bytes."""
    lines: list[str] = []
    labels: dict[str, int] = {}
    for line in code.splitlines():
        label = re.match(r"(\.L_x_\d+):", line)
        if label:
            labels[label[1]] = len(lines)
        found = re.match(r"\s+/\*[0-9a-f]+\*/\s+(.*);", line)
        if found:
            lines.append(found[1])
    last = 0  # where the loop before ends: one that begins before that is around it
    for end, line in enumerate(lines):
        jump = re.search(r"BRA.*`\((\.L_x_\d+)\)", line)
        begin = labels.get(jump[1], end + 1) if jump else end + 1
        body = lines[begin : end + 1]
        if any(re.search(r"STG\S*\.128", one) for one in body):
            if begin >= last:
                yield body
            last = end


def rows(source: str, architecture: int, nvdisasm: str) -> Iterator[str]:
    """Lines of the table for the kernels of a source."""
    with tempfile.TemporaryDirectory() as folder:
        cubin = f"{folder}/kernels.cubin"
        file = ROOT / "kernels" / source / f"{source}_cuda.cu"
        command = ("nvcc", *_FLAGS, f"-I{ROOT}", f"-arch=sm_{architecture}", "-o", cubin, str(file))
        used = resources(output(*command, both=True))
        parts = re.split(r"\n//-+ \.text\.", output(nvdisasm, "-c", cubin))[1:]
    for part in parts:
        symbol = part.split()[0]
        if not SHOWN.search(plain(symbol)):
            continue
        registers, stores, loads = used[symbol]
        for body in loops(part):
            stored = 16 * sum(1 for one in body if re.search(r"STG\S*\.128", one))
            local = sum(1 for one in body if re.search(r"\b(LDL|STL)\b", one))
            yield (
                f"| {plain(symbol)} | {registers} | {stores}, {loads} | {len(body)} | {stored} "
                f"| {len(body) / stored:.2f} | {local} |"
            )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architecture", type=int, default=90)
    parser.add_argument("--nvdisasm", default="nvdisasm")
    options = parser.parse_args()
    print(
        "| kernel | registers | bytes spilled: stored, loaded | instructions of a loop "
        "| bytes stored by it | instructions a byte | local loads and stores |"
    )
    print("|---|---|---|---|---|---|---|")
    for source in SOURCES:
        print(*rows(source, options.architecture, options.nvdisasm), sep="\n")


if __name__ == "__main__":
    main()
