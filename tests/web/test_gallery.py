"""The pages about violations, as the server draws them; test_browser.py looks at them in a browser."""

import re

import pytest

from maskcam.web.roles import Role
from tests.web.stage import Stage


def links(page: str) -> dict[str, str]:
    return dict(re.findall(r'rel="(prev|next)" href="([^"]+)"', page))


def test_neighbours_are_those_that_were_looked_through(stage: Stage) -> None:
    # 1 and 2 are of the door, 3 is of the hall and the newest
    assert links(stage.ask("GET", "/violations/2").text) == {"prev": "/violations/3", "next": "/violations/1"}
    page = stage.ask("GET", "/violations/2?camera=door").text
    assert links(page) == {"next": "/violations/1?camera=door"}
    assert links(stage.ask("GET", "/violations/3?camera=hall").text) == {}


def test_what_is_asked_for_cannot_break_out_of_the_page(stage: Stage) -> None:
    page = stage.ask("GET", '/violations/2?camera=door&x="><script>alert(1)</script>').text
    assert "<script>alert" not in page
    assert '"><script' not in page


@pytest.mark.parametrize(
    ("role", "may_mark", "may_delete"),
    [(Role.VIEWER, False, False), (Role.OPERATOR, True, False), (Role.ADMIN, True, True)],
)
def test_buttons_are_only_for_those_who_may(
    stage: Stage, role: Role, may_mark: bool, may_delete: bool
) -> None:
    page = stage.ask("GET", "/violations/2", role).text
    assert ("data-patch" in page) is may_mark
    assert ('id="delete"' in page) is may_delete


def test_a_violation_with_and_without_pictures(stage: Stage) -> None:
    assert 'src="/api/v1/events/2/snapshot"' in stage.ask("GET", "/violations/2").text
    page = stage.ask("GET", "/violations/3").text
    assert "No picture is kept of this violation." in page
    assert "still going on" in page


def test_one_that_is_not_there(stage: Stage) -> None:
    answer = stage.ask("GET", "/violations/999")
    assert answer.status_code == 404
    assert "There is no violation 999" in answer.text


def test_cameras_can_be_chosen(stage: Stage) -> None:
    page = stage.ask("GET", "/violations").text
    assert "<option>door</option>" in page
    assert "<option>hall</option>" in page
