"""The card that a picture stands in."""

from __future__ import annotations

from .. import look
from .svg import rect, text_element
from .text import fit, fit_pixels, pixels, printable, width

__all__ = ["ASKED", "PAD", "card", "head_width"]

PAD = 16
ASKED = "clownviz cv-asks"
"""The class of an `<img>` whose cells answer where `ask.js` runs."""

_TITLE, _CODE = 15.0, 7.0
"""A bold title of 14 pixels is as wide as a plain one of 15; what a letter of the note takes."""


def head_width(title: str, note: str, most: float = 720.0) -> float:
    """How wide a card must be to say its title and its note in full, up to `most`."""
    head = pixels(printable(title), _TITLE) + 14 + width(printable(note)) * _CODE + 2 * PAD
    return min(head, most)


def card(wide: float, high: float, title: str, note: str = "", role: str = "") -> list[str]:
    """Ground and border, the title on the left, a note in code letters on the right.

    A strip in the hue of the role runs along the top.
    """
    room = wide - 2 * PAD
    note = fit(printable(note), max(8, int(room / _CODE) - 14))
    title = fit_pixels(printable(title), max(60.0, room - width(note) * _CODE - 14), _TITLE)
    parts = [
        f'<rect x="0.5" y="0.5" width="{wide - 1:.0f}" height="{high - 1:.0f}" rx="8" '
        f'style="fill:{look.variable("background")};stroke:{look.variable("border")}"/>',
        text_element(PAD, 28, title, size=14, weight=600),
        text_element(wide - PAD, 28, note, fill="muted", anchor="end", size=11.5, code=True),
    ]
    if role:
        parts.insert(1, rect(PAD, 0, wide - 2 * PAD, 3, f"role.{role}.mark", ' rx="1.5"'))
    return parts
