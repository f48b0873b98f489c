"""Picture files that are large, broken, animated, transparent or turned."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import cli, compare, explain, fails, files  # noqa: F401

QUICK = ("--explainer", "gradient")


def png_header(width, height):
    """A PNG file that ends after its header: it can say its size, and nothing can be decoded."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT"
    chunks = [
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in (header, data)
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("side", [8193, 10000, 15000, 60000])  # past Pillow's limits too
def test_a_picture_of_too_many_pixels_is_refused_by_its_header(explain, files, side):  # noqa: F811
    (files / "large.png").write_bytes(png_header(side, side))
    result = explain(image="large.png")
    fails(result, 3, f"has {side * side} pixels ({side} by {side}), more than 67108864", "--max-p")


def test_the_limit_is_an_option(explain, compare, files):  # noqa: F811
    fails(explain("--max-pixels", 383), 3, "has 384 pixels (24 by 16), more than 383;")
    fails(compare("--max-pixels", 383), 3, "has 384 pixels", command="compare")
    assert explain(*QUICK, "--max-pixels", 384).code == 0
    fails(explain("--max-pixels", 0), 2, "--max-pixels: must be at least 1")
    (files / "large.png").write_bytes(png_header(20000, 20000))
    result = explain("--max-pixels", 400_000_000, image="large.png")
    fails(result, 3, "large.png: OSError: ")  # past the limit, Pillow's words on what is missing


def test_pillows_own_limit_is_left_as_it_was(explain):  # noqa: F811
    before = Image.MAX_IMAGE_PIXELS
    assert explain(*QUICK).code == 0
    assert before == Image.MAX_IMAGE_PIXELS


def test_a_strip_is_not_blown_up_by_its_shorter_side(cli, files):  # noqa: F811
    Image.new("RGB", (100_000, 1)).save(files / "strip.png")
    options = ("--model", "corner_networks:interrupted", "-o", files / "out.png")
    result = cli("explain", files / "strip.png", *options, "--resize", 64)
    fails(result, 2, "--resize: ", "would become 64x6400000 pixels, more than 67108864")


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "webp", "tiff"])
def test_a_truncated_file_is_told_in_pillows_words(explain, files, suffix):  # noqa: F811
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(files / f"whole.{suffix}")
    whole = (files / f"whole.{suffix}").read_bytes()
    (files / f"cut.{suffix}").write_bytes(whole[: len(whole) * 2 // 3])
    result = explain(*QUICK, image=f"cut.{suffix}")
    fails(result, 3, f"IMAGE: cannot read {files / f'cut.{suffix}'}: ", "Error: ")
    assert "no picture" not in result.err
    result = explain("--traceback", *QUICK, image=f"cut.{suffix}")
    assert result.code == 3


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff", b"BM" + b"\xff" * 60]
)
def test_stumps_are_errors_of_the_picture(explain, files, content):  # noqa: F811
    (files / "stump.png").write_bytes(content)
    fails(explain(image="stump.png"), 3, "IMAGE: cannot read")


def notes_of(result):
    assert result.code == 0, result.err
    lines = result.err.splitlines()
    assert all(line.startswith("fastxai explain: note: ") for line in lines)
    return [line.removeprefix("fastxai explain: note: ") for line in lines]


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tiff"])
def test_further_frames_are_told_of(explain, files, suffix):  # noqa: F811
    noise = np.random.default_rng(0).integers(0, 255, (2, 16, 24, 3), np.uint8)
    frames = [Image.fromarray(pixels) for pixels in noise]
    path = files / f"moving.{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    notes = notes_of(explain(*QUICK, image=path.name))
    assert notes == [f"{path} holds several pictures; the first one is explained"]
    assert explain(*QUICK, "--quiet", image=path.name).err == ""
    frames[0].save(path)
    assert notes_of(explain(*QUICK, image=path.name)) == []


def transparent(mode, alpha):
    picture = Image.new("RGBA", (24, 16), (200, 100, 50, 255))
    picture.putpixel((3, 3), (200, 100, 50, alpha))
    if mode != "P":
        return picture.convert(mode), {}
    palette = picture.convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE)
    return palette, {"transparency": 0} if alpha < 255 else {}


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_told_of_where_there_is_some(explain, files, mode):  # noqa: F811
    for alpha, said in ((0, True), (254, True), (255, False)):
        picture, options = transparent(mode, alpha)
        picture.save(files / "glass.png", **options)
        notes = notes_of(explain(*QUICK, image="glass.png"))
        expected = f"{files / 'glass.png'} is transparent in parts; the transparency is dropped"
        assert notes == ([expected] if said else [])


def test_broken_exif_is_a_note(explain, files):  # noqa: F811
    with Image.open(files / "picture.png") as picture:
        picture.save(files / "odd.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff")
    (note,) = notes_of(explain(*QUICK, image="odd.jpg"))
    assert note.startswith(f"{files / 'odd.jpg'}: Pillow says: Corrupt EXIF data.")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_map_lies_over_the_upright_photograph(explain, files, orientation):  # noqa: F811
    rng = np.random.default_rng(orientation)
    upright = Image.fromarray(rng.integers(0, 100, (40, 60, 3), np.uint8))
    upright.paste((250, 250, 250), (0, 20, 30, 40))  # the lower left
    # What the camera stored: the turn that makes it upright, undone.
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
    exif = stored.getexif()
    exif[0x0112] = orientation
    stored.save(files / "turned.png", exif=exif)
    result = explain(*QUICK, "--target", "lower left", image="turned.png")
    assert result.code == 0
    with Image.open(files / "out.png") as painted:
        assert painted.size == (60, 40)
        changed = np.abs(np.asarray(painted, int) - np.asarray(upright, int)).sum(2) > 0
    # The gradient of the class lies in its quarter: 16 by 24 pixels, edges are blended.
    assert changed[23:, :26].all()
    assert not changed[:17].any()
    assert not changed[:, 34:].any()
