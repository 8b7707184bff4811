"""A classifier on another machine, and one on this machine for when the other does not answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from maskcam.classifiers.base import Classifier, RemoteState, check_crops
from maskcam.classifiers.verdicts import VerdictReader
from maskcam.classifiers.warming import warm_up
from maskcam.crops import CropSpec
from maskcam.errors import RemoteError
from maskcam.remote.client import ModelClient, RemoteModel
from maskcam.types import Image, Verdict
from maskcam.weights import ModelCard

_log = logging.getLogger(__name__)

_FIRST_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 15.0
"""Until a server that failed is asked again: twice as long each time it fails soon after, since each failure may cost
one step its deadline."""
_STEADY_SECONDS = 30.0
_QUIET_SECONDS = 5.0
"""A server that had nothing to judge for so long is asked whether it is still there."""

_COMMON_STEPS = (1, 2, 3, 4)
"""Faces."""


class RemoteClassifier(Classifier):
    """Has crops judged by a model server, and judges those itself that the server does not judge in time.

    The local classifier is loaded and warm by the time this object is there: what it costs is half a second at the
    start and some memory, and no frame waits when it is needed. While the server is away nothing is waited for: only
    every few seconds, beside the work, it is asked whether it is back.

    Args:
        client: of the server; closed with the classifier.
        local: judges meanwhile; likewise. Crops are cut as it wants them, and a server that wants them otherwise is
            not used.
        card: of the local one.
        thorough: whether the local one judges every crop twice.
        clock: in seconds.
    """

    def __init__(
        self,
        client: ModelClient,
        local: Classifier,
        card: ModelCard,
        *,
        thorough: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.crop = local.crop
        self.device = local.device
        self._client = client
        self._local = local
        self._card = card
        self._thorough = thorough
        self._clock = clock
        self._tell: Callable[[str], object] | None = None
        self._news: list[str] = []
        self._state = RemoteState(client.target, False, None, 0, 0, 0)
        self._model: RemoteModel | None = None
        self._reader = VerdictReader(card)
        self._wait_seconds = _FIRST_WAIT_SECONDS
        self._up_seconds = self._next_probe_seconds = clock()
        warm_up(local, _COMMON_STEPS)
        try:
            self._go_up(client.describe())
        except RemoteError as error:
            self._go_down(error)

    @property
    def remote(self) -> RemoteState:
        return self._state

    def announce_to(self, tell: Callable[[str], object]) -> None:
        self._tell = tell
        self._announce()

    def classify(self, crops: Image) -> list[Verdict]:
        check_crops(crops, self.crop)
        self._look_after_server()
        verdicts = self._ask(crops)
        if verdicts is None:
            verdicts = self._local.classify(crops)
            self._state = replace(self._state, local_crops=self._state.local_crops + len(crops))
        self._announce()
        return verdicts

    def close(self) -> None:
        self._client.close()
        self._local.close()

    def _ask(self, crops: Image) -> list[Verdict] | None:
        """The server's verdicts; None where it gives none."""
        if self._model is None or len(crops) == 0:
            return None
        try:
            rows = self._client.classify(crops, self._model).tolist()
        except RemoteError as error:
            self._go_down(error)
            return None
        self._next_probe_seconds = self._clock() + _QUIET_SECONDS
        self._state = replace(self._state, remote_crops=self._state.remote_crops + len(crops))
        return [self._reader.read(row) for row in rows]

    def _look_after_server(self) -> None:
        """Asks a server that is away, or had nothing to do for a while, whether it is there; never waits for it."""
        if self._clock() < self._next_probe_seconds:
            return
        try:
            found = self._client.probe()
        except RemoteError as error:
            self._go_down(error)
            return
        if found is None:
            return
        self._next_probe_seconds = self._clock() + _QUIET_SECONDS
        if found != self._model:  # it is back, or another one has taken its place
            try:
                self._go_up(found)
            except RemoteError as error:
                self._go_down(error)

    def _go_up(self, found: RemoteModel) -> None:
        """Lets the server judge.

        Raises:
            RemoteError: its crops must be cut otherwise.
        """
        assert found.card.crop_margin is not None
        wanted = CropSpec(found.card.input_size, found.card.crop_margin)
        if wanted != self.crop:
            raise RemoteError(
                f"the model server at {self._client.target} wants crops of {wanted.size} pixels with a margin of"
                f" {wanted.margin:g}, the weights here {self.crop.size} with {self.crop.margin:g}: name the same"
                " weights here and there"
            )
        self._reader = VerdictReader(found.card)
        self._model = found
        self._up_seconds = self._clock()
        self._next_probe_seconds = self._up_seconds + _QUIET_SECONDS
        self._state = replace(self._state, is_up=True, reason=None)
        self.device = f"{found.device}, on {self._client.target}"
        self._news.append(
            f"faces are judged by the model server at {self._client.target} ({found.card.name})"
        )
        differences = _differences(found, self._card, thorough=self._thorough)
        if differences:
            self._news.append(
                f"whenever {self._client.target} is away, faces are judged here otherwise than there:"
                f" {' and '.join(differences)}"
            )

    def _go_down(self, error: RemoteError) -> None:
        """Judges on this machine until the server is back."""
        self._client.forget_probe()  # its answer may be of a time before
        now = self._clock()
        was_up, self._model = self._model is not None, None
        # a server that fails again soon after it came back is left alone for longer each time
        if now - self._up_seconds > _STEADY_SECONDS:
            self._wait_seconds = _FIRST_WAIT_SECONDS
        self._next_probe_seconds = now + self._wait_seconds
        if was_up:
            self._wait_seconds = min(2 * self._wait_seconds, _LONGEST_WAIT_SECONDS)
        is_news = was_up or self._state.reason is None
        fallbacks = self._state.fallbacks + is_news
        self._state = replace(self._state, is_up=False, reason=str(error), fallbacks=fallbacks)
        self.device = self._local.device
        if is_news:
            self._news.append(f"{error}; faces are judged on this machine until it answers")

    def _announce(self) -> None:
        news, self._news = self._news, []
        for sentence in news:
            (self._tell or _log.warning)(sentence)


def _differences(found: RemoteModel, card: ModelCard, *, thorough: bool) -> Sequence[str]:
    """How the server's weights differ from those of this machine, a few words each."""
    differences = []
    if found.card.sha256 != card.sha256:
        differences.append(
            f"by {card.name} ({card.sha256[:8]}) instead of {found.card.name} ({found.card.sha256[:8]})"
        )
    if found.card.classes != card.classes:
        differences.append(f"as {', '.join(card.classes)} instead of {', '.join(found.card.classes)}")
    if found.thorough != thorough:
        differences.append("twice instead of once" if thorough else "once instead of twice")
    return differences
