"""Violations and rates in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from maskcam.store.exporting import duration
from maskcam.store.media import MediaFolder
from maskcam.store.records import StoredViolation
from maskcam.store.statistics import Compliance
from maskcam.types import MaskStatus

_STYLES = {MaskStatus.NO_MASK: "red", MaskStatus.INCORRECT: "yellow", MaskStatus.MASK: "green"}
_BLOCKS = " ▏▎▍▌▋▊▉█"


def violations_table(violations: Sequence[StoredViolation]) -> Table:
    """A row each: what it was, when, where, and for how long."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("id", justify="right", no_wrap=True)
    table.add_column("started", no_wrap=True)
    table.add_column("lasted", justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("camera", overflow="fold")
    table.add_column("", no_wrap=True)
    for violation in violations:
        table.add_row(
            str(violation.id),
            local(violation.started_at),
            lasted(duration(violation)),
            status_text(violation.status),
            Text(violation.camera),
            _notes(violation),
        )
    return table


def details(violation: StoredViolation, media: MediaFolder) -> Group:
    """All that is known of one violation."""
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(no_wrap=True, style="dim")
    facts.add_column(overflow="fold")
    facts.add_row("violation", f"{violation.id}")
    facts.add_row("camera", Text(violation.camera))
    facts.add_row("status", status_text(violation.status))
    facts.add_row(
        "started", f"{local(violation.started_at)} (second {violation.started_seconds:.1f} of its source)"
    )
    facts.add_row("ended", local(violation.ended_at) if violation.ended_at else "goes on")
    facts.add_row("lasted", lasted(duration(violation)))
    for change in violation.transitions:
        length = None if change.ended_at is None else (change.ended_at - change.started_at).total_seconds()
        words = Text.assemble(status_text(change.status), f" from {local(change.started_at)}")
        facts.add_row("", words if length is None else words.append(f" for {lasted(length)}"))
    x1, y1, x2, y2 = violation.box_xyxy
    facts.add_row("person", f"{violation.track_id}, face of {x2 - x1:.0f}x{y2 - y1:.0f} pixels")
    if violation.pictures is None:
        facts.add_row("pictures", "none")
    else:
        for name in (violation.pictures.frame, violation.pictures.face):
            path = media.path(name)
            facts.add_row("picture", Text(str(path) if path.is_file() else f"{path} (missing)"))
    clip = violation.clip
    if clip is None:
        facts.add_row("clip", "none")
    else:
        file = media.path(clip.name)
        about = f"{clip.seconds:.0f} s, the violation from second {clip.lead_seconds:.1f} on"
        facts.add_row("clip", Text(f"{file} ({about if file.is_file() else 'missing'})"))
    facts.add_row("marked", _notes(violation).replace("\n", ", ") or "no")
    facts.add_row("key", Text(violation.key))
    return Group(facts)


def compliance_table(rows: Mapping[str, Compliance], *, first: str) -> Table:
    """A row each: how many were seen, and what part of those judged wore their masks right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first, overflow="fold")
    for column in ("seen", "masked", "bare", "wrong", "unsure"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("rate", justify="right", no_wrap=True)
    table.add_column("95% interval", justify="right", no_wrap=True)
    for name, row in rows.items():
        counts = (row.people, row.masked, row.bare, row.incorrect, row.unsure)
        table.add_row(Text(name), *(f"{count:,}" for count in counts), percent(row.rate), interval_text(row))
    return table


def print_chart(console: Console, rows: Mapping[str, Compliance]) -> None:
    """A bar of the rate for each row, as wide as the terminal allows."""
    if not rows:
        return
    widest = max(len(name) for name in rows)
    room = max(console.width - widest - 22, 10)
    for name, row in rows.items():
        if row.rate is None:
            console.print(Text(f"{name:>{widest}}  nobody judged", "dim"))
            continue
        bar = _bar(row.rate, room)
        console.print(
            Text.assemble(f"{name:>{widest}}  ", (bar, "green"), ("·" * (room - len(bar)), "dim"))
            + Text(f" {percent(row.rate):>4} of {row.judged:,}")
        )


def local(moment: datetime) -> str:
    """Local time, to the second."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def lasted(seconds: float | None) -> str:
    """`14 s`, `3 min 20 s`, `1 h 05 min`; a violation that goes on has no length yet."""
    if seconds is None:
        return "goes on"
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:02.0f} min"


def status_text(status: MaskStatus) -> Text:
    """In words and colour."""
    return Text(status.value.replace("_", " "), _STYLES.get(status, ""))


def percent(rate: float | None) -> str:
    """`87%`."""
    return "" if rate is None else f"{rate:.0%}"


def interval_text(row: Compliance) -> str:
    """`81% to 92%`."""
    return "" if row.interval is None else f"{row.interval[0]:.0%} to {row.interval[1]:.0%}"


def _notes(violation: StoredViolation) -> str:
    notes = [
        word
        for word, applies in (
            ("protected", violation.is_protected),
            ("false alarm", violation.is_false_alarm),
        )
        if applies
    ]
    return "\n".join(notes)


def _bar(rate: float, room: int) -> str:
    eighths = round(8 * rate * room)
    return "█" * (eighths // 8) + (_BLOCKS[eighths % 8] if eighths % 8 else "")
