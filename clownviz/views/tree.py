"""`tree`: the model's modules inside one another, unfolding without a script."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from .. import look
from ..analysis.modules import Row, rows, totals
from ..analysis.outline import Line, outline
from ..recording.tape import Tape
from .svg import document, rect, text_element
from .text import cross, fit, pixels, printable
from .view import View

__all__ = ["Tree"]

OPEN_DEPTH = 2
LONGEST_NAME = 60


class Tree(View):
    """The tree of modules, each with its class, settings, shapes and parameters.

    Args:
        tape: a run of the model, or a description of one that has not run.
        depth: how many levels to show. None shows as many as stay readable.
        fold: show equal blocks once.
        table: the rows of the tape, where they are known already.
    """

    def __init__(
        self,
        tape: Tape,
        *,
        depth: int | None = None,
        fold: bool = True,
        table: Sequence[Row] | None = None,
    ) -> None:
        self.tape = tape
        self.rows = rows(tape) if table is None else list(table)
        self.lines = outline(self.rows, depth=depth, fold=fold)

    def text(self) -> str:
        return "\n".join(line.prefix + _text(line) for line in self.lines)

    def json(self) -> dict[str, Any]:
        return {
            "model": self.tape.model,
            "params": totals(self.tape, self.rows).params,
            "modules": [row.json() for row in self.rows],
        }

    def html(self) -> str:
        """Nested `<details>`: what has children can be opened and closed by click and keyboard."""
        parts = [f'<div class="clownviz cv-outline"><style>{look.css()}{_CSS}</style>']
        open_levels: list[int] = []
        for at, line in enumerate(self.lines):
            level = len(line.guides)
            while open_levels and open_levels[-1] >= level:
                open_levels.pop()
                parts.append("</details>")
            follows = self.lines[at + 1] if at + 1 < len(self.lines) else None
            if follows is not None and len(follows.guides) > level:
                shown = " open" if level < OPEN_DEPTH or line.row.error else ""
                parts.append(f"<details{shown}><summary>{_html(line)}</summary>")
                open_levels.append(level)
            else:
                parts.append(f"<p>{_html(line)}</p>")
        parts.append("</details>" * len(open_levels) + "</div>")
        return "".join(parts)

    def svg(self) -> str:
        texts = [_parts(line) for line in self.lines]
        ends = [
            len(line.guides) * 18 + sum(pixels(part, 12) + 12 for part in parts)
            for line, parts in zip(self.lines, texts)
        ]
        wide, high = max(ends) + 40, len(self.lines) * 22 + 20
        made = [rect(0, 0, wide, high, "background")]
        for at, (line, parts) in enumerate(zip(self.lines, texts)):
            x, y = 14 + len(line.guides) * 18.0, 12 + at * 22.0
            fill = f"family.{look.family(line.row.family)}.text"
            made.append(rect(x, y + 2, 5, 15, fill, ' rx="2" opacity="0.5"'))
            x += 12
            for part, color in zip(parts, ("text", "muted", "muted", "error")):
                if part:
                    made.append(text_element(x, y + 14, part, fill=color))
                    x += pixels(part, 12) + 12
        return document(wide, high, made, f"Modules of {printable(self.tape.model)}")


def _head(line: Line) -> str:
    row = line.row
    kind = printable(row.kind)
    if line.kind == "more":
        return f"… {line.count:,} more modules"
    if line.kind == "same":
        like = printable((row.like or "").rpartition(".")[2])
        return f"{printable(line.span)}: {line.count} × {kind} as {like}"
    head = f"{fit(printable(row.name), LONGEST_NAME)}: {kind}" if row.name else kind
    if row.alias_of is not None:
        return f"{head}, the same module as {printable(row.alias_of) or 'the model'}"
    return head


def _facts(line: Line) -> str:
    row = line.row
    facts = []
    if line.kind == "module" and row.calls > 1:
        facts.append(f"×{row.calls}")
    params = row.params if line.kind == "module" else line.added.params
    if params:
        facts.append(f"{look.format_count(params)} parameters")
    if row.tied and line.kind == "module":
        facts.append(f"tied to {printable(row.tied[0])}")
    return " · ".join(facts)


def _shapes(row: Row) -> str:
    if row.error is not None or not row.calls:
        return ""
    if row.input == row.output:
        return printable(row.output)
    return f"{printable(row.input)} → {printable(row.output)}"


def _parts(line: Line) -> tuple[str, str, str, str]:
    shapes = _shapes(line.row) if line.kind == "module" else ""
    error = cross(line.row.error) if line.row.error else ""
    if line.row.mismatch:
        error = f"✗ {printable(line.row.mismatch)} ({printable(line.row.error or '')})"
    return _head(line), shapes, _facts(line), error


def _text(line: Line) -> str:
    return "  ".join(part for part in _parts(line) if part)


def _html(line: Line) -> str:
    head, shapes, facts, error = (html.escape(part) for part in _parts(line))
    fill = look.variable(f"family.{look.family(line.row.family)}.text")
    path = html.escape(printable(line.row.path), quote=True)
    spans = "".join(
        f'<span class="{name}">{part}</span>'
        for name, part in (("cv-shapes", shapes), ("cv-counts", facts), ("cv-raised", error))
        if part
    )
    return f'<i style="background:{fill}"></i><b title="{path}">{head}</b>{spans}'


_CSS = (
    ".clownviz.cv-outline{color:var(--cv-text);font:13px/1.5 var(--cv-font-text)}"
    ".clownviz.cv-outline details details,.clownviz.cv-outline details p{margin-left:.55em;"
    "padding-left:.9em;border-left:1px solid var(--cv-border)}"
    ".clownviz.cv-outline p{margin:0;padding:.1em 0 .1em 1.05em}"
    ".clownviz.cv-outline summary{cursor:pointer;padding:.1em 0}"
    ".clownviz.cv-outline b{font-weight:500;margin-right:.8em}"
    ".clownviz.cv-outline i{display:inline-block;width:.4em;height:.95em;border-radius:2px;"
    "margin-right:.5em;vertical-align:-.1em;opacity:.5}"
    ".clownviz.cv-outline span{color:var(--cv-muted);margin-right:.8em}"
    ".clownviz.cv-outline .cv-shapes{font-family:var(--cv-font-code);font-size:12px}"
    ".clownviz.cv-outline .cv-raised{color:var(--cv-error)}"
)
