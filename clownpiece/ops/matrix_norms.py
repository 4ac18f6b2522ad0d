"""Sizes of matrices, by their elements, rows, columns or singular values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .arguments import Dims, Dtype
from .arithmetic import abs
from .composition import composition
from .dims import axis_of
from .extrema import amax, amin
from .factorizations import svdvals
from .norms import vector_norm
from .reductions import sum
from .samples import S, well_conditioned
from .shape import movedim, squeeze, unsqueeze

__all__ = ["linalg_norm", "matrix_norm"]


def _matrix_norm(
    x: Any,
    ord: Any = "fro",
    dim: Sequence[int] = (-2, -1),
    keepdim: bool = False,
    dtype: Dtype = None,
) -> Any:
    if len(dim) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple; got {tuple(dim)}")
    if ord == "fro":
        return vector_norm(x, 2, tuple(dim), keepdim, dtype)
    first, second = [axis_of(each, x.ndim) for each in dim]
    if 0 in (x.shape[first], x.shape[second]) and ord not in (-1, -2, -math.inf):
        return vector_norm(x, 2, tuple(dim), keepdim, dtype)  # without cells: 0
    if ord in ("nuc", 2, -2):
        values = svdvals(movedim(x, (first, second), (-2, -1)))
        reduce = {"nuc": sum, 2: amax, -2: amin}[ord]
        found = reduce(values, -1)
        for axis in sorted((first, second)) if keepdim else ():
            found = unsqueeze(found, axis)
        return found
    if ord not in (1, -1, math.inf, -math.inf):
        raise RuntimeError(
            f"linalg.matrix_norm: Order {ord} not supported: it is 'fro', 'nuc', ±1, ±2 or ±inf"
        )
    added, taken = (first, second) if ord in (1, -1) else (second, first)
    sums = sum(abs(x), added, True)
    found = (amax if ord > 0 else amin)(sums, taken, True)
    return found if keepdim else squeeze(found, (first, second))


matrix_norm = composition(
    "linalg.matrix_norm",
    _matrix_norm,
    latex=r"\|x\|",
    doc="""The size of matrices: `ord` "fro" (Frobenius), "nuc" (nuclear), ±1, ±2 or ±inf.""",
    samples=[
        S(well_conditioned(3, 4)),
        *[S(well_conditioned(2, 3, 4), ord=ord) for ord in ("nuc", 1, -1, 2, -2)],
        S(well_conditioned(3, 4), ord=math.inf, keepdim=True),
        S(well_conditioned(2, 3, 4), ord="nuc", dim=(0, 2), keepdim=True),
    ],
    expose="linalg",
)


def _linalg_norm(
    x: Any, ord: Any = None, dim: Dims = None, keepdim: bool = False, dtype: Dtype = None
) -> Any:
    if isinstance(dim, (tuple, list)) and len(dim) not in (1, 2):
        raise RuntimeError(
            f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dim)}"
        )
    pair = isinstance(dim, (tuple, list)) and len(dim) == 2
    if ord is not None and (pair or (dim is None and x.ndim == 2)):
        return matrix_norm(x, ord, dim if pair else (-2, -1), keepdim, dtype)
    if ord is not None and dim is None and x.ndim != 1:
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. "
            f"Got {x.ndim}D."
        )
    if isinstance(ord, str):
        raise RuntimeError(f"linalg.norm: ord {ord!r} is for matrices; got dim {dim}")
    return vector_norm(x, 2 if ord is None else ord, dim, keepdim, dtype)


linalg_norm = composition(
    "linalg.norm",
    _linalg_norm,
    latex=r"\|x\|",
    doc="`matrix_norm` of matrices when `ord` is given, else `vector_norm`.",
    samples=[S((3, 4)), S((3, 4), dim=1), S(well_conditioned(3, 4), ord=2), S((4,), ord=1)],
    expose="linalg",
)
