"""The page as a file: what it holds, and that texts in it stay texts."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.report.pages import HOSTILE, a_map, a_report, content_of

pytest.importorskip("jinja2")

from fastxai.report.page import render  # noqa: E402 - needs jinja2


def floats(text):
    return np.frombuffer(base64.b64decode(text), "<f4")


def test_maps_and_errors_are_embedded_as_they_are():
    report = a_report()
    wanted = report.entries[0].maps[0]
    found = content_of(render(report))["entries"][0]["maps"][0]
    assert (found["height"], found["width"]) == (6, 9)
    assert floats(found["values"]).tobytes() == wanted.values.tobytes()
    assert floats(found["standardError"]).tobytes() == wanted.standard_error.tobytes()


def test_photograph_is_embedded_at_its_own_size():
    report = a_report()
    found = content_of(render(report))["entries"][0]
    assert found["box"] == pytest.approx([1 / 6, 0, 5 / 6, 1])
    kind, data = found["photograph"].split(",", 1)
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        assert picture.tobytes() == report.entries[0].photograph.tobytes()


def test_what_a_camera_wrote_is_left_out():
    report = a_report()
    photograph = report.entries[0].photograph
    photograph.info["exif"] = b"Exif\0\0secret place"
    data = content_of(render(report))["entries"][0]["photograph"].split(",", 1)[1]
    assert b"secret" not in base64.b64decode(data)


def test_page_refers_to_nothing_outside():
    page = render(a_report()).decode()
    assert "default-src 'none'" in page
    assert not re.search(r"(?:src|href)=[\"'](?!data:)", page)
    assert not re.search(r"https?:|url\(|@import", page)


def test_html_in_names_stays_text():
    report = replace(a_report(1, HOSTILE, HOSTILE), title=HOSTILE, summary=[(HOSTILE, HOSTILE)])
    page = render(report)
    plain = render(a_report())
    for tag in (b"<script", b"</script", b"<img", b"<title"):
        assert page.count(tag) == plain.count(tag)
    assert content_of(page)["entries"][0]["name"] == HOSTILE
    assert "\u2028" not in page.decode().split('id="content">')[1].split("</script>")[0]


def test_names_that_are_not_utf8_are_written():
    assert content_of(render(a_report(1, "caf\udce9.jpg")))["entries"][0]["name"] == "caf\udce9.jpg"


def test_numbers_that_are_not_finite_become_null():
    report = a_report()
    entry = replace(report.entries[0], maps=[a_map(1, correlation=float("nan"))])
    found = content_of(render(replace(report, entries=[entry])))["entries"][0]["maps"][0]
    assert found["correlation"] is None


def test_report_without_pictures_is_refused():
    with pytest.raises(ValueError, match="no picture"):
        render(replace(a_report(), entries=[]))


def test_standard_error_of_another_shape_is_refused():
    report = a_report()
    wrong = replace(report.entries[0].maps[0], standard_error=np.zeros((2, 2), np.float32))
    entry = replace(report.entries[0], maps=[wrong])
    with pytest.raises(ValueError, match=r"shape \(6, 9\), got \(2, 2\)"):
        render(replace(report, entries=[entry]))
