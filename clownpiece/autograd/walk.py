"""The walk backwards: iterative, linear, and in PyTorch's order of events.

The nodes wait on a heap, largest creation number first; accumulation into leaves goes before
everything else, so a gradient is used and freed as early as it can be.
"""

from __future__ import annotations

import heapq
import math
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops.indexing import copy_
from ..ops.inplace import check_writable
from ..size import Size
from ..tensor import RETAIN, Tensor, wrap
from .mode import mode
from .node import AccumulateGrad, Differentiate, Edge, GradientEdge, Node

__all__ = ["Walk", "accumulates", "edge_of", "is_walking_back", "owned", "running_walk"]


class _Running(threading.local):
    """The walk that this thread is in; a hook or a Function may start another inside of it."""

    walk: Walk | None = None


_running = _Running()


def running_walk() -> Walk | None:
    """The walk that this thread is in, where a hook asks."""
    return _running.walk


def is_walking_back() -> bool:
    """Whether this thread is in a backward: in a hook, or where a checkpoint computes again.

    >>> import clownpiece
    >>> x = clownpiece.ones(2, requires_grad=True)
    >>> _ = x.register_hook(lambda gradient: print(is_walking_back()))
    >>> x.sum().backward()
    True
    """
    return _running.walk is not None


def accumulates() -> bool:
    """Whether the running walk, if there is one, is to fill the `.grad` of all its leaves."""
    return _running.walk is None or not _running.walk.captures


