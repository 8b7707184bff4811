"""The page of statistics, its CSV, and what other settings would have logged."""

import csv
import io
import re
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from maskcam.store.observations import Heat
from maskcam.store.statistics import Compliance
from maskcam.web.charts import Compliance as Chart
from maskcam.web.charts import compliance, heat_map
from maskcam.web.roles import Role
from maskcam.web.schemas import ComplianceFigures, Group
from tests.store.rows import NOON, make_counts
from tests.store.test_observations import make_heat, make_scores
from tests.web.stage import Stage

WEEK = "since=2026-05-01&until=2026-05-07"


def group(hours: float, masked: int, bare: int) -> Group:
    found = Compliance(people=masked + bare, masked=masked, bare=bare)
    return Group.model_validate(
        {"camera": "door", "start": NOON + timedelta(hours=hours), **ComplianceFigures.values(found)}
    )


def drawn(*groups: Group) -> Chart:
    return compliance(
        "door", groups[0], groups, start=NOON, end=NOON + timedelta(hours=10), step=timedelta(hours=1)
    )


def test_the_page_says_it_in_words_and_draws_it(stage: Stage) -> None:
    stage.store.record([make_heat(60)])
    text = stage.ask("GET", f"/statistics?{WEEK}", Role.VIEWER).text
    words = re.sub(r"\s+", " ", text)
    assert (
        "Of 20 people-minutes that could be judged, 15 were with a mask worn right: <strong>75.0%</strong>"
        in words
    )
    assert "3 violations began" in words
    assert text.count('viewBox="0 0 1000 100"') == 2, "one camera has counts, and one chart is of the sliders"
    assert '<rect class="rarely" x="0" y="0"' in text
    assert '<rect class="often" x="1" y="1"' in text
    assert "picture?overlay=false" in text, "the map lies upon the picture"
    assert text.count("<title id=") == text.count("<desc id=") == 3


def test_what_is_chosen_stands_in_the_address(stage: Stage) -> None:
    stage.store.record([make_counts(camera="hall", masked=0, bare=9)])
    text = stage.ask("GET", f"/statistics?{WEEK}&camera=door&per=hour").text
    assert 'value="door" checked' in re.sub(r"\s+", " ", text)
    assert 'value="2026-05-01"' in text
    assert "/statistics.csv?since=2026-05-01&amp;until=2026-05-07&amp;per=hour&amp;camera=door" in text
    assert "75.0%" in text
    assert "51.7%" in stage.ask("GET", f"/statistics?{WEEK}").text, "15 of 29"
    assert "Nobody for whom a mask is required" in stage.ask("GET", "/statistics?until=2020-01-01").text


@pytest.mark.parametrize(
    "query",
    ["since=yesterday", "since=2026-05-09&until=2026-05-01", "since=2020-01-01&until=2026-01-01", "per=year"],
)
def test_a_time_that_is_none_is_refused_with_a_sentence(stage: Stage, query: str) -> None:
    for page in ("/statistics", "/statistics.csv"):
        answer = stage.ask("GET", f"{page}?{query}")
        assert answer.status_code == 422, answer.text
        assert answer.json()["error"]


def test_csv_has_the_figures_and_no_formula(stage: Stage) -> None:
    stage.store.record([make_counts(camera="=cmd()", masked=1, bare=0)])
    answer = stage.ask("GET", f"/statistics.csv?{WEEK}&per=day", Role.VIEWER)
    assert answer.headers["content-type"].startswith("text/csv")
    assert "maskcam-2026-05-01-2026-05-07.csv" in answer.headers["content-disposition"]
    first, second = csv.DictReader(io.StringIO(answer.text))
    assert (first["camera"], second["camera"]) == ("'=cmd()", "door")
    assert (second["people_minutes"], second["mask"], second["rate"]) == ("20", "15", "0.75")
    assert float(second["rate_low"]) < 0.75 < float(second["rate_high"])


def test_a_chart_has_a_gap_where_nobody_was_judged() -> None:
    found = drawn(group(0, 9, 1), group(1, 10, 0), group(2, 0, 0), group(5, 1, 1))
    assert found.lines == ("50,10 150,0",)
    assert [x for x, _ in found.dots] == [50, 150, 550]
    assert [x for x, _, _ in found.bars] == [550], "an interval without neighbours is drawn as a bar"
    assert len(found.bands) == 1


def test_a_map_names_the_worst_part() -> None:
    heat = Heat(np.zeros((18, 32), np.int64), np.zeros((18, 32), np.int64))
    heat.seen[8, 16], heat.seen[2, 30], heat.unsure[2, 30] = 1000, 50, 30
    found = heat_map("door", heat)
    assert (found.worst, found.seen, found.unsure) == ("at the top right", 1050, 30)
    assert [cell.kind for cell in found.cells] == ["often", "rarely"]
    assert found.cells[0].strength < found.cells[1].strength
    heat.unsure[8, 16] = 500
    assert heat_map("door", heat).worst is None, "it is as bad elsewhere"


class TestWhatIf:
    def ask(self, stage: Stage, **values: object) -> Any:
        given = {"since": NOON.isoformat(), "until": (NOON + timedelta(days=2)).isoformat()} | values
        answer = stage.ask("GET", "/api/v1/whatif", Role.VIEWER, params=given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def test_stricter_settings_leave_fewer(self, stage: Stage) -> None:
        stage.store.record([make_scores(1), make_scores(2, minutes=90), make_scores(3, camera="hall")])
        found = self.ask(stage)
        assert found["wanted"] == found["present"] == {"violations": 3, "per_day": 1.5}
        assert (found["tracks"], found["days_covered"], found["logged"]) == (3, 2.0, 3)
        days = [day["violations"] for day in found["days"]]
        assert sum(days) == 3
        assert len(days) == 3
        assert self.ask(stage, dwell=4.5)["wanted"] == {"violations": 0, "per_day": 0.0}
        assert self.ask(stage, threshold=0.7, dwell=1.9)["wanted"]["violations"] == 3
        assert self.ask(stage, threshold=0.7, dwell=2.1)["wanted"]["violations"] == 0
        assert self.ask(stage, cameras="hall")["wanted"]["violations"] == 1
        assert "no video was looked at" in str(found["how"])

    def test_new_tracks_are_seen_once_what_was_read_is_old(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stage.store.record([make_scores(1)])
        assert self.ask(stage)["tracks"] == 1
        stage.store.record([make_scores(2)])
        assert self.ask(stage, dwell=2)["tracks"] == 1
        monkeypatch.setattr("maskcam.web.api.whatif._FRESH_SECONDS", 0.0)
        assert self.ask(stage)["tracks"] == 2

    def test_without_any_track(self, stage: Stage) -> None:
        found = self.ask(stage)
        assert (found["tracks"], found["wanted"]) == (0, {"violations": 0, "per_day": 0.0})

    @pytest.mark.parametrize(
        "query", ["threshold=0.1", "threshold=nan", "dwell=-1", "dwell=inf", "since=9999-12-31"]
    )
    def test_what_is_out_of_range(self, stage: Stage, query: str) -> None:
        answer = stage.ask("GET", f"/api/v1/whatif?{query}")
        assert (answer.status_code, "error" in answer.json()) == (422, True)
