"""Extension of griffe: formulas of docstrings, written for Sphinx, as MathJax reads them."""

from __future__ import annotations

import re
from typing import Any

import griffe

_INLINE = re.compile(r":math:`([^`]+)`")
_DISPLAY = re.compile(r"^( *)\.\. math:: (.+)$", re.M)


def formulas(text: str) -> str:
    r"""A docstring with \(...\) for the role `math` and \[...\] for the directive."""
    text = _INLINE.sub(lambda found: rf"\({found[1]}\)", text)
    return _DISPLAY.sub(lambda found: rf"{found[1]}\[{found[2]}\]", text)


class Formulas(griffe.Extension):
    """Rewrites the docstring of every object before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called once for each object that has been collected."""
        if obj.docstring is not None:
            obj.docstring.value = formulas(obj.docstring.value)