class Walk:
    """One backward walk: what waits, what has arrived, what is to be kept.

    Args:
        differentiate: the engine's `grad`, if the walk itself is to be recorded.
        retain_graph: whether nodes keep what they saved.
        accumulates: whether leaves add what arrives to their `.grad`; else it is returned.
    """

    def __init__(
        self, differentiate: Differentiate | None, retain_graph: bool, accumulates: bool
    ) -> None:
        self.differentiate = differentiate
        self.create_graph = differentiate is not None
        self.retain_graph = retain_graph
        self.accumulates = accumulates
        self.buffers: dict[Node, list[Any]] = {}
        # Sums made here may be added to in place; what a VJP returned may be shared.
        self.owned: set[Edge] = set()
        self.captures = False
        self.captured: dict[Edge, Any] = {}
        self.waiting: dict[Node, int] = {}
        self.needed: set[Node] | None = None

    def run(
        self,
        roots: tuple[Tensor | GradientEdge, ...],
        given: tuple[Any, ...],
        targets: list[Edge] | None,
    ) -> list[Any]:
        """Walk from the roots, with targets only to these; their gradients, unless accumulated."""
        if len(given) != len(roots):
            raise RuntimeError(
                f"got {len(roots)} tensors and {len(given)} gradients; "
                "give one gradient for each tensor, or None"
            )
        previous = mode.grad, _running.walk
        self.captures = targets is not None
        starts: list[Node] = []
        try:
            mode.grad, _running.walk = self.create_graph, self
            for at, (root, gradient) in enumerate(zip(roots, given, strict=True)):
                node, slot = edge_of(root, f"element {at} of tensors")
                self._add(node, slot, self._first_gradient(node.outputs[slot], gradient, at))
                starts.append(node)
            wanted = set(targets) if targets is not None else None
            self.waiting, self.needed = _survey(starts, wanted)
            # A gradient of inf or NaN is an answer, not a reason for NumPy to warn.
            with np.errstate(all="ignore"):
                self._drain(starts, wanted)
        finally:
            mode.grad, _running.walk = previous
        return [self.captured.get(edge) for edge in targets or ()]

    def _first_gradient(
        self, output: tuple[tuple[int, ...], np.dtype], gradient: Any, at: int
    ) -> Any:
        shape, dtype = output
        if gradient is None:
            if math.prod(shape) != 1:
                raise RuntimeError(
                    "grad can be implicitly created only for scalar outputs; got shape "
                    f"{shape}, so reduce it first, or give its gradient"
                )
            gradient = wrap(np.ones(shape, dtype))
        if not isinstance(gradient, Tensor):
            raise TypeError(f"gradients can be either Tensors or None, but got {gradient!r}")
        if gradient.array.shape != shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[{at}] has a shape of {gradient.shape} and "
                f"output[{at}] has a shape of {Size(shape)}."
            )
        return gradient if self.create_graph else gradient.array

    def comes_to(self, node: Node) -> bool:
        """Whether the walk visits this node, or has already done so."""
        return node in self.waiting and (self.needed is None or node in self.needed)

    def _drain(self, starts: list[Node], wanted: set[Edge] | None) -> None:
        waiting, needed = self.waiting, self.needed
        ready: list[tuple[int, Node]] = []
        for node in dict.fromkeys(starts):
            if not waiting[node]:
                heapq.heappush(ready, (_priority(node), node))
        while ready:
            node = heapq.heappop(ready)[1]
            grads = self.buffers.pop(node, None)
            results = None
            if needed is None or node in needed:
                if grads is not None:
                    results = self._visit(node, grads, wanted)
                else:
                    self._walk_over(node)
            edges = node.edges
            for at in range(len(edges)) if node.handing_order is None else node.handing_order:
                edge = edges[at]
                if edge is None:
                    continue
                if results is not None and results[at] is not None:
                    self._add(edge[0], edge[1], results[at], node, at)
                waiting[edge[0]] -= 1
                if not waiting[edge[0]]:
                    heapq.heappush(ready, (_priority(edge[0]), edge[0]))

    def _walk_over(self, node: Node) -> None:
        """Walk over a node that no gradient has come to: as in PyTorch, that uses it up too."""
        if self.accumulates or self._goes_on_from(node):
            node.check_saved()
            if not self.retain_graph:
                node.release()

    def _goes_on_from(self, node: Node) -> bool:
        """Whether something that gradients are wanted of lies behind this node."""
        needed = self.needed
        return needed is None or any(e is not None and e[0] in needed for e in node.edges)

    def _visit(
        self, node: Node, grads: list[Any], wanted: set[Edge] | None
    ) -> Sequence[Any] | None:
        """Run the hooks of a node's outputs and the node itself; its inputs' gradients."""
        if type(node) is AccumulateGrad:
            self._visit_leaf(node, grads, wanted)
            return None
        arrived = grads
        if node.tensor_hooks is not None:
            grads = list(arrived)
            for slot in sorted(node.tensor_hooks):
                if grads[slot] is not None:
                    grads[slot] = self._call_tensor_hooks(grads[slot], node.tensor_hooks[slot])
        goes_on = self._goes_on_from(node)
        if wanted is not None and not self.accumulates:
            # As in PyTorch: hooks change what is captured where the walk ends, not on the way.
            for slot, gradient in enumerate(arrived if goes_on else grads):
                if (node, slot) in wanted:
                    self.captured[node, slot] = gradient
            if not goes_on:
                return None
        if node.pre_hooks:
            grads = self._call_node_hooks(node, node.pre_hooks, grads)
        results = self._call(node, grads) if goes_on else (None,) * len(node.edges)
        if node.post_hooks:
            results = self._call_post_hooks(node, results, grads)
        if not self.retain_graph:
            node.release()
        return results

    def _call(self, node: Node, grads: list[Any]) -> Sequence[Any]:
        if not mode.anomaly and node.origin is None:
            return node.backward(grads, self.differentiate)
        outer, mode.evaluating = mode.evaluating, node
        try:
            results = node.backward(grads, self.differentiate)
        except Exception as error:
            if node.origin is not None:
                error.add_note(_blame(node))
            raise
        finally:
            mode.evaluating = outer
        if mode.anomaly and mode.check_nan:
            for at, result in enumerate(results):
                if result is not None and np.isnan(_array(result)).any():
                    raise RuntimeError(
                        f"Function '{node.name()}' returned nan values in its {at}th output.\n"
                        + _blame(node)
                    )
        return results

    def _visit_leaf(
        self, node: AccumulateGrad, grads: list[Any], wanted: set[Edge] | None
    ) -> None:
        leaf = node.variable
        gradient = grads[0]
        if leaf._hooks:
            gradient = self._call_tensor_hooks(gradient, leaf._hooks)
        if node.tensor_hooks and 0 in node.tensor_hooks:
            gradient = self._call_tensor_hooks(gradient, node.tensor_hooks[0])
        if wanted is not None and (node, 0) not in wanted:
            return
        if not self.accumulates:
            self.captured[node, 0] = gradient
            return
        if leaf._node is not None:
            raise RuntimeError(
                "leaf variable has been moved into the graph interior: it was changed in place, "
                "after detach_() or requires_grad_(False), since this graph began at it"
            )
        if node.pre_hooks:
            (gradient,) = self._call_node_hooks(node, node.pre_hooks, [gradient])
        # A leaf that was frozen since collects nothing; its hooks are called all the same.
        if leaf._requires_grad:
            _accumulate(leaf, gradient, self.create_graph)
        if leaf._post_accumulate_hooks:
            self._call_accumulated_hooks(leaf, leaf._post_accumulate_hooks)
        if node.post_hooks:
            self._call_post_hooks(node, (), [gradient])

    def _call_tensor_hooks(self, gradient: Any, hooks: dict[int, Any]) -> Any:
        keep = hooks.get(RETAIN)
        for key, hook in list(hooks.items()):
            if key == RETAIN:
                continue
            tensor = gradient if isinstance(gradient, Tensor) else wrap(_array(gradient))
            replaced = hook(tensor)
            if replaced is not None:
                gradient = self._accepted(replaced, tensor)
        if keep is not None:
            keep(gradient if isinstance(gradient, Tensor) else wrap(_array(gradient)))
        return gradient

    def _call_accumulated_hooks(self, leaf: Tensor, hooks: dict[int, Any]) -> None:
        told = leaf
        for hook in list(hooks.values()):
            replaced = hook(told)
            if replaced is not None:
                # As in PyTorch, the next hook hears of what this one returned.
                self._accepted(replaced, told)
                told = replaced

    def _accepted(self, replaced: Any, tensor: Tensor) -> Any:
        if not isinstance(replaced, Tensor):
            raise TypeError(
                f"hook should return a Tensor or None; got {type(replaced).__name__}"
            )
        if replaced.array.dtype != tensor.array.dtype:
            raise RuntimeError(
                f"hook has changed the type of value (was {tensor.dtype} got {replaced.dtype})"
            )
        if replaced.array.shape != tensor.array.shape:
            raise RuntimeError(
                f"hook has changed the size of value: got {tuple(replaced.array.shape)}, expected "
                f"{tuple(tensor.array.shape)}"
            )
        return replaced if self.create_graph else replaced.array

    def _call_node_hooks(self, node: Node, hooks: dict[int, Any], grads: list[Any]) -> list[Any]:
        for hook in list(hooks.values()):
            replaced = hook(_tensors(grads))
            if replaced is not None:
                grads = self._raw(replaced)
        return grads

    def _call_post_hooks(
        self, node: Node, results: Sequence[Any], grads: list[Any]
    ) -> Sequence[Any]:
        assert node.post_hooks is not None
        for hook in list(node.post_hooks.values()):
            replaced = hook(_tensors(results), _tensors(grads))
            if replaced is not None:
                results = self._raw(replaced)
        return results

    def _raw(self, replaced: Any) -> list[Any]:
        if self.create_graph:
            return list(as_tuple(replaced))
        return [each.array if isinstance(each, Tensor) else each for each in as_tuple(replaced)]

    def _add(
        self, node: Node, slot: int, gradient: Any, source: Node | None = None, at: int = 0
    ) -> None:
        """Add to what has arrived at one output of a node, in its shape and dtype.

        Args:
            source: the node that returned it, as its gradient number `at`.
        """
        shape, dtype = node.outputs[slot]
        if gradient.shape != shape:
            gradient = _summed(gradient, shape, source or node, at)
        if _array(gradient).dtype != dtype:
            change = gradient.to if isinstance(gradient, Tensor) else gradient.astype
            gradient = change(dtype)
        buffer = self.buffers.get(node)
        if buffer is None:
            buffer = self.buffers[node] = [None] * len(node.outputs)
        known = buffer[slot]
        if known is None:
            buffer[slot] = gradient
        elif (node, slot) in self.owned:
            np.add(known, gradient, out=known)
        else:
            total = known + gradient
            buffer[slot] = total
            if type(total) is np.ndarray:
                self.owned.add((node, slot))


