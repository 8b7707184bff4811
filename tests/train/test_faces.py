"""Sets of labelled faces, and the two protocols of the study's data."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from maskcam.crops import CropSpec
from maskcam.errors import InputError
from maskcam.types import MaskStatus
from tests.shared import shared_file
from train.faces import FaceSet, Protocol, Split, pictures
from train.labelled import labelled_crops
from train.patches import make_patches

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
PROTOCOLS: tuple[Protocol, ...] = ("paper", "leak_free")


@pytest.fixture
def kaggle(tmp_path: Path) -> Path:
    """40 source photographs, each with a copy in another folder."""
    rows = ["file,group"]
    for folder, classes in (("Train", 2), ("Test", 2), ("Validation", 2)):
        for name in ("WithMask", "WithoutMask")[:classes]:
            (tmp_path / folder / name).mkdir(parents=True)
    for group in range(40):
        name = ("WithMask", "WithoutMask")[group % 2]
        for copy, folder in enumerate(("Train", ("Test", "Validation")[group // 2 % 2])):
            file = f"{folder}/{name}/{group}-{copy}.png"
            cv2.imwrite(str(tmp_path / file), np.full((20, 16, 3), group, np.uint8))
            rows.append(f"{file},{group}")
    (tmp_path / "groups.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def test_the_official_folders_leak_and_the_new_split_does_not(kaggle: Path) -> None:
    groups = {}
    for protocol in PROTOCOLS:
        sets = {split: FaceSet(kaggle=kaggle, split=split, protocol=protocol) for split in SPLITS}
        groups[protocol] = {
            split: {picture.path.stem.partition("-")[0] for picture in pictures(faces)}
            for split, faces in sets.items()
        }
    assert groups["paper"]["test"] <= groups["paper"]["train"]
    new = groups["leak_free"]
    assert sum(len(found) for found in new.values()) == len(set.union(*new.values())) == 40


def test_pictures_of_a_group_stay_together_and_keep_their_status(kaggle: Path) -> None:
    found = [
        p for split in SPLITS for p in pictures(FaceSet(kaggle=kaggle, split=split, protocol="leak_free"))
    ]
    assert len(found) == 80
    for picture in found:
        masked = picture.path.parent.name == "WithMask"
        assert picture.statuses == ((MaskStatus.MASK if masked else MaskStatus.NO_MASK),)


def test_the_protocols_of_the_real_data() -> None:
    root = shared_file("data/faces/groups.csv").parent
    counts = {
        protocol: [len(pictures(FaceSet(kaggle=root, split=split, protocol=protocol))) for split in SPLITS]
        for protocol in PROTOCOLS
    }
    assert counts["paper"] == [10_000, 800, 992]
    assert sum(counts["leak_free"]) == 11_792
    for found, official in zip(counts["leak_free"], counts["paper"], strict=True):
        assert found == pytest.approx(official, rel=0.25)


def test_whole_pictures_become_crops_and_patches(kaggle: Path) -> None:
    faces = pictures(FaceSet(kaggle=kaggle, split="train"))
    crops = labelled_crops(faces, CropSpec(size=32, margin=0.2))
    assert crops.images.shape == (40, 32, 32, 3)
    assert crops.sides.tolist() == [16] * 40
    assert crops.names[0] == "WithMask/0-0.png"
    assert {patch.box_side for patch in make_patches(faces)} == {1.0}


@pytest.mark.parametrize(
    "settings",
    [{}, {"scenes": "a.json", "kaggle": "b"}, {"folder": "a"}, {"scenes": "a", "classes": {"x": "mask"}}],
)
def test_a_set_is_of_one_kind(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="needs"):
        FaceSet.model_validate(settings)


def test_missing_data_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"groups\.csv"):
        pictures(FaceSet(kaggle=tmp_path, protocol="leak_free"))
    with pytest.raises(InputError, match="no pictures"):
        pictures(FaceSet(kaggle=tmp_path))
