"""A PyTorch network as a network of OpenVINO's, and the form of its outputs."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from fastxai.engine.protocol import Unusable
from fastxai.system.first_line import first_line


class _Flat(nn.Module):
    """A network whose outputs are a tuple of all Tensors that it returns."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Outputs of images, from the outside to the inside."""
        return tuple(leaves(self.network(images)))


def exported(network: nn.Module, rows: np.ndarray) -> Any:
    """A network as an `openvino.Model` for any number of images of one shape.

    Args:
        network: In evaluation mode; it is given back as it came.
        rows: Some images (M, C, H, W) float32, two or more.

    Raises:
        Unusable: PyTorch cannot export it, or OpenVINO not read what was exported.
    """
    import openvino
    import torch.fx.experimental.symbolic_shapes  # noqa: F401  whose log is kept back too

    from fastxai.engine.openvino import said

    flat = _Flat(network)
    flat.training = False  # alone: `eval` would set flags of the network too
    with _quiet():
        try:
            program = torch.export.export(
                flat,
                (torch.from_numpy(rows.copy()),),
                dynamic_shapes=({0: torch.export.Dim("images")},),
            )
        except Exception as error:  # whatever the network and the exporter meet
            raise Unusable(f"torch.export cannot export it: {first_line(error)}") from error
        try:
            return openvino.convert_model(program)
        except Exception as error:  # what its bindings make of its errors
            raise Unusable(f"OpenVINO cannot load what was exported: {said(error)}") from error


def leaves(output: Any) -> list[Any]:
    """All Tensors or arrays in what a network returned, in order.

    Raises:
        Unusable: It holds something else.
    """
    if isinstance(output, (torch.Tensor, np.ndarray)):
        return [output]
    if isinstance(output, (tuple, list)):
        return [leaf for each in output for leaf in leaves(each)]
    if isinstance(output, dict):
        return [leaf for each in output.values() for leaf in leaves(each)]
    raise Unusable(f"it returns a {type(output).__name__} beside Tensors")


def with_leaves(form: Any, arrays: list[np.ndarray]) -> Any:
    """The form of an output with other arrays in it."""
    return _filled(form, iter(arrays))


def _filled(form: Any, arrays: Iterator[np.ndarray]) -> Any:
    if isinstance(form, dict):
        return {key: _filled(each, arrays) for key, each in form.items()}
    if isinstance(form, tuple):
        return tuple(_filled(each, arrays) for each in form)
    return next(arrays)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps back warnings, prints and log of an attempt; what failed is told in an error."""
    known = logging.root.manager.loggerDict.items()  # `disabled` does not reach those below
    loggers = [
        logger
        for name, logger in known
        if name.startswith("torch.") and isinstance(logger, logging.Logger)
    ]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        # PyTorch prints the graph of what it cannot export.
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled
