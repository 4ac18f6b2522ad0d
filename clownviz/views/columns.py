"""The columns that a summary can have: what each says of a line, and what it is sorted by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .. import look
from ..analysis.outline import Line
from .text import cross, printable

__all__ = ["COLUMNS", "DEFAULT_COLUMNS", "Column"]

DEFAULT_COLUMNS = ("input", "output", "params", "macs")


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        title: its heading.
        cell: its text for a line.
        number: what a column of numbers is sorted by; None sorts by the text.
        adds: whether the cells add up to the model, so that a line for several modules has one.
        ran: whether it says something of a run.
    """

    title: str
    cell: Callable[[Line], str]
    number: Callable[[Line], float] | None = None
    adds: bool = False
    ran: bool = False

    def text(self, line: Line) -> str:
        """The cell; empty where a line stands for several modules and has no sum to say."""
        return self.cell(line) if line.kind == "module" or self.adds else ""

    def key(self, line: Line) -> float | str:
        """What the line is sorted by."""
        return self.number(line) if self.number is not None else self.text(line)


def _parameters(line: Line) -> str:
    if not line.added.params and line.row.tied and line.kind == "module":
        return "tied"
    return f"{line.added.params:,}" if line.added.params else ""


def _trainable(line: Line) -> str:
    added = line.added
    if not added.params:
        return ""
    if not added.frozen:
        return "yes"
    return f"{added.frozen:,} frozen" if added.trainable else "no"


def _output(line: Line) -> str:
    row = line.row
    return cross(row.error) if row.error is not None else printable(row.output)


def _field_size(line: Line) -> float:
    field = line.row.field
    if field is None or line.kind != "module":
        return 0
    return max(field.size, default=float("inf"))


def _count(number: float) -> str:
    return look.format_count(number) if number else ""


def _bytes(number: float) -> str:
    return look.format_bytes(int(number)) if number else ""


def _whole(number: float) -> str:
    return f"{int(number):,}" if number else ""


def _numeric(
    title: str,
    number: Callable[[Line], float],
    write: Callable[[float], str],
    *,
    adds: bool = True,
    ran: bool = False,
) -> Column:
    return Column(title, lambda line: write(number(line)), number, adds, ran)


COLUMNS: dict[str, Column] = {
    "input": Column("input", lambda line: printable(line.row.input), ran=True),
    "output": Column("output", _output, ran=True),
    "params": Column("parameters", _parameters, lambda line: line.added.params, adds=True),
    "trainable": Column("trainable", _trainable, adds=True),
    "frozen": _numeric("frozen", lambda line: line.added.frozen, _whole),
    "tied": Column("tied to", lambda line: ", ".join(map(printable, line.row.tied))),
    "bytes": _numeric("bytes", lambda line: line.added.bytes, _bytes),
    "buffers": _numeric("buffers", lambda line: line.row.buffers, _bytes, adds=False),
    "macs": _numeric("mult-adds", lambda line: line.added.macs, _count, ran=True),
    "moved": _numeric("bytes moved", lambda line: line.added.moved, _bytes, ran=True),
    "activations": _numeric("activations", lambda line: line.added.activations, _bytes, ran=True),
    "field": Column(
        "receptive field",
        lambda line: "" if line.row.field is None else str(line.row.field),
        _field_size,
        ran=True,
    ),
    "calls": _numeric("calls", lambda line: line.row.calls, _whole, adds=False, ran=True),
    "time": Column(
        "time",
        lambda line: look.format_seconds(line.row.seconds),
        lambda line: line.row.seconds,
        ran=True,
    ),
    "extra": Column("settings", lambda line: printable(line.row.extra)),
}
"""What can be a column, by name."""
