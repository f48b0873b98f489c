"""The page in Chromium, opened as a file: `make report-test` installs what this needs."""

import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from tests.report.pages import CURVES, HOSTILE, a_report

sync_api = pytest.importorskip("playwright.sync_api")
pytest.importorskip("jinja2")

from fastxai.report.notebook import in_frame  # noqa: E402

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")


def names(page):
    return page.locator("#cards span").all_text_contents()


def test_pointer_reads_the_value_of_the_array(opened):
    report = a_report()
    page = opened(report)
    canvas = page.locator("canvas")
    box = canvas.bounding_box()
    position = {"x": box["width"] * 6.5 / 9, "y": box["height"] * 3.5 / 6}
    canvas.hover(position=position)
    told = page.locator(".value").text_content()
    value, error = told.removeprefix("row 3, column 6: ").split(", standard error ")
    wanted = report.entries[0].maps[0]
    assert np.float32(value) == wanted.values[3, 6]
    assert np.float32(error) == wanted.standard_error[3, 6]


def test_arrow_keys_read_values(opened):
    report = a_report()
    page = opened(report)
    page.locator("canvas").focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowUp", "ArrowUp"):
        page.keyboard.press(key)
    told = page.locator(".value").text_content()
    assert told.startswith("row 0, column 2: ")
    assert np.float32(told.split(": ")[1].split(",")[0]) == report.entries[0].maps[0].values[0, 2]


def test_map_lies_over_what_the_network_sees(opened):
    page = opened(a_report())
    below, above = (page.locator(f".stage {tag}").bounding_box() for tag in ("img", "canvas"))
    assert above["x"] - below["x"] == pytest.approx(below["width"] / 6, abs=1)
    assert above["width"] == pytest.approx(below["width"] * 2 / 3, abs=1)
    assert above["height"] == pytest.approx(below["height"], abs=1)


def test_photograph_has_its_own_size_or_a_multiple(opened):
    page = opened(a_report())
    picture = page.locator(".stage img")
    assert picture.bounding_box()["width"] == 90
    page.locator("#size").select_option("2")
    assert (picture.bounding_box()["width"], picture.bounding_box()["height"]) == (180, 120)


def test_opacity_slides(opened):
    page = opened(a_report())
    page.locator("#opacity").fill("25")
    assert page.locator("canvas").evaluate("c => c.style.opacity") == "0.25"
    assert page.locator("#opacity-value").text_content() == "25 %"


def test_clipping_and_colours_repaint(opened):
    report = a_report()
    page = opened(report)
    page.locator("#colours").select_option("gray")
    page.locator("#clip").fill("50")
    pixels = page.locator("canvas").evaluate(
        "c => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)"
    )
    red = np.reshape(pixels, (6, 9, 4))[..., 0]
    values = report.entries[0].maps[0].values
    assert (red[values >= np.median(values)] == 255).all()
    assert red[values == values.min()] == 0


def test_gallery_sorts(opened):
    page = opened(a_report(4))
    assert names(page) == [f"cat {number}.jpg" for number in (1, 2, 3, 4)]
    page.locator("#order").select_option("probability")
    page.locator("#falling").check()
    assert names(page) == [f"cat {number}.jpg" for number in (4, 3, 2, 1)]


def test_gallery_filters(opened):
    page = opened(a_report(4))
    page.locator("#kind").select_option("wrong")
    assert names(page) == ["cat 2.jpg", "cat 4.jpg"]
    page.locator("#probability").fill("0.3")
    assert names(page) == ["cat 4.jpg"]
    page.locator("#words").fill("class 2")
    assert names(page) == []
    assert page.locator("#count").text_content() == "0 of 4 pictures"


def test_card_opens_by_keyboard(opened):
    page = opened(a_report(3))
    page.locator("#cards button").nth(2).focus()
    page.keyboard.press("Enter")
    assert page.locator("#name").text_content() == "cat 3.jpg"
    assert page.locator("canvas").get_attribute("aria-label").startswith("Map of rise, class 3")


def test_downloads_are_map_and_settings(opened):
    report = a_report()
    page = opened(report)
    with page.expect_download() as download:
        page.get_by_text("Map (.npy)").click()
    array = np.load(io.BytesIO(download.value.path().read_bytes()))
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, report.entries[0].maps[0].values)
    with page.expect_download() as download:
        page.get_by_text("Settings (.json)").click()
    assert json.loads(download.value.path().read_text()) == {"seed": 7}


def with_curves(**curves):
    report = a_report()
    found = replace(report.entries[0].maps[0], curves=curves or CURVES)
    return replace(report, entries=[replace(report.entries[0], maps=[found])])


