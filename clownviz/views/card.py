"""A report where it is not opened: what a notebook shows of it, small enough to be kept there.

The page itself is no output of a cell. As an `<iframe>` it would stay light in a dark JupyterLab,
its links would lead away from it, a notebook that is not trusted would drop it, and every save
would carry it along.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

from .. import look
from .text import with_code

__all__ = ["draw_card"]


def draw_card(
    *, title: str, subtitle: str, picture: str, findings: str, contents: Sequence[str], save: str
) -> str:
    """A fragment of HTML; without its styles, which some readers strip, it is still one to read.

    Args:
        title, subtitle: the heading.
        picture, findings: HTML of what is shown.
        contents: what is in the page.
        save: the sentence that says how to have it; what stands between backticks is code.
    """
    below = f"<span>{html.escape(subtitle)}</span>" if subtitle else ""
    listed = " · ".join(html.escape(name) for name in contents)
    return (
        f'<div class="clownviz cv-report"><style>{look.css()}{_CSS}</style>'
        f"<header><b>{html.escape(title)}</b>{below}</header>{picture}{findings}"
        f"<footer><p>In the page: {listed}</p><p>{with_code(save)}</p></footer></div>"
    )


_CSS = (
    ".clownviz.cv-report{box-sizing:border-box;max-width:960px;padding:14px 16px;"
    "color:var(--cv-text);background:var(--cv-background);border:1px solid var(--cv-border);"
    "border-radius:8px;font:13px/1.5 var(--cv-font-text)}"
    ".clownviz.cv-report>header{display:flex;flex-wrap:wrap;gap:.1em .8em;align-items:baseline;"
    "margin:0 0 10px}"
    ".clownviz.cv-report>header b{font-size:16px;font-weight:600;overflow-wrap:anywhere}"
    ".clownviz.cv-report>header span{color:var(--cv-muted)}"
    ".clownviz.cv-report>img{display:block}"
    ".clownviz.cv-report>.cv-findings{margin:14px 0 0;max-width:none}"
    ".clownviz.cv-report>footer{margin:12px 0 0;color:var(--cv-muted)}"
    ".clownviz.cv-report>footer p{margin:0;overflow-wrap:anywhere}"
    ".clownviz.cv-report>footer code{font:12px/1.4 var(--cv-font-code);color:var(--cv-text);"
    "background:var(--cv-grid);border-radius:3px;padding:.05em .3em}"
)
