"""The pages of a running `maskcam serve --demo` in headless Chromium."""

from __future__ import annotations

import re
import time
import urllib.error
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route, expect, sync_playwright

from tests.tools import require_tool
from tests.web.conftest import Demo

PASSWORD = "correct horse battery"
REFUSED = re.compile(r"status of (403|422)")
"""What the server may well answer, and a page has to say."""
ROUND_MS = 40_000
"""The clip lasts 18 s, and has two violations; the machine may be busy."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # for this module only: while it is there, nothing else in this thread may run an event loop
    path = require_tool("chromium")
    expect.set_options(timeout=15_000)
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield made
        made.close()


Opens = Callable[..., Page]


@pytest.fixture
def opens(browser: Browser, demo: Demo) -> Iterator[Opens]:
    """Opens pages, as admin unless told otherwise, and looks for errors in them afterwards."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def note(said: ConsoleMessage) -> None:
        # whatever the policy for scripts and styles keeps out is told here as well
        if said.type == "error" and not REFUSED.search(said.text):
            errors.append(f"{said.text} at {said.location['url']}")

    def make(path: str = "/", *, user: str | None = None, width: int = 1280, dark: bool = False) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", note)
        if user is None:
            page.goto(demo.link)
        else:
            page.goto(f"{demo.url}/login")
            page.get_by_label("User").fill(user)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Log in").click()
            page.wait_for_url(f"{demo.url}/")
        page.goto(demo.url + path)
        return page

    yield make
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture(scope="module")
def viewer(demo: Demo) -> str:
    demo.ask("PUT", "/users/guard", password=PASSWORD, role="viewer")
    return "guard"


@pytest.fixture
def event(demo: Demo) -> int:
    """A violation that is over and has a clip."""
    return wait_for_event(demo, lambda found: found["clip_url"] is not None)


def wait_for_event(demo: Demo, fits: Callable[[dict[str, object]], bool]) -> int:
    deadline = time.monotonic() + ROUND_MS / 1000
    while time.monotonic() < deadline:
        for found in demo.ask("GET", "/events?limit=200")["events"]:
            if fits(found):
                return int(found["id"])
        time.sleep(0.3)
    raise AssertionError("no such violation within two rounds of the clip")


def wait_for_picture(page: Page) -> None:
    """A canvas is transparent until something is drawn."""
    page.wait_for_function(
        "() => document.querySelector('#wall canvas').getContext('2d').getImageData(300, 200, 1, 1).data[3] > 0"
    )


