"""Pictures side by side in one picture, each under its title."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

_MAX_COLUMNS = 4
_TITLE_HEIGHT = 24  # pixels
_MARGIN = (8, 6)  # of a title, pixels from the left and from the top


def side_by_side(panels: Sequence[tuple[str, Image.Image]], scale: int = 1) -> Image.Image:
    """Put pictures next to each other, at most four in a row, each under its title.

    A title that is wider than its picture is cut; letters that are not of Latin-1, which Pillow's
    own font lacks, become '?'.

    Args:
        panels: Titles and Pillow pictures of any mode and one size (W, H), at least one.
        scale: How many times larger the pictures are drawn (bicubic), at least 1.

    Returns:
        Pillow picture, RGB, `scale` W pixels wide per column and `scale` H + 24 high per row;
        empty places are white.

    Raises:
        ValueError: There is no picture, they differ in size, or one does not say what white is, as
            in `saliency_to_image`.

    Supported Platforms:
        Any: computed by Pillow on the host.

    Examples:
        >>> from PIL import Image
        >>> from fastxai.visual.cv.sheet import side_by_side
        >>> halves = [(name, Image.new("RGB", (40, 30), name)) for name in ("red", "blue")]
        >>> side_by_side(halves, scale=2).size
        (160, 84)
    """
    from PIL import Image, ImageDraw

    from fastxai.visual.cv.pixels import eight_bit

    sizes = {picture.size for _, picture in panels}
    if len(sizes) != 1:
        raise ValueError(
            f"side_by_side: `panels` must hold pictures of one size, got {sorted(sizes)}."
        )
    width, height = (scale * side for side in sizes.pop())
    columns = min(_MAX_COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    sheet = Image.new("RGB", (columns * width, rows * (height + _TITLE_HEIGHT)), "white")
    draw = ImageDraw.Draw(sheet)
    for place, (title, picture) in enumerate(panels):
        row, column = divmod(place, columns)
        left, top = column * width, row * (height + _TITLE_HEIGHT)
        drawn = eight_bit("side_by_side", "panels", picture, "RGB").resize((width, height))
        sheet.paste(drawn, (left, top + _TITLE_HEIGHT))
        text = _fitted(draw, title, width - 2 * _MARGIN[0])
        draw.text((left + _MARGIN[0], top + _MARGIN[1]), text, fill="black")
    return sheet


def _fitted(draw: ImageDraw.ImageDraw, title: str, width: int) -> str:
    """The title, or as much of it as fits and three dots."""
    title = title.encode("latin-1", "replace").decode("latin-1")
    if draw.textlength(title) <= width:
        return title
    while title and draw.textlength(title + "...") > width:
        title = title[:-1]
    return title + "..." if title else ""
