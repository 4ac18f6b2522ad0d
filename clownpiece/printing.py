"""How a tensor prints: PyTorch's layout, so that people read it without thinking.

Four digits after the point; scientific notation when magnitudes spread; three items at each
edge of what has more than a thousand elements.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .dtypes import get_default_dtype

__all__ = ["format_tensor", "set_printoptions"]


@dataclass
class PrintOptions:
    """What `set_printoptions` changes."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


options = PrintOptions()


def set_printoptions(
    precision: int | None = None,
    threshold: int | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Change how tensors print; `profile` is "default", "short" or "full".

    Raises:
        ValueError: there is no such profile.
    """
    global options
    profiles = {
        "default": PrintOptions(),
        "short": PrintOptions(precision=2, edgeitems=2),
        "full": PrintOptions(threshold=math.inf),
    }
    if profile is not None:
        if profile not in profiles:
            raise ValueError(f"profile is one of {', '.join(profiles)}; got {profile!r}")
        options = profiles[profile]
    given = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    for name, value in given.items():
        if value is not None:
            setattr(options, name, value)
    options.sci_mode = sci_mode


class Formatter:
    """Turns each element into text of one common width."""

    def __init__(self, shown: np.ndarray) -> None:
        self.kind = shown.dtype.kind
        self.whole = self.kind == "f"
        self.scientific = False
        flat = shown.ravel()
        if self.kind == "f":
            finite = np.abs(flat[np.isfinite(flat) & (flat != 0)]).astype(np.float64)
            if finite.size:
                largest, smallest = finite.max(), finite.min()
                self.whole = bool((finite == np.ceil(finite)).all())
                self.scientific = bool(
                    largest / smallest > 1000.0
                    or largest > 1e8
                    or (not self.whole and smallest < 1e-4)
                )
            if options.sci_mode is not None:
                self.scientific = options.sci_mode
        self.width = max((len(self.text(each)) for each in flat), default=0)

    def text(self, value: Any) -> str:
        """One element, not padded."""
        if self.kind == "b":
            return "True" if value else "False"
        if self.kind != "f":
            return str(int(value))
        if self.scientific:
            return f"{value:.{options.precision}e}"
        if self.whole:
            return f"{value:.0f}" + ("." if math.isfinite(value) else "")
        return f"{value:.{options.precision}f}"

    def __call__(self, value: Any) -> str:
        return self.text(value).rjust(self.width)


def format_tensor(tensor: Any) -> str:
    """What `repr` returns: `tensor(…)` with dtype, size and history where they tell something."""
    array = tensor.array
    kind = "tensor"
    prefix = f"{kind}("
    tail = []
    if array.size == 0:
        body = "[]"
        if array.ndim != 1:
            tail.append(f"size={tuple(array.shape)}")
        implied: np.dtype | None = get_default_dtype().numpy
    else:
        folded = array.size > options.threshold
        formatter = Formatter(_edges(array) if folded else array)
        body = _format(array, formatter, len(prefix), folded)
        implied = {"f": get_default_dtype().numpy, "i": np.dtype(np.int64)}.get(array.dtype.kind)
        if array.dtype.kind == "b":
            implied = array.dtype
    if array.dtype != implied:
        tail.append(f"dtype={tensor.dtype!r}")
    if tensor.grad_fn is not None:
        tail.append(f"grad_fn={tensor.grad_fn!r}")
    elif tensor.requires_grad:
        tail.append("requires_grad=True")
    return _join(prefix + body, tail)


def _join(text: str, tail: list[str]) -> str:
    """Append what follows the numbers, on a line of its own where the last one is full."""
    used = len(text) - text.rfind("\n") - 1
    for part in tail:
        if used + len(part) + 3 > options.linewidth:
            text += ",\n       " + part
            used = 7 + len(part)
        else:
            text += ", " + part
            used += len(part) + 2
    return text + ")"


def _edges(array: np.ndarray) -> np.ndarray:
    """The elements that a folded print shows."""
    keep = options.edgeitems
    for axis, size in enumerate(array.shape):
        if size > 2 * keep:
            array = array.take([*range(keep), *range(size - keep, size)], axis)
    return array


def _format(array: np.ndarray, formatter: Formatter, indent: int, folded: bool) -> str:
    if array.ndim == 0:
        return formatter(array[()])
    keep = options.edgeitems
    fold = folded and array.shape[0] > 2 * keep
    chosen = [*range(keep), *range(-keep, 0)] if fold else list(range(array.shape[0]))
    if array.ndim == 1:
        items = [formatter(array[i]) for i in chosen]
        if fold:
            items.insert(keep, " ...")
        per_line = max(1, (options.linewidth - indent) // max(1, formatter.width + 2))
        lines = [items[i : i + per_line] for i in range(0, len(items), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(", ".join(line) for line in lines) + "]"
    parts = [_format(array[i], formatter, indent + 1, folded) for i in chosen]
    if fold:
        parts.insert(keep, "...")
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(parts) + "]"
