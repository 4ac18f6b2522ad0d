"""`findings`: what is wrong with a model, why that is believed, and what to type."""

from __future__ import annotations

import html
import re
import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import Any

from .. import look
from ..analysis.findings import SEVERITIES, Finding
from ..analysis.trace import Trace
from ..recording.tape import Tape
from .svg import document, rect, text_element
from .text import fit, printable, width, with_code
from .view import View

__all__ = ["Findings"]

MOST = 8
COLUMNS = 96

_SIGNS = {"error": ("✗", "error"), "warning": ("▲", "warning"), "note": ("●", "muted")}
_WIDE = 760
_LINE = 19
_LETTER = 6.6


class Findings(View):
    """Findings as cards: a sign and a sentence, where it is, the evidence, the fix.

    Args:
        found: what `clownviz.analysis.findings.examine` said, the most severe first.
        tape: what it was said of.
        checks: how many checks were asked.
    """

    def __init__(self, found: Sequence[Finding], tape: Tape, checks: int) -> None:
        self.found = list(found)
        self.tape = tape
        self.checks = checks

    # -- what is said ------------------------------------------------------------------------

    def headline(self) -> str:
        """`Net: 2 errors, 1 warning`, or that nothing was found."""
        name = printable(self.tape.model)
        if not self.found:
            ended = " before it failed" if self.tape.error is not None else ""
            return f"{name}: nothing found by {self._counted(self.checks, 'check')}{ended}"
        counts = Counter(finding.severity for finding in self.found)
        told = [self._counted(counts[kind], kind) for kind in SEVERITIES if counts[kind]]
        return f"{name}: {', '.join(told)}"

    def seen(self) -> str:
        """What the checks had to look at, and with it what they could not know."""
        trace = Trace(self.tape)
        runs, updates = len(trace.runs), len(self.tape.updates)
        backward = len(trace.steps_with_backward())
        told = [self._counted(runs, "run")] if runs else ["nothing was run"]
        told.append(f"{backward} with backward" if backward else "no backward")
        own = " of its own" if self.tape.steps_elsewhere else ""
        stepped = self._counted(updates, "optimizer step") if updates else "no optimizer step"
        told.append(stepped + own)
        return f"looked at: {', '.join(told)}{self._ended()}"

    def _ended(self) -> str:
        failed = self.tape.failed
        where = f" in {failed.label}" if failed is not None else ""
        return "" if self.tape.error is None else printable(f"; ended{where}: {self.tape.error}")

    @staticmethod
    def _counted(count: int, what: str) -> str:
        return f"{count:,} {what}{'' if count == 1 else 's'}"

    def _well(self) -> bool:
        return not self.found and self.tape.error is None

    def _shown(self) -> tuple[list[Finding], str]:
        """The findings there is room for, and what is said of the others."""
        rest = len(self.found) - MOST
        return self.found[:MOST], f"… {self._counted(rest, 'more finding')}" if rest > 0 else ""

    # -- as text, HTML, SVG, JSON ------------------------------------------------------------

    def text(self) -> str:
        shown, rest = self._shown()
        blocks = [f"{self.headline()}\n{self.seen()}"]
        for finding in shown:
            sign = _SIGNS[finding.severity][0]
            lines = _wrapped(f"{sign} {printable(finding.sentence)}", COLUMNS, "  ")
            for evidence in (_where(finding, self.tape.model), *map(printable, finding.evidence)):
                lines += _wrapped(f"    {evidence}", COLUMNS, "    ") if evidence else []
            lines += _wrapped(f"  → {printable(finding.fix)}", COLUMNS, "    ")
            blocks.append("\n".join(lines))
        return "\n\n".join([*blocks, *([rest] if rest else [])])

    def brief(self) -> str:
        """The headline and the sentences, without evidence and fixes."""
        shown, rest = self._shown()
        lines = [self.headline()]
        for finding in shown:
            told = f"{_SIGNS[finding.severity][0]} {printable(finding.sentence)}"
            lines += _wrapped(told, COLUMNS, "  ")
        return "\n".join([*lines, *([rest] if rest else [])])

    def json(self) -> dict[str, Any]:
        return {
            "model": self.tape.model,
            "checks": self.checks,
            "findings": [finding.json() for finding in self.found],
        }

    def html(self) -> str:
        shown, rest = self._shown()
        cards = "".join(_card(finding, self.tape.model) for finding in shown)
        more = f"<p>{html.escape(rest)}</p>" if rest else ""
        none = f'<b style="color:{look.variable("success")}">✓</b> ' if self._well() else ""
        return (
            f'<div class="clownviz cv-findings"><style>{look.css()}{_CSS}</style>'
            f"<header>{none}<b>{html.escape(self.headline())}</b>"
            f"<span>{html.escape(self.seen())}</span></header>"
            f"<ul>{cards}</ul>{more}</div>"
        )

    def svg(self) -> str:
        parts, y = _drawn_head(self.headline(), self.seen(), self._well())
        shown, rest = self._shown()
        for finding in shown:
            card, y = _drawn_card(finding, self.tape.model, y)
            parts += card
        if rest:
            parts.append(text_element(16, y + 14, rest, fill="muted"))
            y += 28
        high = y + 4
        return document(
            _WIDE, high, [rect(0, 0, _WIDE, high, "background"), *parts], self.headline()
        )