def _survey(
    starts: list[Node], wanted: set[Edge] | None
) -> tuple[dict[Node, int], set[Node] | None]:
    """How many gradients each node waits for, and which nodes lead to what is wanted."""
    waiting: dict[Node, int] = dict.fromkeys(starts, 0)
    stack = list(waiting)
    found = list(waiting)
    while stack:
        for edge in stack.pop().edges:
            if edge is None:
                continue
            node = edge[0]
            if node in waiting:
                waiting[node] += 1
            else:
                waiting[node] = 1
                stack.append(node)
                found.append(node)
    if wanted is None:
        return waiting, None
    needed = {node for node, _ in wanted}
    # A leaf's accumulator may be younger than the nodes that lead to it.
    found.sort(key=lambda node: (type(node) is not AccumulateGrad, node.number))
    for node in found:
        if node not in needed and any(e is not None and e[0] in needed for e in node.edges):
            needed.add(node)
    return waiting, needed


def _priority(node: Node) -> int:
    """Smallest first: accumulation into leaves, then the youngest node."""
    return -(2**62) if type(node) is AccumulateGrad else -node.number


def _summed(gradient: Any, shape: tuple[int, ...], source: Node, at: int) -> Any:
    """Undo broadcasting."""
    extra = gradient.ndim - len(shape)
    inner = gradient.shape[max(extra, 0) :]
    if extra < 0 or not all(size in (1, given) for size, given in zip(shape, inner)):
        error = RuntimeError(
            f"Function {source.name()} returned an invalid gradient at index {at} - got "
            f"{list(gradient.shape)} but expected shape compatible with {list(shape)}"
        )
        if source.origin is not None:
            error.add_note(_blame(source))
        raise error
    axes = (*range(extra), *[
        axis + extra for axis, size in enumerate(shape) if size == 1 and inner[axis] != 1
    ])
    gradient = gradient.sum(axes, keepdims=True) if axes else gradient
    return gradient if gradient.shape == shape else gradient.reshape(shape)


