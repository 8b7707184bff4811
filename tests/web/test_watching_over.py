"""Health, metrics, and the stream of live updates."""

import asyncio
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from maskcam.classifiers.base import RemoteState
from maskcam.feeds import FeedState
from maskcam.service import ServiceState
from maskcam.types import ViolationPhase
from maskcam.web.events_stream import Stream
from tests.factories import make_frame, make_result, make_violation
from tests.store.rows import RUN
from tests.web.stage import Stage, live_camera


def samples(stage: Stage) -> dict[tuple[str, str], float]:
    text = stage.ask("GET", "/metrics").text
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_are_those_of_the_service(stage: Stage) -> None:
    frame = make_frame()
    stage.service.meters.write(
        replace(make_result(frame, violations=(make_violation(),)), stage_seconds={"detect": 0.25}), None
    )
    found = samples(stage)
    assert found["maskcam_up", ""] == 1
    assert found["maskcam_frames_captured_total", "door"] == 50
    assert found["maskcam_frames_analysed_total", "door"] == 40
    assert found["maskcam_frames_dropped_total", "hall"] == 2
    assert found["maskcam_camera_state", "door,live"] == 1
    assert found["maskcam_camera_state", "door,failed"] == 0
    assert found["maskcam_reconnects_total", "door"] == 0
    assert found["maskcam_latency_seconds_count", "door"] == 1
    assert found["maskcam_latency_seconds_bucket", "door,+Inf"] == 1
    assert found["maskcam_stage_seconds_total", "detect"] == 0.25
    assert found["maskcam_violations_total", "door,no_mask"] == 1
    assert found["maskcam_outbox_depth", "the MQTT broker"] == 7
    assert found["maskcam_store_queue", ""] == 3
    assert ("maskcam_fps", "door,analysed") in found


def test_the_model_server_is_in_the_figures_and_in_the_health(stage: Stage) -> None:
    assert not any("remote" in name for name, _ in samples(stage))
    assert stage.ask("GET", "/readyz").json()["classifier"] == "here"
    stage.service.remote = RemoteState("box:9100", True, None, 2, 70, 9)
    found = samples(stage)
    assert found["maskcam_remote_classifier_up", ""] == 1
    assert found["maskcam_remote_classifier_fallbacks_total", ""] == 2
    assert found["maskcam_remote_classifier_crops_total", "server"] == 70
    assert found["maskcam_remote_classifier_crops_total", "here"] == 9
    assert stage.ask("GET", "/readyz").json()["classifier"] == "server"
    stage.service.remote = replace(stage.service.remote, is_up=False)
    assert samples(stage)["maskcam_remote_classifier_up", ""] == 0
    ready = stage.ask("GET", "/readyz")
    assert (ready.status_code, ready.json()["classifier"]) == (200, "fallback")


@pytest.mark.parametrize(
    ("states", "is_ready"),
    [
        ((FeedState.LIVE, FeedState.FAILED), True),
        ((FeedState.RECONNECTING, FeedState.FAILED), True),
        ((FeedState.CONNECTING, FeedState.CONNECTING), True),
        ((FeedState.ENDED, FeedState.FAILED), False),
    ],
)
def test_ready_while_a_camera_is_live_or_may_yet_be(
    stage: Stage, states: tuple[FeedState, ...], is_ready: bool
) -> None:
    for name, state in zip(("door", "hall"), states, strict=True):
        camera = live_camera(name)
        camera.health = replace(camera.health, state=state)
        stage.service.states[name] = camera
    answer = stage.client.get("/readyz")
    assert answer.status_code == (200 if is_ready else 503)
    assert answer.json()["cameras"] is is_ready
    assert stage.client.get("/healthz").json() == {"status": "ok"}


def test_not_ready_while_nothing_is_judged(stage: Stage) -> None:
    stage.service.state = ServiceState(False, "disk full", 1, "")
    answer = stage.client.get("/readyz")
    assert (answer.status_code, answer.json()["pipeline"]) == (503, False)
    assert "disk full" not in answer.text, "anybody may ask"
    assert stage.client.get("/healthz").status_code == 200


class TestStream:
    def test_news_reach_everybody_who_listens(self, stage: Stage) -> None:
        async def listen() -> list[tuple[str, object]]:
            stream = Stream(stage.context.service)
            stream.open()
            one, other = stream.news(), stream.news()
            heard = [await anext(one), await anext(other)]
            for listener in stage.service.listeners[-1:]:
                listener(make_violation(ViolationPhase.ENDED, violation_id=4))
                listener(live_camera("door"))
            heard += [await anext(one), await anext(one), await anext(other)]
            stream.close()
            assert [item async for item in one] == []
            return heard

        first, second, third, fourth, fifth = asyncio.run(listen())
        assert first[0] == second[0] == "numbers"
        assert isinstance(first[1], dict)
        assert [camera["name"] for camera in first[1]["cameras"]] == ["door", "hall"]
        assert third == fifth
        assert third[0] == "violation"
        assert third[1] == {
            "key": f"{RUN}/door/4",
            "camera": "door",
            "phase": "ended",
            "status": "no_mask",
            "track_id": 1,
        }
        assert fourth[0] == "camera"

    def test_numbers_come_again_and_again(self, stage: Stage) -> None:
        async def listen() -> list[str]:
            stream = Stream(stage.context.service)
            news = stream.news(every_seconds=0.01)
            return [(await anext(news))[0] for _ in range(3)]

        assert asyncio.run(listen()) == ["numbers"] * 3

    def test_who_does_not_listen_loses_the_oldest(self, stage: Stage) -> None:
        async def listen() -> list[int]:
            stream = Stream(stage.context.service)
            stream.open()
            news = stream.news(every_seconds=1000)
            await anext(news)
            for number in range(1000):
                stage.service.listeners[-1](make_violation(violation_id=number))
            await asyncio.sleep(0)
            return [int((await anext(news))[1]["key"].rpartition("/")[2]) for _ in range(200)]

        assert asyncio.run(listen()) == list(range(800, 1000))

    def test_listeners_are_bounded(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Stream, "is_full", True)
        answer = stage.ask("GET", "/api/v1/stream")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
