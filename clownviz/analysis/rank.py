"""How many directions a matrix really uses.

Of the singular values σ of a matrix:

    effective rank  exp(−Σ p ln p)  with  p = σ / Σσ
    stable rank     ‖A‖²_F / ‖A‖²₂ = Σσ² / max σ²

Both are 1 for a matrix of one direction and at most its rank, which they reach where all
singular values are equal. Rounding does not change them much, as it does the rank.

O. Roy, M. Vetterli, *The effective rank*, 2007; M. Rudelson, R. Vershynin, *Sampling from large
matrices*, 2007.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, prod

import numpy as np

from ..recording.tape import Tape, Value
from .trace import Trace
from .units import unit_axis

__all__ = ["Rank", "activation_ranks", "capacities", "features_of", "rank_of", "weight_ranks"]

FLOATS = ("float", "bfloat")
MOST = 512
"""Rows and columns beyond this are sampled evenly: the cost of singular values is cubic."""


@dataclass(frozen=True, slots=True)
class Rank:
    """Ranks of one matrix.

    Attributes:
        label: of the parameter or the call.
        shape: of the matrix, before it was sampled.
        full: the most that the rank could be.
        sampled: whether it was.
    """

    label: str
    shape: tuple[int, int]
    full: int
    effective: float
    stable: float
    sampled: bool


def rank_of(matrix: np.ndarray, label: str = "", most: int = MOST) -> Rank:
    """The ranks of a matrix (rows, columns); 0 for one that is zero, empty or not finite.

    Args:
        most: rows and columns beyond so many are sampled.

    >>> r = rank_of(np.eye(4))
    >>> round(r.effective, 6), round(r.stable, 6)
    (4.0, 4.0)
    >>> round(rank_of(np.outer([1.0, 2.0], [3.0, 4.0])).effective, 6)
    1.0
    """
    shape = (matrix.shape[0], matrix.shape[1])
    seen = matrix[np.ix_(*(_spread(size, most) for size in shape))].astype(np.float64)
    full, sampled = min(seen.shape), seen.shape != shape
    largest = float(np.abs(seen).max(initial=0))
    if largest == 0 or not np.isfinite(largest):
        return Rank(label, shape, full, 0.0, 0.0, sampled)
    values = np.linalg.svd(seen / largest, compute_uv=False)
    p = values / values.sum()
    entropy = -float(np.sum(p * np.log(np.maximum(p, 1e-300))))
    stable = float(np.sum(values**2) / values[0] ** 2)
    return Rank(label, shape, full, float(np.exp(entropy)), stable, sampled)


def weight_ranks(tape: Tape) -> list[Rank]:
    """Of every weight whose array the tape has, (outputs, inputs · kernel)."""
    return [
        rank_of(parameter.array.reshape(parameter.shape[0], -1), parameter.path)
        for parameter in Trace(tape).parameters()
        if parameter.array is not None and len(parameter.shape) > 1 and parameter.array.size
    ]


def activation_ranks(tape: Tape, step: int = 0) -> list[Rank]:
    """Of every call's first output whose array the tape has, centred, (examples, features).

    The features of an image are its channels, and each pixel is an example.
    """
    trace = Trace(tape)
    found = []
    for call in tape.forward_calls(step):
        values = tape.refs(call.outputs)
        matrix = features_of(trace, values[0]) if values else None
        if matrix is not None:
            found.append(rank_of(matrix - matrix.mean(axis=0), call.label))
    return found


def features_of(trace: Trace, value: Value) -> np.ndarray | None:
    """A kept activation as (examples, features); None where there is none, or none of floats."""
    array = value.array
    if array is None or array.ndim < 2 or not array.size or array.dtype.kind != "f":
        return None
    axis = unit_axis(trace, value.id, array.ndim)
    return np.moveaxis(array, axis, -1).reshape(-1, array.shape[axis])


def capacities(trace: Trace) -> dict[int, float]:
    """By how many numbers of each example a Value is determined, for what operations made.

    The narrowest place on the way bounds it: behind a bottleneck of three features no layer has
    more than three directions to begin with.
    """
    values, found = trace.tape.values, dict[int, float]()

    def of(value: Value) -> float:
        if value.origin.startswith(("parameter:", "buffer:")):
            return 0.0
        # Tokens are numbers that stand for as many directions as there are words.
        return float(prod(value.shape[1:])) if value.dtype.startswith(FLOATS) else inf

    for operation in trace.tape.operations:
        given = (found[v] if v in found else of(values[v]) for v in operation.inputs)
        widest = max(given, default=inf)
        for v in operation.outputs:
            found[v] = min(of(values[v]), widest)
    return found


def _spread(size: int, most: int) -> np.ndarray:
    return np.unique(np.linspace(0, size - 1, min(size, most)).astype(np.intp))
