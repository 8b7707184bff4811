"""`maskcam serve-model` in a process of its own, with the shipped weights, on Ray Serve."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from maskcam.classifiers.base import Classifier
from maskcam.classifiers.remote import RemoteClassifier
from maskcam.config_sections import DetectorConfig
from maskcam.crops import cut_crops
from maskcam.remote.address import parse_address
from maskcam.remote.client import ModelClient
from maskcam.remote.model_pb2 import ClassifyRequest, DescribeRequest, DetectRequest, Pictures
from maskcam.remote.model_pb2_grpc import ModelStub
from maskcam.remote.wire import Encoding, pack
from maskcam.sources import open_source
from maskcam.types import Image
from tests.certificates import make_certificate
from tests.cli import DEMO
from tests.remote.servers import RealServer, local_classifier, probabilities, shipped_card

TOKEN = "open-sesame"
METADATA = (("authorization", f"Bearer {TOKEN}"),)
ANSWERS = 20.0
WAIT_MS = 100
"""Long, so that requests sent at the same time come within it, whatever else the machine does."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    file = tmp_path_factory.mktemp("token") / "token"
    file.write_text(f"{TOKEN}\n")
    # 2 x 8 requests under way, and 2 that wait
    made = RealServer("--max-batch=8", "--queue=2", f"--batch-wait-ms={WAIT_MS}", f"--token-file={file}")
    yield made
    made.close()


@pytest.fixture
def stub(server: RealServer) -> Iterator[Any]:
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield ModelStub(channel)  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def local() -> Iterator[Classifier]:
    with local_classifier() as made:
        yield made


@pytest.fixture(scope="module")
def faces() -> Image:
    """(n, S, S, 3): faces of the sample video."""
    with (
        DetectorConfig().build(device="cpu", backend="openvino", precision="float32") as detector,
        local_classifier() as classifier,
        open_source(str(DEMO)) as source,
    ):
        frames = [frame.pixels for frame in islice(source, 0, 300, 60)]
        found = detector.detect(frames)
        return np.concatenate(
            [
                cut_crops(frame, faces.boxes_xyxy, classifier.crop)
                for frame, faces in zip(frames, found, strict=True)
            ]
        )


