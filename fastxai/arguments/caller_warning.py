"""Warnings that point at the line of the caller's program."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

_PACKAGE = str(Path(__file__).resolve().parents[1]) + os.sep


def warn_caller(words: str) -> None:
    """Warns of a UserWarning at the nearest line outside fastxai.

    `warnings.warn(skip_file_prefixes=...)` does so from Python 3.12 on.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(words, UserWarning, stacklevel=level)
