"""Memory of a real GPU, through PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np


class RealDevice:
    """Memory of the current CUDA device, and a stream of its own."""

    name = "gpu"

    def __init__(self) -> None:
        import torch

        self._torch = torch
        self._stream = torch.cuda.Stream()

    @property
    def stream(self) -> Any:
        """Not the default one: an op that ignores it runs into the fills below."""
        return self._stream

    def empty(
        self, shape: tuple[int, ...], dtype: str, *, channels_last: bool = False, skew: int = 0
    ) -> Any:
        """Memory full of marks, `skew` elements off the allocator's alignment."""
        torch = self._torch
        kind = getattr(torch, dtype)
        count = int(np.prod(shape, dtype=np.int64))
        size = torch.empty((), dtype=kind).element_size()
        raw = torch.full(((count + skew) * size,), 0xA5, dtype=torch.uint8, device="cuda")
        flat = raw.view(kind)[skew:]
        self._stream.wait_stream(torch.cuda.current_stream())
        if not channels_last:
            return flat.view(shape)
        m, c, h, w = shape
        return flat.view(m, h, w, c).permute(0, 3, 1, 2)

    def put(self, array: np.ndarray) -> Any:
        """A copy of a NumPy array."""
        made = self._torch.from_numpy(np.ascontiguousarray(array)).to("cuda")
        self._stream.wait_stream(self._torch.cuda.current_stream())
        return made

    def get(self, array: Any) -> np.ndarray:
        """The elements by axes, bfloat16 as its bits."""
        self._stream.synchronize()
        if array.dtype == self._torch.bfloat16:
            array = array.view(self._torch.int16)
            return array.cpu().numpy().view(np.uint16)
        return array.cpu().numpy()