def connect(
    server: RealServer, local: Classifier, *, encoding: Encoding = "raw", token: str = TOKEN
) -> RemoteClassifier:
    address = parse_address(server.url.replace("://", f"://{token}@"))
    client = ModelClient(address, deadline_seconds=ANSWERS, encoding=encoding)
    return RemoteClassifier(client, local, shipped_card())


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Makes calls at the same time; their answers or errors."""
    futures = [call() for call in calls]
    answers = []
    for future in futures:
        try:
            answers.append(future.result())
        except grpc.RpcError as error:
            answers.append(error)
    return answers


# raw: batches of other sizes go through other kernels; JPEG: what it did to these faces, 0.0023 at most, and a margin
@pytest.mark.parametrize(("encoding", "tolerance"), [("raw", 1e-4), ("jpeg", 0.01)])
def test_the_server_judges_as_this_machine_does(
    server: RealServer, local: Classifier, faces: Image, encoding: Encoding, tolerance: float
) -> None:
    remote = connect(server, local, encoding=encoding)
    found = remote.classify(faces)
    assert remote.remote.remote_crops == len(faces) > 8, "more than one batch"
    expected = local.classify(faces)
    np.testing.assert_allclose(probabilities(found), probabilities(expected), atol=tolerance)
    assert [one.status for one in found] == [one.status for one in expected]


def test_faces_of_two_clients_are_judged_together(server: RealServer, stub: Any, faces: Image) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        other = ModelStub(channel)  # type: ignore[no-untyped-call]
        requests = [
            ClassifyRequest(crops=pack(faces[:3], "raw")),
            ClassifyRequest(crops=pack(faces[3:5], "jpeg")),
        ]
        answers = at_once(
            [
                lambda: stub.Classify.future(requests[0], timeout=ANSWERS, metadata=METADATA),
                lambda: other.Classify.future(requests[1], timeout=ANSWERS, metadata=METADATA),
            ]
        )
    assert [answer.batch_size for answer in answers] == [5, 5]
    assert [len(answer.probabilities) for answer in answers] == [9, 6]


def test_what_nobody_waits_for_any_more_is_not_judged(stub: Any, faces: Image) -> None:
    request = ClassifyRequest(crops=pack(faces[:3], "raw"))
    late, answer = at_once(
        [
            lambda: stub.Classify.future(request, timeout=WAIT_MS / 3000, metadata=METADATA),
            lambda: stub.Classify.future(request, timeout=ANSWERS, metadata=METADATA),
        ]
    )
    assert late.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert answer.batch_size == 3, "both were in the same batch, and one of them was left out"


def test_a_full_queue_refuses_and_the_client_judges_itself(
    server: RealServer, stub: Any, local: Classifier, faces: Image
) -> None:
    request = ClassifyRequest(crops=pack(faces[:1], "raw"))
    remote = connect(server, local)
    said: list[str] = []
    remote.announce_to(said.append)
    flood = []
    while remote.remote.is_up:
        assert len(flood) < 6000
        flood += [stub.Classify.future(request, timeout=ANSWERS, metadata=METADATA) for _ in range(60)]
        assert len(remote.classify(faces[:2])) == 2
    codes = Counter(call.code() for call in flood)
    assert codes[grpc.StatusCode.OK] >= 16, "those before them in the queue are served all the same"
    assert codes[grpc.StatusCode.RESOURCE_EXHAUSTED] > 0
    assert codes.total() == codes[grpc.StatusCode.OK] + codes[grpc.StatusCode.RESOURCE_EXHAUSTED]
    assert remote.remote.local_crops == 2
    assert "has more to do than it can; faces are judged on this machine" in said[-1]


def test_faces_are_found_there_as_here(stub: Any) -> None:
    with open_source(str(DEMO)) as source:
        frames = [frame.image for frame in islice(source, 0, 200, 100)]
    request = DetectRequest(pictures=pack(frames, "raw"))
    answer = stub.Detect(request, timeout=ANSWERS, metadata=METADATA)
    with DetectorConfig().build(device="cpu", backend="openvino", precision="float32") as detector:
        for found, expected in zip(answer.pictures, detector.detect(frames), strict=True):
            assert expected.landmarks is not None
            np.testing.assert_allclose(np.reshape(found.boxes_xyxy, (-1, 4)), expected.boxes_xyxy, rtol=1e-5)
            np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-5)
            np.testing.assert_allclose(np.reshape(found.landmarks, (-1, 5, 2)), expected.landmarks, rtol=1e-5)


@pytest.mark.parametrize(
    "crops",
    [
        pack(np.zeros((1, 64, 64, 3), np.uint8), "raw"),
        pack(np.zeros((65, 128, 128, 3), np.uint8), "raw"),
        Pictures(jpegs=Pictures.Jpegs(files=[b"no JPEG"])),
    ],
)
def test_nonsense_is_refused_and_the_next_one_is_served(stub: Any, faces: Image, crops: Pictures) -> None:
    with pytest.raises(grpc.RpcError) as error:
        stub.Classify(ClassifyRequest(crops=crops), timeout=ANSWERS, metadata=METADATA)
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    fine = ClassifyRequest(crops=pack(faces[:1], "raw"))
    assert len(stub.Classify(fine, timeout=ANSWERS, metadata=METADATA).probabilities) == 3


@pytest.mark.parametrize("shown", [(), (("authorization", "Bearer guess"),), (("authorization", TOKEN),)])
def test_without_the_token_nothing_is_answered(stub: Any, shown: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(grpc.RpcError) as error:
        stub.Describe(DescribeRequest(), timeout=ANSWERS, metadata=shown)
    assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_killed_and_restarted_under_load_every_crop_has_a_verdict(
    server: RealServer, local: Classifier, faces: Image
) -> None:
    remote, said = connect(server, local), list[str]()
    remote.announce_to(said.append)
    counts: list[int] = []
    stop = threading.Event()

    def look_on() -> None:
        while not stop.is_set():
            counts.append(len(remote.classify(faces[:2])))
            time.sleep(0.01)

    thread = threading.Thread(target=look_on)
    thread.start()
    try:
        wait_for(lambda: remote.remote.remote_crops > 4)
        server.kill()
        wait_for(lambda: remote.remote.local_crops > 4)
        server.start()
        before = remote.remote.remote_crops
        wait_for(lambda: remote.remote.remote_crops > before + 4)
    finally:
        stop.set()
        thread.join()
    assert set(counts) == {2}
    assert remote.remote.remote_crops + remote.remote.local_crops == 2 * len(counts)
    there = f"faces are judged by the model server at 127.0.0.1:{server.port} (mobilenet_v2)"
    assert said[0] == said[2] == there
    assert said[1].endswith("; faces are judged on this machine until it answers")
    assert len(said) == 3


def test_ctrl_c_ends_it_cleanly(server: RealServer) -> None:
    children = server.children()
    assert len(children) > 3
    assert server.end() == 0
    wait_for(lambda: not any(Path(f"/proc/{number}").exists() for number in children))


def test_over_tls(server: RealServer, local: Classifier, faces: Image, tmp_path: Path) -> None:
    if server.process is not None:
        server.end()
    certificate, key = make_certificate(tmp_path)
    server.flags = (*server.flags, f"--certificate={certificate}", f"--key={key}")
    server.start()
    address = parse_address(f"grpcs://{TOKEN}@127.0.0.1:{server.port}")
    client = ModelClient(
        address, deadline_seconds=ANSWERS, encoding="raw", certificates=certificate.read_bytes()
    )
    remote = RemoteClassifier(client, local, shipped_card())
    remote.classify(faces[:2])
    assert remote.remote.remote_crops == 2


def wait_for(is_so: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.05)
