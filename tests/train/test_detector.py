import json
import random
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from maskcam.networks.yunet import YuNet
from maskcam.types import Faces, Image
from maskcam.weights import read_card
from tests.shared import shared_file
from train.detector import blend, detector_loss, measure
from train.metrics import average_precision_any_face, detection_figures
from train.recipe import DetectorRecipe
from train.scenes import Scene, read_scenes
from train.ship import ship
from train.widen import widen
from train.windows import SceneWindows

RECIPE = DetectorRecipe(
    train=Path("a.json"),
    validation=Path("b.json"),
    initial_weights=Path("c"),
    epochs=1,
    input_size=128,
    evaluation_size=320,
)


class Drawn(Scene):
    """A scene that needs no file."""

    def read(self) -> Image:
        image = np.full((200, 300, 3), 60, np.uint8)
        for x1, y1, x2, y2 in self.boxes_xyxy.astype(int):
            image[y1:y2, x1:x2] = (40, 220, 90)
        return image


def scene() -> Scene:
    boxes = np.array([[20, 30, 60, 80], [200, 100, 260, 170]], np.float32)
    return Drawn(1, Path("none"), "", boxes, np.array([1, 2]), np.zeros((0, 4), np.float32))


def test_boxes_follow_the_picture() -> None:
    """However a sample is zoomed, moved and mirrored, its boxes lie on the green faces."""
    random.seed(0)
    samples = SceneWindows([scene()], [np.full((2, 5, 2), np.nan, np.float32)], RECIPE)
    seen = 0
    for _ in range(100):
        sample = samples.sample(0)
        assert sample.image.shape == (128, 128, 3)
        green = sample.image[..., 1].astype(int) - sample.image[..., 2]
        for x1, y1, x2, y2 in sample.faces_xyxy:
            inner = green[
                max(0, int(y1 + 0.2 * (y2 - y1))) : int(y2 - 0.2 * (y2 - y1)),
                max(0, int(x1 + 0.2 * (x2 - x1))) : int(x2 - 0.2 * (x2 - x1)),
            ]
            grey = np.ptp(sample.image.astype(int), axis=-1).max() < 8
            assert grey or inner.mean() > 40
            seen += 1
    assert seen > 80


def test_landmarks_are_mirrored_with_the_picture() -> None:
    random.seed(1)
    points = np.array([[[30, 45], [50, 45], [40, 55], [32, 65], [48, 65]]] * 2, np.float32)
    samples = SceneWindows([scene()], [points], RECIPE)
    for _ in range(30):
        for landmarks in samples.sample(0).landmarks:
            right_eye, left_eye = landmarks[:2]
            assert right_eye[0] < left_eye[0]  # the person's right eye stays on the left of the picture


def test_the_loss_falls_on_one_batch() -> None:
    random.seed(0)
    torch.manual_seed(0)
    samples = SceneWindows([scene()], [np.full((2, 5, 2), np.nan, np.float32)], RECIPE)
    batch = [sample for sample in (samples.sample(0) for _ in range(20)) if len(sample.faces_xyxy)][:4]
    images = torch.from_numpy(np.stack([sample.image for sample in batch])).permute(0, 3, 1, 2).float()
    network = YuNet()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(30):
        sums = detector_loss(network, images, batch)
        loss = sums.figures["loss"] / sums.count
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]


def test_blend_lies_between() -> None:
    torch.manual_seed(0)
    before, after = YuNet(), YuNet()
    for share in (0.0, 0.25, 1.0):
        mixed = blend(before, after, share).state_dict()
        for name, tensor in before.state_dict().items():
            if tensor.is_floating_point():
                torch.testing.assert_close(
                    mixed[name], (1 - share) * tensor + share * after.state_dict()[name]
                )


class Oracle:
    """Finds just what it is told to."""

    def __init__(self, faces: list[Faces]) -> None:
        self._faces = iter(faces)

    def detect(self, images: list[Image]) -> list[Faces]:
        return [next(self._faces) for _ in images]


def test_average_precision_of_known_detections() -> None:
    boxes = scene().boxes_xyxy
    right = Faces(boxes, np.array([0.9, 0.8], np.float32))
    assert average_precision_any_face([scene()], Oracle([right])) == pytest.approx(1.0)  # type: ignore[arg-type]
    half = Faces(boxes[:1], np.array([0.9], np.float32))
    # precision is 1 up to a recall of a half: 51 of COCO's 101 points
    assert average_precision_any_face([scene()], Oracle([half])) == pytest.approx(51 / 101)  # type: ignore[arg-type]


def test_figures_by_size_and_of_small_masked_faces() -> None:
    boxes = np.array(
        [[20, 30, 50, 65], [200, 100, 260, 170]], np.float32
    )  # sides 30 and 60, the first masked
    two = Drawn(1, Path("none"), "", boxes, np.array([1, 2]), np.zeros((0, 4), np.float32))
    weak = Faces(boxes[::-1].copy(), np.array([0.9, 0.2], np.float32))
    figures = detection_figures([two], Oracle([weak]))  # type: ignore[arg-type]
    assert figures["AP50"] == pytest.approx(1.0)
    assert figures["AP50_by_side_px"]["24-48"] == pytest.approx(1.0)
    assert np.isnan(figures["AP50_by_side_px"]["0-16"])
    assert figures["recall_masked_20_40_px"] == 1.0
    assert figures["recall_masked_20_40_px_shown"] == 0.0  # its score is 0.2


def test_a_wider_network_starts_as_the_narrow_one() -> None:
    torch.manual_seed(0)
    narrow = YuNet().eval()
    wide = widen(narrow, width=2)
    images = 255 * torch.rand(2, 3, 64, 96)
    with torch.inference_mode():
        for old, new in zip(narrow(images), wide(images), strict=True):
            torch.testing.assert_close(new, old, rtol=1e-3, atol=1e-3)  # sums in another order
    assert sum(p.numel() for p in wide.parameters()) > 3 * sum(p.numel() for p in narrow.parameters())


def test_measuring_brings_the_card_up_to_date(tmp_path: Path) -> None:
    weights = tmp_path / "tiny.safetensors"
    card = ship(
        YuNet(), weights, task="detector", architecture="yunet_n", classes=("face",), input_size=64,
        channel_order="BGR", mean=(0, 0, 0), std=(1, 1, 1), training_data="none", protocol="random weights",
        metrics={"old": {"AP50": 1.0}}, command="tests",
    )  # fmt: skip
    cv2.imwrite(str(tmp_path / "a.png"), scene().read())
    face = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [20, 30, 40, 50], "iscrowd": 0}
    coco = {"images": [{"id": 1, "file_name": "a.png"}], "annotations": [face]}
    (tmp_path / "made.json").write_text(json.dumps(coco))
    measured = measure(weights, [tmp_path / "made.json"], device=torch.device("cpu"))
    assert measured.metrics.keys() == {f"{tmp_path.name}/made"}
    assert read_card(weights).metrics.keys() == measured.metrics.keys()
    assert read_card(weights).sha256 == card.sha256


def test_scenes_are_as_described() -> None:
    scenes = read_scenes(shared_file("data/scenes/val.json"))
    categories = np.concatenate([scene.categories for scene in scenes])
    assert len(scenes) == 219
    assert np.bincount(categories).tolist() == [0, 520, 164, 50]