def test_curves_are_drawn_with_their_areas(opened):
    page = opened(with_curves())
    label = page.locator("svg.curves").get_attribute("aria-label")
    # By trapezoids: (0.875 / 2 + 0.5 + 0.25 + 0.125 + 0.0625 / 2) / 4, and likewise.
    assert "areas: deletion 0.336, insertion 0.648;" in label
    points = page.locator("svg.curves .deletion").get_attribute("points").split()
    heights = np.array([float(point.split(",")[1]) for point in points])
    shares = np.array([float(point.split(",")[0]) for point in points])
    np.testing.assert_allclose((50 - heights) / 46, CURVES["deletion"])
    np.testing.assert_allclose((shares - 14) / 82, [0, 0.25, 0.5, 0.75, 1])


def test_table_has_the_values_of_the_curves(opened):
    page = opened(with_curves())
    table = page.locator("details.scores table")
    assert not table.is_visible()
    page.locator("details.scores summary").focus()
    page.keyboard.press("Enter")
    assert table.is_visible()
    shown = [row.split("\t") for row in table.inner_text().splitlines()[1:]]
    assert shown[0] == ["pixels", "deletion", "insertion"]
    assert [row[0] for row in shown[1:]] == ["0 %", "25 %", "50 %", "75 %", "100 %"]
    values = np.array([[float(value) for value in row[1:]] for row in shown[1:]])
    np.testing.assert_allclose(values, np.transpose(list(CURVES.values())), atol=5e-5)


def test_curves_of_scores_outside_0_and_1_fit_their_axes(opened):
    page = opened(with_curves(deletion=[3.0, -2.0]))
    points = page.locator("svg.curves .deletion").get_attribute("points").split()
    assert [float(point.split(",")[1]) for point in points] == [4, 50]
    assert page.locator("svg.curves text").all_text_contents()[:2] == ["3", "-2"]


def test_map_without_curves_has_no_chart(opened):
    assert opened(a_report()).locator("svg").count() == 0


def test_files_beside_the_page_are_loaded_when_a_picture_is_looked_at(opened, tmp_path):
    report = a_report(70)
    page = opened(report, embedded=0)
    assert len(names(page)) == 60
    page.locator("#next").click()
    assert names(page) == [f"cat {number}.jpg" for number in range(61, 71)]
    page.locator("#cards button").last.click()
    page.get_by_role("img", name="Map of rise, class 70").focus()
    page.keyboard.press("ArrowDown")
    told = page.locator(".value").text_content()
    assert np.float32(told.split(": ")[1].split(",")[0]) == report.entries[69].maps[0].values[1, 0]


def test_map_without_a_photograph_stands_alone(opened):
    report = a_report()
    alone = replace(report.entries[0], photograph=None, box=None)
    page = opened(replace(report, entries=[alone]))
    box = page.locator("canvas").bounding_box()
    assert (box["width"], box["height"]) == (9, 6)


def test_html_in_names_is_shown_as_text(opened):
    page = opened(a_report(2, HOSTILE + "{}", HOSTILE + "{}"))
    assert page.locator("#name").text_content() == HOSTILE + "1"
    assert page.evaluate("window.broken") is None


def test_frame_of_a_notebook_reads_values_and_reaches_nothing_outside(browser):
    report, said = a_report(1, HOSTILE), []
    page = browser.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.set_content(f"<p>a notebook</p>{in_frame(report)}")
    frame = page.frame_locator("iframe")
    frame.locator("canvas").focus()
    page.keyboard.press("ArrowRight")
    told = frame.locator(".value").text_content()
    assert np.float32(told.split(": ")[1].split(",")[0]) == report.entries[0].maps[0].values[0, 1]
    assert frame.locator("body").evaluate("window.origin") == "null"
    assert page.evaluate("window.broken") is None
    assert said == []
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(opened, scheme):
    """At least 7:1, as WCAG's level AAA asks, in either scheme."""
    page = opened(a_report(), color_scheme=scheme)
    style = "e => { const s = getComputedStyle(e); return [s.color, s.backgroundColor]; }"
    luminances = [luminance(color) for color in page.locator("body").evaluate(style)]
    assert (max(luminances) + 0.05) / (min(luminances) + 0.05) >= 7


def test_narrow_window_needs_no_sideways_scrolling(opened):
    page = opened(a_report(2), viewport={"width": 360, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def luminance(color):
    """Relative luminance of 'rgb(r, g, b)', by WCAG's formula."""
    shares = [int(part) / 255 for part in color[4:-1].split(",")]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
