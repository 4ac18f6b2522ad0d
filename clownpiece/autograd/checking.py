"""Gradients held against finite differences.

For a function f and a random direction u, the derivative along u by central differences,
(f(x + εu) − f(x − εu)) / 2ε, must equal ⟨∇f, u⟩. `gradcheck` does so for every coordinate.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

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
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the gradients of `func` at `inputs` agree with central differences.

    That they are zeros where those of the outputs are is checked too. Of a function without an
    output that requires a gradient, it is checked that it is constant.

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
        check_grad_dtypes: check too that each gradient has the dtype of its input.
        check_batched_grad: check too that `grad` with `is_grads_batched=True` gives the same.
        fast_mode: compare one random projection of each Jacobian instead of all of it.
        check_forward_ad, check_batched_forward_grad, check_backward_ad, masked: as in PyTorch,
            but only with their defaults: there is no forward mode here, and no sparse tensor.

    Raises:
        ValueError: nothing to check, or a check there is not.
        RuntimeError: the gradients differ (with `raise_exception`), or elements of an input share
            their memory.

    >>> import clownpiece
    >>> x = clownpiece.tensor([0.3, 0.7], dtype=clownpiece.float64, requires_grad=True)
    >>> gradcheck(lambda x: (x * x).sum(), x)
    True
    """
    _refuse(
        check_forward_ad=check_forward_ad,
        check_batched_forward_grad=check_batched_forward_grad,
        masked=masked,
    )
    if not check_backward_ad:
        raise ValueError(
            "gradcheck checks backward, the only mode there is; leave check_backward_ad out"
        )
    given = _as_tuple(inputs)
    checked = _inputs_to_check(given)
    limits = _Limits(eps, atol, rtol, nondet_tol)
    try:
        with enable_grad():
            outputs = _differentiable(func(*given))
            if not outputs:
                _check_constant(func, given, checked, eps)
                return True
            compare = _compare_projections if fast_mode else _compare_jacobians
            compare(func, given, outputs, checked, limits)
            if check_grad_dtypes:
                _check_dtypes(outputs, checked)
            if check_batched_grad:
                _check_batched(outputs, checked)
            _check_zeros(outputs, checked)
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
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Whether the gradients of the gradients of `func` agree with central differences.

    Args:
        grad_outputs: the gradients of the outputs, at which to differentiate too; random ones
            if there are none, with gaps in memory if `gen_non_contig_grad_outputs`.
        check_fwd_over_rev, check_rev_over_rev: as in PyTorch, but only with their defaults.

    The other arguments are those of `gradcheck`.
    """
    _refuse(check_fwd_over_rev=check_fwd_over_rev)
    given = _as_tuple(inputs)
    where = [at for at, x in enumerate(given) if isinstance(x, Tensor) and x.requires_grad]
    outputs = _differentiable(func(*given))
    rng = np.random.default_rng(0)
    if grad_outputs is None:
        gaps = 2 if gen_non_contig_grad_outputs else 1
        weights = [
            wrap(rng.standard_normal((*each.array.shape, gaps))[..., 0]).requires_grad_()
            for each in outputs
        ]
    else:
        weights = list(_as_tuple(grad_outputs))

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
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        check_backward_ad=check_rev_over_rev,
        fast_mode=fast_mode,
        masked=masked,
    )


class _Difference(RuntimeError):
    """What a check found."""


class _Limits(NamedTuple):
    """The step of the differences, and how far what is compared may be apart."""

    eps: float
    atol: float
    rtol: float
    nondet_tol: float


def _refuse(**checks: bool | None) -> None:
    for name, wanted in checks.items():
        if wanted:
            raise ValueError(
                f"gradcheck knows no {name}=True: there is no forward mode and no sparse tensor "
                "here that it could check; leave it out"
            )


def _inputs_to_check(given: tuple[Any, ...]) -> list[Tensor]:
    checked = []
    for at, x in enumerate(given):
        if not (isinstance(x, Tensor) and x.requires_grad):
            continue
        if x.array.dtype != np.float64:
            warnings.warn(
                f"Input #{at} requires gradient and is {x.dtype}, not float64: finite differences "
                "in it tell little, and this check will likely fail; convert it with .double()",
                stacklevel=3,
            )
        if 0 in [n for n, size in zip(x.array.strides, x.array.shape, strict=True) if size > 1]:
            raise RuntimeError(
                f"The {at}th input has a dimension with stride 0, as expand() makes them, whose "
                "elements cannot be moved one by one; call .contiguous() on it first"
            )
        checked.append(x)
    if not checked:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them "
            "have requires_grad=True."
        )
    return checked


def _check_constant(
    func: Callable[..., Any], given: tuple[Any, ...], checked: list[Tensor], eps: float
) -> None:
    for of_output in _numeric_jacobians(func, given, checked, eps, _floating):
        if any(jacobian.any() for jacobian in of_output):
            raise _Difference(
                "Numerical gradient for function expected to be zero, for no output requires a "
                "gradient; but the outputs change with the inputs"
            )


def _compare_jacobians(
    func: Callable[..., Any], given: tuple[Any, ...], outputs: list[Tensor],
    checked: list[Tensor], limits: _Limits,
) -> None:
    eps, atol, rtol, nondet_tol = limits
    analytic = [_jacobian(output, checked) for output in outputs]
    again = [_jacobian(output, checked) for output in outputs]
    numeric = _numeric_jacobians(func, given, checked, eps, _differentiable)
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
    checked: list[Tensor], limits: _Limits,
) -> None:
    """Hold vᵀJu of random positive unit vectors u and v against the difference along u."""
    eps, atol, rtol, nondet_tol = limits
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


def _check_dtypes(outputs: list[Tensor], checked: list[Tensor]) -> None:
    ones = [np.ones(each.array.shape) for each in outputs]
    for at, (x, gradient) in enumerate(zip(checked, _gradients(outputs, checked, ones))):
        if gradient.dtype != x.array.dtype:
            raise _Difference(
                f"Gradient has dtype mismatch: that of input {at} is {gradient.dtype}, and the "
                f"input {x.array.dtype}"
            )


def _check_batched(outputs: list[Tensor], checked: list[Tensor]) -> None:
    rng = np.random.default_rng(0)
    for which, output in enumerate(outputs):
        seeds = rng.standard_normal((2, *output.array.shape)).astype(output.array.dtype)
        alone = [_gradients([output], checked, [seed]) for seed in seeds]
        batched = grad(
            output, checked, wrap(seeds), retain_graph=True, allow_unused=True,
            is_grads_batched=True,
        )
        for at, (together, *rows) in enumerate(zip(batched, *alone, strict=True)):
            if together is not None and not np.allclose(together.array, np.stack(rows)):
                raise _Difference(
                    f"For output {which} and input {at}, the gradients of a batch are not those "
                    f"of its rows:\n{together.array}\nexpected:\n{np.stack(rows)}"
                )


def _check_zeros(outputs: list[Tensor], checked: list[Tensor]) -> None:
    zeros = [np.zeros(each.array.shape) for each in outputs]
    if any(gradient.any() for gradient in _gradients(outputs, checked, zeros)):
        raise _Difference(
            "backward not multiplied by grad_output: with zeros for the gradients of all outputs, "
            "those of the inputs are not zero"
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


def _as_tuple(given: Any) -> tuple[Any, ...]:
    return tuple(given) if isinstance(given, (tuple, list)) else (given,)


def _differentiable(result: Any) -> list[Tensor]:
    return [x for x in _as_tuple(result) if isinstance(x, Tensor) and x.requires_grad]


def _floating(result: Any) -> list[Tensor]:
    return [x for x in _as_tuple(result) if isinstance(x, Tensor) and x.is_floating_point()]


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
    func: Callable[..., Any], given: tuple[Any, ...], checked: list[Tensor], eps: float,
    chosen: Callable[[Any], list[Tensor]],
) -> list[list[np.ndarray]]:
    """For each chosen output, one matrix an input, by two calls a column."""

    def values() -> list[np.ndarray]:
        # Recording stays on: whether an output is differentiable is part of the answer.
        with enable_grad():
            return [each.array.ravel().copy() for each in chosen(func(*given))]

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