# Walks of several threads may come to the same leaf.
_accumulating = threading.Lock()


def _accumulate(leaf: Tensor, gradient: Any, create_graph: bool) -> None:
    """Add to `.grad`: a copy of the first gradient, further ones in place unless recorded."""
    with _accumulating:
        known = leaf._grad
        if known is None:
            leaf._grad = _copied_for(leaf, gradient, create_graph)
        elif create_graph:
            leaf._grad = known + gradient
        else:
            check_writable(known, "accumulation into .grad")
            np.add(known.array, _array(gradient), out=known.array)
            known.bump_version()


def _copied_for(leaf: Tensor, gradient: Any, create_graph: bool) -> Tensor:
    """A gradient in memory of its own, whose dimensions lie in it as those of the leaf do."""
    if not create_graph and leaf.array.flags.c_contiguous:
        return wrap(owned(_array(gradient)))
    copied = wrap(np.empty_like(leaf.array))
    if create_graph:
        return copy_.apply_inplace(copied, gradient)
    copied.array[...] = _array(gradient)
    return copied


def owned(array: Any) -> np.ndarray:
    """A copy in memory of its own: what a VJP returned may be shared with other gradients."""
    return np.array(array, order="C")


def _array(gradient: Any) -> Any:
    return gradient.array if isinstance(gradient, Tensor) else gradient


def _tensors(grads: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(g if g is None or isinstance(g, Tensor) else wrap(g) for g in grads)


def edge_of(tensor: Any, which: str = "one of the inputs") -> Edge:
    """Where the gradient of a tensor goes, or of what stands for one.

    Raises:
        TypeError: it is neither a tensor nor an edge.
        RuntimeError: it does not require a gradient.
    """
    if isinstance(tensor, GradientEdge):
        return tensor.node, tensor.output_nr
    if not isinstance(tensor, Tensor):
        raise TypeError(f"expected Tensor or sequence of Tensors, but got {tensor!r}")
    edge: Edge | None = tensor._edge()
    if edge is None:
        raise RuntimeError(
            f"{which} does not require grad and does not have a grad_fn; "
            "call requires_grad_() before the forward, and do not compute it under no_grad()"
        )
    return edge


def as_tuple(given: Any) -> tuple[Any, ...]:
    """One tensor or edge, or several in any order that they can be read in, as a tuple."""
    if isinstance(given, GradientEdge):
        return (given,)
    several = isinstance(given, (tuple, list)) or hasattr(given, "__next__")
    return tuple(given) if several else (given,)


def _blame(node: Node) -> str:
    """Where the node was made; and if a backward made it, what that was the backward of."""
    if node.origin is None:
        return f"The forward call of {node.name()} was not made in anomaly mode."
    text = f"The forward call of {node.name()} that led to this was made at:\n{node.origin.stack}"
    inducer = node.origin.inducer
    while inducer is not None:
        name, origin = inducer
        where = f"at:\n{origin.stack}" if origin else "outside of anomaly mode.\n"
        text += f"It was induced by {name}, whose forward call was made {where}"
        inducer = origin.inducer if origin else None
    return text
