"""What was found out about a source, as a table in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from maskcam.probing.report import SMALL_FACE_PIXELS, SourceReport

_CODECS = {"h264": "H.264", "hevc": "H.265", "mjpeg": "MJPEG", "av1": "AV1"}
_MOST_SIZES = 4
_STEADY_MILLISECONDS = 50.0


def print_probe(console: Console, report: SourceReport, advice: Sequence[str]) -> None:
    """Prints a row for each thing that is known, and what to change."""
    table = Table(title=f"maskcam doctor: {report.name}", title_justify="left", show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in probe_rows(report):
        table.add_row(label, Text(text))  # Text, since brackets in a name must not be read as Rich's markup
    console.print(table)
    if advice:
        console.print(Text("What to change", "bold yellow"))
        grid = Table.grid(padding=(0, 1))
        for text in advice:
            grid.add_row("-", Text(text))
        console.print(grid)
    elif report.failure is None:
        console.print(Text("Nothing to change.", "green"))


def probe_rows(report: SourceReport) -> list[tuple[str, str]]:
    """Label and words of each row; what is not known or means nothing here has none."""
    rows = [
        ("source", _source(report)),
        ("video", _video(report)),
        ("rate", _rate(report)),
        ("key frames", _key_frames(report)),
        ("jitter", _jitter(report)),
        ("time stamps", _time_stamps(report)),
        ("losses", _losses(report)),
        ("connecting", _connecting(report)),
        ("delay", _delay(report)),
        ("decoding", _decoding(report)),
        ("analysis", _analysis(report)),
        ("faces", _faces(report)),
    ]
    return [(label, text) for label, text in rows if text]


def _source(report: SourceReport) -> str:
    kinds = {
        "rtsp": f"RTSP camera over {(report.transport or '').upper()}",
        "http": "HTTP camera (over TCP)" if report.is_live else "file over HTTP, read as fast as it comes",
        "webcam": "webcam",
        "file": "file, read as fast as it goes",
        "pictures": "pictures, read as fast as they go",
        "synthetic": "drawn by a formula as fast as it goes",
    }
    verb = "watched" if report.is_live else "read"
    count = f"{report.pictures.decoded} picture{'' if report.pictures.decoded == 1 else 's'}"
    return f"{kinds[report.kind]}; {verb} for {report.seconds:.2g} s, {count}"


def _video(report: SourceReport) -> str:
    video = report.video
    sizes = [f"{width}x{height}" for width, height in video.sizes_wh]
    more = f" and {len(sizes) - _MOST_SIZES} more sizes" if len(sizes) > _MOST_SIZES else ""
    parts = [", ".join(sizes[:_MOST_SIZES]) + more]
    if video.codec is not None:
        profile = f" {video.profile}" if video.profile and video.codec != "mjpeg" else ""
        parts.insert(0, f"{_CODECS.get(video.codec, video.codec)}{profile}")
    parts += [video.pixel_format] if video.pixel_format else []
    return ", ".join(parts)


def _rate(report: SourceReport) -> str:
    video = report.video
    if video.measured_fps is None:
        return ""
    nominal = "" if video.nominal_fps is None else f", {video.nominal_fps:.4g} stated"
    if report.is_live:
        text = f"{video.measured_fps:.4g} frames a second{nominal}"
    else:
        text = f"decoded at {video.measured_fps:.4g} frames a second, the speed of this machine{nominal}"
    if video.bits_per_second is not None:
        text += f"; {video.bits_per_second / 1e6:.3g} Mbit/s"
    return text


def _key_frames(report: SourceReport) -> str:
    keys = report.key_frames
    if keys is None or keys.longest_seconds is None:
        return ""
    if report.video.codec == "mjpeg":
        return "every picture"
    over = "over " if keys.longest_is_open else ""
    if keys.mean_seconds is None:
        return f"{keys.count} seen: {over}{keys.longest_seconds:.1f} s from one to the next"
    return f"every {keys.mean_seconds:.1f} s, {over}{keys.longest_seconds:.1f} s at the longest ({keys.count} seen)"


def _jitter(report: SourceReport) -> str:
    beat = report.rhythm
    if beat is None or beat.jitter_milliseconds is None:
        return ""
    if beat.has_time_stamps:
        return f"95% of the pictures come at most {beat.jitter_milliseconds:.0f} ms late by their time stamps"
    return f"95% of the gaps between pictures are within {beat.jitter_milliseconds:.0f} ms of the usual one"


def _time_stamps(report: SourceReport) -> str:
    beat = report.rhythm
    if beat is None:
        return ""
    if not beat.has_time_stamps:
        return "none, the time of arrival is taken"
    if not beat.steps_back + beat.jumps:
        return "in order"
    return f"not in order: back {beat.steps_back} times, ahead by more than a second {beat.jumps} times"


def _losses(report: SourceReport) -> str:
    if report.key_frames is None:  # not seen of webcams and pictures
        return ""
    lost = report.pictures
    parts = [f"{lost.corrupt} damaged" if lost.corrupt else "none"]
    if lost.skipped:
        parts.append(f"{lost.skipped} left out that build upon them")
    if lost.awaiting_key_frame:
        parts.append(f"{lost.awaiting_key_frame} left out before the first key frame")
    return ", ".join(parts)


def _connecting(report: SourceReport) -> str:
    latency = report.latency
    if not report.is_live:
        return ""
    text = f"{latency.connect_seconds:.2f} s"
    if latency.first_picture_seconds is not None:
        text += f", first picture after {latency.first_picture_seconds:.2f} s"
    return text


def _delay(report: SourceReport) -> str:
    if not report.is_live:
        return ""
    growth = report.rhythm.delay_growth_milliseconds if report.rhythm else None
    if growth is None:
        seen = ""
    elif abs(growth) < _STEADY_MILLISECONDS:
        seen = f"steady for {report.seconds:.0f} s; "
    else:
        seen = f"{'grew' if growth > 0 else 'shrank'} by {abs(growth):.0f} ms in {report.seconds:.0f} s; "
    return f"{seen}the camera's own share cannot be seen from here: let it film a running clock to know it"


def _decoding(report: SourceReport) -> str:
    work = report.work
    if work.decode_milliseconds is None:
        return ""
    share = "" if work.decode_share is None else f", {work.decode_share:.0%} of real time"
    kind = " of processor time" if report.kind == "webcam" else ""
    return f"{work.decode_milliseconds:.1f} ms{kind} a picture{share}"


def _analysis(report: SourceReport) -> str:
    work = report.work
    if work.detect_milliseconds is None or work.possible_fps is None:
        return ""
    text = (
        f"{work.detect_milliseconds:.1f} ms a picture to look for faces on {work.device}; with decoding,"
        f" {work.possible_fps:.3g} pictures a second"
    )
    if work.keeps_up is None:
        return text
    if work.keeps_up:
        return f"{text}: keeps up"
    return f"{text}: does not keep up with {work.needed_fps:.3g}"


def _faces(report: SourceReport) -> str:
    faces = report.faces
    if faces is None:
        return "not looked for"
    where = f"in {faces.pictures} picture{'' if faces.pictures == 1 else 's'}"
    if faces.median_pixels is None:
        return f"none {where}"
    small = f"{faces.small_share:.0%}" if faces.small_share else "none"
    return (
        f"{faces.count} {where}: half of them over {faces.median_pixels:.0f} px at their shorter side, the smallest"
        f" {faces.smallest_pixels:.0f} px, {small} under {SMALL_FACE_PIXELS:.0f} px"
    )
