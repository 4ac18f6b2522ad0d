"""`summary`: the table of layers, shapes, parameters and multiply-adds."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from .. import look
from ..analysis.cost import activation_bytes, input_bytes
from ..analysis.modules import Row, Totals, rows, totals
from ..analysis.outline import Line, outline
from ..recording.tape import Tape
from .columns import COLUMNS, DEFAULT_COLUMNS
from .svg import document, rect, text_element
from .text import fit, pixels, printable, table, width
from .view import View

__all__ = ["COLUMNS", "DEFAULT_COLUMNS", "Summary"]

MOST_LETTERS = 40
LONGEST_NAME = 60
FITS_ANYWHERE = 24
LAYER = "layer"


class Summary(View):
    """The table of a model's modules.

    A tied parameter is counted once, where it first stands, and every line says only what it
    adds, so the columns of parameters, multiply-adds and bytes add up to the totals below them.

    Args:
        tape: a run of the model, or a description of one that has not run.
        columns: names from `COLUMNS`.
        depth: how many levels to show. None shows as many as stay readable.
        fold: show equal blocks once.
        sort: a column to sort by, or "layer", the path. It need not be shown.
        descending: the largest first.
        table: the rows of the tape, where they are known already.

    Raises:
        ValueError: there is no column of that name.
    """

    script = "sortable.js"

    def __init__(
        self,
        tape: Tape,
        *,
        columns: Sequence[str] = DEFAULT_COLUMNS,
        depth: int | None = None,
        fold: bool = True,
        sort: str | None = None,
        descending: bool = True,
        table: Sequence[Row] | None = None,
    ) -> None:
        for name in [*columns, *([] if sort in (None, LAYER) else [sort])]:
            if name not in COLUMNS:
                raise ValueError(
                    f"there is no column {name!r}: expected some of {', '.join(COLUMNS)}"
                )
        if depth is not None and depth < 0:
            raise ValueError(f"depth={depth} is not a depth: 0 is the model alone, None is all")
        self.tape = tape
        self.rows = rows(tape) if table is None else list(table)
        tree = outline(self.rows, depth=depth, fold=fold)
        self.place = {id(line): at for at, line in enumerate(tree)}
        self.sort, self.descending = sort, descending
        self.lines = tree if sort is None else _sorted(tree, sort, descending)
        ran = any(row.calls for row in self.rows)
        self.columns = [name for name in columns if ran or not COLUMNS[name].ran]
        self.totals = totals(tape, self.rows)

    # -- what is said ------------------------------------------------------------------------

    def footer(self) -> list[tuple[str, str]]:
        """The totals, as pairs of a name and a text."""
        total = self.totals
        facts = [("parameters", _parameter_text(total))]
        for places in total.tied:
            facts.append(("tied", f"{' = '.join(map(printable, places))}, counted once"))
        if any(row.calls for row in self.rows):
            given = printable(self.rows[0].input)
            facts.append(("mult-adds", f"{look.format_count(total.macs)} for {given}"))
        facts.append(("memory", self._memory()))
        silent = self._not_called()
        if silent:
            facts.append(("not called", silent))
        failed = self.tape.failed
        if failed is not None:
            facts.append(("failed", f"{printable(failed.label)}: {printable(failed.error or '')}"))
            facts += [("shapes", printable(r.mismatch)) for r in self.rows if r.mismatch]
        elif self.tape.error is not None:
            facts.append(("failed", printable(self.tape.error)))
        return facts + [("note", printable(note)) for note in self.tape.notes]

    def _memory(self) -> str:
        parts = [f"parameters {look.format_bytes(self.totals.param_bytes)}"]
        if self.totals.buffer_bytes:
            parts.append(f"buffers {look.format_bytes(self.totals.buffer_bytes)}")
        if any(row.calls for row in self.rows):
            parts.insert(0, f"input {look.format_bytes(input_bytes(self.tape))}")
            parts.append(f"activations {look.format_bytes(activation_bytes(self.tape))}")
        return ", ".join(parts)

    def _not_called(self) -> str:
        """Modules that own parameters and that the run passed by, the outermost only."""
        if not any(row.calls for row in self.rows) or self.tape.error is not None:
            return ""
        used = {name for call in self.tape.calls for name in call.parameters}
        names = [
            row.path
            for row in self.rows
            if row.leaf and row.own and not row.calls and not _reads(self.tape, row.path, used)
        ]
        return _listed([printable(name) for name in names])

    # -- as text, SVG, HTML, JSON ------------------------------------------------------------

    def text(self) -> str:
        header, right = self.titles(), [False, *map(_is_number, self.columns)]
        body = [[self._first(line), *self.cells(line)] for line in self.lines]
        head, lines = table(header, body, right)
        rule = "─" * max(map(width, [head, *lines]))
        facts = self.footer()
        longest = max(len(name) for name, _ in facts)
        foot = [f"{name:<{longest}}  {text}" for name, text in facts]
        return "\n".join([head, rule, *lines, rule, *foot])

    def _first(self, line: Line) -> str:
        return line.prefix + _label(line) if self.sort is None else self.label(line)

    def titles(self) -> list[str]:
        """The headings."""
        return ["layer (type)", *(COLUMNS[name].title for name in self.columns)]

    def label(self, line: Line) -> str:
        """What a line is called: in a sorted table with the path of what it is in."""
        return _label(line) if self.sort is None else _around(line) + _label(line)

    def cells(self, line: Line) -> list[str]:
        """The texts of a line's columns."""
        return [fit(COLUMNS[name].text(line), MOST_LETTERS) for name in self.columns]

    def json(self) -> dict[str, Any]:
        return {
            "model": self.tape.model,
            "modules": [row.json() for row in self.rows],
            "totals": {
                "params": self.totals.params,
                "trainable": self.totals.trainable,
                "param_bytes": self.totals.param_bytes,
                "buffer_bytes": self.totals.buffer_bytes,
                "macs": self.totals.macs,
                "tied": [list(tie) for tie in self.totals.tied],
            },
            "error": self.tape.error,
            "notes": list(self.tape.notes),
        }

    def html(self) -> str:
        head = "".join(self._html_header(at, title) for at, title in enumerate(self.titles()))
        body = "".join(self._html_line(line) for line in self.lines)
        foot = "".join(
            f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>"
            for name, text in self.footer()
        )
        flat = "" if self.sort is None else ' class="cv-flat"'
        return (
            f'<div class="clownviz cv-rows"><style>{look.css()}{_CSS}</style>'
            f'<table{flat} aria-label="{html.escape(self._title(), quote=True)}">'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><dl>{foot}</dl></div>"
        )

    def _html_header(self, at: int, title: str) -> str:
        name = self.columns[at - 1] if at else LAYER
        sorts = ""
        if name == self.sort:
            sorts = f' aria-sort="{"descending" if self.descending else "ascending"}"'
        number = ' class="cv-number"' if at and _is_number(name) else ""
        return f"<th{number}{sorts}>{html.escape(title)}</th>"

    def _html_line(self, line: Line) -> str:
        level = len(line.guides)
        mark = f'<i style="background:{look.variable(_fill(line))}"></i>'
        # The path is there for a sorted table; in the tree a line stands where it belongs.
        around = f"<s>{html.escape(_around(line))}</s>" if level > 1 else ""
        cells = "".join(
            _html_cell(name, cell, line) for name, cell in zip(self.columns, self.cells(line))
        )
        kind = ' class="cv-raised"' if line.row.error else ""
        label = _label(line)
        long = ' class="cv-long"' if width(label) > FITS_ANYWHERE else ""
        first = (
            f'<td{long} style="padding-left:{1.5 + level * 1.1:.1f}em">'
            f"{mark}{around}{html.escape(label)}</td>"
        )
        return f'<tr{kind} data-at="{self.place[id(line)]}">{first}{cells}</tr>'

    def svg(self) -> str:
        return _Drawing(self).svg()

    def _title(self) -> str:
        return f"Summary of {printable(self.tape.model)}"


