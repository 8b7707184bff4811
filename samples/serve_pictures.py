"""Takes the two pictures of the dashboard that the README shows: `python -m samples.serve_pictures`.

Needs Debian's Chromium and the package playwright (`pip install "maskcam[dev]"`); shows `maskcam serve --demo`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

_FOLDER = Path(__file__).parent
_ROUND_MS = 60_000


@contextmanager
def serving() -> Iterator[str]:
    """The link to log in with."""
    command = [sys.executable, "-m", "maskcam", "serve", "--demo", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found is not None, "maskcam serve --demo printed no link"
            yield found[0]
        finally:
            process.terminate()
            process.communicate(timeout=30)


def open_page(browser: Browser, link: str, path: str, *, size_wh: tuple[int, int], dark: bool) -> Page:
    context = browser.new_context(
        viewport={"width": size_wh[0], "height": size_wh[1]}, color_scheme="dark" if dark else "light"
    )
    page = context.new_page()
    page.goto(link)
    page.goto(link.partition("/login")[0] + path)
    return page


def main() -> None:
    with serving() as link, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        desktop = open_page(browser, link, "/", size_wh=(1200, 780), dark=False)
        desktop.locator("#news li").nth(4).wait_for(timeout=_ROUND_MS)
        # when all three people stand still
        plates = "() => document.querySelectorAll('.camera .status').length === 3"
        desktop.wait_for_function(plates, timeout=_ROUND_MS)
        desktop.wait_for_timeout(1500)
        desktop.screenshot(path=_FOLDER / "serve_desktop.jpg", type="jpeg", quality=85)
        phone = open_page(browser, link, "/violations", size_wh=(390, 780), dark=True)
        phone.locator("#gallery img.face").first.wait_for(timeout=_ROUND_MS)
        phone.wait_for_timeout(1500)
        phone.screenshot(path=_FOLDER / "serve_phone.jpg", type="jpeg", quality=85)
        browser.close()


if __name__ == "__main__":
    main()
