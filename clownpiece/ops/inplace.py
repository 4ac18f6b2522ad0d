"""Changes in place: what may be changed, and which history a tensor has afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd.mode import mode
from ..autograd.node import Differentiate, Node
from ..tensor import Path, Tensor, replayed, wrap

__all__ = [
    "CopySlices",
    "check_fits",
    "check_inference",
    "check_may_change",
    "check_writable",
    "rebase",
    "shadow",
    "turn",
]

# -- what may be changed ---------------------------------------------------------------------


def check_inference(target: Tensor, name: str) -> None:
    """Whether this is no inference tensor, or one that is changed where it was made."""
    if target._inference and not mode.inference:
        raise RuntimeError(
            f"{name}: Inplace update to inference tensor outside InferenceMode is not allowed; "
            "make a clone() to get a normal tensor before doing inplace update"
        )


def check_writable(target: Tensor, name: str) -> None:
    """Whether the memory of a tensor may be written to at all.

    PyTorch lets `fill_` and `zero_` through on what `expand` repeats, and refuses other operands
    that overlap with the target in part; here the former is refused as every change is, and the
    latter computed as if the operand had been copied first.
    """
    check_inference(target, name)
    array = target.array
    if not array.flags.writeable:
        base = target._root()
        if 0 in array.strides or (base is not None and base.array.flags.writeable):
            raise RuntimeError(
                f"{name}: unsupported operation: more than one element of the written-to tensor "
                "refers to a single memory location, as expand() and unfold() make them; clone() "
                "it first"
            )
        raise RuntimeError(
            f"{name}: the memory of this tensor is read-only, as it was in the NumPy array that "
            "it was made from; clone() it first"
        )


def check_may_change(target: Tensor, name: str) -> None:
    """Whether a change of this tensor can be recorded: not of a leaf, nor of a fixed view."""
    base = target._base
    if base is not None and target._forbids is not None:
        raise RuntimeError(f"{name}: a view is being modified inplace; {target._forbids}")
    if not target.requires_grad:
        return
    if base is not None and base.is_leaf:
        raise RuntimeError(
            f"{name}: a view of a leaf Variable that requires grad is being used in an "
            "in-place operation; do it under no_grad(), or on a clone()"
        )
    if target.is_leaf:
        raise RuntimeError(
            f"{name}: a leaf Variable that requires grad is being used in an in-place "
            "operation; do it under no_grad(), or on a clone()"
        )


def check_fits(target: Tensor, result: np.ndarray, name: str) -> None:
    """Whether a result can be stored in a tensor, which keeps its shape and dtype."""
    if result.shape != target.array.shape:
        raise RuntimeError(
            f"{name}: output with shape {list(target.array.shape)} doesn't match the broadcast "
            f"shape {list(result.shape)}; an in-place result must fit its tensor"
        )
    if not np.can_cast(result.dtype, target.array.dtype, "same_kind"):
        raise RuntimeError(
            f"{name}: result type {result.dtype} can't be cast to the desired output type "
            f"{target.array.dtype}; use the form without the underscore"
        )

# -- the history afterwards ------------------------------------------------------------------


class CopySlices(Node):
    """A base after one of its views was changed in place, by the node that it holds.

    The gradient of the new base is handed to the old one, except in the place of the view: there
    stands what the node makes of it, the gradient of the old view.

    Args:
        base: the tensor whose view was changed.
        node: what changed it.
        path: from the base to the view.
        place: which input of the node the view was.
    """

    __slots__ = ("node", "order", "path", "place")

    def __init__(self, base: Tensor, node: Node, path: Path, place: int = 0) -> None:
        edges = list(node.edges)
        edges[place] = base._edge()
        super().__init__(edges, [(base.array.shape, base.array.dtype)])
        self.node = node
        self.order = _memory_order(base.array)
        self.path = path
        self.place = place

    def backward(self, grads: list[Any], differentiate: Differentiate | None) -> Sequence[Any]:
        kept = _copied(grads[0], self.order)
        part = replayed(kept, self.path)
        of_part = np.array(part) if differentiate is None else part.clone()
        results = list(self.node.backward([of_part], differentiate))
        if self.edges[self.place] is not None:
            before = results[self.place]
            part[...] = 0 if before is None else before
            results[self.place] = kept
        return results

    def release(self) -> None:
        self.node.release()


def _memory_order(array: np.ndarray) -> tuple[int, ...]:
    """The dimensions from the one with the longest steps in memory to that with the shortest."""
    return tuple(sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis])))


def _copied(g: Any, order: tuple[int, ...]) -> Any:
    """A copy whose dimensions lie in memory in this order, so that the same views can be taken."""
    back = tuple(order.index(axis) for axis in range(len(order)))
    if isinstance(g, Tensor):
        turned = g.permute(order)
        return (turned.clone() if turned.is_contiguous() else turned.contiguous()).permute(back)
    # Of a single number NumPy makes a scalar, which has no memory to take a view of.
    return np.array(np.transpose(g, order), order="C").transpose(back)


def shadow(target: Tensor, copy: bool) -> Tensor:
    """The tensor as it was before a change in place: same history, own memory if needed."""
    old = wrap(target.array.copy() if copy else target.array)
    edge = target._edge()
    if edge is not None:
        old._node, old._slot = edge
        old._requires_grad = True
    if not copy:
        old._version_cell = target._version_cell
    return old


def rebase(target: Tensor, node: Node, place: int = 0, slot: int = 0) -> None:
    """Make `node`, into which it went at `place`, the history of `target` or of its base."""
    base = target._root()
    if base is None:
        target._take_history(node, slot)
        return
    assert target._path is not None
    base._take_history(CopySlices(base, node, target._path, place), 0)
    target._seen_version = -1
    target._follow_base()


def turn(
    target: Tensor,
    before: Tensor,
    array: np.ndarray,
    node: Node | None,
    step: Callable[[Any], Any],
) -> None:
    """Make `target` the view `array` of its own memory, which `step` takes.

    Views of it that exist remain views of what it was: its shadow `before` becomes the base
    of them and of the target.
    """
    shared = target._version_cell is not None
    if target._base is None and shared and not (target.is_leaf and target.requires_grad):
        target._base = before
    if target._base is not None and target._forbids is None:
        target._path = (target._path, step)
    target.array = array
    target._accumulator = None
    if node is not None:
        target._take_history(node, 0)
    target.bump_version()
    target._seen_version = target._changes
