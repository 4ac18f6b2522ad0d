"""Muon: steps that turn a matrix without preferring any of its directions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..tensor import Tensor
from .blocks import blocks, buffer, move_toward
from .optimizer import Optimizer, ParamsT
from .options import check_at_least_zero

__all__ = ["Muon", "orthogonalized"]


class Muon(Optimizer):
    r"""Momentum made orthogonal: `b ← μ b + (1 − μ) g`, `θ ← (1 − lr · decay) θ − lr′ · O(b)`.

    `O` sends the singular values of a matrix to about 1 and keeps its singular vectors. It is for
    the matrices between layers; embeddings, heads, vectors want another optimizer.

    PyTorch iterates in bfloat16, here it is the parameter's dtype, so steps agree with PyTorch's
    to about 1 %.

    Args:
        params: matrices, named matrices, or groups.
        lr: the learning rate.
        weight_decay: how fast weights shrink.
        momentum: μ.
        nesterov: orthogonalize `(1 − μ) g + μ b` instead of `b`.
        ns_coefficients: of the Newton–Schulz polynomial.
        eps: the least norm to divide by.
        ns_steps: how many iterations are made.
        adjust_lr_fn: `"original"` (the default) scales the step by `√max(1, rows/columns)`,
            `"match_rms_adamw"` by `0.2 √max(rows, columns)`, as large as AdamW's.

    Raises:
        ValueError: a parameter is not a matrix, or an option cannot be.

    Reference: Jordan et al., *Muon: an optimizer for hidden layers in neural networks*, 2024.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        check_at_least_zero({"learning rate": lr, "momentum": momentum, "decay": weight_decay})
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(
                f"Adjust learning rate function {adjust_lr_fn} is not supported; it is 'original' "
                "or 'match_rms_adamw'"
            )
        if not ns_steps < 100:
            raise ValueError(f"Number of steps must be less than 100; got ns_steps={ns_steps}")
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Optimize more matrices from now on."""
        super().add_param_group(param_group)
        for param in self.param_groups[-1]["params"]:
            if isinstance(param, Tensor) and param.ndim != 2:
                self.param_groups.pop()
                raise ValueError(
                    "Muon only supports 2D parameters whereas we found a parameter with size "
                    f"{tuple(param.shape)}; give it to another optimizer such as AdamW"
                )

    def _update(
        self, param: np.ndarray, grad: np.ndarray, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        lr, momentum = float(group["lr"]), group["momentum"]
        average = buffer(state, "momentum_buffer", param)
        direction = np.empty_like(param)
        for g, b, d, t in blocks(grad, average, direction, scratch=1):
            move_toward(b, g, 1 - momentum, out=t)
            np.copyto(d, g if group["nesterov"] else b)
            if group["nesterov"]:
                move_toward(d, b, momentum, out=t)
        step = orthogonalized(direction, group["ns_coefficients"], group["ns_steps"], group["eps"])
        param *= 1 - lr * group["weight_decay"]
        param -= lr * _stretch(group["adjust_lr_fn"], param.shape) * step


def orthogonalized(
    matrix: np.ndarray, coefficients: tuple[float, float, float], steps: int, eps: float
) -> np.ndarray:
    """About `U Vᵀ` of `matrix = U S Vᵀ`: a polynomial in `X Xᵀ` drives the singular values to 1.

    `X ← a X + b (X Xᵀ) X + c (X Xᵀ)² X`, from a matrix scaled to norm 1.
    """
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / max(float(np.linalg.norm(x)), eps)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.T if tall else x


def _stretch(adjust: str | None, shape: tuple[int, ...]) -> float:
    rows, columns = shape
    if adjust == "match_rms_adamw":
        return 0.2 * math.sqrt(max(rows, columns))
    return math.sqrt(max(1, rows / columns))
