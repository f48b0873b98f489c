"""``fastxai batch`` and the folder that ``fastxai demo --pictures`` makes."""

import numpy as np
import pytest
from PIL import Image

from fastxai.cli import main
from fastxai.dataset import open as open_folder
from fastxai.demo import CLASS_NAMES
from tests.dataset.test_resume import HERE

MODEL = f"{HERE / 'models.py'}:network"


@pytest.fixture
def batch(pictures, tmp_path):
    def run(*options, source=pictures):
        words = ["batch", str(source), "--model", MODEL, "--size", "12", "--num-masks", "64"]
        return main([*words, "-o", str(tmp_path / "out"), *options])

    return run


def test_the_last_line_and_the_exit_code_count_failures(batch, capsys, tmp_path):
    assert batch() == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("10 images, 10 rows, 1 failed; ")
    assert said[1].startswith("  4.png: cannot read")
    assert len(said) == 2
    assert len(open_folder(tmp_path / "out")) == 10


def test_another_seed_is_refused_and_strict_stops(batch, capsys):
    assert batch("--strict") == 4
    assert "--strict: 4.png: cannot read" in capsys.readouterr().err
    assert batch("--seed", "5") == 2
    assert "seed 0, not 5" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--shard", "4/4"), 2, "0 <= I < N"),
        (("--shard", "0/4", "--workers", "2"), 2, "--shard: not with --workers"),
        (("--share-images",), 2, "only with --ray"),
        (("--targets", "top:0"), 2, "--targets: must be"),
        (("--targets", "top 3"), 2, "--targets: must be 'given', 'top', 'top:K'"),
    ],
)
def test_wrong_options_are_refused(batch, capsys, options, code, words):
    assert batch(*options) == code
    assert words in capsys.readouterr().err


def test_an_empty_folder_is_refused(batch, capsys, tmp_path):
    (tmp_path / "empty").mkdir()
    assert batch(source=tmp_path / "empty") == 3
    assert "there is no picture in" in capsys.readouterr().err


def test_a_source_that_does_not_exist_is_refused(batch, capsys, tmp_path):
    assert batch(source=tmp_path / "nowhere") == 3
    assert "nowhere does not exist" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_first_five_errors_are_shown_and_the_others_counted(batch, capsys, tmp_path):
    good = np.full((12, 12, 3), 90, np.uint8)
    (tmp_path / "bad").mkdir()
    for number in range(7):
        (tmp_path / "bad" / f"{number}.png").write_bytes(b"no picture")
    Image.fromarray(good).save(tmp_path / "bad" / "good.png")
    for _ in range(2):  # the second finds all done
        assert batch(source=tmp_path / "bad") == 1
        said = capsys.readouterr().out.splitlines()
        assert said[0].startswith("8 images, 8 rows, 7 failed; ")
        assert [line.split(":")[0] for line in said[1:6]] == [f"  {n}.png" for n in range(5)]
        assert said[6:] == ["  and 2 more: column `error` of the rows"]


def test_the_demos_folder_has_fifty_pictures_and_their_digits(capsys, tmp_path):
    assert main(["demo", "--pictures", str(tmp_path / "demo")]) == 0
    lines = (tmp_path / "demo" / "pictures.csv").read_text().splitlines()
    assert len(lines) == 51
    assert {name for line in lines[1:] for name in line.split(",")[1].split(";")} <= {*CLASS_NAMES}
    assert len(list((tmp_path / "demo").glob("*.png"))) == 50
    (tmp_path / "demo" / "pictures.csv").write_text("path\n")
    assert main(["demo", "--pictures", str(tmp_path / "demo")]) == 2
