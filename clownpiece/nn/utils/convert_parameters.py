"""All parameters of a model as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from ...autograd.mode import no_grad
from ...ops.joining import cat
from ...tensor import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The parameters, flattened, one after the other; a vector that autograd can follow."""
    return cat([parameter.reshape(-1) for parameter in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Write a vector back into the parameters.

    Raises:
        TypeError: `vec` is not a Tensor.
        ValueError: it is shorter than the parameters.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected a Tensor to be written, but got {type(vec).__name__}")
    start = 0
    with no_grad():
        for parameter in parameters:
            end = start + parameter.numel()
            if end > vec.numel():
                raise ValueError(
                    f"the vector has {vec.numel()} elements, which is less than the parameters have"
                )
            piece = vec.detach()[start:end]
            parameter.data = piece.reshape(parameter.shape).clone()
            start = end
