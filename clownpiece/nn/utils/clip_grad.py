"""Gradients kept in bounds, so that one bad batch does not throw a model away."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ...tensor import Tensor, wrap

__all__ = ["clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]

Tensors = Tensor | Iterable[Tensor]


def clip_grad_norm_(
    parameters: Tensors,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients, in place, so that together they are no longer than `max_norm`.

    The norm is that of all gradients as one vector. Pascanu et al., *On the difficulty of
    training recurrent neural networks*, 2013.

    Args:
        parameters: whose gradients; those without one do not count.
        max_norm: the greatest norm.
        norm_type: its p, 2 for the length, `inf` for the largest value.
        error_if_nonfinite: whether a norm that is NaN or infinite is an error.
        foreach: accepted as in PyTorch, where it chooses a faster way.

    Returns:
        The norm as it was before.
    """
    kept = _tensors(parameters)
    grads = [parameter.grad for parameter in kept if parameter.grad is not None]
    total = get_total_norm(grads, norm_type, error_if_nonfinite)
    clip_grads_with_norm_(kept, max_norm, total)
    return total


def get_total_norm(
    tensors: Tensors,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The p-norm of all tensors as one vector.

    >>> import clownpiece
    >>> get_total_norm([clownpiece.tensor([3.0]), clownpiece.tensor([4.0])])
    tensor(5.)
    """
    arrays = [tensor.array for tensor in _tensors(tensors)]
    if not arrays:
        return wrap(np.zeros((), np.float32))
    p = float(norm_type)
    norms = np.array([_norm(array, p) for array in arrays])
    total = np.asarray(np.linalg.norm(norms, p), np.result_type(*arrays))
    if error_if_nonfinite and not np.isfinite(total):
        raise RuntimeError(
            f"The total norm of order {p} for gradients from `parameters` is non-finite, so it "
            "cannot be clipped; error_if_nonfinite=False scales the gradients anyway"
        )
    return wrap(total)


def _norm(array: np.ndarray, p: float) -> float:
    flat = array.ravel()
    if p == 2:
        return float(np.sqrt(np.dot(flat, flat)))
    return float(np.linalg.norm(flat, p)) if flat.size else 0.0


def clip_grads_with_norm_(
    parameters: Tensors, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Multiply all gradients by max_norm / total_norm, unless that is more than 1."""
    factor = min(1.0, float(max_norm) / (float(total_norm.array) + 1e-6))
    if np.isnan(total_norm.array):
        factor = np.nan
    for parameter in _tensors(parameters):
        if parameter.grad is not None:
            parameter.grad.array *= parameter.grad.array.dtype.type(factor)
            parameter.grad.bump_version()


def clip_grad_value_(parameters: Tensors, clip_value: float, foreach: bool | None = None) -> None:
    """Limit every value of every gradient, in place, to [-clip_value, clip_value]."""
    limit = float(clip_value)
    for parameter in _tensors(parameters):
        if parameter.grad is not None:
            np.clip(parameter.grad.array, -limit, limit, out=parameter.grad.array)
            parameter.grad.bump_version()


def _tensors(given: Tensors) -> list[Tensor]:
    return [given] if isinstance(given, Tensor) else list(given)
