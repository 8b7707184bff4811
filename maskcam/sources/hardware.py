"""Decoding on an NVIDIA graphics card (NVDEC), where there is one."""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path

import av
from av.codec.hwaccel import HWAccel, hwdevices_available
from av.container import InputContainer

from maskcam.sources.base import HardwareDecode

_DRIVERS = (Path("/dev/nvidiactl"), Path("/dev/dxg"), Path("C:/Windows/System32/nvcuda.dll"))
"""One of these is there where NVIDIA's driver is: on Linux, in WSL, on Windows."""
_CUDA = "cuda"


def accelerator(wanted: HardwareDecode, *, is_file: bool) -> tuple[HWAccel | None, str | None]:
    """What to open a container with.

    Args:
        wanted: `auto` takes the card for recordings. Cameras stay with the CPU's decoder, which tells damaged pictures
            from whole ones, unless `cuda` is asked for.
        is_file: whether it is a recording in a file.

    Returns:
        The accelerator, or None for the CPU; and one sentence where that is not what was wanted.
    """
    if wanted == "none" or (wanted == "auto" and not (is_file and may_have_nvdec())):
        return None, None
    fault = _fault()
    if fault is not None:
        return None, f"Video is decoded on the CPU: there is no CUDA device that can do it ({fault})."
    return HWAccel(_CUDA, allow_software_fallback=True), None


def may_have_nvdec() -> bool:
    """Whether it is worth trying."""
    return any(path.exists() for path in _DRIVERS)


def note_of(container: InputContainer, *, name: str) -> str | None:
    """One sentence where a stream that was opened with an accelerator is decoded on the CPU all the same.

    Args:
        container: whose first picture has been decoded.
        name: of the source.
    """
    # streams that FFmpeg has no decoder for have no context
    contexts = [stream.codec_context for stream in container.streams.video if stream.codec_context]
    if any(context.is_hwaccel and context.pix_fmt == _CUDA for context in contexts):
        return None
    kinds = " or ".join(context.name for context in contexts)
    return f"{name} is decoded on the CPU: the CUDA device cannot decode this kind of {kinds}."


@lru_cache(maxsize=1)
def _fault() -> str | None:
    """Why the card cannot be used; None: it can."""
    if _CUDA not in hwdevices_available():
        return f"PyAV was built without it for {sys.platform}"
    try:
        HWAccel(_CUDA).create(av.Codec("h264", "r"))
    except av.FFmpegError as error:
        return error.strerror or "without a reason"
    except (NotImplementedError, RuntimeError) as error:
        return str(error)
    return None