def _where(finding: Finding, model: str) -> str:
    """`features.1 · backward · run 3`; what the sentence says, forward and run 0 need no word."""
    place = finding.call if finding.call.startswith(finding.path) else finding.path
    said = re.search(rf"(?<![\w.]){re.escape(place)}(?!\w)", finding.sentence)
    parts = [place if place != model and not said else ""]
    parts += [finding.phase] if finding.phase != "forward" else []
    parts += [f"run {finding.step}"] if finding.step else []
    return printable(" · ".join(part for part in parts if part))


def _wrapped(text: str, columns: int, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text, columns, subsequent_indent=indent, break_on_hyphens=False, drop_whitespace=True
    )


def _card(finding: Finding, model: str) -> str:
    sign, color = _SIGNS[finding.severity]
    where = _where(finding, model)
    rows = [f"<span>{html.escape(printable(line))}</span>" for line in finding.evidence]
    place = f'<code class="cv-place">{html.escape(where)}</code>' if where else ""
    return (
        f'<li style="--cv-sign:{look.variable(color)}">'
        f'<b title="{finding.severity}" aria-label="{finding.severity}">{sign}</b>'
        f"<div><p>{place}{with_code(finding.sentence)}</p>"
        f"<small>{'<br>'.join(rows)}</small>"
        f"<em>→ {with_code(finding.fix)}</em></div></li>"
    )


def _drawn_head(headline: str, seen: str, well: bool) -> tuple[list[str], float]:
    parts = []
    x = 16.0
    if well:
        parts.append(text_element(x, 27, "✓", fill="success", size=14, weight=600))
        x += 20
    parts.append(text_element(x, 27, headline, size=14, weight=600))
    seen = fit(seen, int((_WIDE - 32) / _LETTER))
    parts.append(text_element(16, 46, seen, fill="muted"))
    return parts, 60.0


def _drawn_card(finding: Finding, model: str, y: float) -> tuple[list[str], float]:
    """One card that begins at y, and where the next may begin."""
    sign, color = _SIGNS[finding.severity]
    columns = int((_WIDE - 84) / _LETTER)
    where = _where(finding, model)
    sentence = _wrapped(_plain(finding.sentence), columns - width(where) - 4)
    told = [("text", 600, line) for line in sentence]
    for line in map(printable, finding.evidence):
        told += [("muted", 400, part) for part in _wrapped(line, columns)]
    told += [("text", 400, line) for line in _wrapped(f"→ {_plain(finding.fix)}", columns, "   ")]
    high = len(told) * _LINE + 14
    border = look.variable("border")
    parts = [
        f'<rect x="16.5" y="{y + 0.5:g}" width="{_WIDE - 33}" height="{high:g}" rx="6" '
        f'style="fill:{look.variable("surface")};stroke:{border}"/>',
        rect(17, y + 6, 3, high - 11, color, ' rx="1.5"'),
        text_element(30, y + 21, sign, fill=color, size=13, weight=600),
    ]
    if where:
        x = _WIDE - 28
        parts.append(text_element(x, y + 21, where, fill="muted", anchor="end", code=True))
    for at, (fill, weight, line) in enumerate(told):
        parts.append(text_element(50, y + 21 + at * _LINE, line, fill=fill, weight=weight))
    return parts, y + high + 10


def _plain(text: str) -> str:
    return printable(text).replace("`", "")


_CSS = (
    ".clownviz.cv-findings{color:var(--cv-text);max-width:56em;"
    "font:13px/1.5 var(--cv-font-text)}"
    ".clownviz.cv-findings header{display:flex;flex-wrap:wrap;gap:.1em .8em;align-items:baseline;"
    "margin:0 0 .6em}"
    ".clownviz.cv-findings header b{font-size:14px;font-weight:600}"
    ".clownviz.cv-findings header span{color:var(--cv-muted)}"
    ".clownviz.cv-findings ul{list-style:none;margin:0;padding:0;display:grid;gap:.6em}"
    ".clownviz.cv-findings li{display:grid;grid-template-columns:1.2em 1fr;gap:.5em;margin:0;"
    "padding:.5em .9em .55em .7em;background:var(--cv-surface);border:1px solid var(--cv-border);"
    "border-left:3px solid var(--cv-sign);border-radius:6px}"
    ".clownviz.cv-findings li>b{color:var(--cv-sign);text-align:center;font-weight:600}"
    ".clownviz.cv-findings p{margin:0;font-weight:600;overflow-wrap:anywhere}"
    ".clownviz.cv-findings p .cv-place{float:right;margin-left:1em;color:var(--cv-muted);"
    "font-weight:400}"
    ".clownviz.cv-findings small{display:block;font-size:12px;color:var(--cv-muted);"
    "font-variant-numeric:tabular-nums;overflow-wrap:anywhere}"
    ".clownviz.cv-findings em{display:block;font-style:normal;margin-top:.2em;"
    "overflow-wrap:anywhere}"
    ".clownviz.cv-findings code{font:12px/1.4 var(--cv-font-code);background:none;color:inherit;"
    "padding:0}"
    ".clownviz.cv-findings em code{background:var(--cv-grid);border-radius:3px;padding:.05em .3em}"
)
