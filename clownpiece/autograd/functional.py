"""Derivatives of functions: Jacobians, Hessians and their products with vectors.

With f: ℝⁿ → ℝᵐ and J its m×n matrix of first derivatives, `vjp` is vᵀJ, `jvp` is Jv, and for
a scalar f with second derivatives H, `vhp` is vᵀH and `hvp` is Hv. `jvp` runs backward twice:
vᵀJ is linear in v, and its derivative along the input's direction is Jv.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..tensor import Tensor, wrap
from .engine import grad
from .mode import enable_grad

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Inputs = Tensor | Sequence[Tensor]
Function = Callable[..., Any]


def vjp(
    func: Function, inputs: Inputs, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs of `func`, and vᵀJ: one tensor per input.

    >>> import clownpiece
    >>> x = clownpiece.tensor([1.0, 2.0])
    >>> vjp(lambda x: x * x, x, clownpiece.tensor([1.0, 10.0]))[1]
    tensor([ 2., 40.])
    """
    points, single = _points(inputs, create_graph)
    with enable_grad():
        outputs = func(*points)
        made = _tuple(outputs)
        directions = _directions(v, made, "v", "output")
        found = _grad(made, points, directions, create_graph, strict)
    return _detached(outputs, create_graph), found[0] if single else found


def jvp(
    func: Function, inputs: Inputs, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs of `func`, and Jv: one tensor per output."""
    points, _ = _points(inputs, create_graph)
    directions = _directions(v, points, "v", "input")
    with enable_grad():
        outputs = func(*points)
        made = _tuple(outputs)
        dummies = tuple(wrap(np.zeros_like(each.array)).requires_grad_() for each in made)
        pulled = _grad(made, points, dummies, True, strict)
        found = _grad(pulled, dummies, directions, create_graph, strict)
    single = not isinstance(outputs, (tuple, list))
    return _detached(outputs, create_graph), found[0] if single else found


def jacobian(
    func: Function, inputs: Inputs, create_graph: bool = False, strict: bool = False
) -> Any:
    """J, in the shape of the output followed by that of the input.

    Returns:
        A tensor; a tuple over the inputs if there are several, and around it one over outputs.

    >>> import clownpiece
    >>> jacobian(lambda x: x * x, clownpiece.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    points, single = _points(inputs, create_graph)
    with enable_grad():
        outputs = func(*points)
        rows = [_jacobian_of(each, points, create_graph, strict) for each in _tuple(outputs)]
    result = [row[0] if single else row for row in rows]
    return tuple(result) if isinstance(outputs, (tuple, list)) else result[0]


def hessian(
    func: Function, inputs: Inputs, create_graph: bool = False, strict: bool = False
) -> Any:
    """The second derivatives of a function with one scalar output.

    Raises:
        RuntimeError: the output has more than one element.
    """
    single = isinstance(inputs, Tensor)

    def gradient(*points: Tensor) -> Any:
        made = _scalar(func(*points), "hessian")
        found = _grad((made,), points, None, True, strict)
        return found[0] if single else found

    return jacobian(gradient, inputs, create_graph, strict)


def vhp(
    func: Function, inputs: Inputs, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The output of a scalar function, and vᵀH."""
    points, single = _points(inputs, create_graph)
    directions = _directions(v, points, "v", "input")
    with enable_grad():
        output = _scalar(func(*points), "vhp")
        slope = _grad((output,), points, None, True, strict)
        found = _grad(slope, points, directions, create_graph, strict)
    return _detached(output, create_graph), found[0] if single else found


def hvp(
    func: Function, inputs: Inputs, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The output of a scalar function, and Hv, which is vᵀH since H is symmetric."""
    return vhp(func, inputs, v, create_graph, strict)


def _jacobian_of(
    output: Tensor, points: tuple[Tensor, ...], create_graph: bool, strict: bool
) -> tuple[Tensor, ...]:
    rows: list[list[Tensor]] = [[] for _ in points]
    for at in range(output.array.size):
        seed = np.zeros(output.array.size, output.array.dtype)
        seed[at] = 1
        direction = (wrap(seed.reshape(output.array.shape)),)
        found = _grad((output,), points, direction, create_graph, strict, retain=True)
        for collected, gradient in zip(rows, found, strict=True):
            collected.append(gradient)
    result = []
    for collected, point in zip(rows, points, strict=True):
        shape = (*output.array.shape, *point.array.shape)
        if create_graph:
            result.append(_stacked(collected, shape))
        else:
            arrays = [each.array for each in collected]
            stacked = np.stack(arrays) if arrays else np.zeros(shape, point.array.dtype)
            result.append(wrap(stacked.reshape(shape)))
    return tuple(result)


def _stacked(rows: list[Tensor], shape: tuple[int, ...]) -> Tensor:
    """Rows put together so that gradients flow through."""
    out = wrap(np.zeros((len(rows), *rows[0].array.shape), rows[0].array.dtype))
    for at, row in enumerate(rows):
        out[at] = row
    return out.reshape(shape)


def _grad(
    outputs: tuple[Tensor, ...],
    inputs: tuple[Tensor, ...],
    directions: Any,
    create_graph: bool,
    strict: bool,
    retain: bool | None = None,
) -> tuple[Tensor, ...]:
    """Gradients with zeros where nothing connects, or an error if `strict`."""
    chosen = [at for at, each in enumerate(outputs) if each.requires_grad]
    if strict and len(chosen) < len(outputs):
        raise RuntimeError(
            "an output of the function is independent of the inputs, which strict=True forbids"
        )
    if not chosen:
        return tuple(wrap(np.zeros_like(each.array)) for each in inputs)
    return grad(
        [outputs[at] for at in chosen],
        inputs,
        None if directions is None else [directions[at] for at in chosen],
        create_graph=create_graph,
        retain_graph=retain,
        allow_unused=not strict,
        materialize_grads=not strict,
    )


def _points(inputs: Inputs, create_graph: bool) -> tuple[tuple[Tensor, ...], bool]:
    """Tensors of our own to differentiate at, which continue the caller's graph if asked."""
    single = isinstance(inputs, Tensor)
    points = []
    for each in _tuple(inputs):
        if not isinstance(each, Tensor):
            raise TypeError(f"the inputs must be Tensors; got {type(each).__name__}")
        if create_graph and each.requires_grad:
            points.append(each.view_as(each))
        else:
            points.append(each.detach().requires_grad_())
    return tuple(points), single


def _directions(
    v: Any, like: tuple[Tensor, ...], name: str, what: str
) -> tuple[Tensor, ...]:
    if v is None:
        if len(like) != 1 or like[0].array.size != 1:
            raise RuntimeError(
                f"the vector {name} can only be None if there is one {what} with one element"
            )
        return (wrap(np.ones_like(like[0].array)),)
    given = _tuple(v)
    for vector, each in zip(given, like, strict=True):
        if vector.array.shape != each.array.shape:
            raise RuntimeError(
                f"{name} has shape {tuple(vector.array.shape)}, expected that of the {what}, "
                f"{tuple(each.array.shape)}"
            )
    return given


def _scalar(output: Any, name: str) -> Tensor:
    if not isinstance(output, Tensor) or output.array.size != 1:
        raise RuntimeError(f"{name} needs a function that returns one Tensor with one element")
    return output.reshape(())


def _tuple(given: Any) -> tuple[Any, ...]:
    return tuple(given) if isinstance(given, (tuple, list)) else (given,)


def _detached(outputs: Any, create_graph: bool) -> Any:
    if create_graph:
        return outputs
    if isinstance(outputs, (tuple, list)):
        return tuple(each.detach() for each in outputs)
    return outputs.detach()
