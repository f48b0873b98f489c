"""Pages with files beside them."""

import json
import re

import pytest

from tests.report.pages import a_report, content_of

pytest.importorskip("jinja2")

from fastxai.report.files import folder_of, write_report  # noqa: E402 - needs jinja2
from fastxai.report.page import render  # noqa: E402


def write(path, report, **options):
    return write_report(path, report.title, report.summary, report.entries, **options)


def names(path):
    return sorted(file.name for file in folder_of(path).iterdir())


def test_a_few_pictures_need_one_file(tmp_path):
    path, report = tmp_path / "report.html", a_report(3)
    assert write(path, report) == 0
    assert path.read_bytes() == render(report)
    assert list(tmp_path.iterdir()) == [path]


def test_many_pictures_get_a_file_each(tmp_path):
    path = tmp_path / "report.html"
    assert write(path, a_report(3), embedded=2000) == 3
    index = content_of(path.read_bytes())["entries"]
    assert [facts["file"].split("/")[1] for facts in index] == names(path)
    for place, facts in enumerate(index):
        text = (tmp_path / facts["file"]).read_text()
        number, details = re.fullmatch(r"fastxaiReport\((\d+),(.*)\);\n", text).groups()
        assert int(number) == place
        assert json.loads(details)["maps"][0]["settings"] == {"seed": 7}
        assert "values" not in facts["maps"][0]


def test_files_of_a_replaced_page_are_removed_and_no_others(tmp_path):
    path = tmp_path / "report.html"
    write(path, a_report(3), embedded=0)
    (folder_of(path) / "mine.js").write_text("")
    first = names(path)
    write(path, a_report(2), embedded=0)
    assert names(path) == [first[0], first[1], "mine.js"]


def test_page_stays_as_it_was_when_pictures_fail(tmp_path):
    path, report = tmp_path / "report.html", a_report(2)
    write(path, report, embedded=0)
    before, files = path.read_bytes(), names(path)

    def broken():
        yield a_report(1, name="other {}").entries[0]
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        write_report(path, "other", (), broken(), embedded=0)
    assert path.read_bytes() == before
    assert set(files) <= set(names(path))
