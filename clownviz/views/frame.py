"""The card that a picture stands in."""

from __future__ import annotations

from .. import look
from .svg import rect, text_element
from .text import fit, printable, width

__all__ = ["ASKED", "PAD", "card"]

PAD = 16
ASKED = "clownviz cv-asks"
"""The class of an `<img>` whose cells answer where `ask.js` runs."""


def card(wide: float, high: float, title: str, note: str = "", role: str = "") -> list[str]:
    """Ground and border, the title on the left, a note in code letters on the right.

    A strip in the hue of the role runs along the top.
    """
    room = int((wide - 2 * PAD) / 7.4)
    note = fit(printable(note), max(8, room - 14))
    title = fit(printable(title), max(8, room - width(note) - 2))
    parts = [
        f'<rect x="0.5" y="0.5" width="{wide - 1:.0f}" height="{high - 1:.0f}" rx="8" '
        f'style="fill:{look.variable("background")};stroke:{look.variable("border")}"/>',
        text_element(PAD, 28, title, size=14, weight=600),
        text_element(wide - PAD, 28, note, fill="muted", anchor="end", size=11.5, code=True),
    ]
    if role:
        parts.insert(1, rect(PAD, 0, wide - 2 * PAD, 3, f"role.{role}.mark", ' rx="1.5"'))
    return parts
