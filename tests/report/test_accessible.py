"""The page for readers with a keyboard, a screen reader, weak eyes, dark mode or paper."""

import pytest

from tests.report.pages import a_report
from tests.report.test_browser import CHROMIUM, luminance, with_curves

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")

CONTROLS = "summary, input, select, button:not(:disabled), canvas"
# The colour of an element's text, or of a line, and the first ground below it that is not clear.
COLOURS = """element => {
  let below = element;
  const clear = 'rgba(0, 0, 0, 0)';
  while (getComputedStyle(below).backgroundColor === clear) below = below.parentElement;
  const style = getComputedStyle(element);
  const own = element instanceof SVGElement && style.stroke !== 'none' ? style.stroke
    : element instanceof SVGElement ? style.fill : style.color;
  return [own, getComputedStyle(below).backgroundColor];
}"""


def contrast(element):
    """WCAG's contrast of an element with its ground."""
    light, dark = sorted(map(luminance, element.evaluate(COLOURS)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_tab_reaches_every_control_in_the_order_of_the_page(opened):
    page = opened(a_report(3))
    wanted = page.evaluate(
        f"[...document.querySelectorAll('{CONTROLS}')].filter(e => e.checkVisibility()).length"
    )
    reached = []
    for _ in range(wanted):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                f"[...document.querySelectorAll('{CONTROLS}')].filter(e => e.checkVisibility())"
                ".indexOf(document.activeElement)"
            )
        )
    assert reached == list(range(wanted))
    assert wanted > 15


def test_focus_is_seen(opened):
    page = opened(a_report())
    page.keyboard.press("Tab")
    width = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert float(width.removesuffix("px")) >= 2


def test_sliders_move_by_arrow_keys(opened):
    page = opened(a_report())
    page.locator("#opacity").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#opacity-value").text_content() == "61 %"


def test_every_picture_and_control_has_a_name(opened):
    report = with_curves()
    page = opened(
        type(report)(report.title, report.summary, [*report.entries, *a_report().entries])
    )
    assert page.locator(".stage img").get_attribute("alt") == "Photograph cat 1.jpg"
    nameless = page.evaluate(
        """[...document.querySelectorAll('img:not([alt]), [role=img]:not([aria-label])')].length"""
    )
    assert nameless == 0
    for kind, names in {
        "searchbox": ["Name or class"],
        "slider": ["Opacity", "Brightest at percentile"],
        "combobox": ["Show", "Sort by", "Size", "Colours"],
        "spinbutton": ["Probability at least", "Correlation at least"],
        "checkbox": ["falling"],
        "button": ["cat 1.jpg", "Download the map of rise", "Download the settings of rise"],
        "img": ["Map of rise", "Curves of rise"],
        "status": [],
    }.items():
        for name in names:
            assert page.get_by_role(kind, name=name).first.is_visible(), (kind, name)
        assert page.get_by_role(kind).count() >= max(1, len(names))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_small_text_and_lines_have_contrast(opened, scheme):
    """4.5:1 for text and 3:1 for lines, WCAG's level AA."""
    page = opened(with_curves(), color_scheme=scheme)
    for text in (
        ".hint",
        "footer",
        "dt",
        "summary",
        ".curves text",
        ".key li",
        ".downloads button",
    ):
        assert contrast(page.locator(text).first) >= 4.5, text
    for line in (".curves .deletion", ".curves .insertion", ".axes"):
        assert contrast(page.locator(line).first) >= 3, line


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_paper_shows_the_picture_in_black_on_white_without_controls(opened, scheme):
    page = opened(a_report(2), color_scheme=scheme)
    page.emulate_media(media="print", color_scheme=scheme)
    for hidden in ("#gallery", "#controls", ".downloads", ".hint"):
        assert not page.locator(hidden).is_visible(), hidden
    for shown in ("h1", "#name", ".stage img", ".stage canvas", ".panel p >> nth=1"):
        assert page.locator(shown).first.is_visible(), shown
    assert page.locator("body").evaluate(COLOURS) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    assert len(page.pdf()) > 1000
