"""Which images and classes a source names, and what is said of one that names none."""

import pytest

from fastxai.dataset.items import items_of


def listed(tmp_path, text):
    path = tmp_path / "list.csv"
    path.write_text(text, encoding="utf-8")
    return items_of(path)


def test_indices_of_a_column_with_gaps_are_indices_as_pandas_writes_them(tmp_path):
    items = listed(tmp_path, "path,label,target\na.png,3.0,0.0;2.0\nb.png,,\nc.png,1.5,cat\n")
    assert [item.label for item in items] == [3, None, "1.5"]
    assert [item.targets for item in items] == [(0, 2), (), ("cat",)]


def test_a_fraction_of_a_parquet_list_is_no_index(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pa.table({"path": ["a.png", "b.png", "c.png"], "label": [2.0, 1.7, None]})
    pq.write_table(table, tmp_path / "list.parquet")
    assert [item.label for item in items_of(tmp_path / "list.parquet")] == [2, "1.7", None]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("path;label\na.png;0\n", "has no column 'path', only path;label"),
        ("file;label\na,b.png;0\n", "has no column 'path', only file;label"),
        ("path,label\n", "there is no picture in"),
        ("path\na.png\na.png\n", "the id 'a.png' is there twice"),
    ],
    ids=range(4),
)
def test_a_wrong_list_is_an_error_in_words(tmp_path, text, words):
    with pytest.raises(ValueError, match=words):
        listed(tmp_path, text)


def test_a_source_that_is_not_there_is_no_picture_that_failed(tmp_path):
    with pytest.raises(ValueError, match="pictres does not exist"):
        items_of(tmp_path / "pictres")
    (tmp_path / "list.tsv").write_text("path\na.png\n")
    with pytest.raises(ValueError, match=r"list\.tsv is no picture by its name; a list has to end"):
        items_of(tmp_path / "list.tsv")
