"""Fine-tunes the YuNet face detector on scenes, so that masked faces are found."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from maskcam.detectors.yunet import YuNetDetector
from maskcam.errors import MaskcamError
from maskcam.networks.yunet import YuNet, decode_boxes, decode_landmarks, grid_cells
from maskcam.types import Image
from maskcam.weights import ModelCard
from train.assignment import assign, eiou_loss, pairwise_iou, side_loss
from train.augment import jpeg_round_trip
from train.average import WeightAverage
from train.checkpoints import load_checkpoint, save_checkpoint
from train.metrics import average_precision_any_face
from train.recipe import DetectorRecipe, read_recipe
from train.scenes import Scene, read_scenes
from train.ship import round_to_half, ship

_BOX_WEIGHT, _LANDMARK_WEIGHT = 5.0, 0.1  # as published; the two scores have weight 1
_SIDE_WEIGHT = 4.0  # against EIoU: enough to settle between two styles of boxes, see side_loss
_MINIMUM_SIDE = 6  # pixels at the input; smaller faces are neither learned nor held against the network
BLEND_SHARES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
_LEFT_RIGHT = [1, 0, 2, 4, 3]  # order of the landmarks in a mirrored picture


@dataclass(frozen=True, slots=True)
class Sample:
    """One training input and its labels, all in input pixels.

    Attributes:
        image: (S, S, 3) uint8 BGR.
        faces_xyxy: (g, 4) float32.
        landmarks: (g, 5, 2) float32, NaN where unknown.
    """

    image: Image
    faces_xyxy: NDArray[np.float32]
    landmarks: NDArray[np.float32]


class SceneCrops(Dataset[Sample]):
    """Random square windows of scenes at random scales.

    Args:
        scenes: the photographs; unlabelled faces in them count as faces too.
        landmarks: (n, 5, 2) per scene, NaN where unknown, for labelled faces and then unlabelled ones.
        recipe: input size and range of zoom.
    """

    def __init__(
        self, scenes: Sequence[Scene], landmarks: Sequence[NDArray[np.float32]], recipe: DetectorRecipe
    ) -> None:
        self._scenes = list(zip(scenes, landmarks, strict=True))
        self._recipe = recipe

    def __len__(self) -> int:
        return len(self._scenes)

    def __getitem__(self, index: int) -> Sample:
        scene, landmarks = self._scenes[index]
        image = scene.read()
        boxes = np.concatenate([scene.boxes_xyxy, scene.ignored_xyxy])
        size = self._recipe.input_size
        zoom = math.exp(random.uniform(*(math.log(z) for z in self._recipe.zoom)))
        scale = zoom * self._recipe.evaluation_size / max(image.shape[:2])
        height, width = (max(1, round(side * scale)) for side in image.shape[:2])
        left, top = _window(boxes * scale, (width, height), size)
        move = np.array([[scale, 0, -left], [0, scale, -top]], np.float32)
        flags = cv2.INTER_AREA if scale < 0.7 else random.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC])
        resized = cv2.resize(image, (width, height), interpolation=flags)
        canvas = np.full((size, size, 3), random.choice([0, 0, 114]), np.uint8)
        x1, y1 = max(0, left), max(0, top)
        part = resized[y1 : top + size, x1 : left + size]
        canvas[y1 - top : y1 - top + part.shape[0], x1 - left : x1 - left + part.shape[1]] = part
        boxes = boxes * scale + np.array([-left, -top] * 2, np.float32)
        landmarks = landmarks * scale + move[:, 2]
        if random.random() < 0.5:
            canvas = canvas[:, ::-1]
            boxes = boxes * [-1, 1, -1, 1] + [size, 0, size, 0]
            boxes = boxes[:, [2, 1, 0, 3]]
            landmarks = (landmarks * [-1, 1] + [size, 0])[:, _LEFT_RIGHT]
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        inside = ((centres > 0) & (centres < size)).all(1)
        inside &= (boxes[:, 2:] - boxes[:, :2]).min(1, initial=1e9) >= _MINIMUM_SIDE
        return Sample(
            image=_camera_like(np.ascontiguousarray(canvas)),
            faces_xyxy=boxes[inside].astype(np.float32),
            landmarks=landmarks[inside].astype(np.float32),
        )


def _window(boxes: NDArray[np.float32], size_wh: tuple[int, int], side: int) -> tuple[int, int]:
    """Left and top of a window of the given side, around a random face where the picture is larger."""
    corner = []
    focus = boxes[random.randrange(len(boxes))].reshape(2, 2).mean(0) if len(boxes) else np.array(size_wh) / 2
    for length, centre in zip(size_wh, focus, strict=True):
        if length <= side:  # place the whole picture anywhere in the window
            corner.append(-random.randint(0, side - length))
        else:
            start = int(centre - random.uniform(0.1, 0.9) * side)
            corner.append(min(max(0, start), length - side))
    return corner[0], corner[1]


def _camera_like(image: Image) -> Image:
    """Colour, light, grey, blur and JPEG as cameras give them."""
    pixels = image.astype(np.float32)
    pixels = pixels * random.uniform(0.7, 1.3) + random.uniform(-25, 25)
    pixels *= np.array([random.uniform(0.9, 1.1) for _ in range(3)], np.float32)
    if random.random() < 0.1:
        pixels[:] = pixels.mean(-1, keepdims=True)
    image = pixels.clip(0, 255).astype(np.uint8)
    if random.random() < 0.15:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), random.uniform(0.4, 1.2)), np.uint8)
    if random.random() < 0.25:
        image = jpeg_round_trip(image, quality=random.randint(30, 85))
    return image


def pretrained_landmarks(scenes: Sequence[Scene], detector: YuNetDetector) -> list[NDArray[np.float32]]:
    """Landmarks of the labelled and unlabelled faces as the network before fine-tuning sees them.

    Scenes carry none; teaching the network its own keeps the output usable while everything below it moves.

    Returns:
        Per scene (n + m, 5, 2) float32 in pixels of the picture, NaN for faces that it did not find.
    """
    result = []
    for scene in scenes:
        boxes = np.concatenate([scene.boxes_xyxy, scene.ignored_xyxy])
        points = np.full((len(boxes), 5, 2), np.nan, np.float32)
        (found,) = detector.detect([scene.read()])
        if len(found) and len(boxes) and found.landmarks is not None:
            iou = pairwise_iou(torch.from_numpy(boxes), torch.from_numpy(found.boxes_xyxy))
            best, which = iou.max(1)
            sure = (best > 0.5).numpy()
            points[sure] = found.landmarks[which.numpy()[sure]]
        result.append(points)
    return result


def detector_loss(network: YuNet, images: Tensor, samples: Sequence[Sample], *, bfloat16: bool) -> Tensor:
    """Loss of one batch, summed over its parts and divided by the number of cells that learn a face.

    Args:
        network: in training mode.
        images: (b, 3, S, S) float32 BGR 0..255.
        samples: their labels.
        bfloat16: run the network (not the loss) in mixed precision.
    """
    with torch.autocast(images.device.type, torch.bfloat16, enabled=bfloat16):
        predictions = network(images)
    face, objectness, raw_boxes, raw_landmarks = (output.float() for output in predictions)
    corners, strides = grid_cells(*images.shape[2:], device=images.device)
    boxes = decode_boxes(raw_boxes, corners, strides)
    landmarks = decode_landmarks(raw_landmarks, corners, strides)
    target = torch.zeros_like(objectness)
    parts: list[Tensor] = []
    count = 0
    for i, sample in enumerate(samples):
        faces = torch.from_numpy(sample.faces_xyxy).to(images.device)
        cells, owners = assign(boxes[i], face[i], faces, corners, strides)
        if not len(cells):
            continue
        count += len(cells)
        target[i, cells] = 1.0
        mine, theirs = boxes[i, cells], faces[owners]
        with torch.no_grad():
            overlap = pairwise_iou(mine, theirs).diagonal()
        parts.append(F.binary_cross_entropy_with_logits(face[i, cells], overlap, reduction="sum"))
        parts.append(_BOX_WEIGHT * (eiou_loss(mine, theirs) + _SIDE_WEIGHT * side_loss(mine, theirs)).sum())
        points = torch.from_numpy(sample.landmarks).to(images.device)[owners]
        known = ~points.isnan().any(-1).any(-1)
        offsets = (landmarks[i, cells] - points)[known] / strides[cells][known].unsqueeze(-1)
        parts.append(_LANDMARK_WEIGHT * F.smooth_l1_loss(offsets, torch.zeros_like(offsets), reduction="sum"))
    parts.append(F.binary_cross_entropy_with_logits(objectness, target, reduction="sum"))
    return torch.stack(parts).sum() / max(1, count)


def train_detector(recipe: DetectorRecipe, *, run: Path) -> YuNet:
    """Runs a recipe, or goes on with it where an earlier call left off.

    Args:
        recipe: data, sizes, rates.
        run: folder for the checkpoint and the log.

    Returns:
        The network with the averaged weights.

    Raises:
        MaskcamError: the loss is not finite.
    """
    random.seed(recipe.seed)
    torch.manual_seed(recipe.seed)
    network = _published(recipe)
    scenes = read_scenes(recipe.train)
    checkpoint = run / "checkpoint.pt"
    teacher = _detector(network, recipe)
    dataset = SceneCrops(scenes, pretrained_landmarks(scenes, teacher), recipe)
    validation = read_scenes(recipe.validation)
    network.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    steps = len(dataset) // recipe.batch_size
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=recipe.epochs * steps, pct_start=0.1
    )
    average = WeightAverage(network, decay=recipe.average_decay)
    done = load_checkpoint(
        checkpoint, recipe, network=network, optimizer=optimizer, schedule=schedule, average=average
    )
    for epoch in range(done, recipe.epochs):
        total = 0.0
        for step, (images, samples) in enumerate(_batches(dataset, recipe, seed=recipe.seed + epoch)):
            loss = detector_loss(network, images, samples, bfloat16=recipe.bfloat16)
            if not math.isfinite(loss.item()):
                raise MaskcamError(
                    f"loss became {loss.item()} in epoch {epoch + 1}, step {step + 1}: lower learning_rate"
                )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # PyTorch's
            torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.gradient_clip)
            optimizer.step()
            schedule.step()
            average.update(network)
            total += loss.item()
            if step % 10 == 0:
                print(
                    f"epoch {epoch + 1}/{recipe.epochs} step {step}/{steps} loss {total / (step + 1):.3f}",
                    flush=True,
                )
        save_checkpoint(
            checkpoint,
            recipe,
            epoch=epoch + 1,
            network=network,
            optimizer=optimizer,
            schedule=schedule,
            average=average,
        )
        if (epoch + 1) % recipe.evaluate_every == 0 or epoch + 1 == recipe.epochs:
            score = average_precision_any_face(validation, _detector(average.network, recipe))
            print(f"epoch {epoch + 1}/{recipe.epochs} val AP50 {score:.4f}", flush=True)
    return average.network


def _detector(network: YuNet, recipe: DetectorRecipe) -> YuNetDetector:
    return YuNetDetector(network, size=recipe.evaluation_size, minimum_score=0.05, device=torch.device("cpu"))


def _batches(
    dataset: SceneCrops, recipe: DetectorRecipe, *, seed: int
) -> Iterator[tuple[Tensor, list[Sample]]]:
    loader = DataLoader(
        dataset,
        batch_size=recipe.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=recipe.workers,
        # forking after OpenCV has started its threads hangs the child
        multiprocessing_context="spawn" if recipe.workers else None,
        collate_fn=list,
        worker_init_fn=_seed_worker,
        generator=torch.Generator().manual_seed(seed),
    )
    for samples in loader:
        stacked = torch.from_numpy(np.stack([sample.image for sample in samples]))
        yield stacked.permute(0, 3, 1, 2).float(), samples


def _seed_worker(_: int) -> None:
    cv2.setNumThreads(1)
    random.seed(torch.initial_seed())


def train_and_ship(recipe_path: Path, *, run: Path, output: Path) -> ModelCard:
    """Trains, measures, and writes the weights with their card.

    Args:
        recipe_path: TOML file of a `DetectorRecipe`.
        run: folder for the checkpoint.
        output: the `.safetensors` to write.

    Returns:
        The card.
    """
    recipe = read_recipe(recipe_path, DetectorRecipe)
    before = _published(recipe)
    scenes = read_scenes(recipe.validation)
    network, share = choose_blend(before, train_detector(recipe, run=run), scenes, recipe)
    round_to_half(network)
    detector, published = _detector(network, recipe), _detector(before, recipe)
    metrics = {}
    for file in (recipe.validation, recipe.validation.with_name("test.json")):
        scenes = read_scenes(file)
        metrics[f"scenes/{file.stem}"] = {
            "faces": sum(len(scene.boxes_xyxy) for scene in scenes),
            "AP50": average_precision_any_face(scenes, detector),
            "AP50_before_tuning": average_precision_any_face(scenes, published),
        }
    return ship(
        network,
        output,
        task="detector",
        architecture="yunet_n",
        classes=("face",),
        input_size=recipe.evaluation_size,
        channel_order="BGR",
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        training_data=f"WIDER FACE (published weights), then {recipe.train}".replace("../shared/data/", ""),
        protocol=(
            f"fine-tuned on train for {recipe.epochs} epochs, seed {recipe.seed}; "
            f"{share:.0%} of the fine-tuned and {1 - share:.0%} of the published weights, chosen on val"
        ),
        metrics=metrics,
        command=f"python -m train detector {recipe_path}",
    )


def choose_blend(
    before: YuNet, after: YuNet, validation: Sequence[Scene], recipe: DetectorRecipe
) -> tuple[YuNet, float]:
    """Mixes the weights before and after fine-tuning, in the share that is best on the validation set.

    What lies between finds masked faces as well as the tuned network and draws boxes that suit more data sets than
    the one it was tuned on (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022).

    Returns:
        The mixed network and the share of `after` in it.
    """
    scores = {}
    for share in BLEND_SHARES:
        scores[share] = average_precision_any_face(validation, _detector(blend(before, after, share), recipe))
        print(f"share {share} val AP50 {scores[share]:.4f}", flush=True)
    best = max(scores, key=scores.__getitem__)
    return blend(before, after, best), best


def blend(before: YuNet, after: YuNet, share: float) -> YuNet:
    """A network whose parameters and buffers lie between two others': 0 gives `before`, 1 gives `after`."""
    mixed = copy.deepcopy(after)
    with torch.no_grad():
        for mine, old in zip(mixed.state_dict().values(), before.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.copy_(old.lerp(mine, share))
    return mixed


def _published(recipe: DetectorRecipe) -> YuNet:
    network = YuNet()
    network.load_state_dict(load_file(recipe.initial_weights))
    return network
