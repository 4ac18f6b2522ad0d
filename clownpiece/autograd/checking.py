"""Gradients held against finite differences.

For a function f and a random direction u, the derivative along u by central differences,
(f(x + εu) − f(x − εu)) / 2ε, must equal ⟨∇f, u⟩. `gradcheck` does so for every coordinate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..tensor import Tensor, wrap
from .engine import grad
from .mode import enable_grad

__all__ = ["gradcheck", "gradgradcheck"]


def gradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """Whether the gradients of `func` at `inputs` agree with central differences.

    Args:
        func: tensors to a tensor or to several.
        inputs: float64 tensors; those that require a gradient are checked.
        eps: the step of the difference.
        atol: allowed absolute error.
        rtol: allowed relative error.
        raise_exception: raise with the two Jacobians instead of returning False.

    Raises:
        ValueError: nothing to check, or an input that is not float64.
        RuntimeError: the gradients differ (with `raise_exception`).

    >>> import clownpiece
    >>> x = clownpiece.tensor([0.3, 0.7], dtype=clownpiece.float64, requires_grad=True)
    >>> gradcheck(lambda x: (x * x).sum(), x)
    True
    """
    given = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    checked = [x for x in given if isinstance(x, Tensor) and x.requires_grad]
    if not checked:
        raise ValueError(
            "gradcheck expects all tensor inputs to be checked to have requires_grad=True; "
            "none of those given does"
        )
    for x in checked:
        if x.array.dtype != np.float64:
            raise ValueError(
                f"gradcheck needs float64, for finite differences in {x.dtype} tell nothing; "
                "convert the inputs with .double()"
            )
    with enable_grad():
        outputs = _differentiable(func(*given))
        if not outputs:
            raise ValueError("gradcheck expects at least one differentiable output; got none")
        analytic = [_jacobian(output, checked) for output in outputs]
    numeric = _numeric_jacobians(func, given, checked, eps)
    for which, (ours, theirs) in enumerate(zip(analytic, numeric, strict=True)):
        for at, (a, n) in enumerate(zip(ours, theirs, strict=True)):
            if not np.allclose(a, n, rtol=rtol, atol=atol, equal_nan=True):
                if not raise_exception:
                    return False
                raise RuntimeError(
                    f"Jacobian mismatch for output {which} with respect to input {at}; largest "
                    f"difference {np.nanmax(np.abs(a - n)):.3g}\nnumerical:\n{n}\nanalytical:\n{a}"
                )
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """Whether the gradients of the gradients of `func` agree with central differences."""
    given = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    where = [at for at, x in enumerate(given) if isinstance(x, Tensor) and x.requires_grad]
    outputs = _differentiable(func(*given))
    rng = np.random.default_rng(0)
    if grad_outputs is None:
        weights = [wrap(rng.standard_normal(each.array.shape)) for each in outputs]
    else:
        weights = list(grad_outputs) if isinstance(grad_outputs, (tuple, list)) else [grad_outputs]
    for weight in weights:
        weight.requires_grad_()

    def gradients(*arguments: Any) -> Any:
        inner, cotangents = arguments[: len(given)], arguments[len(given) :]
        made = _differentiable(func(*inner))
        found = grad(
            made,
            [inner[at] for at in where],
            list(cotangents),
            create_graph=True,
            materialize_grads=True,
        )
        return tuple(each for each in found if each.requires_grad)

    return gradcheck(
        gradients,
        (*given, *weights),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
    )


def _differentiable(result: Any) -> list[Tensor]:
    every = result if isinstance(result, (tuple, list)) else (result,)
    return [each for each in every if isinstance(each, Tensor) and each.requires_grad]


def _jacobian(output: Tensor, inputs: list[Tensor]) -> list[np.ndarray]:
    """One matrix per input, a row per element of the output, by one backward a row."""
    rows = output.array.size
    matrices = [np.zeros((rows, x.array.size)) for x in inputs]
    for row in range(rows):
        seed = np.zeros(output.array.size)
        seed[row] = 1.0
        found = grad(
            output,
            inputs,
            wrap(seed.reshape(output.array.shape)),
            retain_graph=True,
            allow_unused=True,
        )
        for matrix, gradient in zip(matrices, found, strict=True):
            if gradient is not None:
                matrix[row] = gradient.array.ravel()
    return matrices


def _numeric_jacobians(
    func: Callable[..., Any], given: tuple[Any, ...], checked: list[Tensor], eps: float
) -> list[list[np.ndarray]]:
    def values() -> list[np.ndarray]:
        # Recording stays on: whether an output is differentiable is part of the answer.
        with enable_grad():
            return [each.array.ravel().copy() for each in _differentiable(func(*given))]

    columns: list[list[list[np.ndarray]]] = []
    for x in checked:
        flat_columns = []
        for index in np.ndindex(x.array.shape):
            kept = x.array[index]
            x.array[index] = kept + eps
            above = values()
            x.array[index] = kept - eps
            below = values()
            x.array[index] = kept
            flat_columns.append([(a - b) / (2 * eps) for a, b in zip(above, below, strict=True)])
        columns.append(flat_columns)
    outputs = len(values())
    return [
        [
            np.stack([column[which] for column in of_input], axis=1)
            if of_input
            else np.zeros((len(values()[which]), 0))
            for of_input in columns
        ]
        for which in range(outputs)
    ]
