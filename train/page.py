"""A report's page: sections of sentences, tables and plots, written as one HTML file or as Markdown with pictures."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

import jinja2
from matplotlib.figure import Figure

from maskcam.errors import InputError, OutputError
from train.evaluation import slug
from train.grid import Grid
from train.plots import render

_TEMPLATES = Path(__file__).parent / "templates"
_MEDIA_TYPES = {"svg": "image/svg+xml", "webp": "image/webp"}


@dataclass(frozen=True, slots=True, eq=False)
class Plot:
    """A picture on the page.

    Attributes:
        caption: what it shows; also read out in its place.
        data: the file's bytes.
        kind: `svg`, or `webp` where it holds photographs.
    """

    caption: str
    data: bytes
    kind: str

    @classmethod
    def of(cls, figure: Figure, caption: str) -> Plot:
        """Draws a figure of lines and texts."""
        return cls(caption, render(figure, "svg"), "svg")

    @classmethod
    def of_photographs(cls, figure: Figure, caption: str) -> Plot:
        """Draws a figure that holds photographs."""
        return cls(caption, render(figure, "webp"), "webp")

    @property
    def data_uri(self) -> str:
        """The picture as an address that needs no other file."""
        return f"data:{_MEDIA_TYPES[self.kind]};base64,{base64.b64encode(self.data).decode()}"


@dataclass(frozen=True, slots=True)
class Section:
    """Part of a page: a heading of `level` 2 or 3, then sentences, tables and plots."""

    title: str
    level: int
    texts: tuple[str, ...] = ()
    grids: tuple[Grid, ...] = ()
    plots: tuple[Plot, ...] = ()

    @property
    def anchor(self) -> str:
        """Where links to it lead."""
        return slug(self.title)


@dataclass(frozen=True, slots=True)
class Page:
    """All of a report."""

    title: str
    sections: tuple[Section, ...]


def write_page(page: Page, output: Path) -> None:
    """Writes a page.

    Args:
        page: what is on it.
        output: `.html`, one file with everything in it; or `.md`, with the plots in a folder `NAME_files` beside it.

    Raises:
        InputError: another ending.
        OutputError: it cannot be written.
    """
    kind = output.suffix.lower().removeprefix(".")
    if kind not in {"html", "md"}:
        raise InputError(f"a report ends in .html or .md, got {output}")
    folder = output.with_name(f"{output.stem}_files")
    names = [f"{number:02}.{plot.kind}" for number, plot in enumerate(_plots(page), start=1)]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=kind == "html",
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    addresses = {id(plot): f"{folder.name}/{name}" for plot, name in zip(_plots(page), names, strict=True)}
    text = environment.get_template(f"report.{kind}.jinja").render(
        page=page, address=lambda plot: plot.data_uri if kind == "html" else addresses[id(plot)]
    )
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text)
        if kind == "md":
            folder.mkdir(exist_ok=True)
            for plot, name in zip(_plots(page), names, strict=True):
                (folder / name).write_bytes(plot.data)
    except OSError as error:
        raise OutputError(f"cannot write {output}: {error.strerror}") from error


def _plots(page: Page) -> list[Plot]:
    return [plot for section in page.sections for plot in section.plots]
