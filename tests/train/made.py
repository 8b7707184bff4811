"""Made-up test data and runs for what measures and reports."""

import json
from pathlib import Path

import cv2
import numpy as np

from maskcam.types import Image
from tests.cards import ship_random_classifier

COLOURS = {"mask": (200, 80, 30), "no_mask": (60, 90, 200), "incorrect": (40, 200, 60)}


def face(status: str, seed: int) -> Image:
    noise = np.random.default_rng(seed).integers(-30, 30, (60, 60, 3))
    return (np.array(COLOURS[status]) + noise).clip(0, 255).astype(np.uint8)


def make_scenes(folder: Path) -> Path:
    """`test.json`: two pictures with a face of each status each, one of them with a face of 12 px, too."""
    folder.mkdir(parents=True)
    annotations = []
    for number in (1, 2):
        picture = np.full((120, 300, 3), 128, np.uint8)
        boxes = [(status, 10 + 100 * i, 20, 60) for i, status in enumerate(COLOURS)]
        boxes += [("mask", 280, 100, 12)] if number == 1 else []
        for status, x, y, side in boxes:
            picture[y : y + side, x : x + side] = cv2.resize(face(status, number), (side, side))
            annotations.append(
                {
                    "id": len(annotations),
                    "image_id": number,
                    "category_id": 1 + list(COLOURS).index(status),
                    "bbox": [x, y, side, side],
                    "iscrowd": 0,
                }
            )
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    images = [{"id": n, "file_name": f"{n}.png", "source": f"camera {n}"} for n in (1, 2)]
    file = folder / "test.json"
    file.write_text(json.dumps({"images": images, "annotations": annotations}))
    return file


def make_faces(folder: Path) -> Path:
    """The study's layout: eight pictures in each folder, two of each class per source photograph."""
    rows = ["file,group"]
    for part in ("Train", "Validation", "Test"):
        for name, status in (("WithMask", "mask"), ("WithoutMask", "no_mask")):
            (folder / part / name).mkdir(parents=True)
            for i in range(8):
                cv2.imwrite(str(folder / part / name / f"{part}{i}.png"), face(status, i))
                rows.append(f"{part}/{name}/{part}{i}.png,{name}{part}{i // 2}")
    (folder / "groups.csv").write_text("\n".join(rows))
    return folder


def make_run(
    folder: Path,
    data: Path,
    *,
    classes: tuple[str, ...] = ("mask", "no_mask"),
    study: dict[str, object] | None = None,
    protocol: str = "paper",
    epochs: int = 3,
) -> Path:
    """A finished run, as `fit` leaves it, of random weights; `data` from `make_scenes` and `make_faces`."""
    folder.mkdir(parents=True)
    faces = {"kaggle": str(data / "faces"), "protocol": protocol}
    recipe = {
        "architecture": "mobilenet_v2",
        "classes": classes,
        "epochs": epochs,
        "input_size": 64,
        "data": [faces],
        "validation": {**faces, "split": "validation"},
        "tests": {
            "faces, test": {**faces, "split": "test"},
            "scenes/test, labelled boxes": {"scenes": str(data / "scenes" / "test.json")},
        },
        "study": study,
    }
    (folder / "recipe.json").write_text(json.dumps(recipe))
    rows = [
        {
            "epoch": epoch,
            "train_loss": 1 / epoch,
            "train_accuracy": 1 - 0.5 / epoch,
            "learning_rate": 1e-3,
            "seconds": 10.0 + epoch,
        }
        | ({"validation_loss": 1.1 / epoch, "validation_accuracy": 0.8} if epoch > 1 else {})
        for epoch in range(1, epochs + 1)
    ]
    (folder / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ship_random_classifier(folder / f"{folder.name}.safetensors", classes=classes)
    return folder
