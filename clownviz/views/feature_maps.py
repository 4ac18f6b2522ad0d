"""The channels of a module's output, or the kernels of a convolution, side by side."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import look
from ..analysis.channels import Channel, channels_of, ordered
from ..analysis.tensors import KeptTensor
from .array import ArrayView
from .facets import draw_facets
from .figures import Figure, cell_figure
from .frame import ASKED, PAD, card
from .svg import document, text_element
from .text import fit, printable, table
from .view import View

__all__ = ["FeatureMaps"]

MOST_MAPS = 64
MOST_ROWS = 48
WIDE, HIGH = 760.0, 620.0


class FeatureMaps(View):
    """One map a channel, all on one scale.

    Args:
        tensor: an activation `(N, C, …)`, or the weight `(out, in, …)` of a convolution.
        example: which of the batch, where more than one was kept.
        order: "index", or the strongest first by "mean", "std" or "max".
        scale: "array" for one scale, "unit" for one a map.
        most: the most maps to draw.

    Raises:
        ValueError: the tensor has no maps, or the order or the scale is not known.
        IndexError: that example was not kept.
    """

    script = "asking.js"

    def __init__(
        self,
        tensor: KeptTensor,
        *,
        example: int = 0,
        order: str = "index",
        scale: str = "array",
        most: int = MOST_MAPS,
    ) -> None:
        self.tensor = tensor
        array = _with_batch(tensor)
        kept = len(array)
        if not -kept <= example < kept:
            raise IndexError(
                f"example {example} of {tensor.title} was not kept: there "
                f"{'is' if kept == 1 else 'are'} {kept}, counted from 0"
            )
        self.example, self.examples = example % kept, kept
        self.channels = channels_of(array)
        self.order = order
        self.sorted = ordered(self.channels, order)
        self.drawn = _balanced(self.sorted, most) if order == "index" else self.sorted[:most]
        self.picture = self._picture(array[self.example], scale)

    def _picture(self, one: np.ndarray, scale: str) -> ArrayView:
        """The drawn channels as an array's picture, which knows scales and kernels."""
        numbers = [channel.number for channel in self.drawn]
        weight = _is_weight(self.tensor)
        view = ArrayView(
            one[numbers],
            title=self.tensor.title,
            role=self.tensor.role,
            image=True,
            tiles=True,
            scale=scale,
            shape=self.tensor.value.shape,
            stats=self.tensor.value.stats,
        )
        # The picture counts what it was given; a channel keeps its own number.
        places = [name.partition(", ") for name in view.unit_names]
        view.names = [f"{numbers[int(at)]}{comma}{rest}" for at, comma, rest in places]
        view.prefix = () if weight else (self.example,)
        return view

    @property
    def _notes(self) -> list[str]:
        """What is striking of each map that is drawn; of several kernels it is said once."""
        states = {str(channel.number): channel.state for channel in self.drawn}
        return [states.pop(name.partition(",")[0], "") for name in self.picture.unit_names]

    @property
    def title(self) -> str:
        """What the picture shows."""
        return f"{self.tensor.title} ({self.tensor.kind})"

    @property
    def note(self) -> str:
        """Shape, example, and what is left out."""
        whole = self.tensor.value.shape
        parts = [look.format_shape(whole)]
        if self.tensor.role != "weight" and whole[0] > 1 and len(whole) > 3:
            parts.append(f"example {self.example} of {whole[0]:,}")
        if len(self.drawn) < len(self.channels):
            parts.append(f"{len(self.drawn)} of {len(self.channels):,} channels")
        elif self.picture.names and not self.picture.axes[0].complete:
            parts.append(self.picture.axes[0].text("kernels"))
        if self.order != "index":
            parts.append(f"by {self.order}")
        return ", ".join(parts)

    def text(self) -> str:
        rows = [_row(channel) for channel in self.sorted]
        left = len(rows) - MOST_ROWS
        if left > 0:
            rows[MOST_ROWS // 2 : -MOST_ROWS // 2] = [[f"… {left} more", "", "", "", "", ""]]
        names = ("channel", "range", "mean", "std", "zeros", "")
        header, body = table(names, rows, (True, False, True, True, True, False))
        counts: dict[str, int] = {}
        for channel in self.channels:
            counts[channel.state] = counts.get(channel.state, 0) + 1
        told = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()) if state)
        seen = f"over {self.examples} example{'s' if self.examples != 1 else ''}"
        head = f"{printable(self.title)} {self.note}"
        last = [f"{told} of {len(self.channels)} channels, {seen}"] if told else []
        return "\n".join([head, "", header, *body, *last])

    def json(self) -> dict[str, Any]:
        view = self.picture
        return {
            "title": self.title,
            "example": self.example,
            "examples": self.examples,
            "order": self.order,
            "channels": [_facts(channel) for channel in self.sorted],
            "picture": view.facts(),
            "codes": base64.b64encode(view.data).decode(),
        }

    def svg(self) -> str:
        top = 46.0
        view = self.picture
        if view.codes.size:
            drawn, wide, high = draw_facets(
                view.blocks(), view.unit_names, PAD, top, (WIDE, HIGH), columns=view.columns,
                notes=self._notes,
            )  # fmt: skip
        else:
            drawn, wide, high = [text_element(PAD, top + 14, "no values", fill="muted")], 0.0, 20.0
        legend, legend_wide = view.draw_legend(PAD, top + high + 16)
        whole = max(wide, legend_wide, 460.0) + 2 * PAD
        tall = top + high + 42
        parts = [*card(whole, tall, self.title, self.note, self.tensor.role), *drawn, *legend]
        return document(whole, tall, parts, f"{printable(self.title)}: {self.note}")

    def html(self) -> str:
        return self.image(f"{printable(self.title)}: {self.note}", kind=ASKED)

    def figure(self, theme: str = "light") -> Figure:
        """A matplotlib figure in the same colours, with the same limits."""
        view = self.picture
        names = [f"{name} {note}".rstrip() for name, note in zip(view.unit_names, self._notes)]
        return cell_figure(self.title, view.blocks(), names, columns=view.columns, theme=theme)


