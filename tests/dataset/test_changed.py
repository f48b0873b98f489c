"""What must not go unnoticed: pictures that change, ids that come twice."""

import os
import shutil

import numpy as np
import pytest

from fastxai.dataset import ImageError, OtherRunError
from fastxai.dataset import open as open_folder
from fastxai.dataset.items import SeenIds


def change(path):
    """One byte of a picture's pixels, so that its size stays."""
    before = os.stat(path)
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert os.stat(path).st_size == before.st_size


def test_rows_keep_the_digest_that_sha256sum_prints(run, pictures, tmp_path):
    (pictures / "0.png").write_bytes(b"abc")
    run()
    row = open_folder(tmp_path / "out").rows()[0]
    assert row["file_sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert row["file_modified_ns"] == os.stat(pictures / "0.png").st_mtime_ns


@pytest.mark.parametrize("name", ["0.png", "9.png"])
def test_a_picture_that_has_changed_is_noticed(run, pictures, name):
    run()
    change(pictures / name)
    with pytest.raises(OtherRunError, match=rf"{name} has changed since it was explained"):
        run()


def test_a_change_is_noticed_in_a_block_that_is_not_done(run, pictures):
    with pytest.raises(ImageError):
        run(strict=True)  # 4.png is broken
    change(pictures / "2.png")
    with pytest.raises(OtherRunError, match=r"2\.png has changed"):
        run()


def test_copied_pictures_are_the_same_pictures(run, pictures):
    done = run()
    for path in pictures.iterdir():
        shutil.copy(path, path.with_suffix(".copy"))
        os.replace(path.with_suffix(".copy"), path)
        os.utime(path, ns=(0, 0))
    assert run().earlier == done.images


def test_an_id_that_a_stream_gives_twice_is_refused(run):
    image = np.zeros((3, 12, 12))
    with pytest.raises(ValueError, match="'a' is there twice"):
        run(source=iter([("a", image, 1), ("b", image, 1), ("a", image, 1)]), targets="given")


def test_of_many_ids_exactly_those_that_were_there_are_known():
    seen = SeenIds()
    assert not any(seen.add(f"image {number}") for number in range(5000))
    assert all(seen.add(f"image {number}") for number in range(0, 5000, 7))
    assert not seen.add("image 5000")
    assert sum(part.nbytes for part in seen._sorted) <= 8 * 5000
