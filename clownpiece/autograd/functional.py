"""Derivatives of functions: Jacobians, Hessians and their products with vectors.

With f: ℝⁿ → ℝᵐ and J its m×n matrix of first derivatives, `vjp` is vᵀJ, `jvp` is Jv, and for
a scalar f with second derivatives H, `vhp` is vᵀH and `hvp` is Hv. `jvp` runs backward twice:
vᵀJ is linear in v, and its derivative along the input's direction is Jv.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ops.joining import stack
from ..tensor import Tensor, wrap
from .engine import grad
from .mode import enable_grad

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Inputs = Tensor | tuple[Tensor, ...]
Function = Callable[..., Any]


def vjp(
    func: Function, inputs: Inputs, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs of `func`, and vᵀJ: one tensor per input.

    Args:
        func: tensors to a tensor or to a tuple of them.
        inputs: where to differentiate: a tensor or a tuple of them.
        v: one tensor per output; not needed if the only output has one element.
        create_graph: have the results continue the graph.
        strict: an error instead of zeros where an output does not depend on an input.

    >>> import clownpiece
    >>> x = clownpiece.tensor([1.0, 2.0])
    >>> vjp(lambda x: x * x, x, clownpiece.tensor([1.0, 10.0]))[1]
    tensor([ 2., 40.])
    """
    points, several = _points(inputs, create_graph, "vjp")
    with enable_grad():
        outputs = func(*points)
        made = _outputs(outputs, strict, "vjp")
        directions = _directions(v, made, isinstance(outputs, tuple), "function returns")
        found = _filled(
            _grad(made, points, directions, create_graph), points, strict, create_graph, "output"
        )
    return _detached(outputs, create_graph), _detached(_like(found, several), create_graph)


