"""Statistics, cameras and the system of a running `maskcam serve --demo` in headless Chromium."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Demo
from tests.web.test_browser import Opens, browser, opens, viewer  # noqa: F401  fixtures

EDITOR = "/cameras/edit?name=reception"
NOBODY = [(0.02, 0.02), (0.2, 0.02), (0.2, 0.1), (0.02, 0.1)]
"""Corners of a place where no face ever is."""


@pytest.fixture
def no_zones(demo: Demo) -> Iterator[None]:
    yield
    demo.ask("PUT", "/cameras/reception", zones=None, minimum_face=None, face_score=None)


def faces(demo: Demo) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = demo.ask("GET", "/cameras/reception/faces")["faces"]
    return found


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.2)


def click_at(page: Page, x: float, y: float) -> None:
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def save(page: Page) -> None:
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#report")).to_contain_text("without a new connection")


@pytest.mark.usefixtures("no_zones")
def test_a_zone_drawn_with_the_mouse_is_obeyed(opens: Opens, demo: Demo) -> None:  # noqa: F811
    wait_for(lambda: any(face["is_required"] for face in faces(demo)))
    page = opens(EDITOR)
    expect(page.locator("#seen")).to_contain_text("in the picture")
    page.get_by_role("button", name="New zone").click()
    for x, y in (*NOBODY, NOBODY[0]):  # the last one closes it
        click_at(page, x, y)
    expect(page.locator("#zone-list li")).to_have_count(1)
    save(page)
    (zone,) = demo.ask("GET", "/cameras/reception")["zones"]
    assert zone == [[pytest.approx(x, abs=0.01), pytest.approx(y, abs=0.01)] for x, y in NOBODY]
    wait_for(lambda: bool(faces(demo)) and not any(face["is_required"] for face in faces(demo)))
    page.get_by_role("button", name="Remove zone 1").click()
    save(page)
    wait_for(lambda: any(face["is_required"] for face in faces(demo)))


@pytest.mark.usefixtures("no_zones")
def test_a_zone_is_drawn_and_changed_by_keyboard(opens: Opens, demo: Demo) -> None:  # noqa: F811
    page = opens(EDITOR)
    page.get_by_role("button", name="New zone").press("Enter")
    for keys in ("Space", "Shift+ArrowRight Space", "Shift+ArrowDown Space", "Escape"):
        for key in keys.split():
            page.keyboard.press(key)
    expect(page.locator("#zone-list li")).to_have_count(0)
    page.get_by_role("button", name="New zone").press("Enter")
    for key in [
        "Space",
        "Shift+ArrowRight",
        "Shift+ArrowRight",
        "Space",
        "Shift+ArrowDown",
        "Space",
        "Enter",
    ]:
        page.keyboard.press(key)
    text = page.get_by_label("Corners of zone 1")
    expect(text).to_have_value("0.5,0.5  0.6,0.5  0.6,0.55")
    corner = page.get_by_role("button", name="Zone 1, corner 1:")
    corner.press("ArrowLeft")
    corner.press("ArrowUp")
    expect(text).to_have_value("0.49,0.49  0.6,0.5  0.6,0.55")
    page.get_by_role("button", name="Zone 1, corner 2:").press("+")
    expect(text).to_have_value("0.49,0.49  0.6,0.5  0.6,0.525  0.6,0.55")
    page.get_by_role("button", name="Zone 1, corner 3:").press("Delete")
    expect(text).to_have_value("0.49,0.49  0.6,0.5  0.6,0.55")
    text.fill("0.1,0.1 0.9,0.1 0.5,0.9")
    text.press("Tab")
    expect(page.locator("#canvas .corner")).to_have_count(3)
    save(page)
    assert demo.ask("GET", "/cameras/reception")["zones"] == [[[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]]


@pytest.mark.usefixtures("no_zones")
def test_thresholds_are_tried_before_they_are_saved(opens: Opens, demo: Demo) -> None:  # noqa: F811
    page = opens(EDITOR)
    expect(page.locator("#canvas .face.counts").first).to_be_attached()
    page.locator("#minimum_face").fill("200")
    expect(page.locator("#canvas .face.counts")).to_have_count(0)
    expect(page.locator("#seen")).to_contain_text("0 would count")
    assert demo.ask("GET", "/cameras/reception")["minimum_face"] == 0
    save(page)
    assert demo.ask("GET", "/cameras/reception")["minimum_face"] == 200
    wait_for(lambda: not faces(demo))


def test_what_the_server_refuses_is_said(opens: Opens) -> None:  # noqa: F811
    page = opens(EDITOR)
    # Chromium tells of a request that is really refused as an error of the page
    page.evaluate("window.fetch = async () => Response.json({error: 'The sides cross.'}, {status: 422})")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#report .bad")).to_have_text("The sides cross.")
    expect(page.get_by_role("button", name="Save")).to_be_enabled()


def test_a_viewer_cannot_edit(opens: Opens, demo: Demo, viewer: str) -> None:  # noqa: F811
    request = opens("/statistics", user=viewer).context.request
    for address in ("/cameras", EDITOR):
        answer = request.get(demo.url + address)
        assert answer.status == 403
        assert "by admins only" in answer.text()
    put = request.put(
        f"{demo.url}/api/v1/cameras/reception", data={"zones": []}, headers={"Origin": demo.url}
    )
    assert (put.status, put.json()["error"]) == (403, "This takes the role admin, guard is viewer.")


def test_the_sliders_change_the_number(opens: Opens, demo: Demo) -> None:  # noqa: F811
    wait_for(lambda: demo.ask("GET", "/whatif")["present"]["violations"] > 0)
    page = opens("/statistics")
    number = page.locator("#per-day")
    expect(number).to_have_text(re.compile("[0-9]"))
    before = float(number.inner_text())
    assert before > 0
    page.locator("#dwell").fill("30")
    expect(number).to_have_text("0")
    expect(page.locator("#dwell-said")).to_have_text("30 s")
    page.get_by_role("button", name="As set now").click()
    expect(number).to_have_text(f"{before:g}")
    expect(page.locator("#how")).to_contain_text("no video was looked at")


@pytest.mark.parametrize("path", ["/statistics", "/cameras", EDITOR, "/system"])
def test_on_a_phone_nothing_is_wider_than_the_screen(opens: Opens, path: str) -> None:  # noqa: F811
    page = opens(path, width=390, dark=True)
    page.wait_for_load_state("load")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_a_token_is_shown_once(opens: Opens, demo: Demo) -> None:  # noqa: F811
    page = opens("/system")
    page.get_by_label("Name").fill("prometheus")
    page.get_by_role("button", name="Make a token").click()
    secret = page.locator("#secret-text")
    expect(secret).to_have_text(re.compile("^mc_"))
    text = secret.inner_text()
    with page.expect_navigation():  # and its scripts are at work
        page.get_by_role("button", name="I have copied it").click()
    revoke = page.get_by_role("button", name="Revoke prometheus")
    expect(revoke).to_be_visible()
    assert text not in page.content()
    revoke.click()
    expect(revoke).to_have_text("Sure?")
    revoke.click()
    expect(revoke).to_have_count(0)
    assert all(token["name"] != "prometheus" for token in demo.ask("GET", "/tokens"))
