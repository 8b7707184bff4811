"""How pictures become H.264 that every browser plays."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange, Colorspace

from maskcam.sinks.clock import TICKS_PER_SECOND
from maskcam.sinks.fitting import letterbox
from maskcam.types import Image

TICK = Fraction(1, TICKS_PER_SECOND)

_BT709 = 1  # ITU-T H.273: the same number for matrix, primaries and transfer
_LIMITED_RANGE = 1


def even_size(picture: Image) -> tuple[int, int]:
    """Width and height of its video: 4:2:0 halves both, so an odd one grows by a pixel."""
    height, width = picture.shape[:2]
    return width + width % 2, height + height % 2


def set_up(context: VideoCodecContext, *, threads: int) -> None:
    """Format, clock and colours of an encoder that is not open yet."""
    context.pix_fmt = "yuv420p"
    context.time_base = TICK
    context.thread_count = threads
    context.flags |= Flags.frame_duration
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED_RANGE


def video_frame(picture: Image, size_wh: tuple[int, int]) -> av.VideoFrame:
    """(H, W, 3) uint8 BGR to 4:2:0 of this size, in the colours of HDTV, which players assume for H.264."""
    height, width = picture.shape[:2]
    if even_size(picture) != size_wh:
        picture = letterbox(picture, size_wh)
    elif (width, height) != size_wh:
        picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    # the frame only borrows the picture: `reformat` makes a new one
    frame = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(picture), format="bgr24")
    return frame.reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG, threads=1
    )
