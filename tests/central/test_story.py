"""From a camera at a site to the page of the central place: the command line, a real broker, and Chromium."""

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect, sync_playwright

from maskcam.store.sites import Report
from maskcam.store.store import EventStore
from tests.central.places import content
from tests.cli import cut_clip, run_cli
from tests.sinks.brokers import Mosquitto, wait_until
from tests.tools import require_tool


class Central:
    """A running `maskcam serve` that receives from a broker."""

    def __init__(self, link: str) -> None:
        self.link = link
        self.url, self._key = link.split("/login?key=")

    def ask(self, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self._key}"}
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())


@pytest.fixture
def central(broker: Mosquitto, tmp_path: Path) -> Iterator[Central]:
    config = tmp_path / "central.toml"
    config.write_text(
        f"[central]\nreceive = 'mqtt://127.0.0.1:{broker.port}'\n[store]\nurl = '{tmp_path}/central.db'\n"
        f"[serve]\nport = 0\naccounts = '{tmp_path}/accounts.sqlite'\n"
    )
    command = [sys.executable, "-m", "maskcam", "serve", "-c", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+/login\?key=\S+", process.stdout.readline())
            assert found is not None, "maskcam serve printed no link"
            yield Central(found[0])
        finally:
            process.terminate()
            process.communicate(timeout=30)


def test_what_a_site_sees_is_shown_at_the_central_place(
    central: Central, broker: Mosquitto, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chromium = require_tool("chromium")
    clip = cut_clip(tmp_path / "clip.mp4", first=140, count=50)
    config = tmp_path / "site.toml"
    config.write_text(
        "[detector]\nsize = 320\n"
        f"[central]\nsite = 'hospital north'\nurl = 'mqtt://127.0.0.1:{broker.port}'\n"
        f"[store]\nurl = '{tmp_path}/site.db'\n"
    )
    done = run_cli(capsys, "watch", clip, "--headless", "-c", config)
    assert done.code == 0, done.out + done.err
    wait_until(lambda: central.ask("sites"))
    with EventStore.open(tmp_path / "site.db") as site, EventStore.open(tmp_path / "central.db") as store:
        assert site.totals().violations > 0
        assert site.counts()
        assert content(store, "hospital north") == content(site)
        (shown,) = central.ask("sites")
        events = central.ask("events?site=hospital+north")["events"]
        assert len(events) == site.totals().violations
        assert [camera["name"] for camera in shown["cameras"]] == ["hospital north/clip.mp4"]

        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 360, "height": 800})
            errors: list[str] = []
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
            page.goto(central.link)
            page.get_by_role("link", name="Sites").click()
            expect(page.get_by_role("heading", name="hospital north", exact=True)).to_be_visible()
            expect(page.locator("time").first).not_to_contain_text("UTC")
            assert page.evaluate("document.documentElement.scrollWidth") == 360
            store.record_site("a new one", Report(waiting=2, version="1.0"), [])
            expect(page.get_by_role("heading", name="a new one", exact=True)).to_be_visible(timeout=40_000)
            page.get_by_role("link", name="Violations at hospital north").click()
            expect(page.locator("#gallery li")).to_have_count(len(events))
            expect(page.get_by_label("Site")).to_have_value("hospital north")
            browser.close()
    assert errors == []
