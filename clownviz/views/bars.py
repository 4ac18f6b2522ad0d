"""A vector as bars from zero, each in the colour of its value."""

from __future__ import annotations

import html
import math

import numpy as np

from .. import look
from .cells import GAP, SMALLEST_SIGN, Block, Size, gap_line, starts
from .codes import decode, marks
from .raster import colors_of
from .svg import text_element

__all__ = ["draw_bars"]

HIGH = 90.0
WIDEST = 28
NAN_HIGH = 14.0


def draw_bars(block: Block, x: float, y: float, box: Size) -> tuple[list[str], float, float]:
    """The only row of a block as bars, and the width and height that they take."""
    count, pieces = block.codes.shape[1], block.columns.pieces()
    gaps = GAP * (len(pieces) - 1)
    slot = max(2, min(WIDEST, int((box[0] - gaps) // max(1, count))))
    high = min(box[1], HIGH)
    zero = y + (high / 2 if block.signed else high)
    wide = slot * count + gaps
    line = f'<path d="M{x:g} {zero:g}h{wide:g}" style="stroke:{look.variable("border")}"/>'
    parts = [line]
    values = decode(block.codes[0], block.limit, block.signed)
    signs = {
        int(at): sign for sign, where in marks(block.codes[0]) for at in np.flatnonzero(where)
    }
    lefts = starts(pieces, x, slot)
    parts += [gap_line(left - GAP / 2, y, 0, high) for left in lefts[1:]]
    for piece, left in zip(pieces, lefts):
        for at in range(piece.start, piece.stop):
            place = piece.first + (at - piece.start) * piece.step
            bar = (left + (at - piece.start) * slot, slot, zero - y if block.signed else high)
            parts += _bar(block, at, place, float(values[at]), signs.get(at, ""), bar, zero)
    return parts, wide, high


def _bar(
    block: Block,
    at: int,
    place: int,
    value: float,
    sign: str,
    slot: tuple[float, float, float],
    zero: float,
) -> list[str]:
    """One bar in its slot (left, width, reach), with its value as a title, and its sign."""
    left, wide, reach = slot
    share = 0.0 if math.isnan(value) or not block.limit else value / block.limit
    share = max(-1.0, min(1.0, share))
    # NaN has no height, but must not be overlooked.
    tall = min(reach, NAN_HIGH) if math.isnan(value) else max(1.0, abs(share) * reach)
    top = zero - tall if share >= 0 else zero
    masked = block.masked is not None and bool(block.masked[0, at])
    red, green, blue = colors_of(block.codes[0, at : at + 1], block.map)[0, :3].tolist()
    fill = look.variable("masked") if masked else f"#{red:02x}{green:02x}{blue:02x}"
    said = "masked" if masked else _said(value, sign)
    index = html.escape(block.index.replace("{c}", str(place)))
    parts = [
        f'<rect x="{left + 0.5:g}" y="{top:.1f}" width="{wide - 1:g}" height="{tall:.1f}" '
        f'style="fill:{fill};stroke:{look.variable("muted")};stroke-width:.5">'
        f"<title>{index} {html.escape(said)}</title></rect>"
    ]
    if sign and not masked and wide >= SMALLEST_SIGN:
        ink = "nan" if sign == "×" else "text"
        # Beyond the end of the bar, or above the line where there is none.
        y = top - 2 if share > 0 or math.isnan(value) else zero + tall + 9
        middle = left + wide / 2
        parts.append(text_element(middle, y, sign, fill=ink, anchor="middle", size=10, weight=700))
    return parts


def _said(value: float, sign: str) -> str:
    """What a bar stands for; one that is clipped stands for more than the end."""
    number = look.format_number(value)
    return {"+": f"> {number}", "−": f"< {number}"}.get(sign, f"≈ {number}")
