"""Verdicts of single frames to one steady status per person."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from maskcam.types import MaskStatus, Verdict


@dataclass(frozen=True, kw_only=True)  # no slots: maskcam.config reads the defaults off the class
class VotingOptions:
    """How votes are counted.

    Attributes:
        memory_seconds: time in which a vote loses all but 1/e of its weight. Longer is steadier, shorter follows a
            change sooner: a clean change shows after about 0.7 times this.
        minimum_share: share of the votes that a status needs; with less it is `UNSURE`.
        switch_share: share that another status needs to replace the present one.
        minimum_weight: votes needed before anything is said: one clear frame of a large face, several of a small one.
        full_weight_side: shorter side in pixels from which on a face counts in full; smaller ones count less.
    """

    memory_seconds: float = 0.5
    minimum_share: float = 0.5
    switch_share: float = 0.6
    minimum_weight: float = 0.6
    full_weight_side: float = 32.0


@dataclass(slots=True)
class Vote:
    """The running vote of one track.

    Every verdict adds its probabilities, weighted by confidence and face size; the sums decay with time, not with
    frames, so the result is the same at any frame rate. Only frames in which the face was found have a verdict: a
    track that coasts does not vote.
    """

    options: VotingOptions
    first_seconds: float
    last_seconds: float
    weights: dict[MaskStatus, float] = field(default_factory=dict)
    status: MaskStatus = MaskStatus.UNSURE

    def add(self, verdict: Verdict, *, side: float, pts_seconds: float) -> None:
        """Counts one verdict.

        Args:
            verdict: of the present frame.
            side: shorter side of the face, pixels.
            pts_seconds: time of the frame.
        """
        decay = math.exp(-max(0.0, pts_seconds - self.last_seconds) / self.options.memory_seconds)
        size = min(1.0, side / self.options.full_weight_side)
        votes = self._votes(verdict.probabilities, weight=verdict.confidence * size)
        for status in self.weights.keys() | votes.keys():
            self.weights[status] = self.weights.get(status, 0.0) * decay + votes.get(status, 0.0)
        self.last_seconds = pts_seconds
        self.status = self._decide()

    @staticmethod
    def _votes(probabilities: Mapping[MaskStatus, float], *, weight: float) -> dict[MaskStatus, float]:
        # squared, so that a clear frame outvotes several doubtful ones
        squares = {status: p * p for status, p in probabilities.items()}
        total = sum(squares.values())
        return {status: weight * square / total for status, square in squares.items()}

    @property
    def confidence(self) -> float:
        """Share of the votes for the present status, in [0, 1]; of the leading one while it is `UNSURE`."""
        if self.status is MaskStatus.UNSURE:
            return max(self._share(status) for status in self.weights) if self.weights else 0.0
        return self._share(self.status)

    def _share(self, status: MaskStatus) -> float:
        total = sum(self.weights.values())
        return self.weights.get(status, 0.0) / total if total else 0.0

    def _decide(self) -> MaskStatus:
        leader = max(self.weights, key=lambda status: self.weights[status])
        if sum(self.weights.values()) < self.options.minimum_weight:
            return self.status if self.status is leader else MaskStatus.UNSURE
        flips = self.status not in (leader, MaskStatus.UNSURE)
        if self._share(leader) >= (self.options.switch_share if flips else self.options.minimum_share):
            return leader
        if self.status is not leader and self._share(self.status) >= 1 - self.options.switch_share:
            return self.status  # not enough evidence yet to flip
        return MaskStatus.UNSURE
