"""Any map over any picture, and any bytes as a picture's file."""

import io
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from fastxai.cli.messages import CliError
from fastxai.cli.subject.picture import Frame, load_picture
from fastxai.visual.cv import saliency_to_image
from tests.fuzz._arrays import OTHER, OTHER_KINDS, arrays

MODES = ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "I", "I;16", "F"]
SIZES = st.tuples(st.integers(1, 12), st.integers(1, 12))
pytestmark = pytest.mark.filterwarnings("ignore")


def picture(mode, size, seed):
    """A picture of noise."""
    length = len(Image.new(mode, size).tobytes())
    return Image.frombytes(mode, size, np.random.default_rng(seed).bytes(length))


@given(
    saliency=SIZES.flatmap(arrays),
    original=st.none() | st.builds(picture, st.sampled_from(MODES), SIZES, st.integers(0, 9)),
    form=st.sampled_from([np.copy, lambda a: a[None], lambda a: a[None, None]]) | OTHER,
    normalize=st.booleans() | OTHER_KINDS,
    clip=st.none() | st.floats(0, 100) | OTHER_KINDS,
)
def test_a_map_is_painted_at_its_size_or_refused(saliency, original, form, normalize, clip):
    changed = form(saliency)
    try:
        painted = saliency_to_image(changed, original, normalize=normalize, clip_percentile=clip)
    except (TypeError, ValueError) as error:
        words = str(error)
    else:
        height, width = np.shape(changed)[-2:]
        assert (painted.mode, painted.size) == ("RGB", (width, height))
        return
    assert words.startswith(("saliency_to_image: ", "normalize_saliency: ")), words


@example(mode="RGB", kind="PNG", cut=None, flips=[])
@given(
    mode=st.sampled_from(["1", "L", "P", "RGB", "RGBA", "CMYK"]),
    kind=st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"]),
    cut=st.none() | st.integers(0, 400),
    flips=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4),
)
def test_a_picture_file_is_read_or_refused_in_our_words(mode, kind, cut, flips):
    memory = io.BytesIO()
    try:
        picture(mode, (9, 7), 1).save(memory, kind)
    except (OSError, KeyError, ValueError):  # a format without this mode
        return
    content = bytearray(memory.getvalue())
    for at, value in flips:
        content[at % len(content)] = value
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "picture")
        path.write_bytes(bytes(content[:cut]))
        try:
            loaded = load_picture(str(path), Frame((6, 5)), False, 4096)
        except CliError:
            return
    assert loaded.seen.mode == "RGB"
    assert loaded.photograph.width * loaded.photograph.height <= 4096
