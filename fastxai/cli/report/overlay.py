"""A map's colours over the photograph that it explains."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

    from fastxai.cli.subject.picture import Picture

PHOTOGRAPH, NETWORK = "photograph", "network"
SHEET_SIDE = 1024  # pixels, at most: a sheet holds several pictures
_STRIP = 512  # rows that are blended at a time, to bound the memory of large photographs


class Canvas:
    """Background of the painted maps.

    Args:
        picture: The picture that is explained.
        size: 'photograph' paints over the photograph, 'network' over what the network sees.
        sheet: The painted pictures stand side by side in one: large photographs are reduced.
    """

    def __init__(self, picture: Picture, size: str, sheet: bool) -> None:
        if size == NETWORK:
            self.below = picture.seen.convert("RGB")
            self._box = 0, 0, *self.below.size
            return
        self.below, scale = picture.photograph, 1.0
        if sheet and max(self.below.size) > SHEET_SIDE:
            scale = SHEET_SIDE / max(self.below.size)
            width, height = (max(1, round(scale * side)) for side in self.below.size)
            self.below = self.below.resize((width, height))
        left, upper, right, lower = (round(scale * edge) for edge in picture.box)
        left, upper = min(left, self.below.width - 1), min(upper, self.below.height - 1)
        self._box = left, upper, max(right, left + 1), max(lower, upper + 1)

    def paint(self, colors: Image.Image) -> Image.Image:
        """Lay an RGBA picture of the map over the part that the network sees."""
        from PIL import Image

        painted = self.below.copy()
        left, upper, right, lower = self._box
        size = right - left, lower - upper
        if colors.size != size:
            colors = colors.resize(size, Image.Resampling.BILINEAR)
        for top in range(0, size[1], _STRIP):
            bottom = min(top + _STRIP, size[1])
            strip = painted.crop((left, upper + top, right, upper + bottom)).convert("RGBA")
            over = Image.alpha_composite(strip, colors.crop((0, top, size[0], bottom)))
            painted.paste(over.convert("RGB"), (left, upper + top))
        return painted
