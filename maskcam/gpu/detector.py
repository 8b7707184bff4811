"""A detector that judges, too: pictures go to the device once, and boxes with verdicts come back once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from maskcam.classifiers.verdicts import VerdictReader
from maskcam.detectors.base import JudgingDetector
from maskcam.detectors.letterbox import STRIDE
from maskcam.devices import describe_device
from maskcam.gpu.finding import Finder
from maskcam.gpu.judging import Judge, batch_size, cut_crops
from maskcam.gpu.upload import Uploader
from maskcam.networks import CLASSIFIERS, DETECTORS
from maskcam.networks.yunet import LANDMARKS, YuNet
from maskcam.pixels import Pixels, as_pixels
from maskcam.types import Faces, Image, Sighting
from maskcam.weights import ModelCard, load_weights

_BOX, _POINTS = 4, 2 * LANDMARKS
_MADE = 2 + _BOX + _POINTS
"""Columns before the probabilities: picture, score, box and landmarks."""


class GpuDetector(JudgingDetector):
    """YuNet and a classifier on one device, for all pictures of a step.

    The host waits once per step, for the faces with all that is known of them. Only where there are more than was
    expected after the step before it waits once more per batch of the rest.

    Args:
        detector: the network with its weights.
        classifier: likewise.
        card: of the classifier.
        size: longest side in pixels at which faces are looked for.
        minimum_score: faces below it are dropped.
        device: where to compute. On the CPU, where this is slow, for tests.
        dtype: of both networks: float16 or float32.
        twice: judge every crop and its mirror image; see `TorchClassifier`.
    """

    def __init__(
        self,
        detector: YuNet,
        classifier: nn.Module,
        card: ModelCard,
        *,
        size: int,
        minimum_score: float,
        device: torch.device,
        dtype: torch.dtype = torch.float16,
        twice: bool = False,
    ) -> None:
        if size < STRIDE:
            raise ValueError(f"size must be at least {STRIDE} pixels, got {size}")
        self.device = f"{describe_device(str(device))}, PyTorch {str(dtype).removeprefix('torch.')}"
        self._uploader = Uploader(device)
        self._finder = Finder(detector, size=size, minimum_score=minimum_score, device=device, dtype=dtype)
        self._judge = Judge(classifier, card, device=device, dtype=dtype, twice=twice)
        self._reader = VerdictReader(card)
        self._count = 0

    @classmethod
    def from_weights(
        cls,
        detector: Path,
        classifier: Path,
        *,
        size: int,
        minimum_score: float,
        device: torch.device,
        dtype: torch.dtype = torch.float16,
        twice: bool = False,
    ) -> GpuDetector:
        """Loads two weights files with their model cards.

        Raises:
            WeightsError: a file or its card is missing, damaged, or no YuNet or classifier.
        """
        _, yunet = load_weights(detector, architectures=DETECTORS)
        assert isinstance(yunet, YuNet)
        card, network = load_weights(classifier, architectures=CLASSIFIERS)
        return cls(
            yunet,
            network,
            card,
            size=size,
            minimum_score=minimum_score,
            device=device,
            dtype=dtype,
            twice=twice,
        )

    def detect(self, images: Sequence[Image | Pixels]) -> list[Faces]:
        return [_faces(rows) for rows in self._step(images, judged=False)]

    def detect_and_judge(self, images: Sequence[Image | Pixels]) -> list[Sighting]:
        return [
            Sighting(_faces(rows), tuple(self._reader.read(row) for row in rows[:, _MADE:].tolist()))
            for rows in self._step(images, judged=True)
        ]

    def _step(self, images: Sequence[Image | Pixels], *, judged: bool) -> list[NDArray[np.float32]]:
        """A row of columns per face, for each image."""
        pictures = [as_pixels(image) for image in images]
        if not pictures:
            return []
        parts: list[NDArray[np.float32]] = []
        with torch.inference_mode():
            batches = self._uploader.upload(pictures)
            found = self._finder.find(batches)
            start, stop, count = 0, batch_size(self._count), 1
            while start < count:
                some = found.rows(start, stop)
                columns = [
                    some.owners.unsqueeze(1),
                    some.scores.unsqueeze(1),
                    some.boxes_xyxy,
                    some.landmarks,
                ]
                if judged:
                    crops = cut_crops(batches, some.owners, some.boxes_xyxy, self._judge.crop)
                    columns.append(self._judge.judge(crops))
                table = torch.cat(columns, dim=1)
                # the count travels as a last row: one copy, for which the host waits
                table = torch.cat([table, some.count.expand(1, table.shape[1])]).cpu()
                count = int(table[-1, 0])
                parts.append(table[: min(stop, count) - start].numpy())
                start, stop = stop, stop + batch_size(count - stop, headroom=1.0)
        self._count = count
        rows = np.concatenate(parts)
        members = [i for batch in batches for i in batch.members]
        by_member = {member: rows[rows[:, 0] == place] for place, member in enumerate(members)}
        return [by_member[i] for i in range(len(pictures))]


def _faces(rows: NDArray[np.float32]) -> Faces:
    """Best first, as they come."""
    return Faces(
        boxes_xyxy=rows[:, 2 : 2 + _BOX].copy(),
        scores=rows[:, 1].clip(0, 1),
        landmarks=rows[:, 2 + _BOX : _MADE].reshape(-1, LANDMARKS, 2).copy(),
    )