def test_logging_in(opens: Opens, demo: Demo, viewer: str) -> None:
    page = opens("/", user=viewer)
    expect(page.get_by_role("heading", name="Live", exact=True)).to_be_visible()
    expect(page.get_by_text("guard (viewer)")).to_be_visible()
    expect(page.get_by_text("pictures per second")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url(f"{demo.url}/login")
    page.goto(f"{demo.url}/violations")
    assert page.url == f"{demo.url}/login"


def test_the_live_picture_moves(opens: Opens) -> None:
    page = opens("/")
    card = page.locator('[data-camera="reception"]')
    expect(card.locator(".state")).to_have_text("live")
    grab = "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.join()"
    canvas = card.locator("canvas")
    wait_for_picture(page)
    first = canvas.evaluate(grab)
    page.wait_for_function(f"first => ({grab})(document.querySelector('#wall canvas')) !== first", arg=first)
    expect(card.locator(".numbers")).to_contain_text("pictures per second")
    expect(page.get_by_text("1 camera live")).to_be_visible()


def test_one_camera_large_as_video(opens: Opens) -> None:
    page = opens("/")
    page.get_by_role("button", name="Enlarge reception").click()
    theatre = page.get_by_role("dialog", name="reception")
    expect(theatre.locator("video")).to_be_visible()
    expect(theatre.locator("canvas")).to_be_hidden()
    page.wait_for_function("() => document.querySelector('#theatre video').currentTime > 0.5")
    theatre.get_by_role("button", name="Close").click()
    expect(theatre).to_be_hidden()


def test_one_camera_large_without_webrtc(opens: Opens) -> None:
    page = opens("/")
    page.evaluate(
        "() => { RTCPeerConnection.prototype.setRemoteDescription = () => Promise.reject(new Error()); }"
    )
    page.get_by_role("button", name="Enlarge reception").click()
    canvas = page.locator("#theatre canvas")
    expect(canvas).to_be_visible()
    page.wait_for_function(
        "() => document.querySelector('#theatre canvas').getContext('2d').getImageData(300, 200, 1, 1).data[3] > 0"
    )
    expect(page.locator("#theatre video")).to_be_hidden()


def test_pictures_off_screen_are_not_fetched(opens: Opens) -> None:
    page = opens("/")
    wait_for_picture(page)
    live = re.compile("/api/v1/live")
    move = "top => { document.getElementById('wall').style.marginTop = top; }"
    with page.expect_event("requestfailed", lambda request: live.search(request.url)):  # broken off
        page.evaluate(move, "5000px")
    with page.expect_request(live):
        page.evaluate(move, "")


def test_a_violation_appears_without_reloading(opens: Opens) -> None:
    gallery = opens("/violations")
    wall = opens("/")
    gallery.evaluate("window.same = true")
    newest = gallery.locator("#gallery li a").first
    newest.wait_for(timeout=ROUND_MS)
    before = newest.get_attribute("href")
    assert before is not None
    expect(newest).not_to_have_attribute("href", before, timeout=ROUND_MS)
    assert gallery.evaluate("window.same")
    expect(newest.locator("img.frame")).to_have_js_property("complete", True)
    expect(gallery.locator("#announcements")).to_contain_text("new violation")
    expect(wall.locator("#news li a").first).to_have_attribute("href", newest.get_attribute("href") or "")


def test_the_clip_plays(opens: Opens, event: int) -> None:
    page = opens(f"/violations/{event}")
    page.get_by_role("button", name="Show in the clip").first.click()
    video = page.locator("video")
    page.wait_for_function("() => document.querySelector('video').readyState >= 2")
    before = video.evaluate("video => video.currentTime")
    page.wait_for_function("from => document.querySelector('video').currentTime > from + 0.5", arg=before)
    assert video.evaluate("video => video.videoWidth") == 1280
    stretch = page.locator(".course li").first
    expect(stretch).to_have_text(re.compile("(No mask|Mask worn wrong).* to .* second", re.DOTALL))


def test_a_viewer_cannot_edit(opens: Opens, demo: Demo, viewer: str, event: int) -> None:
    page = opens(f"/violations/{event}", user=viewer)
    expect(page.get_by_role("link", name="Download clip")).to_be_visible()
    for name in ("False alarm", "Protect", "Delete …"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    # past the page, as one would by hand
    answer = page.context.request.delete(f"{demo.url}/api/v1/events/{event}", headers={"Origin": demo.url})
    assert (answer.status, answer.json()["error"]) == (
        403,
        "This takes the role admin, guard is viewer.",
    )


def test_marking_filtering_and_deleting(opens: Opens, demo: Demo, event: int) -> None:
    page = opens(f"/violations/{event}")
    alarm = page.get_by_role("button", name="False alarm")
    alarm.click()
    expect(alarm).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Protect").click()
    expect(page.locator("#violation .mark")).to_have_count(2)
    found = demo.ask("GET", f"/events/{event}")
    assert (found["is_false_alarm"], found["is_protected"]) == (True, True)

    page.goto(f"{demo.url}/violations")
    page.get_by_label("False alarms").select_option("Only these")
    expect(page.locator("#gallery li")).to_have_count(1)
    assert page.url.endswith("?alarms=only")
    page.reload()
    expect(page.locator("#gallery li")).to_have_count(1)
    page.get_by_label("Time").select_option("From … to …")
    page.get_by_label("To", exact=True).fill("2001-01-01T12:00")
    page.get_by_label("To", exact=True).blur()
    expect(page.get_by_text("No violation fits these filters.")).to_be_visible()
    page.get_by_role("link", name="Show all").click()

    page.goto(f"{demo.url}/violations/{event}")
    page.get_by_role("button", name="Delete …").click()
    page.get_by_role("button", name="Keep").click()
    page.get_by_role("button", name="Delete …").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url(lambda url: not url.endswith(f"/{event}"))
    with pytest.raises(urllib.error.HTTPError, match="404"):
        demo.ask("GET", f"/events/{event}")


def test_older_ones_are_a_button_away(opens: Opens, demo: Demo, event: int) -> None:
    page = opens("/api/docs")
    one = demo.ask("GET", f"/events/{event}")

    def answer(route: Route) -> None:
        start = 0 if "cursor" not in route.request.url else 24
        events = [one | {"id": 1000 - number} for number in range(start, min(start + 24, 30))]
        route.fulfill(json={"events": events, "next_cursor": "further" if start == 0 else None})

    page.route(re.compile("/api/v1/events[?]"), answer)
    page.goto(f"{demo.url}/violations")
    items = page.locator("#gallery li")
    expect(items).to_have_count(24)
    expect(page.get_by_text("The newest 24 violations; there are more")).to_be_visible()
    more = page.get_by_role("button", name="Show more")
    more.focus()
    page.keyboard.press("Enter")
    expect(items).to_have_count(30)
    expect(more).to_be_hidden()
    expect(items.nth(24).locator("a")).to_be_focused()


def test_what_goes_wrong_is_said(opens: Opens, demo: Demo) -> None:
    page = opens("/api/docs")
    page.route(
        re.compile("/api/v1/events[?]"),
        lambda route: route.fulfill(status=200, body="no JSON"),
    )
    page.goto(f"{demo.url}/violations")
    expect(page.get_by_role("alert")).to_have_text(
        "maskcam gave an answer that makes no sense: reload the page."
    )


def test_by_keyboard_only(opens: Opens, demo: Demo, event: int) -> None:
    page = opens("/")
    focused = "document.activeElement.textContent.trim()"
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.ariaLabel") == "Enlarge reception"
    page.keyboard.press("Enter")
    theatre = page.get_by_role("dialog", name="reception")
    expect(theatre).to_be_visible()
    page.keyboard.press("Escape")
    expect(theatre).to_be_hidden()
    assert page.evaluate("document.activeElement.ariaLabel") == "Enlarge reception", "one is where one was"
    page.goto(f"{demo.url}/violations/{event}")
    way = "a[rel=next]" if page.locator("a[rel=next]").count() else "a[rel=prev]"
    address = page.locator(way).get_attribute("href")
    page.keyboard.press("ArrowRight" if "next" in way else "ArrowLeft")
    page.wait_for_url(re.compile(f"{address}$"))


def test_a_lost_camera_says_why(opens: Opens, demo: Demo) -> None:
    page = opens("/")
    page.locator('[data-camera="reception"]').wait_for()
    demo.ask("POST", "/cameras", name="back door", source="rtsp://guard:hunter2@127.0.0.1:9/live")
    try:
        card = page.locator('[data-camera="back door"]')
        expect(card.locator(".state")).to_have_text("connecting")
        expect(card.locator(".veil")).to_contain_text("refuses the connection")
        assert "hunter2" not in page.content()
    finally:
        demo.ask("DELETE", "/cameras/back%20door")
    expect(card).to_have_count(0)


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_needs_no_scrolling_sideways(opens: Opens, demo: Demo, event: int, dark: bool) -> None:
    page = opens("/", width=360, dark=dark)
    for path in ("/", "/violations", f"/violations/{event}"):
        page.goto(demo.url + path)
        page.get_by_role("heading", level=1).wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") == 360, path


def test_dark_or_light_is_kept(opens: Opens) -> None:
    page = opens("/violations")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("button", name="Switch to dark colours").click()
    dark = page.evaluate(paper)
    assert dark != light
    page.reload()
    assert page.evaluate(paper) == dark
