"""What to change, one sentence for each thing that is wrong."""

from __future__ import annotations

from collections.abc import Callable

from maskcam.probing.report import SMALL_FACE_PIXELS, SourceReport

_LONG_GAP_SECONDS = 4.0
_SLOW = 0.8  # of the nominal rate
_COSTLY_SHARE = 0.3  # of real time; every further camera takes as much again
_LATE_MILLISECONDS = 300.0
_UDP_LATE_MILLISECONDS = 50.0  # what FFmpeg holds back to put packets in order again comes on top
_GROWTH_MILLISECONDS = 300.0
_MANY_SMALL = 0.2
_DEFAULT_SIZE = 640  # longest side at which faces are looked for by default


def advise(report: SourceReport) -> tuple[str, ...]:
    """Everything that should be changed, the worst first; empty where all is well.

    Args:
        report: of a source that gave at least one picture, else there is nothing to go by.
    """
    if not report.pictures.decoded:
        return ()
    found = (rule(report) for rule in _RULES)
    return tuple(text for text in found if text is not None)


def _losses(report: SourceReport) -> str | None:
    lost = report.pictures
    if not lost.corrupt:
        return None
    what = _count(lost.corrupt, "damaged picture")
    if lost.skipped:
        what += f", and {lost.skipped} more that build upon them"
    if not report.is_live:
        return f"The file is damaged ({what}): copy or record it anew."
    if report.transport == "udp":
        return f"UDP loses packets here ({what}): switch to TCP, which sends them again."
    return (
        f"{what}, although TCP repairs what the network loses: the camera itself leaves parts out, so relieve its"
        " processor (lower bit rate, fewer viewers) and check its cable, Wi-Fi and power."
    )


def _late(report: SourceReport) -> str | None:
    late = report.rhythm.jitter_milliseconds if report.rhythm else None
    if report.kind != "rtsp" or late is None:
        return None
    if report.transport == "udp" and late > _UDP_LATE_MILLISECONDS and not report.pictures.corrupt:
        return f"Pictures come up to {late:.0f} ms late over UDP: try TCP, and a cable instead of Wi-Fi."
    if report.transport == "tcp" and late > _LATE_MILLISECONDS:
        return f"Pictures come up to {late:.0f} ms late, in bursts: use a cable instead of Wi-Fi, or a lower bit rate."
    return None


def _growing(report: SourceReport) -> str | None:
    growth = report.rhythm.delay_growth_milliseconds if report.rhythm else None
    if growth is None or growth < _GROWTH_MILLISECONDS:
        return None
    return (
        f"The delay grew by {growth:.0f} ms in {report.seconds:.0f} s: the network carries less than the camera sends,"
        " so lower its bit rate or take its substream."
    )


def _slow_source(report: SourceReport) -> str | None:
    nominal, measured = report.video.nominal_fps, report.video.measured_fps
    if nominal is None or measured is None or measured >= _SLOW * nominal:
        return None
    if not report.is_live:
        return (
            f"It decodes at {measured:.3g} frames a second and plays at {nominal:.3g}: only a smaller picture can be"
            " shown as fast as it plays."
        )
    where = "its cable (USB 2 is too slow for some sizes)" if report.kind == "webcam" else "the network"
    return (
        f"Only {measured:.3g} of {nominal:.3g} frames a second come: give it more light or a fixed short exposure, and"
        f" check {where}."
    )


def _slow_machine(report: SourceReport) -> str | None:
    work = report.work
    if not report.is_live or work.keeps_up is not False:
        return None
    assert work.possible_fps is not None
    assert work.needed_fps is not None
    what = f"This machine analyses only {work.possible_fps:.3g} of {work.needed_fps:.3g} frames a second"
    if (work.decode_milliseconds or 0.0) >= (work.detect_milliseconds or 0.0):
        return (
            f"{what}, most of its time goes into decoding: take the camera's substream or a smaller picture."
        )
    return (
        f"{what}: take the camera's substream or a smaller picture, let it send fewer frames, look for faces at a"
        " smaller `--size`, or use a GPU."
    )


def _costly_codec(report: SourceReport) -> str | None:
    share = report.work.decode_share
    if not report.is_live or report.video.codec != "hevc" or share is None or share < _COSTLY_SHARE:
        return None
    return (
        f"Decoding H.265 takes {share:.0%} of real time: an H.264 substream is cheaper, and leaves room for more"
        " cameras."
    )


def _rare_key_frames(report: SourceReport) -> str | None:
    keys = report.key_frames
    if not report.is_live or keys is None or (keys.longest_seconds or 0.0) <= _LONG_GAP_SECONDS:
        return None
    over = "over " if keys.longest_is_open else ""
    return (
        f"From one key frame to the next it takes {over}{keys.longest_seconds:.1f} s, and recovery after a loss takes"
        " as long: set the camera's key-frame interval (GOP, I-frame interval) to 1 or 2 s."
    )


def _time_stamps(report: SourceReport) -> str | None:
    beat = report.rhythm
    if beat is None or not beat.steps_back + beat.jumps:
        return None
    what = f"{_count(beat.steps_back, 'step')} back, {_count(beat.jumps, 'jump')} ahead"
    if not report.is_live:
        return f"Time stamps are not in order ({what}): `ffmpeg -i IN -c copy OUT.mp4` mends the file."
    return (
        f"Time stamps are not in order ({what}): newer firmware may mend it, and a steady clock (one NTP server, no"
        " daylight saving)."
    )


def _small_faces(report: SourceReport) -> str | None:
    faces = report.faces
    if faces is None or faces.small_share is None or faces.small_share < _MANY_SMALL:
        return None
    text = (
        f"{faces.small_share:.0%} of the faces are under {SMALL_FACE_PIXELS:.0f} px, too small to be judged well: move"
        " the camera closer, zoom in, or take its main stream"
    )
    if max(max(size_wh) for size_wh in report.video.sizes_wh) > _DEFAULT_SIZE:
        text += "; `--size 960` finds more of them"
    return f"{text}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


_RULES: tuple[Callable[[SourceReport], str | None], ...] = (
    _losses,
    _late,
    _growing,
    _slow_source,
    _slow_machine,
    _costly_codec,
    _rare_key_frames,
    _time_stamps,
    _small_faces,
)
