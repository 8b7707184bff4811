"""What every mask classifier promises."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import numpy as np
import pytest
import torch

from maskcam.classifiers.base import Classifier
from maskcam.classifiers.fixed import FixedClassifier
from maskcam.classifiers.remote import RemoteClassifier
from maskcam.classifiers.torch import TorchClassifier
from maskcam.config_sections import ClassifierConfig
from maskcam.crops import CropSpec
from maskcam.remote.address import ServerAddress
from maskcam.remote.client import ModelClient
from maskcam.remote.wire import Encoding
from maskcam.types import Image, MaskStatus, Verdict
from maskcam.weights import shipped_weights
from tests.remote.servers import FakeModel, fake_server, shipped_card

SPEC = CropSpec(size=32, margin=0.2)


def by_brightness(crop: Image) -> MaskStatus:
    """Bright crops wear a mask, dark ones none, and in between nobody knows."""
    level = int(crop.mean()) // 86
    return (MaskStatus.NO_MASK, MaskStatus.UNSURE, MaskStatus.MASK)[level]


class ServedClassifier(RemoteClassifier):
    """Has its crops judged by a server of its own; not one of them may be judged here."""

    def __init__(self, encoding: Encoding) -> None:
        self._stack = ExitStack()
        port = self._stack.enter_context(fake_server(FakeModel()))
        client = ModelClient(ServerAddress("127.0.0.1", port), deadline_seconds=10.0, encoding=encoding)
        here = FixedClassifier({MaskStatus.MASK: 1.0}, crop=CropSpec(shipped_card().input_size, 0.2))
        super().__init__(client, here, shipped_card())

    def close(self) -> None:
        assert self.remote.fallbacks == 0
        super().close()
        self._stack.close()


CLASSIFIERS: dict[str, Callable[[], Classifier]] = {
    "fixed": lambda: FixedClassifier({MaskStatus.MASK: 0.7, MaskStatus.NO_MASK: 0.3}, crop=SPEC),
    "fixed-function": lambda: FixedClassifier(by_brightness, crop=SPEC),
    "torch": lambda: TorchClassifier.from_weights(
        shipped_weights("mobilenet_v2"), device=torch.device("cpu")
    ),
    "openvino-float32": lambda: ClassifierConfig().build(
        device="cpu", backend="openvino", precision="float32"
    ),
    "openvino": lambda: ClassifierConfig().build(device="cpu", backend="openvino"),
    "onnxruntime": lambda: ClassifierConfig().build(device="cpu", backend="onnxruntime"),
    "remote": lambda: ServedClassifier("raw"),
    "remote-jpeg": lambda: ServedClassifier("jpeg"),
    "openvino-twice": lambda: ClassifierConfig(thorough=True).build(device="cpu", backend="openvino"),
}


@pytest.fixture(params=CLASSIFIERS, scope="module")
def classifier(request: pytest.FixtureRequest) -> Iterator[Classifier]:
    with CLASSIFIERS[request.param]() as made:
        yield made


@pytest.fixture
def crops(classifier: Classifier) -> Image:
    """(5, S, S, 3) uint8: black, grey, white, and two of noise."""
    side = classifier.crop.size
    even = [np.full((side, side, 3), level, np.uint8) for level in (0, 128, 255)]
    noise = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    return np.stack([*even, *noise])


def assert_same(found: Verdict, expected: Verdict) -> None:
    assert found.status is expected.status
    assert list(found.probabilities) == list(expected.probabilities)
    # a batch goes through other kernels than a single crop does: float noise
    for status, probability in expected.probabilities.items():
        assert found.probabilities[status] == pytest.approx(probability, abs=1e-4)


def test_one_well_formed_verdict_per_crop(classifier: Classifier, crops: Image) -> None:
    verdicts = classifier.classify(crops)
    assert len(verdicts) == len(crops)
    for verdict in verdicts:
        assert MaskStatus.UNSURE not in verdict.probabilities
        assert len(verdict.probabilities) in (2, 3)
        assert all(type(p) is float and 0 <= p <= 1 for p in verdict.probabilities.values())
        assert sum(verdict.probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert verdict.confidence == max(verdict.probabilities.values())
        assert verdict.status in (verdict.likeliest, MaskStatus.UNSURE)


def test_no_crops_give_no_verdicts(classifier: Classifier) -> None:
    side = classifier.crop.size
    assert classifier.classify(np.zeros((0, side, side, 3), np.uint8)) == []


def test_a_batch_is_judged_like_its_crops_in_order(classifier: Classifier, crops: Image) -> None:
    together = classifier.classify(crops)
    for i, verdict in enumerate(together):
        assert_same(verdict, classifier.classify(crops[i : i + 1])[0])
    for verdict, expected in zip(classifier.classify(crops[::-1]), together[::-1], strict=True):
        assert_same(verdict, expected)


def test_views_are_read_like_copies(classifier: Classifier, crops: Image) -> None:
    for view in (crops[:, :, ::-1], crops[..., ::-1], crops.transpose(0, 2, 1, 3)):
        expected = classifier.classify(np.ascontiguousarray(view))
        for found, verdict in zip(classifier.classify(view), expected, strict=True):
            assert_same(found, verdict)


def test_leaves_its_input_unchanged(classifier: Classifier, crops: Image) -> None:
    given = crops.copy()
    given.flags.writeable = False
    classifier.classify(given)
    np.testing.assert_array_equal(given, crops)


def test_refuses_crops_of_another_size(classifier: Classifier) -> None:
    side = classifier.crop.size + 1
    with pytest.raises(ValueError, match=rf"\(n, {side - 1}, {side - 1}, 3\), got \(2, {side}, {side}, 3\)"):
        classifier.classify(np.zeros((2, side, side, 3), np.uint8))


def test_refuses_one_crop_without_its_batch_axis(classifier: Classifier) -> None:
    side = classifier.crop.size
    with pytest.raises(ValueError, match=rf"got \({side}, {side}, 3\)"):
        classifier.classify(np.zeros((side, side, 3), np.uint8))


@pytest.mark.parametrize("value", [0.5, np.nan])
def test_refuses_crops_that_are_not_bytes(classifier: Classifier, value: float) -> None:
    side = classifier.crop.size
    with pytest.raises(TypeError, match=r"uint8.*float32"):
        classifier.classify(np.full((1, side, side, 3), value, np.float32))


def test_says_how_to_cut_and_where_it_computes(classifier: Classifier) -> None:
    assert isinstance(classifier.crop, CropSpec)
    assert classifier.device


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_closing_twice_is_fine(name: str) -> None:
    made = CLASSIFIERS[name]()
    made.close()
    made.close()


def test_fixed_classifier_judges_by_what_it_is_told() -> None:
    crops = np.stack([np.full((32, 32, 3), level, np.uint8) for level in (0, 128, 255)])
    fixed = FixedClassifier(by_brightness, crop=SPEC)
    statuses = [verdict.status for verdict in fixed.classify(crops)]
    assert statuses == [MaskStatus.NO_MASK, MaskStatus.UNSURE, MaskStatus.MASK]
    assert fixed.batch_sizes == [3]


def test_fixed_classifier_refuses_impossible_probabilities() -> None:
    with pytest.raises(ValueError, match=r"sum to 1, got 1\.5"):
        FixedClassifier({MaskStatus.MASK: 1.0, MaskStatus.NO_MASK: 0.5}, crop=SPEC)
