"""Backward: a walk over the graph, iterative, linear, and in PyTorch's order of events.

The nodes wait on a heap, largest creation number first; accumulation into leaves goes before
everything else, so a gradient is used and freed as early as it can be.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops.joining import stack
from ..tensor import RETAIN, Tensor, wrap
from .mode import mode
from .node import AccumulateGrad, Edge, Node

__all__ = ["accumulates", "backward", "grad"]


class _Running(threading.local):
    """The walk that this thread is in; a hook or a Function may start another inside of it."""

    walk: _Walk | None = None


_running = _Running()


def accumulates() -> bool:
    """Whether the running walk, if there is one, is to fill the `.grad` of all its leaves."""
    return _running.walk is None or not _running.walk.captures


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Accumulate the gradients of `tensors` into the `.grad` of the leaves they came from.

    Args:
        tensors: where to start; a tensor with one element starts from the gradient 1.
        grad_tensors: the gradient of each; needed where there is more than one element.
        retain_graph: keep what was saved, to walk again; the default is `create_graph`.
        create_graph: record the walk itself, for gradients of gradients. A leaf, its `.grad` and
            the graph of that then hold each other, until `.grad` is set to None or the collector
            comes. PyTorch warns of it; here nothing does, and `grad` makes no such cycle.
        inputs: accumulate only into these.

    Raises:
        RuntimeError: nothing requires a gradient, or a gradient has the wrong shape.
    """
    roots = _as_tuple(tensors)
    given = _as_tuple(grad_tensors) if grad_tensors is not None else (None,) * len(roots)
    keep = create_graph if retain_graph is None else retain_graph
    walk = _Walk(create_graph, keep, accumulates=True)
    if inputs is not None:
        targets = _as_tuple(inputs)
        if not targets:
            raise RuntimeError("'inputs' argument to backward() cannot be empty.")
        # Leaves have accumulated on the way, with their hooks; here are the others.
        found = walk.run(roots, given, [_edge_of(each) for each in targets])
        for tensor, gradient in zip(targets, found, strict=True):
            if gradient is not None:
                _accumulate(tensor, gradient, create_graph)
    else:
        walk.run(roots, given, None)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradients of `outputs` with respect to `inputs`, without touching any `.grad`.

    Returns:
        One tensor per input; None for an unused one if `allow_unused`, zeros if
        `materialize_grads`.

    Raises:
        RuntimeError: an input does not require a gradient, or is not part of the graph.

    >>> import clownpiece
    >>> x = clownpiece.tensor(3.0, requires_grad=True)
    >>> (slope,) = clownpiece.autograd.grad(x**3, x, create_graph=True)
    >>> clownpiece.autograd.grad(slope, x)
    (tensor(18.),)
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
            "allow_unused=False."
        )
    if is_grads_batched:
        return _batched(
            outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused,
            materialize_grads,
        )
    roots = _as_tuple(outputs)
    targets = _as_tuple(inputs)
    if not targets:
        raise RuntimeError("'inputs' argument to grad() cannot be empty.")
    given = _as_tuple(grad_outputs) if grad_outputs is not None else (None,) * len(roots)
    keep = create_graph if retain_graph is None else retain_graph
    walk = _Walk(create_graph, keep, accumulates=False)
    found = walk.run(roots, given, [_edge_of(each) for each in targets])
    unused_allowed = materialize_grads if allow_unused is None else allow_unused
    result: list[Any] = []
    for at, (target, gradient) in enumerate(zip(targets, found, strict=True)):
        if gradient is None and materialize_grads:
            gradient = np.zeros_like(target.array)
        elif gradient is None and not unused_allowed:
            raise RuntimeError(
                f"One of the differentiated Tensors (number {at}) appears to not have been used in "
                "the graph. Set allow_unused=True if this is the desired behavior."
            )
        if gradient is not None and not isinstance(gradient, Tensor):
            gradient = wrap(_owned(gradient))
        result.append(gradient)
    return tuple(result)


def _batched(
    outputs: Any, inputs: Any, grad_outputs: Any, retain_graph: bool | None, *options: Any
) -> tuple[Any, ...]:
    """One walk for each index of the first dimension that all `grad_outputs` have, stacked."""
    given = _as_tuple(grad_outputs)
    sizes = {each.array.shape[:1] for each in given if isinstance(each, Tensor)}
    if any(each is None for each in given):
        raise RuntimeError(
            "grad can be implicitly created only for scalar outputs; with is_grads_batched=True "
            "give a batch of gradients for each output"
        )
    if len(sizes) != 1 or sizes == {()}:
        raise RuntimeError(
            "is_grads_batched=True needs a grad_output for each output, all with one first "
            f"dimension more, of one size; got {[each.shape for each in given]}"
        )
    create_graph = options[0]
    keep = create_graph if retain_graph is None else retain_graph
    count = next(iter(sizes))[0]
    rows = [
        grad(outputs, inputs, [each[at] for each in given], keep or at < count - 1, *options)
        for at in range(count)
    ]
    return tuple([None if column[0] is None else stack(column) for column in zip(*rows)])


