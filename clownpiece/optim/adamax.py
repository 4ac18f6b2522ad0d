"""Adamax: Adam with the largest gradient in place of the mean square."""

from __future__ import annotations

from typing import Any

import numpy as np

from .blocks import blocks, buffer, count_step, effective_gradient, move_toward
from .optimizer import Optimizer, ParamsT
from .options import check_at_least_zero, check_betas, refuse_differentiable

__all__ = ["Adamax"]


class Adamax(Optimizer):
    r"""Adam in the infinity norm: `u ← max(β₂ u, |g| + eps)`, `θ ← θ − lr · m̂ / u`.

    Args:
        params: tensors, named tensors, or groups.
        lr, betas, eps, weight_decay, maximize: as in `Adam`.

    Reference: Kingma and Ba, *Adam: a method for stochastic optimization*, ICLR 2015, section 7.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
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
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _update(
        self, param: np.ndarray, grad: np.ndarray, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        beta1, beta2 = group["betas"]
        size = float(group["lr"]) / (1 - beta1 ** count_step(state))
        mean, largest = buffer(state, "exp_avg", param), buffer(state, "exp_inf", param)
        for p, g, m, top, t, u in blocks(param, grad, mean, largest, scratch=2):
            g = effective_gradient(g, p, group["weight_decay"], group["maximize"], out=t)
            move_toward(m, g, 1 - beta1, out=u)
            np.abs(g, out=u)
            u += group["eps"]
            top *= beta2
            np.maximum(top, u, out=top)
            np.divide(m, top, out=u)
            u *= size
            p -= u