def _sorted(lines: list[Line], sort: str, descending: bool) -> list[Line]:
    def key(line: Line) -> Any:
        return line.row.path if sort == LAYER else COLUMNS[sort].key(line)

    return sorted(lines, key=key, reverse=descending)


def _is_number(name: str) -> bool:
    return COLUMNS[name].number is not None


def _html_cell(name: str, cell: str, line: Line) -> str:
    if not _is_number(name):
        return f"<td>{html.escape(cell)}</td>"
    # The key of what is written shortened: a script sorts by it.
    key = f"{COLUMNS[name].key(line):.6g}" if cell else ""
    return f'<td class="cv-number" data-key="{key}">{html.escape(cell)}</td>'


def _around(line: Line) -> str:
    """`blocks.0.` in front of `attn`."""
    above = line.row.path.rpartition(".")[0]
    return f"{printable(above)}." if above else ""


def _fill(line: Line) -> str:
    return f"family.{look.family(line.row.family)}.text"


def _label(line: Line) -> str:
    row = line.row
    kind = printable(row.kind)
    if line.kind == "more":
        return f"… {line.count:,} more modules"
    if line.kind == "same":
        what = f"{line.count} × {kind}" if row.like and "…" in line.span else kind
        return f"{printable(line.span)} ({what}, as {printable(_last(row.like))})"
    name = f"{fit(printable(row.name), LONGEST_NAME)} ({kind})" if row.name else kind
    if row.alias_of is not None:
        return f"{name} is {printable(row.alias_of) or 'the model itself'}"
    return f"{name} ×{row.calls}" if row.calls > 1 else name