def jvp(
    func: Function, inputs: Inputs, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs of `func`, and Jv: one tensor per output; arguments as in `vjp`."""
    points, several = _points(inputs, create_graph, "jvp")
    directions = _directions(v, points, several, "input is")
    with enable_grad():
        outputs = func(*points)
        made = _outputs(outputs, strict, "jvp")
        dummies = _zeros(made)
        pulled = _grad(made, points, dummies, True)
        _check_depends(pulled, strict, "gradient")
        found = _filled(
            _grad(pulled, dummies, directions, create_graph), made, strict, create_graph, "output"
        )
    result = _like(found, isinstance(outputs, tuple))
    return _detached(outputs, create_graph), _detached(result, create_graph)


def jacobian(
    func: Function,
    inputs: Inputs,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """J, in the shape of the output followed by that of the input.

    Args:
        vectorize: allowed, and computes the same, one row of J at a time.
        strategy: "reverse-mode"; "forward-mode" needs `vectorize` and computes the same.

    Returns:
        A tensor; a tuple over the inputs if there are several, and around it one over outputs.

    >>> import clownpiece
    >>> jacobian(lambda x: x * x, clownpiece.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    _check_strategy(strategy, "strategy")
    if strategy == "forward-mode":
        if create_graph:
            raise NotImplementedError(
                "jacobian: create_graph=True and strategy='forward-mode' are not supported "
                "together; use strategy='reverse-mode'"
            )
        if not vectorize:
            raise NotImplementedError(
                "jacobian: strategy='forward-mode' is only supported with vectorize=True"
            )
    if strict and vectorize:
        raise RuntimeError(
            "jacobian: strict=True and vectorize=True are not supported together; choose one"
        )
    points, several = _points(inputs, create_graph, "jacobian")
    with enable_grad():
        outputs = func(*points)
        made = _outputs(outputs, strict, "jacobian")
        rows = [
            _like(_rows_of(each, at, points, create_graph, strict), several)
            for at, each in enumerate(made)
        ]
    return _detached(_like(tuple(rows), isinstance(outputs, tuple)), create_graph)


def hessian(
    func: Function,
    inputs: Inputs,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The second derivatives of a function with one scalar output; arguments as in `jacobian`.

    Raises:
        RuntimeError: the output has more than one element.
    """
    _check_strategy(outer_jacobian_strategy, "outer_jacobian_strategy")
    _, several = _points(inputs, create_graph, "hessian")

    def gradient(*points: Tensor) -> Any:
        if outer_jacobian_strategy == "forward-mode":
            points = tuple([each.requires_grad_() for each in points])
        slopes = jacobian(
            lambda *given: _scalar(func(*given), "hessian"), points, True, strict and not vectorize
        )
        _check_depends(slopes, strict, "jacobian")
        return slopes if several else slopes[0]

    return jacobian(gradient, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


def vhp(
    func: Function, inputs: Inputs, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The output of a scalar function, and vᵀH: one tensor per input; arguments as in `vjp`."""
    points, several = _points(inputs, create_graph, "vhp")
    directions = _directions(v, points, several, "input is")
    with enable_grad():
        outputs = func(*points)
        _outputs(outputs, strict, "vhp")
        slopes = _grad((_scalar(outputs, "vhp"),), points, None, True)
        _check_depends(slopes, strict, "jacobian")
        found = _filled(
            _grad(slopes, points, directions, create_graph), points, strict, create_graph,
            "jacobian",
        )
    return _detached(outputs, create_graph), _detached(_like(found, several), create_graph)


def hvp(
    func: Function, inputs: Inputs, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The output of a scalar function, and Hv: one tensor per input; arguments as in `vjp`.

    Where H is symmetric, as for all that is twice differentiable with continuity, `vhp` gives
    the same at half the cost.
    """
    points, several = _points(inputs, create_graph, "hvp")
    directions = _directions(v, points, several, "input is")
    with enable_grad():
        outputs = func(*points)
        _outputs(outputs, strict, "hvp")
        slopes = _grad((_scalar(outputs, "hvp"),), points, None, True)
        _check_depends(slopes, strict, "jacobian")
        dummies = _zeros(points)
        pulled = _grad(slopes, points, dummies, True)
        _check_depends(pulled, strict, "hessian")
        found = _filled(
            _grad(pulled, dummies, directions, create_graph), points, strict, create_graph,
            "hessian",
        )
    return _detached(outputs, create_graph), _detached(_like(found, several), create_graph)


# -- one walk --------------------------------------------------------------------------------


def _grad(
    outputs: Sequence[Tensor | None],
    inputs: tuple[Tensor, ...],
    directions: tuple[Tensor, ...] | None,
    create_graph: bool,
    retain: bool | None = None,
) -> tuple[Tensor | None, ...]:
    """Gradients, None where nothing connects; outputs that require none are left out."""
    chosen = [
        (each, None if directions is None else directions[at])
        for at, each in enumerate(outputs)
        if each is not None and each.requires_grad
    ]
    if not chosen:
        return (None,) * len(inputs)
    return grad(
        [output for output, _ in chosen],
        inputs,
        [direction for _, direction in chosen],
        create_graph=create_graph,
        retain_graph=retain,
        allow_unused=True,
    )


def _rows_of(
    output: Tensor, place: int, points: tuple[Tensor, ...], create_graph: bool, strict: bool
) -> tuple[Tensor, ...]:
    """The Jacobian of one output for each input, by one walk an element."""
    rows: list[list[Tensor]] = [[] for _ in points]
    for at in range(output.array.size):
        seed = np.zeros(output.array.size, output.array.dtype)
        seed[at] = 1
        direction = wrap(seed.reshape(output.array.shape))
        found = _grad((output,), points, (direction,), create_graph, retain=True)
        for which, (collected, row, point) in enumerate(zip(rows, found, points, strict=True)):
            if row is None and strict:
                raise RuntimeError(
                    f"Output {place} of the user-provided function is independent of input "
                    f"{which}. This is not allowed in strict mode."
                )
            if row is not None and strict and create_graph and not row.requires_grad:
                raise RuntimeError(_independent("jacobian", which) + " when create_graph=True.")
            collected.append(wrap(np.zeros_like(point.array)) if row is None else row)
    return tuple(
        [
            stack(collected).reshape((*output.array.shape, *point.array.shape))
            if collected
            else wrap(np.zeros((*output.array.shape, *point.array.shape), point.array.dtype))
            for collected, point in zip(rows, points, strict=True)
        ]
    )


def _filled(
    found: Sequence[Tensor | None],
    like: tuple[Tensor, ...],
    strict: bool,
    create_graph: bool,
    what: str,
) -> tuple[Tensor, ...]:
    """Zeros where nothing connects, or an error if `strict`."""
    filled = []
    for at, (each, reference) in enumerate(zip(found, like, strict=True)):
        if each is None and strict:
            raise RuntimeError(_independent(what, at) + ".")
        if each is not None and strict and create_graph and not each.requires_grad:
            deeper = "jacobian" if what == "output" else "hessian"
            raise RuntimeError(_independent(deeper, at) + " when create_graph=True.")
        filled.append(wrap(np.zeros_like(reference.array)) if each is None else each)
    return tuple(filled)


def _check_depends(found: Any, strict: bool, what: str) -> None:
    """Under `strict`: whether first derivatives still depend on what they are to be derived by."""
    for at, each in enumerate(found if strict else ()):
        if each is None:
            raise RuntimeError(_independent("output", at) + ".")
        if not each.requires_grad:
            raise RuntimeError(_independent(what, at) + ".")


def _independent(what: str, at: int) -> str:
    return (
        f"The {what} of the user-provided function is independent of input {at}. This is not "
        "allowed in strict mode"
    )


# -- arguments and results -------------------------------------------------------------------


def _points(inputs: Any, create_graph: bool, name: str) -> tuple[tuple[Tensor, ...], bool]:
    """Tensors of our own to differentiate at, which continue the caller's graph if asked."""
    points = []
    for each in _tensors_of(inputs, "inputs", name):
        if create_graph and each.requires_grad:
            with enable_grad():
                points.append(each.view_as(each))
        else:
            points.append(each.detach().requires_grad_())
    return tuple(points), not isinstance(inputs, Tensor)


def _outputs(outputs: Any, strict: bool, name: str) -> tuple[Tensor, ...]:
    made = _tensors_of(outputs, "outputs of the user-provided function", name)
    for at, each in enumerate(made if strict else ()):
        if not each.requires_grad:
            raise RuntimeError(
                f"Output {at} of the user-provided function does not require gradients. The "
                "outputs must be computed in a differentiable manner from the input when running "
                "in strict mode."
            )
    return made


def _tensors_of(given: Any, what: str, name: str) -> tuple[Tensor, ...]:
    every = given if isinstance(given, tuple) else (given,)
    for each in every:
        if not isinstance(each, Tensor):
            raise TypeError(
                f"The {what} given to {name} must be either a Tensor or a tuple of Tensors; got "
                f"{type(each)}"
            )
    return every


def _directions(
    v: Any, like: tuple[Tensor, ...], several: bool, whose: str
) -> tuple[Tensor, ...]:
    if v is None:
        if several or like[0].array.size != 1:
            raise RuntimeError(
                f"The vector v can only be None if the {whose} a single Tensor with a single "
                "element"
            )
        return (wrap(np.ones_like(like[0].array)),)
    given = _tensors_of(v, "v", "this function")
    if len(given) != len(like):
        raise RuntimeError(
            f"v is a tuple of invalid length: should be {len(like)} but got {len(given)}."
        )
    for at, (vector, each) in enumerate(zip(given, like, strict=True)):
        if vector.array.shape != each.array.shape:
            raise RuntimeError(
                f"Entry {at} in v has invalid size: should be {each.shape} but got {vector.shape}."
            )
    return given


def _scalar(output: Any, name: str) -> Tensor:
    if not isinstance(output, Tensor):
        raise RuntimeError(
            f"The function given to {name} should return a single Tensor; got {type(output)}"
        )
    if output.array.size != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {name} should contain a single element; "
            f"got shape {list(output.array.shape)}"
        )
    return output.reshape(())


def _check_strategy(strategy: str, name: str) -> None:
    if strategy not in ("reverse-mode", "forward-mode"):
        raise AssertionError(
            f"Expected {name} to be either 'reverse-mode' or 'forward-mode'; got {strategy!r}"
        )


def _zeros(like: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple([wrap(np.zeros_like(each.array)).requires_grad_() for each in like])


def _like(found: tuple[Any, ...], several: bool) -> Any:
    return found if several else found[0]


def _detached(found: Any, create_graph: bool) -> Any:
    if create_graph:
        return found
    if isinstance(found, tuple):
        return tuple([_detached(each, False) for each in found])
    return found.detach()
