"""What remains of a fragmented MP4 that could not be written to its end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


def keep_whole_fragments(path: Path) -> bool:
    """Cuts off what broke in the middle of being written, at which a browser would end with an error.

    Args:
        path: removed when there is no picture in it.

    Returns:
        Whether anything is left.

    Raises:
        OSError: it cannot be read or written.
    """
    end, has_pictures = 0, False
    with path.open("r+b") as file:
        for kind, box_end in whole_boxes(file):
            has_pictures |= kind == b"mdat"
            if kind != b"moof":  # it only tells of the pictures behind it
                end = box_end
        file.truncate(end)
    if not has_pictures:
        path.unlink()
    return has_pictures


def whole_boxes(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Kind and end of every box of the top level (ISO/IEC 14496-12, 4.2) that is there in full."""
    size = file.seek(0, os.SEEK_END)
    end = 0
    while end + 8 <= size:
        file.seek(end)
        header = file.read(16)
        length = int.from_bytes(header[:4])
        if length == 1:  # it stands behind the kind, since 32 bits were not enough
            length = int.from_bytes(header[8:])
        if length < 8 or end + length > size:
            return
        end += length
        yield header[4:8], end
