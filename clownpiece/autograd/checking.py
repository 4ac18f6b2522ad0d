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
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_batched_grad: bool = False,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the gradients of `func` at `inputs` agree with central differences.

    Args:
        func: tensors to a tensor or to several.
        inputs: float64 tensors; those that require a gradient are checked.
        eps: the step of the difference.
        atol: allowed absolute error.
        rtol: allowed relative error.
        raise_exception: raise with the two Jacobians instead of returning False.
        nondet_tol: by how much the gradients of two backwards may differ.
        check_undefined_grad: check too that where there are several outputs and one gets no
            gradient, this counts as zeros.
        fast_mode: compare one random projection of each Jacobian instead of all of it.
        check_batched_grad, masked: as in PyTorch, but only False: there is no `vmap` here to go
            wrong, and there are no sparse tensors.

    Raises:
        ValueError: nothing to check, an input that is not float64, or a check there is not.
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
    _refuse(check_batched_grad=check_batched_grad, masked=masked)
    try:
        with enable_grad():
            outputs = _differentiable(func(*given))
            if not outputs:
                raise ValueError("gradcheck expects at least one differentiable output; got none")
            if fast_mode:
                _compare_projections(func, given, outputs, checked, eps, atol, rtol, nondet_tol)
            else:
                _compare_jacobians(func, given, outputs, checked, eps, atol, rtol, nondet_tol)
            if check_undefined_grad:
                _check_undefined(outputs, checked)
    except _Difference:
        if raise_exception:
            raise
        return False
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
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_batched_grad: bool = False,
    fast_mode: bool = False,
    masked: bool | None = None,
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
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_batched_grad=check_batched_grad,
        fast_mode=fast_mode,
        masked=masked,
    )


class _Difference(RuntimeError):
    """What a check found."""


def _refuse(**checks: bool | None) -> None:
    for name, wanted in checks.items():
        if wanted:
            raise ValueError(
                f"gradcheck knows no {name}=True: there is no vmap and no sparse tensor here that "
                "it could check; leave it out"
            )


def _compare_jacobians(
    func: Callable[..., Any], given: tuple[Any, ...], outputs: list[Tensor],
    checked: list[Tensor], eps: float, atol: float, rtol: float, nondet_tol: float,
) -> None:
    analytic = [_jacobian(output, checked) for output in outputs]
    again = [_jacobian(output, checked) for output in outputs]
    numeric = _numeric_jacobians(func, given, checked, eps)
    for which, of_output in enumerate(zip(analytic, numeric, again, strict=True)):
        for at, (a, n, twice) in enumerate(zip(*of_output, strict=True)):
            if not np.allclose(a, n, rtol=rtol, atol=atol, equal_nan=True):
                raise _Difference(
                    f"Jacobian mismatch for output {which} with respect to input {at}; largest "
                    f"difference {np.nanmax(np.abs(a - n)):.3g}\nnumerical:\n{n}\nanalytical:\n{a}"
                )
            _check_repeats(a, twice, nondet_tol)


def _compare_projections(
    func: Callable[..., Any], given: tuple[Any, ...], outputs: list[Tensor],
    checked: list[Tensor], eps: float, atol: float, rtol: float, nondet_tol: float,
) -> None:
    """Hold vᵀJu of random positive unit vectors u and v against the difference along u."""
    rng = np.random.default_rng(0)
    for at, x in enumerate(checked):
        u = _unit(rng, x.array.shape)
        moved = []
        kept = x.array.copy()
        for step in (eps, -eps):
            x.array[...] = kept + step * u
            moved.append([each.array.copy() for each in _differentiable(func(*given))])
        x.array[...] = kept
        for which, output in enumerate(outputs):
            v = _unit(rng, output.array.shape)
            rows = [_gradients([output], [x], [v])[0] for _ in range(2)]
            n = float((v * (moved[0][which] - moved[1][which])).sum() / (2 * eps))
            a = float((rows[0] * u).sum())
            # An entry of J counts with its u and v, and so does the error it may have.
            if not np.isclose(a, n, rtol=rtol, atol=atol * u.sum() * v.sum(), equal_nan=True):
                raise _Difference(
                    f"Jacobian mismatch for output {which} with respect to input {at}, in fast "
                    f"mode: numerical {n:.6g}, analytical {a:.6g}; fast_mode=False shows the "
                    "whole Jacobians"
                )
            _check_repeats(rows[0], rows[1], nondet_tol)


def _unit(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    vector = rng.random(shape)
    return np.asarray(vector / max(float(np.sqrt((vector * vector).sum())), 1e-300))


def _check_repeats(first: np.ndarray, second: np.ndarray, nondet_tol: float) -> None:
    if not np.allclose(first, second, rtol=0, atol=nondet_tol, equal_nan=True):
        raise _Difference(
            "Backward is not reentrant, i.e., running backward with same input and grad_output "
            "multiple times gives different values, although analytical gradient matches numerical "
            f"gradient. The tolerance for nondeterminism was {nondet_tol}."
        )


def _check_undefined(outputs: list[Tensor], checked: list[Tensor]) -> None:
    for left_out in range(len(outputs) if len(outputs) > 1 else 0):
        others = outputs[:left_out] + outputs[left_out + 1 :]
        try:
            found = _gradients(others, checked, [np.zeros(each.array.shape) for each in others])
        except RuntimeError as error:
            raise _Difference(
                "Expected backward function to handle undefined output grads; with none for "
                f"output {left_out} it raised: {error}"
            ) from error
        if any(gradient.any() for gradient in found):
            raise _Difference(
                "Expected all input grads to be undefined or zero when all output grads are "
                f"undefined or zero; with no gradient for output {left_out} they are not"
            )


def _gradients(
    outputs: list[Tensor], inputs: list[Tensor], seeds: list[np.ndarray]
) -> list[np.ndarray]:
    """The gradients as arrays, zeros where there is none; the graph is kept."""
    found = grad(
        outputs,
        inputs,
        [wrap(seed.astype(each.array.dtype)) for seed, each in zip(seeds, outputs, strict=True)],
        retain_graph=True,
        materialize_grads=True,
    )
    return [each.array for each in found]


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
        found = _gradients([output], inputs, [seed.reshape(output.array.shape)])
        for matrix, gradient in zip(matrices, found, strict=True):
            matrix[row] = gradient.ravel()
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
