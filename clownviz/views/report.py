"""One HTML file with a model in it: no kernel, no network, and everything can be chosen and asked.

The page carries the data of an `Explorer`, packed, the same ES modules as the widget, and a policy
that lets it load nothing and run nothing but the one script whose hash stands in it.

What it carries keeps to a budget, so that a page of any model is a file to hand on: it says what
it leaves out, and how to see that. As the last line of a cell a report is a card, not the page.
"""

from __future__ import annotations

import base64
import hashlib
import html
import os
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import look
from ..analysis.modules import Row
from ..front.link import link, stylesheet
from ..recording.collector import collector_paused
from ..recording.keep import parse_bytes
from .card import draw_card
from .explorer import Explorer
from .findings import Findings
from .packed import Packing, packed
from .text import printable
from .view import View

__all__ = ["Report"]

BUDGET = "1.4 MiB"
COLUMNS = 96
MOST_OF_A_SECTION = 400_000
"""A section whose picture takes more letters stands in the page as text."""


class Report(View):
    """An explorer and other views as one self-contained page, with a table of contents.

    Args:
        explorer: what the page shows live.
        title: the heading; the model's class by default.
        subtitle: a line below it, such as the accuracy.
        sections: further views with their headings, below the explorer: training curves, the
            summary. They stand in the page as their static HTML.
        budget: the most bytes that the page may take. What is always there comes first: the
            sections, the tree, the selected module; then as many modules' arrays as have room.

    >>> from clownviz.recording.tape import ModuleInfo, Tape
    >>> tape = Tape("Net", {"": ModuleInfo("", "", "Net", "container")})
    >>> Report(Explorer(tape)).html().splitlines()[0]
    '<!doctype html>'
    """

    def __init__(
        self,
        explorer: Explorer,
        *,
        title: str | None = None,
        subtitle: str = "",
        sections: Sequence[tuple[str, View]] = (),
        budget: str | int = BUDGET,
    ) -> None:
        self.explorer = explorer
        self.title = printable(title or explorer.tape.model)
        self.subtitle = printable(subtitle)
        self.sections = list(sections)
        self.budget = parse_bytes(budget)

    def text(self) -> str:
        """The model, its tree, what was found, what is in the page, and how to save it."""
        head = f"{self._name()} · {self.subtitle}" if self.subtitle else self._name()
        found = self._findings()
        told = (f"In the page: {', '.join(self._contents())}", self._how_to_save())
        page = "\n".join(textwrap.fill(line, COLUMNS) for line in told)
        parts = [head, self.explorer.outline(), found.brief() if found else "", page]
        return "\n\n".join(part for part in parts if part)

    def card(self) -> str:
        """What a notebook shows: HTML with a picture, the findings, and how to save the page."""
        found = self._findings()
        return draw_card(
            title=self._name(),
            subtitle=self.subtitle,
            picture=self.explorer.html(),
            findings=found.html() if found else "",
            contents=self._contents(),
            save=self._how_to_save(),
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.card(), "text/plain": self.text()}

    def _name(self) -> str:
        return f"Report of {self.title}"

    def _findings(self) -> Findings | None:
        return next((view for _, view in self.sections if isinstance(view, Findings)), None)

    def _how_to_save(self) -> str:
        name = "-".join(re.findall("[a-z0-9]+", self.title.lower()))[:40] or "report"
        return (
            f'`report.save("{name}.html")` writes it: one file, kept to '
            f"{look.format_bytes(self.budget)}, that needs neither a kernel nor a network."
        )

    def svg(self) -> str:
        return self.explorer.svg()

    def json(self) -> dict[str, Any]:
        """What the page carries, and the data of each section."""
        sections = [{"title": printable(name), "data": view.json()} for name, view in self.sections]
        return {**self.carried(), "sections": sections}

    def carried(self, room: int | None = None) -> dict[str, Any]:
        """What the page's script reads: the scene, the selection, details with their bytes.

        Args:
            room: the most bytes that it may take, packed; the whole budget if that is not said.
        """
        explorer, details, packing = self.explorer, dict[str, Any](), Packing()
        room = self.budget if room is None else room
        scene = explorer.scene()
        # What the scene leaves is shared by the details; the first is carried in any case.
        share = max(1, (room - packing.with_(scene)) // max(1, len(explorer.rows)))
        for path in self._by_interest():
            detail, data = explorer.detail(path, share)
            known = {"detail": detail, "bytes": base64.b64encode(data).decode()}
            if packing.with_(known) > room and details:
                break
            details[path] = known
        left = len(explorer.rows) - len(details)
        if left:
            scene["notes"].append(
                f"This page carries the arrays of {len(details):,} modules; {left:,} more have "
                "only their facts. clownviz.explore(model, x) shows all; a report with a larger "
                'budget="…" carries more.'
            )
        return {"scene": scene, "selection": explorer.selection, "details": details}

    def _by_interest(self) -> list[str]:
        """The modules whose details are worth a place: of equal blocks the first before others."""
        rows, chosen = self.explorer.rows, self.explorer.selection
        alike = _alike(rows)
        return [*dict.fromkeys([chosen, *(r.path for r in rows if r.path not in alike), *alike])]

    @collector_paused()
    def html(self) -> str:
        """The whole document."""
        before, after = self._around_data()
        room = max(0, self.budget - len(before.encode()) - len(after.encode()))
        # In base64 no name in the data can end the element that holds it.
        return f"{before}{base64.b64encode(packed(self.carried(room))).decode()}{after}"

    def _around_data(self) -> tuple[str, str]:
        """The document up to its data, and from there on."""
        script = "\n" + link("page.js")
        sections = "".join(
            f'<section id="section-{at}"><h2>{html.escape(printable(name))}</h2>'
            f'<div class="cv-drawn">{_drawn(view)}</div></section>'
            for at, (name, view) in enumerate(self.sections, 1)
        )
        subtitle = f"<p>{html.escape(self.subtitle)}</p>" if self.subtitle else ""
        # The still stands where the explorer will: it is what a page without scripts shows.
        before = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(self.title)}</title>
