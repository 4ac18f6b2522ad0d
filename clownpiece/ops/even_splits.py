"""A tensor cut into equal pieces: along its rows, its columns, its depth."""

from __future__ import annotations

from typing import Any

from .composition import composition
from .indexing import tensor_split
from .samples import S

__all__ = ["dsplit", "hsplit", "vsplit"]


def _split_along(name: str, dim: int, least: int, doc: str) -> Any:
    def split_evenly(x: Any, indices_or_sections: Any) -> Any:
        # Of a vector the horizontal direction is its only one.
        axis = 0 if x.ndim == 1 else dim
        if x.ndim < least:
            raise RuntimeError(
                f"{name} requires a tensor with at least {least} dimensions, but got a tensor "
                f"with {x.ndim} dimensions!"
            )
        sections = indices_or_sections
        if isinstance(sections, int) and (sections <= 0 or x.shape[axis] % sections):
            raise RuntimeError(
                f"{name} attempted to split along dimension {axis}, but the size of the dimension "
                f"{x.shape[axis]} is not divisible by the split_size {sections}!"
            )
        return tensor_split(x, sections, axis)

    return composition(
        name,
        split_evenly,
        outputs=None,
        latex=r"x",
        doc=doc,
        samples=[
            S((4, 2, 6), indices_or_sections=2),
            S((4, 3, 6), indices_or_sections=(1, 2)),
        ],
    )


hsplit = _split_along("hsplit", 1, 1, "Pieces of equal width, or cut at a list of columns.")
vsplit = _split_along("vsplit", 0, 2, "Pieces of equal height, or cut at a list of rows.")
dsplit = _split_along("dsplit", 2, 3, "Pieces of equal depth, or cut at indices of dimension 2.")
