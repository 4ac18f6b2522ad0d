"""`compare`: two models or checkpoints side by side, and where they begin to differ."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .. import look
from ..analysis.compare import Delta, Difference, Pair
from ..recording.tape import Tape
from .svg import document, rect, text_element
from .text import fit, fit_end, printable, table, width
from .view import View

__all__ = ["Compare"]

MOST_LINES = 60
MOST_LETTERS = 44
# A bar is a relative difference on a logarithmic scale from here to 1.
_SMALLEST = 1e-8

_LEGEND = "relative difference ‖b − a‖ / max(‖a‖, ‖b‖); bars from 1e-8 to 1, logarithmic"

_COLUMNS = (("weights", "weight"), ("output", "activation"), ("gradient", "gradient"))


@dataclass(slots=True)
class _Line:
    """One pair of modules: what they are, and their three differences."""

    pair: Pair
    kind: str
    family: str
    deltas: tuple[Delta | None, Delta | None, Delta | None]
    first: str

    @property
    def label(self) -> str:
        name = printable(self.pair.label) or "(the model)"
        return f"{name} ({printable(self.kind)})" if self.kind else name

    @property
    def note(self) -> str:
        """What differs about the structure."""
        if self.pair.b is None:
            return "only in A"
        if self.pair.a is None:
            return "only in B"
        moved = ("moved",) if self.pair.by == "structure" else ()
        return printable(", ".join((*moved, *self.pair.changes)))

    def says_something(self, tolerance: float) -> bool:
        """Whether it is worth a line where there is room for few."""
        if self.note or self.first:
            return True
        return any(d is not None and (d.exceeds(tolerance) or d.reason) for d in self.deltas)


class Compare(View):
    """What differs between two tapes, module by module.

    Args:
        difference: what `clownviz.analysis.compare.compare` found.
        a, b: the tapes it was found on.
    """

    def __init__(self, difference: Difference, a: Tape, b: Tape) -> None:
        self.difference = difference
        self.lines = _lines(difference, a, b)

    # -- what is said ------------------------------------------------------------------------

    def headline(self) -> str:
        """The answer in one sentence."""
        found = self.difference
        names = f"{printable(found.a)} and {printable(found.b)}"
        if found.same:
            return f"{names} do not differ."
        if not found.same_structure:
            return f"{names} differ in structure."
        return f"{names} have the same structure and differ in their numbers."

    def facts(self) -> list[tuple[str, str]]:
        """Structure, parameters, and the first divergence in each direction."""
        found = self.difference
        facts = [("structure", _structure(found.pairs))]
        if found.parameters:
            facts.append(("weights", _parameters(found)))
        for name, deltas, first, what in (
            ("forward", found.outputs, found.forward, "calls"),
            ("backward", found.gradients, found.backward, "calls"),
        ):
            known = [delta for delta in deltas if delta.relative is not None]
            if first is not None:
                where = fit_end(printable(first.label), MOST_LETTERS)
                facts.append((name, f"first differs at {where}: {_amount(first)}"))
            elif known:
                facts.append((name, f"{len(known)} {what} agree to {_power(found.tolerance)}"))
            elif deltas:
                facts.append((name, f"cannot be compared: {printable(deltas[0].reason)}"))
        return facts

    def _shown(self) -> tuple[list[_Line], int]:
        """The lines there is room for: where not for all, those that say something."""
        lines = self.lines
        if len(lines) > MOST_LINES:
            lines = [line for line in lines if line.says_something(self.difference.tolerance)]
        return lines[:MOST_LINES], len(self.lines) - len(lines[:MOST_LINES])

    def _columns(self) -> list[int]:
        """Which of the three differences there is anything to say of."""
        return [n for n in range(3) if any(line.deltas[n] is not None for line in self.lines)]

    def _cells(self, line: _Line) -> list[str]:
        return [_cell(line.deltas[n]) for n in self._columns()]

    def _noted(self) -> str:
        """The heading of the notes, where there are any."""
        return "structure" if any(line.note for line in self.lines) else ""

    def _left_out(self, count: int) -> str:
        return f"… {count:,} more modules" + (
            " without a difference" if count and self._rest_is_same() else ""
        )

    def _rest_is_same(self) -> bool:
        telling = [n for n in self.lines if n.says_something(self.difference.tolerance)]
        return len(telling) <= MOST_LINES

    # -- as text, HTML, SVG, JSON ------------------------------------------------------------

    def text(self) -> str:
        lines, left = self._shown()
        header = ["", "module", *(_COLUMNS[n][0] for n in self._columns()), self._noted()]
        body = [
            [line.first, fit(line.label, MOST_LETTERS), *self._cells(line), line.note]
            for line in lines
        ]
        right = [False, False, *(True for _ in self._columns()), False]
        head, rows = table(header, body, right, gap="  ")
        facts = self.facts()
        longest = max(len(name) for name, _ in facts)
        said = [self.headline(), *(f"{name:<{longest}}  {text}" for name, text in facts)]
        rule = "─" * max(map(width, [head, *rows]))
        more = [self._left_out(left)] if left else []
        return "\n".join([*said, "", head, rule, *rows, *more])

    def json(self) -> dict[str, Any]:
        found = self.difference
        return {
            "a": found.a,
            "b": found.b,
            "tolerance": found.tolerance,
            "same": found.same,
            "modules": [
                {
                    "a": line.pair.a,
                    "b": line.pair.b,
                    "by": line.pair.by,
                    "changes": list(line.pair.changes),
                    **{
                        name: _told(delta) for (name, _), delta in zip(_COLUMNS, line.deltas)
                    },
                }
                for line in self.lines
            ],
            "parameters": {delta.label: _told(delta) for delta in found.parameters},
            "forward": found.forward.label if found.forward is not None else None,
            "backward": found.backward.label if found.backward is not None else None,
        }

    def html(self) -> str:
        lines, left = self._shown()
        columns = self._columns()
        head = "".join(f'<th class="cv-number">{_COLUMNS[n][0]}</th>' for n in columns)
        body = "".join(self._html_line(line, columns) for line in lines)
        if left:
            body += f'<tr><td colspan="{len(columns) + 2}">{self._left_out(left)}</td></tr>'
        legend = f"<small>{_LEGEND}</small>" if columns else ""
        facts = "".join(
            f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>"
            for name, text in self.facts()
        )
        return (
            f'<div class="clownviz cv-compare"><style>{look.css()}{_CSS}</style>'
            f"<p>{html.escape(self.headline())}</p><dl>{facts}</dl>"
            f"<table><thead><tr><th>module</th>{head}<th>{self._noted()}</th></tr></thead>"
            f"<tbody>{body}</tbody></table>{legend}</div>"
        )

    def _html_line(self, line: _Line, columns: Sequence[int]) -> str:
        mark = f'<i style="background:{look.variable(_family(line))}"></i>'
        cells = ""
        for n in columns:
            delta = line.deltas[n]
            bar = f"--cv-share:{_share(delta):.0%};--cv-bar:{look.variable(_bar(n))}"
            cells += f'<td class="cv-number" style="{bar}">{html.escape(_cell(delta))}</td>'
        first = f"<b>{line.first}</b> " if line.first else ""
        kind = ' class="cv-first"' if line.first else ""
        return (
            f"<tr{kind}><td>{mark}{first}{html.escape(fit(line.label, MOST_LETTERS))}</td>{cells}"
            f"<td>{html.escape(line.note)}</td></tr>"
        )

    def svg(self) -> str:
        return _Drawing(self).svg()


def _lines(found: Difference, a: Tape, b: Tape) -> list[_Line]:
    outputs = _by_path(found.outputs, a)
    gradients = _by_path(found.gradients, a)
    firsts: dict[str, str] = {}
    for delta, sign in ((found.backward, "◀"), (found.forward, "▶")):
        if delta is not None:
            path = _path_of(delta.label, a)
            firsts[path] = sign + firsts.get(path, "")
    parameters: dict[str, Delta] = {}
    for delta in found.parameters:
        owner = delta.label.rpartition(".")[0]
        parameters[owner] = _worse(parameters.get(owner), delta)
    lines = []
    for pair in found.pairs:
        info = a.modules[pair.a] if pair.a is not None else b.modules[pair.b or ""]
        path = pair.a if pair.a is not None else "\0"
        deltas = (parameters.get(path), outputs.get(path), gradients.get(path))
        lines.append(_Line(pair, info.kind, info.family, deltas, firsts.get(path, "")))
    return lines


def _path_of(label: str, tape: Tape) -> str:
    path = label.partition("#")[0]
    return path if path in tape.modules else ""


def _by_path(deltas: Sequence[Delta], tape: Tape) -> dict[str, Delta]:
    """The worst difference of all calls of each module."""
    worst: dict[str, Delta] = {}
    for delta in deltas:
        path = _path_of(delta.label, tape)
        worst[path] = _worse(worst.get(path), delta)
    return worst


def _worse(known: Delta | None, other: Delta) -> Delta:
    if known is None or known.unlike:
        return known or other
    if other.unlike or known.relative is None:
        return other
    return other if (other.relative or 0.0) > known.relative else known


def _structure(pairs: Sequence[Pair]) -> str:
    counts = {
        "equal": sum(p.by == "path" and not p.changes for p in pairs),
        "moved": sum(p.by == "structure" for p in pairs),
        "changed": sum(p.by == "path" and bool(p.changes) for p in pairs),
        "only in A": sum(p.b is None for p in pairs),
        "only in B": sum(p.a is None for p in pairs),
    }
    return "modules: " + ", ".join(f"{n} {what}" for what, n in counts.items() if n)


def _parameters(found: Difference) -> str:
    known = [delta for delta in found.parameters if delta.unlike or delta.relative is not None]
    apart = [delta for delta in known if delta.exceeds(found.tolerance)]
    if not known:
        return f"cannot be compared: {printable(found.parameters[0].reason)}"
    if not apart:
        if all(delta.equal for delta in known):
            return f"all {len(known)} are equal to the bit"
        return f"all {len(known)} agree to {_power(found.tolerance)}"
    most = max(apart, key=lambda d: math.inf if d.relative is None else d.relative)
    angle = "" if most.cosine is None else f", cosine {look.format_number(most.cosine)}"
    where = fit_end(printable(most.label), MOST_LETTERS)
    return f"{len(apart)} of {len(known)} differ, most {where}: {_amount(most)}{angle}"


def _amount(delta: Delta) -> str:
    if delta.relative is None:
        return printable(delta.reason)
    if math.isinf(delta.relative):
        return "NaN or Inf in one of them only"
    return (
        f"Δ {look.format_number(delta.relative)} relative, "
        f"{look.format_number(delta.largest)} at most"
    )


def _power(tolerance: float) -> str:
    return f"{tolerance:.0e}".replace("e-0", "e-")


def _cell(delta: Delta | None) -> str:
    if delta is None:
        return ""
    if delta.relative is None:
        return "?" if "kept" in delta.reason else printable(delta.reason)
    if delta.equal:
        return "="
    return look.format_number(delta.relative)


def _share(delta: Delta | None) -> float:
    """How long the bar of a difference is, from 0 to 1."""
    if delta is None or not delta.relative:
        return 0.0
    size = min(max(delta.relative, _SMALLEST), 1.0)
    return 1 - math.log(size) / math.log(_SMALLEST)


def _told(delta: Delta | None) -> dict[str, Any] | None:
    if delta is None:
        return None
    relative = delta.relative
    return {
        "relative": None if relative is None or math.isinf(relative) else relative,
        "largest": None if math.isinf(delta.largest) else delta.largest,
        "cosine": delta.cosine,
        "equal": delta.equal,
        "reason": "NaN or Inf" if relative is not None and math.isinf(relative) else delta.reason,
    }


def _family(line: _Line) -> str:
    return f"family.{look.family(line.family)}.text"


def _bar(column: int) -> str:
    return f"role.{_COLUMNS[column][1]}.fill"


_CSS = (
    ".clownviz.cv-compare{color:var(--cv-text);font:13px/1.45 var(--cv-font-text);overflow-x:auto}"
    ".clownviz.cv-compare p{margin:0 0 .4em;font-weight:600}"
    ".clownviz.cv-compare dl{display:grid;grid-template-columns:max-content 1fr;gap:.15em 1em;"
    "margin:0 0 .6em}"
    ".clownviz.cv-compare dt{color:var(--cv-muted);font-weight:400;width:auto}"
    ".clownviz.cv-compare dd{margin:0}"
    ".clownviz.cv-compare table{border-collapse:collapse;margin:0;width:auto;font:inherit;"
    "color:inherit;font-variant-numeric:tabular-nums}"
    ".clownviz.cv-compare th,.clownviz.cv-compare td{padding:.16em .6em;text-align:left;"
    "white-space:nowrap;border:0;max-width:none}"
    ".clownviz.cv-compare th{color:var(--cv-muted);font-weight:500;"
    "border-bottom:1px solid var(--cv-border)}"
    ".clownviz.cv-compare tbody tr:nth-child(n){background:none}"
    ".clownviz.cv-compare .cv-number{text-align:right;min-width:6em}"
    ".clownviz.cv-compare td.cv-number{background:linear-gradient(to left,var(--cv-bar) "
    "var(--cv-share),transparent 0) content-box}"
    ".clownviz.cv-compare tr.cv-first td{font-weight:600}"
    ".clownviz.cv-compare tr.cv-first b{color:var(--cv-accent)}"
    ".clownviz.cv-compare small{display:block;margin:.5em .6em 0;color:var(--cv-muted)}"
    ".clownviz.cv-compare td i{display:inline-block;width:.4em;height:.95em;border-radius:2px;"
    "margin-right:.5em;vertical-align:-.1em;opacity:.5}"
)


class _Drawing:
    """The same table as SVG."""

    LINE = 20
    LETTER = 6.9
    BAR = 92

    def __init__(self, view: Compare) -> None:
        self.view = view
        self.lines, self.left = view._shown()
        self.columns = view._columns()
        names = [width(fit(line.label, MOST_LETTERS)) for line in self.lines] or [8]
        self.bars_at = 40 + max(names) * self.LETTER + 16
        self.notes_at = self.bars_at + len(self.columns) * (self.BAR + 14)

    def svg(self) -> str:
        facts = self.view.facts()
        notes = max((width(line.note) for line in self.lines), default=0)
        said = max(width(text) for _, text in [("", self.view.headline()), *facts])
        wide = max(self.notes_at + notes * self.LETTER + 16, said * self.LETTER + 116, 520)
        top = 36 + len(facts) * self.LINE + 14
        high = top + (len(self.lines) + 2 + bool(self.left)) * self.LINE + 16
        parts = [rect(0, 0, wide, high, "background")]
        parts.append(text_element(16, 26, self.view.headline(), size=13, weight=600))
        for at, (name, text) in enumerate(facts):
            y = 46 + at * self.LINE
            parts.append(text_element(16, y, name, fill="muted"))
            parts.append(text_element(100, y, text))
        parts.append(text_element(40, top + 12, "module", fill="muted"))
        for place, n in enumerate(self.columns):
            x = self._right_of(place)
            parts.append(text_element(x, top + 12, _COLUMNS[n][0], fill="muted", anchor="end"))
        parts.append(text_element(self.notes_at, top + 12, self.view._noted(), fill="muted"))
        parts.append(rect(16, top + 18, wide - 32, 1, "border"))
        for at, line in enumerate(self.lines):
            parts += self._line(line, top + 24 + at * self.LINE)
        if self.left:
            y = top + 24 + len(self.lines) * self.LINE
            parts.append(text_element(40, y + 14, self.view._left_out(self.left), fill="muted"))
        if self.columns:
            parts.append(text_element(40, high - 14, _LEGEND, fill="muted", size=11))
        return document(wide, high, parts, self.view.headline())

    def _right_of(self, place: int) -> float:
        return self.bars_at + place * (self.BAR + 14) + self.BAR

    def _line(self, line: _Line, y: float) -> list[str]:
        weight = 600 if line.first else 400
        parts = [rect(31, y + 3, 5, 14, _family(line), ' rx="2" opacity="0.5"')]
        if line.first:
            parts.append(text_element(28, y + 14, line.first, fill="accent", anchor="end", size=10))
        label = fit(line.label, MOST_LETTERS)
        parts.append(text_element(42, y + 14, label, weight=weight))
        for place, n in enumerate(self.columns):
            right, delta = self._right_of(place), line.deltas[n]
            long = _share(delta) * self.BAR
            if long:
                parts.append(rect(right - long, y + 2, long, 16, _bar(n)))
            cell = _cell(delta)
            if cell:
                parts.append(text_element(right - 4, y + 14, cell, anchor="end", weight=weight))
        if line.note:
            parts.append(text_element(self.notes_at, y + 14, line.note, fill="muted"))
        return parts