<style>
{look.css(".clownviz", jupyter=False)}{stylesheet("explorer.css", "detail.css")}{_CSS}</style>
</head>
<body class="clownviz">
<header><h1>{html.escape(self.title)}</h1>{subtitle}{self._links()}</header>
<main>
<div id="clownviz-explorer">{self.explorer.svg()}</div>
{sections}
</main>
<script type="application/gzip" id="clownviz-data">"""
        after = f"""</script>
<script type="module">{script}</script>
</body>
</html>
"""
        return before, after

    def _links(self) -> str:
        """Links to what is in the page, if it is more than the explorer."""
        if not self.sections:
            return ""
        places = ["clownviz-explorer", *(f"section-{at + 1}" for at in range(len(self.sections)))]
        links = "".join(
            f'<a href="#{place}">{html.escape(name)}</a>'
            for place, name in zip(places, self._contents())
        )
        return f'<nav aria-label="Contents">{links}</nav>'

    def _contents(self) -> list[str]:
        """The explorer and the sections: `Feature maps of conv1`, and then `conv2` alone."""
        names, before = ["Explorer"], ""
        for name, _ in self.sections:
            kind, _, rest = printable(name).partition(" of ")
            names.append(rest if rest and kind == before else printable(name))
            before = kind if rest else ""
        return names

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page, or what else the ending of the name asks for; see `View.save`."""
        target = Path(path)
        if target.suffix.lower() != ".html":
            return super().save(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(self.html(), encoding="utf-8")
        return target


def _policy(script: str) -> str:
    """Nothing is loaded from anywhere; no script runs but this one; styles are inline."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _drawn(view: View) -> str:
    """A section's picture, or its text if the picture is larger than a page of many can take."""
    picture = view.html()
    if len(picture) <= MOST_OF_A_SECTION:
        return picture
    verb = re.sub(r"(?<!^)(?=[A-Z])", "_", type(view).__name__).lower()
    return (
        f"<p>Drawn, this takes {look.format_bytes(len(picture))} and is left out here; "
        f"<code>clownviz.{html.escape(verb)}</code> draws it.</p>"
        f"<pre>{html.escape(view.text())}</pre>"
    )


def _alike(rows: Sequence[Row]) -> dict[str, None]:
    """The paths of what repeats an earlier block, and of all that is in it, in order."""
    found: dict[str, None] = {}
    for row in rows:
        if row.like is not None or row.parent in found:
            found[row.path] = None
    return found


_CSS = """
body.clownviz {
  margin: 0;
  padding: 24px clamp(12px, 3vw, 40px) 48px;
  background: var(--cv-background);
  color: var(--cv-text);
  font: 14px/1.5 var(--cv-font-text);
}

body > :is(header, main) {
  max-width: 1480px;
  margin: 0 auto;
}

body > header {
  padding-bottom: 16px;
}

body h1 {
  margin: 0;
  font-size: 24px;
  font-weight: 680;
  line-height: 1.25;
  overflow-wrap: anywhere;
}

body > header p {
  margin: 2px 0 0;
  color: var(--cv-muted);
}

body > header nav {
  display: flex;
  flex-wrap: wrap;
  gap: 2px 18px;
  margin-top: 10px;
}

body > header nav a {
  color: var(--cv-accent);
  text-decoration: none;
}

body > header nav a:is(:hover, :focus-visible) {
  text-decoration: underline;
}

main > section > h2 {
  margin: 32px 0 10px;
  font-size: 17px;
  font-weight: 650;
}

.cv-drawn {
  overflow-x: auto;
}

/* A graph in its own size is looked at through a window. */
@media screen {
  .cv-drawn:has(> img[style*="max-width:none"]) {
    overflow: auto;
    max-height: min(860px, 85vh);
    border: 1px solid var(--cv-border);
    border-radius: 8px;
  }
}

main > section svg,
#clownviz-explorer > svg {
  max-width: 100%;
  height: auto;
}

#clownviz-explorer .cv-top h2 {
  display: none;
}

#clownviz-explorer .cv-body {
  height: min(760px, max(480px, 100vh - 170px));
}

@media (max-width: 660px) {
  #clownviz-explorer .cv-body {
    height: 820px;
  }
}
"""
