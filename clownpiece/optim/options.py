"""Checks of options, worded the same in every optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..tensor import Tensor

__all__ = ["check_at_least_zero", "check_betas", "number", "refuse_differentiable"]


def number(value: Any) -> Any:
    """A tensor of one element as a Python number; anything else as it is."""
    if isinstance(value, Tensor) and value.numel() != 1:
        raise ValueError(f"Tensor lr must be 1-element; got shape {tuple(value.shape)}")
    return value.item() if isinstance(value, Tensor) else value


def check_at_least_zero(options: Mapping[str, Any]) -> None:
    """Refuse what is negative or NaN, by its name in `options`.

    >>> check_at_least_zero({"learning rate": -1.0})
    Traceback (most recent call last):
    ValueError: Invalid learning rate: -1.0; it must be at least 0
    """
    for name, value in options.items():
        if not number(value) >= 0:
            raise ValueError(f"Invalid {name}: {number(value)}; it must be at least 0")


def check_betas(betas: tuple[float, ...]) -> None:
    """Refuse a running average that would never forget, or would not be one."""
    if len(betas) != 2:
        raise ValueError(f"betas must be two numbers, such as (0.9, 0.999); got {betas}")
    for index, beta in enumerate(betas):
        if not 0 <= number(beta) < 1:
            raise ValueError(
                f"Invalid beta parameter at index {index}: {number(beta)}; "
                "it must be at least 0 and less than 1"
            )


def refuse_differentiable(differentiable: bool) -> None:
    """Refuse to differentiate through a step: updates here are made in place, on arrays."""
    if differentiable:
        raise NotImplementedError(
            "differentiable=True is not supported: steps are made in place on arrays. To "
            "differentiate through an update write it with tensor operations under "
            "backward(create_graph=True)"
        )
