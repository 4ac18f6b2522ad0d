"""`backward` and `grad`: what they may be given, and what they make of a walk over the graph."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..ops.joining import stack
from ..tensor import Tensor, wrap
from .node import GradientEdge
from .walk import Walk, as_tuple, edge_of, owned

__all__ = ["backward", "grad"]

Roots = Tensor | GradientEdge | Sequence[Tensor | GradientEdge]
Inputs = Roots | dict[str, Tensor]


def backward(
    tensors: Roots,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Inputs | None = None,
) -> None:
    """Accumulate the gradients of `tensors` into the `.grad` of the leaves they came from.

    Args:
        tensors: where to start, tensors or edges of `graph.get_gradient_edge`; one with a single
            element starts from the gradient 1.
        grad_tensors: the gradient of each; needed where there is more than one element.
        retain_graph: keep what was saved, to walk again; the default is `create_graph`.
        create_graph: record the walk itself, for gradients of gradients. A leaf, its `.grad` and
            the graph of that then hold each other, until `.grad` is set to None or the collector
            comes. PyTorch warns of it; here nothing does, and `grad` makes no such cycle.
        grad_variables: what `grad_tensors` was once called; deprecated.
        inputs: accumulate only into these; tensors, edges of leaves, or a dict of them. What is no
            leaf retains its gradient from now on.

    Raises:
        RuntimeError: nothing requires a gradient, or a gradient has the wrong shape.
    """
    if grad_variables is not None:
        grad_tensors = _renamed(grad_tensors, grad_variables)
    roots = as_tuple(tensors)
    given = as_tuple(grad_tensors) if grad_tensors is not None else (None,) * len(roots)
    keep = create_graph if retain_graph is None else retain_graph
    walk = Walk(grad if create_graph else None, keep, accumulates=True)
    if inputs is not None:
        targets = _targets_of(inputs, "backward")
        edges = [edge_of(each) for each in targets]
        for target in targets:
            if isinstance(target, Tensor) and not target.is_leaf:
                target.retain_grad()
        walk.run(roots, given, edges)
    else:
        walk.run(roots, given, None)


def grad(
    outputs: Roots,
    inputs: Inputs,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> Any:
    """The gradients of `outputs` with respect to `inputs`, without touching any `.grad`.

    Both may be tensors or edges of `graph.get_gradient_edge`, one or several; `inputs` a dict too.

    Returns:
        One tensor per input, in a tuple or in a dict as `inputs` is; None for an unused one if
        `allow_unused`, zeros if `materialize_grads`.

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
    if not only_inputs:
        warnings.warn(
            "only_inputs argument is deprecated and is ignored now (defaults to True). To "
            "accumulate gradient for other parts of the graph, please use autograd.backward.",
            FutureWarning,
            stacklevel=2,
        )
    roots = as_tuple(outputs)
    targets = _targets_of(inputs, "grad")
    given = as_tuple(grad_outputs) if grad_outputs is not None else (None,) * len(roots)
    keep = create_graph if retain_graph is None else retain_graph
    differentiate = _batched if is_grads_batched else _gradients
    found = differentiate(roots, targets, given, keep, create_graph)
    if not (materialize_grads or allow_unused):
        for at, gradient in enumerate(found):
            if gradient is None:
                raise RuntimeError(
                    f"One of the differentiated Tensors (number {at}) appears to not have been "
                    "used in the graph. Set allow_unused=True if this is the desired behavior."
                )
    if materialize_grads:
        found = [
            _zeros_for(target, create_graph) if gradient is None else gradient
            for target, gradient in zip(targets, found, strict=True)
        ]
    return dict(zip(inputs, found, strict=True)) if isinstance(inputs, dict) else tuple(found)


def _gradients(
    roots: tuple[Any, ...], targets: tuple[Any, ...], given: tuple[Any, ...], keep: bool,
    create_graph: bool,
) -> list[Any]:
    """The gradients by one walk, as tensors with memory of their own; None where none came."""
    walk = Walk(grad if create_graph else None, keep, accumulates=False)
    found = walk.run(roots, given, [edge_of(each) for each in targets])
    return [
        each if each is None or isinstance(each, Tensor) else wrap(owned(each)) for each in found
    ]


def _batched(
    roots: tuple[Any, ...], targets: tuple[Any, ...], given: tuple[Any, ...], keep: bool,
    create_graph: bool,
) -> list[Any]:
    """One walk for each index of the first dimension that all of `given` have, stacked."""
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
    count = next(iter(sizes))[0]
    if not count:
        raise IndexError("index 0 is out of bounds for a batch of no gradients; give at least one")
    rows = [
        _gradients(
            roots, targets, tuple([each[at] for each in given]), keep or at < count - 1,
            create_graph,
        )
        for at in range(count)
    ]
    return [None if column[0] is None else stack(column) for column in zip(*rows)]


def _zeros_for(target: Any, create_graph: bool) -> Tensor:
    if not isinstance(target, Tensor):
        raise RuntimeError(
            "materialize_grads cannot be used when the given input is a GradientEdge that was not "
            "used; give the tensor instead"
        )
    zeros = wrap(np.zeros_like(target.array))
    return zeros.requires_grad_() if create_graph else zeros


def _targets_of(inputs: Any, name: str) -> tuple[Any, ...]:
    """What the gradients are wanted of: tensors or edges, also in a dict."""
    if isinstance(inputs, Mapping):
        if type(inputs) is not dict:
            raise TypeError(
                f"'inputs' argument to {name}() must be a dict, not {type(inputs).__name__}; "
                "convert it with dict()"
            )
        inputs = tuple(inputs.values())
    targets = as_tuple(inputs)
    if not targets:
        raise RuntimeError(f"'inputs' argument to {name}() cannot be empty.")
    for each in targets:
        if not isinstance(each, (Tensor, GradientEdge)):
            raise RuntimeError(
                "all inputs have to be Tensors or GradientEdges, but got "
                f"{type(each).__name__}"
            )
    return targets


def _renamed(grad_tensors: Any, grad_variables: Any) -> Any:
    warnings.warn(
        "'grad_variables' is deprecated. Use 'grad_tensors' instead.", FutureWarning, stacklevel=3
    )
    if grad_tensors is not None:
        raise RuntimeError(
            "'grad_tensors' and 'grad_variables' (deprecated) arguments both passed to "
            "'backward()'. Please only use 'grad_tensors'."
        )
    return grad_variables
