"""A classifier on another machine: what happens when that is away, slow, full or another one."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator

import grpc
import numpy as np
import pytest

from maskcam.classifiers.base import RemoteState
from maskcam.classifiers.fixed import FixedClassifier
from maskcam.classifiers.remote import RemoteClassifier
from maskcam.crops import CropSpec
from maskcam.remote.address import ServerAddress
from maskcam.remote.client import ModelClient
from maskcam.types import MaskStatus
from tests.remote.servers import FakeModel, face_like_crops, fake_server, shipped_card

CARD = shipped_card()
SPEC = CropSpec(CARD.input_size, 0.2)
LOCALLY = {MaskStatus.MASK: 0.25, MaskStatus.NO_MASK: 0.5, MaskStatus.INCORRECT: 0.25}
"""What the classifier on this machine says, whatever it sees."""
ANSWERS = 20.0
"""Seconds: no answer is late here unless a test wants it to be."""


class Clock:
    """Stands still until it is moved on."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Bench:
    """A remote classifier, what it says, and its time."""

    def __init__(
        self, port: int, *, deadline: float = ANSWERS, spec: CropSpec = SPEC, token: str | None = None
    ) -> None:
        self.said: list[str] = []
        self.clock = Clock()
        self.local = FixedClassifier(LOCALLY, crop=spec)
        client = ModelClient(
            ServerAddress("127.0.0.1", port, token), deadline_seconds=deadline, encoding="raw"
        )
        self.classifier = RemoteClassifier(client, self.local, CARD, clock=self.clock)
        self.classifier.announce_to(self.said.append)

    @property
    def state(self) -> RemoteState:
        return self.classifier.remote

    def judge(self, count: int = 2) -> list[bool]:
        """Judges crops; whether each was judged by the server."""
        verdicts = self.classifier.classify(face_like_crops(count))
        assert len(verdicts) == count
        return [verdict.probabilities != LOCALLY for verdict in verdicts]

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Goes on judging, a second at a time by its clock, until something is so."""
        ends = time.monotonic() + 30
        while not is_so():
            assert time.monotonic() < ends, self.said
            self.clock.seconds += 1
            self.judge()
            time.sleep(0.05)


@pytest.fixture
def model() -> FakeModel:
    return FakeModel()


@pytest.fixture
def port(model: FakeModel) -> Iterator[int]:
    with fake_server(model) as taken:
        yield taken


@pytest.fixture
def make(port: int) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def new(**values: object) -> Bench:
        made.append(Bench(port, **values))  # type: ignore[arg-type]
        return made[-1]

    yield new
    for bench in made:
        bench.classifier.close()


def free_port() -> int:
    with fake_server(FakeModel()) as taken:
        return taken


def test_the_server_judges_while_it_is_there(model: FakeModel, make: Callable[..., Bench]) -> None:
    bench = make()
    assert bench.judge(3) == [True] * 3
    assert model.sizes == [3]
    assert set(bench.local.batch_sizes) == {1, 2, 3, 4}, "it has warmed up"
    assert len(bench.local.batch_sizes) == 32, "and done nothing else"
    assert bench.state == RemoteState(bench.state.server, True, None, 0, 3, 0)
    assert bench.classifier.device.startswith("a fake, on 127.0.0.1:")
    (said,) = bench.said
    assert said.startswith("faces are judged by the model server at 127.0.0.1:")


def test_a_crowd_goes_in_parts_and_comes_back_in_order(model: FakeModel, make: Callable[..., Bench]) -> None:
    bench = make()
    crops = face_like_crops(50)  # more parts than may be under way at once
    verdicts = bench.classifier.classify(crops)
    assert model.sizes == [8] * 6 + [2]
    alone = [bench.classifier.classify(crops[i : i + 1])[0] for i in (0, 8, 33, 49)]
    for i, verdict in zip((0, 8, 33, 49), alone, strict=True):
        assert verdicts[i].probabilities == pytest.approx(verdict.probabilities, abs=1e-4)  # another batch


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "has more to do than it can"),
        (grpc.StatusCode.UNAVAILABLE, "cannot be reached"),
        (grpc.StatusCode.INTERNAL, r"failed \(internal: as told\)"),
    ],
)
def test_the_same_crops_are_judged_here_when_the_server_fails(
    model: FakeModel, make: Callable[..., Bench], fault: grpc.StatusCode, words: str
) -> None:
    bench = make()
    model.fault = fault
    assert bench.judge(2) == [False] * 2
    assert not bench.state.is_up
    assert bench.state.reason is not None
    assert (bench.state.fallbacks, bench.state.local_crops, bench.state.remote_crops) == (1, 2, 0)
    assert re.search(words, bench.said[1])
    assert bench.said[1].endswith("; faces are judged on this machine until it answers")


def test_a_slow_server_is_waited_for_once(model: FakeModel, make: Callable[..., Bench]) -> None:
    bench = make(deadline=0.2)
    model.delay_seconds = 1.0
    assert bench.judge() == [False] * 2
    assert "did not answer within 0.2 s" in bench.said[1]
    for _ in range(20):
        assert bench.judge() == [False] * 2
    assert len(model.sizes) == 1, "while it is away it gets no crops, and costs no frame its deadline"
    assert len(bench.said) == 2


def test_away_and_back_are_told_once_each(make: Callable[..., Bench], model: FakeModel) -> None:
    bench = make()
    bench.judge()
    model.fault = grpc.StatusCode.UNAVAILABLE
    asked = model.asked
    bench.judge()
    bench.wait_until(lambda: model.asked >= asked + 3)
    assert len(bench.said) == 2, "it was asked again three times, and that is no news"
    model.fault = None
    bench.wait_until(lambda: bench.state.is_up)
    assert bench.judge() == [True] * 2
    assert [said.partition(" the model")[0] for said in bench.said[::2]] == ["faces are judged by"] * 2
    assert len(bench.said) == 3
    assert bench.state.fallbacks == 1


def test_a_server_that_is_not_there_at_the_start_is_told_and_found_later(model: FakeModel) -> None:
    port = free_port()
    bench = Bench(port)
    assert bench.said == [
        f"the model server at 127.0.0.1:{port} cannot be reached; faces are judged on this machine until it answers"
    ]
    assert bench.judge() == [False] * 2
    with fake_server(model, port=port):
        bench.wait_until(lambda: bench.state.is_up)
        assert bench.judge() == [True] * 2
        assert len(bench.said) == 2
        bench.classifier.close()


def test_a_server_that_dies_unseen_is_noticed_while_nobody_is_in_view(
    make: Callable[..., Bench], model: FakeModel
) -> None:
    bench = make()
    model.fault = grpc.StatusCode.UNAVAILABLE
    nobody = face_like_crops(1)[:0]
    ends = time.monotonic() + 30
    while bench.state.is_up and time.monotonic() < ends:
        bench.clock.seconds += 3
        assert bench.classifier.classify(nobody) == []
        time.sleep(0.05)
    assert not bench.state.is_up
    assert len(bench.said) == 2
    assert model.sizes == []


def test_a_server_that_comes_and_goes_is_left_alone_for_longer(
    make: Callable[..., Bench], model: FakeModel
) -> None:
    bench = make()

    def seconds_away() -> float:
        model.fault = grpc.StatusCode.RESOURCE_EXHAUSTED
        bench.judge()
        went, model.fault = bench.clock.seconds, None
        bench.wait_until(lambda: bench.state.is_up)
        return bench.clock.seconds - went

    first, _, third = seconds_away(), seconds_away(), seconds_away()
    assert third > first


def test_a_server_with_other_crops_is_not_used(make: Callable[..., Bench], model: FakeModel) -> None:
    bench = make(spec=CropSpec(64, 0.3))
    assert not bench.state.is_up
    assert "wants crops of 128 pixels with a margin of 0.2, the weights here 64 with 0.3" in bench.said[0]
    assert bench.classifier.classify(np.zeros((1, 64, 64, 3), np.uint8))
    assert model.sizes == []


def test_other_weights_here_than_there_are_told(make: Callable[..., Bench], model: FakeModel) -> None:
    model.card = CARD.model_copy(update={"name": "better", "sha256": "ab" * 32})
    bench = make()
    assert bench.state.is_up
    assert bench.said[1] == (
        f"whenever {bench.state.server} is away, faces are judged here otherwise than there: by mobilenet_v2"
        f" ({CARD.sha256[:8]}) instead of better (abababab)"
    )


def test_thresholds_are_those_of_the_servers_card(make: Callable[..., Bench], model: FakeModel) -> None:
    model.card = CARD.model_copy(update={"unsure_below": 1.0})
    verdicts = make().classifier.classify(face_like_crops(2))
    assert {verdict.status for verdict in verdicts} == {MaskStatus.UNSURE}


def test_the_token_is_shown_to_the_server(make: Callable[..., Bench], model: FakeModel) -> None:
    model.token = "s3cret"
    assert make(token="s3cret").judge() == [True] * 2
    refused = make(token="wr0ng")
    assert refused.judge() == [False] * 2
    assert "wants another token: set MASKCAM_MODEL_TOKEN" in refused.said[0]
    assert not any("s3cret" in said or "wr0ng" in said for said in refused.said)


def test_whoever_listens_to_nothing_finds_it_in_the_log(port: int, caplog: pytest.LogCaptureFixture) -> None:
    client = ModelClient(ServerAddress("127.0.0.1", port), deadline_seconds=ANSWERS, encoding="raw")
    with (
        caplog.at_level(logging.WARNING),
        RemoteClassifier(client, FixedClassifier(LOCALLY, crop=SPEC), CARD) as one,
    ):
        one.classify(face_like_crops(1))
    assert [record.message for record in caplog.records] == [
        f"faces are judged by the model server at 127.0.0.1:{port} ({CARD.name})"
    ]


def test_killed_and_restarted_under_load_every_crop_has_a_verdict(model: FakeModel) -> None:
    port = free_port()
    with fake_server(model, port=port):
        bench = Bench(port)
        stop = threading.Event()
        judged: list[list[bool]] = []

        def look_on() -> None:
            while not stop.is_set():
                bench.clock.seconds += 0.05
                judged.append(bench.judge(3))

        thread = threading.Thread(target=look_on)
        thread.start()
        wait_for(lambda: bench.state.remote_crops > 30)
    wait_for(lambda: bench.state.local_crops > 30)
    with fake_server(model, port=port):
        before = bench.state.remote_crops
        wait_for(lambda: bench.state.remote_crops > before + 30)
        stop.set()
        thread.join()
        bench.classifier.close()
    assert all(len(one) == 3 for one in judged)
    assert all(any(one) == all(one) for one in judged), "a step is judged by one of the two"
    assert bench.state.remote_crops + bench.state.local_crops == 3 * len(judged)
    assert [said.split(";")[-1].split("(")[0].strip() for said in bench.said] == [
        f"faces are judged by the model server at 127.0.0.1:{port}",
        "faces are judged on this machine until it answers",
        f"faces are judged by the model server at 127.0.0.1:{port}",
    ]


def wait_for(is_so: Callable[[], bool]) -> None:
    ends = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.02)
