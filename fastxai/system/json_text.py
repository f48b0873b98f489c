"""JSON as its standard has it: without NaN and infinity."""

from __future__ import annotations

import json
import math
from typing import Any


def json_text(value: Any, **layout: Any) -> str:
    """The text of a value.

    Args:
        value: Of kinds that JSON has; numbers that are not finite become null.
        **layout: Options of `json.dumps`, such as `indent`.
    """
    return json.dumps(_finite(value), allow_nan=False, **layout)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
