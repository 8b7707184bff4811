"""Where things are in the two portraits: measured by hand on enlarged crops, in pixels of the originals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MaskFit:
    """Where a mask's edges run over a face.

    Attributes:
        upper_xy: (9, 2) points of the upper hem, left to right.
        lower_xy: (11, 2) points of the side edges and the lower hem; its ends are those of `upper_xy`.
    """

    upper_xy: Points
    lower_xy: Points

    def moved(self, *, scale: float, offset_xy: tuple[float, float] = (0.0, 0.0)) -> MaskFit:
        """Returns this fit scaled about the origin, then shifted."""
        return MaskFit(self.upper_xy * scale + offset_xy, self.lower_xy * scale + offset_xy)

    def mirrored(self, width: float) -> MaskFit:
        """Returns this fit for the same picture, `width` pixels wide, flipped left to right."""

        def flip(points: Points) -> Points:
            return np.stack([width - 1 - points[::-1, 0], points[::-1, 1]], axis=1)

        return MaskFit(flip(self.upper_xy), flip(self.lower_xy))


@dataclass(frozen=True, slots=True)
class FaceMap:
    """A face's measures.

    Attributes:
        box_xyxy: the face as a detector boxes it: forehead to chin, cheek to cheek.
        fits: worn right, worn under the nose, worn on the chin, and in the hand below the chin: the way a
            mask travels when it is put on or taken off.
        ears_xy: (4, 2) points where ear loops vanish: left upper, left lower, right upper, right lower.
    """

    box_xyxy: tuple[float, float, float, float]
    fits: tuple[MaskFit, MaskFit, MaskFit, MaskFit]
    ears_xy: Points

    def fit_at(self, position: float) -> MaskFit:
        """Returns the edges of a mask on its way: 0 worn right, 1 under the nose, 2 chin, 3 in the hand."""
        index = min(int(position), len(self.fits) - 2)
        blend = position - index
        before, after = self.fits[index], self.fits[index + 1]
        return MaskFit(
            before.upper_xy * (1 - blend) + after.upper_xy * blend,
            before.lower_xy * (1 - blend) + after.lower_xy * blend,
        )

    def scaled(self, scale: float) -> FaceMap:
        """Returns the same measures for a picture enlarged by `scale`."""
        left, top, right, bottom = (value * scale for value in self.box_xyxy)
        worn, nose, chin, hand = (fit.moved(scale=scale) for fit in self.fits)
        return FaceMap((left, top, right, bottom), (worn, nose, chin, hand), self.ears_xy * scale)

    def mirrored(self, width: float) -> FaceMap:
        """Returns the same measures for the picture, `width` pixels wide, flipped left to right."""
        left, top, right, bottom = self.box_xyxy
        worn, nose, chin, hand = (fit.mirrored(width) for fit in self.fits)
        ears = np.stack([width - 1 - self.ears_xy[[2, 3, 0, 1], 0], self.ears_xy[[2, 3, 0, 1], 1]], axis=1)
        return FaceMap((width - 1 - right, top, width - 1 - left, bottom), (worn, nose, chin, hand), ears)


def _fit(upper: str, lower: str) -> MaskFit:
    """Builds a fit from "x,y x,y ...": the upper hem, and the lower one without its ends."""
    upper_xy, between_xy = (
        np.array([point.split(",") for point in text.split()], dtype=np.float64) for text in (upper, lower)
    )
    lower_xy = np.concatenate([upper_xy[:1], between_xy, upper_xy[-1:]])
    if min(np.diff(upper_xy[:, 0]).min(), np.diff(lower_xy[:, 0]).min()) <= 0:
        raise ValueError("the points of a hem must run from left to right")
    return MaskFit(upper_xy, lower_xy)


def _four_fits(worn: MaskFit, nose: MaskFit, chin: MaskFit) -> tuple[MaskFit, MaskFit, MaskFit, MaskFit]:
    height = float(np.ptp(chin.lower_xy[:, 1]))
    return worn, nose, chin, chin.moved(scale=1.0, offset_xy=(0.0, height))


def astronaut_face() -> FaceMap:
    """Returns the measures of scikit-image's astronaut (512x512)."""
    worn = _fit(
        "183.5,123 191,121.5 206,118.5 215,113.5 224.5,110.5 234,113.5 243,118.5 258,121.5 267,124.5",
        "184.5,140 189,155.5 199,170 211,179.5 225,182.5 239,179.5 250,170 260,155.5 265.8,141",
    )
    nose = _fit(
        "184,133 191,134.5 206,136 215,136.5 224.5,136.7 234,136.7 243,136.7 257,136.5 266.5,135.5",
        "185.5,149 190.5,163 200,176 211,184.5 225,187.5 239,184.5 250,176 258.5,163 264.8,150",
    )
    chin = _fit(
        "186.5,150 193,153.5 206,157.5 215,158.7 224.5,159 234,158.7 243,157.7 256,154.5 263.5,151",
        "188,165 193,178 202,189 212,195.5 225,198 238,196 248,190 256,179 261.8,166",
    )
    ears = np.array([(176.5, 117.5), (177.5, 130), (271.5, 122.5), (270.5, 134)], dtype=np.float64)
    return FaceMap((178, 65, 270, 177), _four_fits(worn, nose, chin), ears)


def hopper_face() -> FaceMap:
    """Returns the measures of matplotlib's Grace Hopper (512x600)."""
    worn = _fit(
        "187,240 201,237.5 225,235 248,225 266,214 286,222.5 308,231 332,236 346,240",
        "190,262 199,288 214,314 238,333.5 266,340 292,336 316,319 333,292 343,264",
    )
    nose = _fit(
        "189,254 202,256 226,258 247,259.5 266,260 286,259.5 308,258 331,256 345,254",
        "192,276 202,300 217,323 240,344 266,351 291,347 314,331 331,306 342,278",
    )
    chin = _fit(
        "196,284 206,290 226,298 247,302 266,303 286,302 307,298 328,290 340,284",
        "199,302 207,322 221,343 242,362 266,369 290,365 312,350 326,330 337,305",
    )
    ears = np.array([(168, 194), (173, 269), (364, 190), (357, 268)], dtype=np.float64)
    return FaceMap((176, 120, 355, 333), _four_fits(worn, nose, chin), ears)
