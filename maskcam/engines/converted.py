"""Trained weights to the ONNX file that engines run: shipped, kept from last time, or made now."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import platformdirs

from maskcam.errors import WeightsError
from maskcam.weights import ModelCard, read_card, read_checked

_log = logging.getLogger(__name__)


def onnx_of(weights: Path, card: ModelCard, *, cache: Path | None = None) -> Path | bytes:
    """The ONNX file of a `.safetensors` file.

    The one of the same name beside it; else the one in the cache; else one is made, which takes PyTorch and some
    seconds, and kept in the cache where that can be written.

    Args:
        weights: the `.safetensors` file.
        card: its card.
        cache: folder; None takes the user's cache folder for maskcam.

    Returns:
        A file; its bytes where none can be kept.

    Raises:
        WeightsError: the weights are not what the card says, or the file beside them was made of others.
        MissingLibraryError: what makes ONNX files is not installed.
    """
    read_checked(weights, card)
    beside = weights.with_suffix(".onnx")
    if beside.is_file():
        if read_card(beside).sha256 != card.sha256:
            raise WeightsError(
                f"{beside} was made of other weights than {weights.name}: remove it, or make it anew with "
                f"`maskcam export {weights} -o {beside} --share`"
            )
        return beside
    folder = cache or platformdirs.user_cache_path("maskcam") / "networks"
    kept = folder / f"{card.sha256}.onnx"
    if _is_of(kept, card):
        return kept
    _log.warning("%s is converted for this machine, once; kept in %s", weights.name, folder)
    from maskcam.exporting.onnx import to_onnx
    from maskcam.exporting.whole import load_whole

    _, whole = load_whole(weights)
    data = to_onnx(whole, card)
    return kept if _keep(data, kept) else data


def _is_of(kept: Path, card: ModelCard) -> bool:
    """Whether a file is there, whole, and of these weights; a damaged one is made anew."""
    try:
        return read_card(kept).sha256 == card.sha256
    except (WeightsError, OSError):
        return False


def _keep(data: bytes, path: Path) -> bool:
    """Writes beside `path` and moves into place, so that nobody ever sees half a file."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_bytes(data)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("it could not be kept and will be converted again next time: %s", error)
        return False
    return True
