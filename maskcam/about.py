"""What a configuration runs on: device, libraries and networks, with what their cards say."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from maskcam.backends import choose_backend
from maskcam.config import Config
from maskcam.errors import MaskcamError
from maskcam.weights import DEFAULT_CLASSIFIER, DEFAULT_DETECTOR, ModelCard, read_card, shipped_weights

_LIBRARIES = ("maskcam", "openvino", "onnxruntime", "torch", "av", "opencv-python", "sqlalchemy", "fastapi")
_SHOWN = ("faces", "accuracy", "mask_or_not", "f1", "AP50")


@dataclass(frozen=True, slots=True)
class Network:
    """One of the networks in use.

    Attributes:
        task: faces, or masks.
        name: of its weights.
        architecture: of the network.
        backend: the library that runs it; why none does, where it cannot be said.
        parameters: how many; None for networks without a card.
        licence: of the weights.
        figures: measured, per test set: names and numbers as text.
    """

    task: str
    name: str
    architecture: str
    backend: str
    parameters: int | None
    licence: str
    figures: tuple[tuple[str, str], ...]


def networks(config: Config) -> tuple[Network, ...]:
    """The networks that a configuration names."""
    detector = config.detector
    found = []
    if detector.kind == "mediapipe":
        found.append(Network("faces", "MediaPipe", "BlazeFace", "mediapipe", None, "Apache-2.0", ()))
    else:
        found.append(_network("faces", detector.weights or shipped_weights(DEFAULT_DETECTOR), config))
    masks = config.classifier.weights or shipped_weights(DEFAULT_CLASSIFIER)
    return (*found, _network("masks", masks, config))


def versions() -> dict[str, str]:
    """Of Python and of the libraries that are installed."""
    found = {"Python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _network(task: str, weights: Path, config: Config) -> Network:
    try:
        card = read_card(weights)
        backend = choose_backend(weights, config.computing)
    except MaskcamError:  # it was there at the start: whoever took it away meanwhile is told at the next one
        return Network(task, weights.stem, "", "no longer to be read", None, "", ())
    return Network(task, card.name, card.architecture, backend, card.parameters, card.licence, _figures(card))


def _figures(card: ModelCard) -> tuple[tuple[str, str], ...]:
    figures = []
    for name, values in card.metrics.items():
        parts = [
            f"{key.replace('_', ' ')} {value:.3f}" if isinstance(value, float) else f"{value} {key}"
            for key, value in values.items()
            if key in _SHOWN and isinstance(value, int | float)
        ]
        if parts:
            figures.append((name, ", ".join(parts)))
    return tuple(figures)