def _with_batch(tensor: KeptTensor) -> np.ndarray:
    """The tensor as `(N, C, h, w)`; a weight as `(1, out, in, …)`."""
    array = tensor.array
    if _is_weight(tensor):
        if array.ndim < 3:
            raise ValueError(_no_maps(tensor))
        return array[None]
    if tensor.image and array.ndim == 3:
        array = array[None]
    if array.ndim < 3:
        raise ValueError(_no_maps(tensor))
    if array.ndim == 3:
        return array[:, :, None]
    return array.reshape(*array.shape[:2], math.prod(array.shape[2:-1]), array.shape[-1])


def _is_weight(tensor: KeptTensor) -> bool:
    return tensor.role == "weight" or tensor.title.endswith("weight gradient")


def _no_maps(tensor: KeptTensor) -> str:
    return (
        f"{tensor.title} of shape {look.format_shape(tensor.value.shape)} has no maps: expected "
        "(N, C, …) or the weight of a convolution; array() draws it"
    )


def _balanced(channels: Sequence[Channel], most: int) -> list[Channel]:
    """The first and the last, where there are more than fit."""
    if len(channels) <= most:
        return list(channels)
    head = (most + 1) // 2
    return [*channels[:head], *channels[len(channels) - (most - head) :]]


def _row(channel: Channel) -> list[str]:
    number = look.format_number
    extent = f"[{number(channel.low)}, {number(channel.high)}]"
    return [
        str(channel.number),
        fit(extent, 28),
        number(channel.mean),
        number(channel.std),
        f"{channel.zeros:.0%}",
        channel.state,
    ]


def _facts(channel: Channel) -> dict[str, Any]:
    facts = {name: getattr(channel, name) for name in channel.__slots__}
    finite = {name: None if value != value else value for name, value in facts.items()}
    return {**finite, "state": channel.state}
