"""Reports in Debian's chromium."""

import shutil

import pytest


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Return a function that opens a report as a file; nothing may be said on the console."""
    from fastxai.report.files import write_report
    from fastxai.report.page import render

    said, pages = [], []

    def open_report(report, embedded=None, **options):
        file = tmp_path / "a report.html"
        if embedded is None:
            file.write_bytes(render(report))
        else:
            write_report(file, report.title, report.summary, report.entries, embedded)
        page = browser.new_page(**options)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        asked = []
        page.goto(file.as_uri())
        pages.append((page, asked))
        return page

    yield open_report
    for page, asked in pages:
        outside = [url for url in asked if not url.startswith("data:")]
        assert outside[0] == page.url
        assert all(url.startswith(f"{page.url[:-5]}_files/") for url in outside[1:])
        page.close()
    assert said == []
