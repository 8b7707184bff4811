"""The whole way on one device against detector, crops and classifier on the CPU.

Tolerances: pictures are shrunk and cut in other arithmetic (see test_shrinking.py and test_judging.py). That moves
boxes in BGR pictures by less than half a pixel, those in 4:2:0 frames of twice the network's size by less than 0.75,
and scores and probabilities by less than 0.01. Which of two cells with almost the same score is the best one, and so
gives the landmarks, may differ: those are compared in the median.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from maskcam.classifiers.fixed import FixedClassifier
from maskcam.classifiers.torch import TorchClassifier
from maskcam.config import Config
from maskcam.crops import CropSpec, cut_crops
from maskcam.detectors.yunet import YuNetDetector
from maskcam.gpu import judging
from maskcam.gpu.detector import GpuDetector
from maskcam.pipeline import Pipeline
from maskcam.pixels import ArrayPixels, Pixels
from maskcam.sources import open_source
from maskcam.types import MaskStatus, Sighting
from maskcam.weights import DEFAULT_CLASSIFIER, DEFAULT_DETECTOR, shipped_weights
from tests.cli import DEMO, STILLS, cut_clip
from tests.factories import make_image

CPU = torch.device("cpu")
DETECTOR, CLASSIFIER = shipped_weights(DEFAULT_DETECTOR), shipped_weights(DEFAULT_CLASSIFIER)


def make_detector(*, size: int = 320, device: torch.device = CPU, half: bool = False) -> GpuDetector:
    return GpuDetector.from_weights(
        DETECTOR,
        CLASSIFIER,
        size=size,
        minimum_score=0.3,
        device=device,
        dtype=torch.float16 if half else torch.float32,
    )


def plainly(pictures: Sequence[Pixels], *, size: int) -> list[Sighting]:
    """What detector, crops and classifier make of pictures on the CPU."""
    classifier = TorchClassifier.from_weights(CLASSIFIER, device=CPU)
    with YuNetDetector.from_weights(DETECTOR, size=size, minimum_score=0.3, device=CPU) as detector:
        found = detector.detect(pictures)
    return [
        Sighting(faces, tuple(classifier.classify(cut_crops(picture, faces.boxes_xyxy, classifier.crop))))
        for picture, faces in zip(pictures, found, strict=True)
    ]


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    pixels: float = 0.75
    score: float = 0.01
    probability: float = 0.01


def assert_alike(
    ours: Sequence[Sighting], expected: Sequence[Sighting], tolerance: Tolerance = Tolerance()
) -> None:
    assert sum(len(sighting.faces) for sighting in expected) > 0
    for one, other in zip(ours, expected, strict=True):
        assert len(one.faces) == len(other.faces)
        if not len(one.faces):
            continue
        assert one.verdicts is not None
        assert other.verdicts is not None
        assert one.faces.landmarks is not None
        assert other.faces.landmarks is not None
        # two faces with nearly the same score may come in either order
        centres = [s.faces.boxes_xyxy.reshape(-1, 2, 2).mean(axis=1) for s in (one, other)]
        nearest = np.linalg.norm(centres[0][None] - centres[1][:, None], axis=2).argmin(axis=1)
        assert sorted(nearest) == list(range(len(one.faces)))
        np.testing.assert_allclose(
            one.faces.boxes_xyxy[nearest], other.faces.boxes_xyxy, atol=tolerance.pixels
        )
        np.testing.assert_allclose(one.faces.scores[nearest], other.faces.scores, atol=tolerance.score)
        apart = np.abs(one.faces.landmarks[nearest] - other.faces.landmarks)
        assert np.median(apart) < tolerance.pixels
        for i, verdict in zip(nearest, other.verdicts, strict=True):
            assert one.verdicts[i].status is verdict.status
            assert one.verdicts[i].probabilities == pytest.approx(
                verdict.probabilities, abs=tolerance.probability
            )


@pytest.fixture(scope="module")
def pictures() -> list[Pixels]:
    """Frames of the sample clip as they were decoded, and the sample stills."""
    with open_source(str(DEMO)) as clip:
        frames = [frame.pixels for frame in clip if frame.index in (60, 140, 220)]
    with open_source(str(STILLS)) as stills:
        return frames + [frame.pixels for frame in stills]


@pytest.fixture(scope="module")
def expected(pictures: list[Pixels]) -> list[Sighting]:
    return plainly(pictures, size=640)


def test_equals_the_cpu_on_the_samples(pictures: list[Pixels], expected: list[Sighting]) -> None:
    with make_detector(size=640) as detector:
        ours = detector.detect_and_judge(pictures)
    assert_alike(ours, expected)
    in_bgr = [i for i, picture in enumerate(pictures) if picture.planes() is None]
    assert len(in_bgr) == 7
    assert_alike([ours[i] for i in in_bgr], [expected[i] for i in in_bgr], Tolerance(pixels=0.5))


def test_people_in_a_clip_get_the_same_statuses(tmp_path: Path) -> None:
    clip = cut_clip(tmp_path / "short.mp4", first=150, count=20)
    config = Config.model_validate({"device": "cpu", "detector": {"size": 320}})
    with config.build_pipeline() as plain, make_detector() as judging_detector:
        judging_too = Pipeline(
            detector=judging_detector,
            classifier=FixedClassifier({MaskStatus.UNSURE: 1.0}, crop=CropSpec(size=32, margin=0.2)),
            new_tracker=config.tracker.build,
            voting=config.voting.build(),
            violations=config.violations.build(),
            economy=config.economy.build(),
        )
        results = []
        for pipeline in (plain, judging_too):
            with open_source(str(clip)) as source:
                results.append([pipeline.step([frame])[0].tracks for frame in source])
    assert sum(len(tracks) for tracks in results[0]) > 40
    from_left = [[sorted(tracks, key=lambda t: float(t.box_xyxy[0])) for tracks in run] for run in results]
    statuses = [[[track.status for track in tracks] for tracks in run] for run in from_left]
    assert statuses[0] == statuses[1]


def test_half_precision_changes_little() -> None:
    with open_source(str(STILLS / "group.jpg")) as stills:
        group = [frame.pixels for frame in stills]
    with make_detector(size=320) as whole, make_detector(size=320, half=True) as half:
        assert half.device.endswith("PyTorch float16")
        assert_alike(half.detect_and_judge(group), whole.detect_and_judge(group))


class Questions(TorchDispatchMode):
    """Notes what makes the host wait for a device: values and sizes that are asked for."""

    KINDS = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal.", "unique", "nms")

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.calls = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += 1
        masks = func.overloadpacket is torch.ops.aten.index and any(
            index is not None and index.dtype == torch.bool for index in args[1]
        )
        if masks or any(kind in str(func) for kind in self.KINDS):
            self.asked.append(str(func))
        return func(*args, **(kwargs or {}))


def test_the_device_is_asked_nothing_before_the_end() -> None:
    with open_source(str(STILLS / "group.jpg")) as stills:
        group = [frame.pixels for frame in stills]
    with make_detector() as detector, Questions() as questions:
        detector.detect_and_judge(group)
    assert questions.calls > 100
    assert questions.asked == []
    with (
        YuNetDetector.from_weights(DETECTOR, size=320, minimum_score=0.3, device=CPU) as plain,
        Questions() as others,
    ):
        plain.detect(group)
    assert others.asked, "the usual way asks for the places of faces"


def test_detecting_alone_finds_the_same_faces() -> None:
    with open_source(str(STILLS / "group.jpg")) as stills:
        group = [frame.pixels for frame in stills]
    with make_detector() as detector:
        (faces,) = detector.detect(group)
        (sighting,) = detector.detect_and_judge(group)
    np.testing.assert_array_equal(faces.boxes_xyxy, sighting.faces.boxes_xyxy)
    assert len(faces) == 3


def test_no_pictures_no_faces() -> None:
    with make_detector() as detector:
        assert detector.detect_and_judge([]) == []
        (nothing,) = detector.detect_and_judge([ArrayPixels(make_image((40, 30)))])
    assert nothing.verdicts == ()
    assert nothing.faces.landmarks is not None


def test_more_faces_than_expected_take_another_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_source(str(STILLS / "group.jpg")) as stills:
        (group,) = (frame.pixels for frame in stills)
    with make_detector() as detector:
        expected = detector.detect_and_judge([group] * 3)
        monkeypatch.setattr(judging, "SIZES", (2, 4))
        judged: list[int] = []
        judge = detector._judge.judge

        def counted(crops: torch.Tensor) -> torch.Tensor:
            judged.append(len(crops))
            return judge(crops)

        monkeypatch.setattr(detector._judge, "judge", counted)
        detector._count = 0
        ours = detector.detect_and_judge([group] * 3)
        assert judged == [2, 4, 4]  # nine faces
        assert_alike(ours, expected, Tolerance(pixels=1e-3, score=1e-5, probability=1e-5))
        detector.detect_and_judge([group])
        assert judged[3:] == [4]


def test_the_network_must_see_something() -> None:
    with pytest.raises(ValueError, match="size must be at least 32 pixels, got 16"):
        make_detector(size=16)
