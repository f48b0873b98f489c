"""The picture of a report that README.md and docs/report.md show.

`make report-picture` explains the demo's 50 pictures and runs `python tools/report_picture.py
PAGE`: Debian's chromium opens the page, shows pictures of one pair of digits, opens the first of
them, and is photographed.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

TARGET = Path(__file__).resolve().parents[1] / "docs" / "images" / "report.png"
_SIZE = {"width": 1040, "height": 600}
_LARGEST = 300_000  # bytes: README is read over slow lines too


def picture_of(page_file: Path) -> Image.Image:
    """A photograph of a page.

    Raises:
        SystemExit: chromium is not installed.
    """
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("report_picture: install chromium (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(color_scheme="light", viewport=_SIZE, device_scale_factor=1.5)
        page.goto(page_file.resolve().as_uri())
        page.evaluate("document.querySelector('header details').open = false")
        page.locator("#words").fill("3_and_8")
        page.locator("#probability").fill("0.65")
        page.locator("#order").select_option("name")
        page.locator("#cards button").nth(0).click()
        page.locator("#size").select_option("2")
        page.evaluate("document.activeElement.blur()")
        content = page.screenshot(full_page=True)
        browser.close()
    return Image.open(io.BytesIO(content)).convert("RGB")


def main(page_file: str) -> None:
    """Writes the picture, in 256 colours.

    Raises:
        SystemExit: It is larger than it may be.
    """
    content = io.BytesIO()
    picture_of(Path(page_file)).quantize(256).save(content, "PNG", optimize=True)
    if content.tell() > _LARGEST:
        raise SystemExit(f"report_picture: {content.tell()} bytes, more than {_LARGEST}")
    TARGET.write_bytes(content.getvalue())
    print(f"{TARGET}: {content.tell()} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
