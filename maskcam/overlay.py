"""Draws what is known of a frame on a copy of it.

A status is told three times over: in words, by a colour that colour-blind people can tell apart (Okabe and
Ito, "Color Universal Design", 2008), and by the line of the box: corners only for a worn mask, a full line
for a bare face, dashes for a mask worn wrong, dots for an open question. Whoever needs no mask, by place or
hour, has no status to tell: four pale tips mark the face. Nothing is kept from one frame to the next, and
nothing is decided here: turn drawing off and every count stays the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.lettering import MIN_TEXT_PIXELS, WHITE, Colour, Pen, text_pixels
from maskcam.outlines import Line, draw_outline, draw_zone, line_pixels
from maskcam.types import FrameResult, Image, MaskStatus, Track


@dataclass(frozen=True, slots=True)
class Look:
    """How one status is shown.

    Attributes:
        words: the status in full.
        brief: for the counts in the bar.
        letter: for the counts where there is hardly any room.
        colour: of the outline and of the label's plate.
        line: of the outline.
    """

    words: str
    brief: str
    letter: str
    colour: Colour
    line: Line


LOOKS: Mapping[MaskStatus, Look] = MappingProxyType(
    {
        MaskStatus.MASK: Look("Mask", "Mask", "M", (115, 158, 0), Line.CORNERS),
        MaskStatus.NO_MASK: Look("No mask", "No mask", "N", (0, 94, 213), Line.FULL),
        MaskStatus.INCORRECT: Look("Mask worn wrong", "Worn wrong", "W", (66, 228, 240), Line.DASHED),
        MaskStatus.UNSURE: Look("Unsure", "Unsure", "U", (153, 153, 153), Line.DOTTED),
    }
)
"""The look of every status, in the order in which the bar counts them."""

_PALE: Colour = (190, 190, 190)


def draw(result: FrameResult, *, fps: float | None = None, clock: str | None = None) -> Image:
    """Draws zones, boxes, labels and a bar with camera, time, counts and frames per second.

    Text and lines scale with the frame's shorter side. What has no room is shortened, then left out: the
    camera's name first, the time next. Frames too small to read keep their outlines only.

    Args:
        result: left unchanged, its frame included.
        fps: shown in the bar; None leaves it out.
        clock: the time to show, such as a wall clock's; None shows `pts_seconds` as h:mm:ss.

    Returns:
        (H, W, 3) uint8, BGR: a new array of the frame's size.
    """
    frame = result.frame
    image = frame.pixels.copy()
    size = text_pixels(frame.size_wh)
    pen = Pen(image, size)
    fine = max(1, round(size / 10))  # never thicker than what tells a status
    for polygon in result.zones:
        draw_zone(image, polygon, thickness=fine)
    # the most pressing first: those get the best places for their labels, and are drawn last, on top
    tracks = sorted((t for t in result.tracks if _is_inside(t, frame.size_wh)), key=_urgency, reverse=True)
    boxes = _pixel_boxes(tracks, frame.size_wh)
    for track, box in zip(reversed(tracks), reversed(boxes), strict=True):
        if track.is_required:
            look = LOOKS[track.status]
            draw_outline(image, box, look.line, look.colour, thickness=line_pixels(size, box))
        else:
            draw_outline(image, box, Line.TIPS, _PALE, thickness=min(fine, line_pixels(size, box)))
    time = clock if clock is not None else clock_text(frame.pts_seconds)
    bar_height = _draw_bar(pen, frame.camera, time, _tallies(result), fps)
    for label in reversed(_place_labels(image, tracks, boxes, top=bar_height)):
        label.pen.plate(label.text, label.plate_xyxy, label.colour)
    return image


def clock_text(seconds: float) -> str:
    """Seconds as h:mm:ss, rounded down."""
    minutes, whole = divmod(int(abs(seconds)), 60)
    return f"{'-' if seconds <= -1 else ''}{minutes // 60}:{minutes % 60:02}:{whole:02}"


def _urgency(track: Track) -> tuple[bool, bool, float]:
    x1, y1, x2, y2 = track.box_xyxy
    return track.is_required, track.status.is_violation, float((x2 - x1) * (y2 - y1))


def _is_inside(track: Track, size_wh: tuple[int, int]) -> bool:
    x1, y1, x2, y2 = track.box_xyxy
    return bool(x2 > 0 and y2 > 0 and x1 < size_wh[0] and y1 < size_wh[1])


def _pixel_boxes(tracks: Sequence[Track], size_wh: tuple[int, int]) -> list[list[int]]:
    """Whole pixels inside the frame; the right and lower edge belong to the box."""
    width, height = size_wh
    boxes = np.array([t.box_xyxy for t in tracks], np.float32).reshape(-1, 4)
    limits = np.array([width - 1, height - 1, width - 1, height - 1], np.float32)
    inside: list[list[int]] = np.clip(np.round(boxes), 0, limits).astype(int).tolist()
    return inside


@dataclass(frozen=True, slots=True)
class _Label:
    pen: Pen
    text: str
    plate_xyxy: list[int]
    colour: Colour


def _place_labels(
    image: Image, tracks: Sequence[Track], boxes: Sequence[Sequence[int]], *, top: int
) -> list[_Label]:
    """Finds a plate for each track: inside the frame, off faces, off one another, as far as there is room.

    A label that would hide something is shortened to the bare status, then to its letter, where that hides
    less. A track whose label would not fit into the frame gets none.
    """
    height, width = image.shape[:2]
    labels: list[_Label] = []
    obstacles = np.array([*boxes], float).reshape(-1, 4)
    weights = np.ones(len(obstacles))
    for track, box in zip(tracks, boxes, strict=True):
        if not track.is_required:
            continue  # its face is an obstacle all the same
        pen = Pen(image, _label_pixels(text_pixels((width, height)), box))
        look = LOOKS[track.status]
        options: list[_Label] = []
        penalties: list[float] = []
        texts = (f"#{track.track_id} {look.words} {track.confidence:.0%}", look.words, look.letter)
        for shortness, text in enumerate(texts):
            plate_wh = (pen.plate_width(text), pen.line_height)
            plates = _plates_around(box, plate_wh, (width, height), top=top)
            options += [_Label(pen, text, plate, look.colour) for plate in plates]
            penalties += [0.3 * shortness + 0.01 * place for place in range(len(plates))]
        if not options:
            continue
        covered = _overlaps(np.array([o.plate_xyxy for o in options], float), obstacles) @ weights
        best = options[int((covered / pen.line_height**2 + penalties).argmin())]
        labels.append(best)
        obstacles = np.vstack([obstacles, best.plate_xyxy])
        weights = np.append(weights, 3.0)  # hiding another label is worse than hiding a part of a face
    return labels


def _label_pixels(text_size: int, box: Sequence[int]) -> int:
    """Small faces get smaller labels: they are many, and close together."""
    smallest = max(MIN_TEXT_PIXELS, round(0.65 * text_size))
    return min(text_size, max(smallest, round(0.28 * (box[2] - box[0]))))


def _plates_around(
    box: Sequence[int], plate_wh: tuple[int, int], frame_wh: tuple[int, int], *, top: int
) -> list[list[int]]:
    """Places near a box, the best first, moved into the frame below `top`; none if the plate is too big."""
    x1, y1, x2, y2 = box
    width, height = plate_wh
    if width > frame_wh[0] or height > frame_wh[1] - top:
        return []
    gap = 2
    flush, beside = (x1, x2 + 1 - width), (x1 - width - gap, x2 + 1 + gap)
    places = [(x, y) for y in (y1 - height - gap, y2 + 1 + gap) for x in flush]
    places += [(x, y) for y in (y1, y2 + 1 - height) for x in beside]
    plates = []
    for left, upper in places:
        x = min(max(left, 0), frame_wh[0] - width)
        y = min(max(upper, top), frame_wh[1] - height)
        plates.append([x, y, x + width, y + height])
    return plates


def _overlaps(plates: NDArray[np.float64], obstacles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Square pixels that every plate shares with every obstacle: (plates, obstacles)."""
    low = np.maximum(plates[:, None, :2], obstacles[None, :, :2])
    high = np.minimum(plates[:, None, 2:], obstacles[None, :, 2:])
    areas: NDArray[np.float64] = np.maximum(high - low, 0).prod(axis=2)
    return areas


