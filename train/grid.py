"""Tables of texts, for the terminal, Markdown and HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Table

EMPTY = "-"


@dataclass(frozen=True, slots=True)
class Grid:
    """A table whose first column names the rows.

    Attributes:
        title: above it.
        columns: headings.
        rows: as many cells each as there are columns.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, title: str, rows: Sequence[Mapping[str, str]]) -> Grid:
        """Joins rows given as cells by heading, all with the same headings; columns that are empty are left out."""
        columns = [
            name for name in (rows[0] if rows else ()) if any(row[name] not in ("", EMPTY) for row in rows)
        ]
        return cls(title, tuple(columns), tuple(tuple(row[name] for name in columns) for row in rows))

    def rich(self) -> Table:
        """For the terminal; a figure's interval goes below it."""
        table = Table(title=escape(self.title), title_justify="left", title_style="bold")
        for i, column in enumerate(self.columns):
            table.add_column(column, justify="right" if i else "left", overflow="fold")  # cut figures mislead
        for row in self.rows:
            table.add_row(*(escape(cell).replace(" [", "\n[") for cell in row))
        return table

    def markdown(self) -> str:
        """As GitHub shows it, without the title."""
        lines = [self.columns, ("---", *("---:",) * (len(self.columns) - 1)), *self.rows]
        return "\n".join(
            "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
        )
