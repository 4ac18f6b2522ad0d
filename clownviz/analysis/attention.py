"""What attention heads look at: their weights by layer, and what is typical of each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..recording.attention import MASKED, decode_weights
from ..recording.tape import Tape

__all__ = ["Head", "Layer", "attention_layers"]

TYPICAL = 0.5
"""A head is named after what gets at least this share of its attention."""


@dataclass(frozen=True, slots=True)
class Head:
    """One head in numbers, as means over all queries that have a choice of keys.

    Attributes:
        spread: how many keys a query looks at, e to the entropy of its weights.
        itself, previous, first: the shares of attention that go to the query's own position, to
            the one before it, and to the first of all.
        peak: the largest weight; query and key.
    """

    number: int
    spread: float
    itself: float
    previous: float
    first: float
    peak: float
    peak_at: tuple[int, int]
    nan: int = 0

    @property
    def kind(self) -> str:
        """What it mostly looks at, in a word or two; nothing if that is mixed."""
        if self.nan:
            return "NaN"
        shares = {"itself": self.itself, "previous": self.previous, "first": self.first}
        name, share = max(shares.items(), key=lambda item: item[1])
        return name if share >= TYPICAL else ""


@dataclass(frozen=True)
class Layer:
    """The attention of one call of one module.

    Attributes:
        label: path and call number.
        codes: (n, H, L, S) bytes; see `recording.attention`.
        shape: (N, H, L, S) of what ran.
    """

    label: str
    kind: str
    shape: tuple[int, ...]
    codes: np.ndarray

    @property
    def heads(self) -> int:
        """H."""
        return self.codes.shape[1]

    @property
    def part(self) -> str:
        """What of a long text is kept, or nothing where that is all."""
        kept, whole = self.codes.shape[2:], self.shape[2:]
        return "" if kept == whole else f"first {max(kept):,} of {max(whole):,} positions"

    def weights(self, example: int, head: int) -> np.ndarray:
        """(L, S): the weights of one head."""
        return decode_weights(self.codes[example, head])

    def masked(self, example: int, head: int) -> np.ndarray:
        """(L, S): which keys a query could not see."""
        return self.codes[example, head] == MASKED

    @cached_property
    def facts(self) -> list[Head]:
        """Every head of the first example in numbers."""
        return [_head(number, self.codes[0, number]) for number in range(self.heads)]


def attention_layers(tape: Tape, step: int = 0) -> list[Layer]:
    """All attention of one run of the model whose weights are on the tape, in order."""
    return list(_layers(tape, step))


def _layers(tape: Tape, step: int) -> Iterator[Layer]:
    seen: dict[str, int] = {}
    for one in tape.attention:
        index = tape.operations[one.operation].call
        call = tape.calls[index] if index is not None else None
        if one.array is None or (call.step if call is not None else 0) != step:
            continue
        label = call.label if call is not None else "outside of the model"
        count = seen[label] = seen.get(label, 0) + 1
        # A module may attend more than once in one call: to itself and to another text.
        label += f" ({count})" if count > 1 else ""
        yield Layer(label, call.kind if call is not None else "", one.shape, one.array)


def _head(number: int, codes: np.ndarray) -> Head:
    weights = decode_weights(codes).astype(np.float64)
    nan = int(np.isnan(weights).sum())
    weights = np.nan_to_num(weights)
    length, keys = weights.shape
    if not weights.size:
        return Head(number, math.nan, 0.0, 0.0, 0.0, 0.0, (0, 0), nan)
    # The first query of a causal text has no choice, and would count as attention to the first.
    free = (codes != MASKED).sum(-1) > 1
    chosen = weights[free] if free.any() else weights
    places = np.flatnonzero(free) if free.any() else np.arange(length)
    logs = np.log(np.where(chosen > 0, chosen, 1.0))
    spread = float(np.exp(-(chosen * logs).sum(-1)).mean())
    at = divmod(int(np.argmax(chosen)), keys)
    return Head(
        number,
        spread,
        _share(chosen, places, places),
        _share(chosen, places, places - 1),
        float(chosen[:, 0].mean()),
        float(chosen.max()),
        (int(places[at[0]]), at[1]),
        nan,
    )


def _share(weights: np.ndarray, rows: np.ndarray, keys: np.ndarray) -> float:
    """The mean weight that each row gives to its one key; 0 where there is no such key."""
    there = (keys >= 0) & (keys < weights.shape[1])
    given = np.zeros(len(rows))
    given[there] = weights[np.flatnonzero(there), keys[there]]
    return float(given.mean()) if len(given) else 0.0