def _last(path: str | None) -> str:
    return (path or "").rpartition(".")[2]


def _parameter_text(total: Totals) -> str:
    if not total.params:
        return "none"
    text = f"{total.params:,}"
    if total.params >= 1000:
        text += f" ({look.format_count(total.params)})"
    if not total.frozen:
        return text + ", all trainable"
    return f"{text}, {total.trainable:,} trainable, {total.frozen:,} frozen"


def _reads(tape: Tape, path: str, used: set[str]) -> bool:
    return any(parameter.path in used for parameter in tape.modules[path].parameters)


def _listed(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


# Two classes in every rule, because JupyterLab has rules of its own for tables in an output.
_CSS = (
    ".clownviz.cv-rows{color:var(--cv-text);font:13px/1.45 var(--cv-font-text);overflow-x:auto}"
    ".clownviz.cv-rows table{border-collapse:collapse;table-layout:auto;margin:0;width:auto;"
    "font:inherit;color:inherit;font-variant-numeric:tabular-nums}"
    ".clownviz.cv-rows th,.clownviz.cv-rows td{padding:.16em .6em;text-align:left;"
    "white-space:nowrap;border:0;max-width:none;vertical-align:top}"
    # Where the page is narrow long names take several lines, and the numbers stay in sight.
    ".clownviz.cv-rows td:is(.cv-long,.cv-flat :first-child)"
    "{white-space:normal;overflow-wrap:anywhere;box-sizing:border-box;min-width:16em}"
    "@media (max-width:760px){.clownviz.cv-rows th,.clownviz.cv-rows td"
    "{padding-left:.3em;padding-right:.3em}}"
    ".clownviz.cv-rows th{color:var(--cv-muted);font-weight:500;"
    "border-bottom:1px solid var(--cv-border)}"
    ".clownviz.cv-rows .cv-number{text-align:right}"
    ".clownviz.cv-rows s{display:none;color:var(--cv-muted);text-decoration:none}"
    ".clownviz.cv-rows .cv-flat s{display:inline}"
    ".clownviz.cv-rows .cv-flat td:first-child{padding-left:1.5em !important}"
    ".clownviz.cv-rows [data-sorts] th{cursor:pointer}"
    ".clownviz.cv-rows [data-sorts] th:hover{color:var(--cv-text)}"
    ".clownviz.cv-rows th[aria-sort=descending]::after{content:' ↓'}"
    ".clownviz.cv-rows th[aria-sort=ascending]::after{content:' ↑'}"
    ".clownviz.cv-rows th:is([aria-sort=descending],[aria-sort=ascending])"
    "{color:var(--cv-text)}"
    ".clownviz.cv-rows tbody tr:nth-child(n){background:none}"
    ".clownviz.cv-rows tbody tr:nth-child(n):hover{background:var(--cv-surface)}"
    ".clownviz.cv-rows tr.cv-raised td{color:var(--cv-error)}"
    ".clownviz.cv-rows td i{float:left;width:.4em;height:.95em;border-radius:2px;"
    "margin:.2em 0 0 -.9em;opacity:.5}"
    ".clownviz.cv-rows dl{display:grid;grid-template-columns:max-content 1fr;gap:.15em 1em;"
    "margin:.5em .6em;border-top:1px solid var(--cv-border);padding-top:.5em}"
    ".clownviz.cv-rows dl dt{color:var(--cv-muted);font-weight:400;width:auto;white-space:nowrap}"
    ".clownviz.cv-rows dd{margin:0}"
)


class _Drawing:
    """The table as SVG: columns as wide as their widest cell, one row of pixels for each line."""

    LINE = 20
    LETTER = 6.9
    INDENT = 16
    GAP = 26

    def __init__(self, summary: Summary) -> None:
        self.summary = summary
        self.titles = summary.titles()
        self.right = [False, *map(_is_number, summary.columns)]
        self.body = [[summary.label(line), *summary.cells(line)] for line in summary.lines]
        self.levels = [len(line.guides) if summary.sort is None else 0 for line in summary.lines]

    def svg(self) -> str:
        widths = self._widths()
        starts = [16.0]
        for size in widths[:-1]:
            starts.append(starts[-1] + size + self.GAP)
        facts = self.summary.footer()
        fact_width = max(width(text) for _, text in facts) * self.LETTER + 110
        wide = max(starts[-1] + widths[-1], fact_width) + 16
        high = (len(self.body) + 1 + len(facts)) * self.LINE + 44
        parts = [rect(0, 0, wide, high, "background")]
        parts += self._cells(10, self.titles, starts, widths, "muted", 0)
        parts.append(rect(16, 10 + self.LINE + 2, wide - 32, 1, "border"))
        for at, (line, cells) in enumerate(zip(self.summary.lines, self.body)):
            y = 16 + (at + 1) * self.LINE
            indent = self.levels[at] * self.INDENT
            parts.append(rect(16 + indent, y + 3, 5, 14, _fill(line), ' rx="2" opacity="0.5"'))
            color = "error" if line.row.error else "text"
            parts += self._cells(y, cells, starts, widths, color, indent + 12)
        y = 16 + (len(self.body) + 1) * self.LINE + 8
        parts.append(rect(16, y, wide - 32, 1, "border"))
        for at, (name, text) in enumerate(facts):
            base = y + 20 + at * self.LINE
            parts.append(text_element(16, base, name, fill="muted"))
            color = "error" if name in ("failed", "shapes") else "text"
            parts.append(text_element(110, base, text, fill=color))
        return document(wide, high, parts, self.summary._title())

    def _widths(self) -> list[float]:
        widths = [width(title) * self.LETTER for title in self.titles]
        for level, cells in zip(self.levels, self.body):
            for at, cell in enumerate(cells):
                extra = level * self.INDENT + 12 if at == 0 else 0
                wide = max(pixels(cell, 12), width(cell) * self.LETTER)
                widths[at] = max(widths[at], wide + extra)
        return widths

    def _cells(
        self,
        y: float,
        cells: Sequence[str],
        starts: Sequence[float],
        widths: Sequence[float],
        color: str,
        indent: float,
    ) -> list[str]:
        made = []
        for at, cell in enumerate(cells):
            if not cell:
                continue
            x = starts[at] + widths[at] if self.right[at] else starts[at] + (0 if at else indent)
            anchor = "end" if self.right[at] else "start"
            made.append(text_element(x, y + 14, cell, fill=color, anchor=anchor))
        return made