class _Walk:
    """One backward walk: what waits, what has arrived, what is to be kept."""

    def __init__(self, create_graph: bool, retain_graph: bool, accumulates: bool) -> None:
        self.create_graph = create_graph
        self.retain_graph = retain_graph
        self.accumulates = accumulates
        self.buffers: dict[Node, list[Any]] = {}
        # Sums made here may be added to in place; what a VJP returned may be shared.
        self.owned: set[Edge] = set()
        self.captures = False
        self.captured: dict[Edge, Any] = {}

    def run(
        self,
        roots: tuple[Tensor, ...],
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
                node, slot = _edge_of(root, f"element {at} of tensors")
                self._add(node, slot, self._first_gradient(root, gradient, at))
                starts.append(node)
            wanted = set(targets) if targets is not None else None
            waiting, needed = _survey(starts, wanted)
            # A gradient of inf or NaN is an answer, not a reason for NumPy to warn.
            with np.errstate(all="ignore"):
                self._drain(starts, waiting, needed, wanted)
        finally:
            mode.grad, _running.walk = previous
        return [self.captured.get(edge) for edge in targets or ()]

    def _first_gradient(self, root: Tensor, gradient: Any, at: int) -> Any:
        if gradient is None:
            if root.array.size != 1:
                raise RuntimeError(
                    "grad can be implicitly created only for scalar outputs; got shape "
                    f"{tuple(root.array.shape)}, so reduce it first, or give its gradient"
                )
            gradient = wrap(np.ones_like(root.array))
        if not isinstance(gradient, Tensor):
            raise TypeError(f"gradients can be either Tensors or None, but got {gradient!r}")
        if gradient.array.shape != root.array.shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[{at}] has a shape of {gradient.shape} and "
                f"output[{at}] has a shape of {root.shape}."
            )
        return gradient if self.create_graph else gradient.array

    def _drain(
        self,
        starts: list[Node],
        waiting: dict[Node, int],
        needed: set[Node] | None,
        wanted: set[Edge] | None,
    ) -> None:
        ready: list[tuple[int, Node]] = []
        for node in dict.fromkeys(starts):
            if not waiting[node]:
                heapq.heappush(ready, (_priority(node), node))
        while ready:
            node = heapq.heappop(ready)[1]
            grads = self.buffers.pop(node, None)
            if needed is not None and node not in needed:
                grads = None
            results = self._visit(node, grads, needed, wanted) if grads is not None else None
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

    def _visit(
        self,
        node: Node,
        grads: list[Any],
        needed: set[Node] | None,
        wanted: set[Edge] | None,
    ) -> Sequence[Any] | None:
        """Run the hooks of a node's outputs and the node itself; its inputs' gradients."""
        if type(node) is AccumulateGrad:
            self._visit_leaf(node, grads, wanted)
            return None
        if node.tensor_hooks is not None:
            for slot in sorted(node.tensor_hooks):
                if grads[slot] is not None:
                    grads[slot] = self._call_tensor_hooks(grads[slot], node.tensor_hooks[slot])
        if node.pre_hooks:
            grads = self._call_node_hooks(node, node.pre_hooks, grads)
        if wanted is not None:
            for slot, gradient in enumerate(grads):
                if (node, slot) in wanted:
                    self.captured[node, slot] = gradient
            if needed is not None and not any(e is not None and e[0] in needed for e in node.edges):
                return None
        results = self._call(node, grads)
        if node.post_hooks:
            results = self._call_post_hooks(node, results, grads)
        if not self.retain_graph:
            node.release()
        return results

    def _call(self, node: Node, grads: list[Any]) -> Sequence[Any]:
        if not mode.anomaly and node.origin is None:
            return node.backward(grads, grad if self.create_graph else None)
        outer, mode.evaluating = mode.evaluating, node
        try:
            results = node.backward(grads, grad if self.create_graph else None)
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
            for hook in list(leaf._post_accumulate_hooks.values()):
                hook(leaf)
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
            return list(_as_tuple(replaced))
        return [each.array if isinstance(each, Tensor) else each for each in _as_tuple(replaced)]

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
        raise RuntimeError(
            f"Function {source.name()} returned an invalid gradient at index {at} - got "
            f"{list(gradient.shape)} but expected shape compatible with {list(shape)}"
        )
    axes = (*range(extra), *[
        axis + extra for axis, size in enumerate(shape) if size == 1 and inner[axis] != 1
    ])
    gradient = gradient.sum(axes, keepdims=True) if axes else gradient
    return gradient if gradient.shape == shape else gradient.reshape(shape)


# Walks of several threads may come to the same leaf.
_accumulating = threading.Lock()


def _accumulate(leaf: Tensor, gradient: Any, create_graph: bool) -> None:
    with _accumulating:
        known = leaf._grad
        if known is None:
            leaf._grad = gradient if create_graph else wrap(_owned(_array(gradient)))
        elif create_graph:
            leaf._grad = known + gradient
        else:
            np.add(known.array, _array(gradient), out=known.array)
            known.bump_version()


def _owned(array: Any) -> np.ndarray:
    """A copy in memory of its own: what a VJP returned may be shared with other gradients."""
    return np.array(array, order="C")


def _array(gradient: Any) -> Any:
    return gradient.array if isinstance(gradient, Tensor) else gradient


def _tensors(grads: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(g if g is None or isinstance(g, Tensor) else wrap(g) for g in grads)


def _edge_of(tensor: Any, which: str = "one of the inputs") -> Edge:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"expected Tensor or sequence of Tensors, but got {tensor!r}")
    edge = tensor._edge()
    if edge is None:
        raise RuntimeError(
            f"{which} does not require grad and does not have a grad_fn; "
            "call requires_grad_() before the forward, and do not compute it under no_grad()"
        )
    return edge


def _as_tuple(given: Any) -> tuple[Any, ...]:
    return tuple(given) if isinstance(given, (tuple, list)) or _is_iterator(given) else (given,)


def _is_iterator(given: Any) -> bool:
    return hasattr(given, "__next__")


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
