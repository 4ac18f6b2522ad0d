"""RAdam: Adam that waits with its scaling until it knows enough."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .blocks import blocks, buffer, count_step, effective_gradient, update_moments
from .optimizer import Optimizer, ParamsT
from .options import check_at_least_zero, check_betas, refuse_differentiable

__all__ = ["RAdam"]


class RAdam(Optimizer):
    r"""Adam, rectified: the first steps are plain momentum, for their `v` is too uncertain.

    With `ρ∞ = 2 / (1 − β₂) − 1` and `ρₜ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ)`: while `ρₜ ≤ 5`
    `θ ← θ − lr · m̂`, then `θ ← θ − lr · r · m̂ / (√v̂ + eps)` with
    `r² = (ρₜ − 4)(ρₜ − 2) ρ∞ / ((ρ∞ − 4)(ρ∞ − 2) ρₜ)`.

    Args:
        params: tensors, named tensors, or groups.
        lr, betas, eps, weight_decay, maximize, decoupled_weight_decay: as in `Adam`.

    Reference: Liu et al., *On the variance of the adaptive learning rate and beyond*, ICLR 2020.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_at_least_zero(
            {"learning rate": lr, "epsilon value": eps, "weight_decay value": weight_decay}
        )
        check_betas(betas)
        refuse_differentiable(differentiable)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _update(
        self, param: np.ndarray, grad: np.ndarray, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        lr, decay = float(group["lr"]), group["weight_decay"]
        beta1, beta2 = group["betas"]
        shrink = 1 - lr * decay if group["decoupled_weight_decay"] else 1
        penalty = 0 if group["decoupled_weight_decay"] else decay

        step = count_step(state)
        size = lr / (1 - beta1**step)
        rectified = _rectification(step, beta2)
        if rectified:
            size *= rectified * math.sqrt(1 - beta2**step)

        mean, square = buffer(state, "exp_avg", param), buffer(state, "exp_avg_sq", param)
        for p, g, m, v, t, u in blocks(param, grad, mean, square, scratch=2):
            p *= shrink
            g = effective_gradient(g, p, penalty, group["maximize"], out=t)
            update_moments(m, v, g, (beta1, beta2), out=u)
            np.multiply(m, size, out=t)
            if rectified:
                np.sqrt(v, out=u)
                u += group["eps"]
                t /= u
            p -= t


def _rectification(step: int, beta2: float) -> float:
    """The factor `r`, or 0 while there is too little to go by."""
    longest = 2 / (1 - beta2) - 1
    length = longest - 2 * step * beta2**step / (1 - beta2**step)
    if length <= 5:
        return 0.0
    part = (length - 4) * (length - 2) * longest
    return math.sqrt(part / ((longest - 4) * (longest - 2) * length))