def _draw_bar(pen: Pen, camera: str, time: str, options: Sequence[list[_Tally]], fps: float | None) -> int:
    """Draws camera and time on the left, counts and fps on the right of a dark bar along the upper edge.

    Returns:
        Height of the bar in pixels; 0 where the frame is too small for one.
    """
    image_height, width = pen.image.shape[:2]
    height = pen.line_height
    if height * 6 > image_height:
        return 0
    camera = " ".join(camera.split())
    rate = "" if fps is None else f"{fps:.1f} fps" if fps < 10 else f"{fps:.0f} fps"
    rate_width = max(pen.plate_width(rate), pen.plate_width("000 fps")) if rate else 0  # no jitter
    wanted = min(pen.plate_width(camera), 8 * pen.size)
    for tallies in options:
        room = width - rate_width - pen.plate_width(time) - _tallies_width(pen, tallies)
        if room >= wanted:
            break
    if room < 0:
        time, room = "", room + pen.plate_width(time)
    if room < 0:
        tallies, room = [], room + _tallies_width(pen, tallies)
    if room < 0:
        return 0
    bar = pen.image[:height]
    cv2.convertScaleAbs(bar, dst=bar, alpha=0.2)
    camera = pen.shorten(camera, room)
    pen.write(camera, 0, 0, WHITE)
    pen.write(time, pen.plate_width(camera), 0, _PALE if camera else WHITE)
    pen.write(rate, width - pen.plate_width(rate), 0, WHITE)
    left = width - rate_width - _tallies_width(pen, tallies)
    for text, colour in tallies:
        right = left + pen.plate_width(text)
        if colour is None:
            pen.write(text, left, 0, _PALE)
        else:
            pen.plate(text, (left, 0, right, height), colour)
        left = right + pen.padding
    return height


_Tally = tuple[str, Colour | None]


def _tallies(result: FrameResult) -> list[list[_Tally]]:
    """The counts at three lengths, the longest first; a status that nobody has is not highlighted.

    Only people for whom masks are required count; off duty there are none, and words say so.
    """
    if result.off_duty:
        return [[("No masks required now", None)], [("Off duty", None)], [("Off", None)]]
    counts = Counter(track.status for track in result.tracks if track.is_required)
    seen = [(look, counts.get(status, 0)) for status, look in LOOKS.items()]
    some = [(look, n) for look, n in seen if n]
    always = [(look, n) for look, n in seen if n or look is not LOOKS[MaskStatus.UNSURE]]
    return [
        [(f"{look.brief} {n}", look.colour if n else None) for look, n in always],
        [(f"{look.brief} {n}", look.colour) for look, n in some],
        [(f"{look.letter}{n}", look.colour) for look, n in some],
    ]


def _tallies_width(pen: Pen, tallies: Sequence[_Tally]) -> int:
    return sum(pen.plate_width(text) + pen.padding for text, _ in tallies)
