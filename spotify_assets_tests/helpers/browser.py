"""A real browser for pages: Chromium, where it is installed (Debian: `apt-get install chromium`)."""

from __future__ import annotations

import shutil
from contextlib import contextmanager

import pytest
from playwright.sync_api import sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed here")


@contextmanager
def chromium():
    """Chromium without a window, for as long as the context lasts."""
    with sync_playwright() as playwright:
        # In a container without user namespaces Chromium has no sandbox; what it opens is made by the tests.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser, address, *, width=1440, scheme="light"):
    """A page that is loaded; it may complain of nothing, and ask for nothing but itself."""
    size = {"width": width, "height": 900}
    context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    complaints, requests = [], []
    page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(address)
    yield page
    context.close()
    assert complaints == []
    assert {url.split("#")[0] for url in requests if not url.startswith("data:")} == {address.split("#")[0]}
