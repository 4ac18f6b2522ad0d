"""Adadelta: steps in the units of the parameters, without a learning rate to choose."""

from __future__ import annotations

from typing import Any

import numpy as np

from .blocks import blocks, buffer, count_step, effective_gradient
from .optimizer import Optimizer, ParamsT
from .options import check_at_least_zero, refuse_differentiable

__all__ = ["Adadelta"]


class Adadelta(Optimizer):
    r"""The last steps say how large the next is: `Δ = √(d + eps) / √(v + eps) · g`.

    Both are running means of squares, `v` of the gradients and `d` of the steps, that forget at
    the rate `rho`; `θ ← θ − lr · Δ`.

    Args:
        params: tensors, named tensors, or groups.
        lr: scales the step.
        rho: how slowly the means forget.
        eps: added under both roots.
        weight_decay: the strength of the L2 penalty.
        maximize: go with the gradient instead.

    Reference: Zeiler, *ADADELTA: an adaptive learning rate method*, 2012.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_at_least_zero(
            {"learning rate": lr, "epsilon value": eps, "weight_decay value": weight_decay}
        )
        if not 0 <= rho <= 1:
            raise ValueError(f"Invalid rho value: {rho}; it must be from 0 to 1")
        refuse_differentiable(differentiable)
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _update(
        self, param: np.ndarray, grad: np.ndarray, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        lr, rho, eps = float(group["lr"]), group["rho"], group["eps"]
        count_step(state)
        square, steps = buffer(state, "square_avg", param), buffer(state, "acc_delta", param)
        for p, g, v, d, t, u, w in blocks(param, grad, square, steps, scratch=3):
            g = effective_gradient(g, p, group["weight_decay"], group["maximize"], out=t)
            np.multiply(g, g, out=u)
            u *= 1 - rho
            v *= rho
            v += u
            np.add(v, eps, out=u)
            np.add(d, eps, out=w)
            w /= u
            np.sqrt(w, out=w)
            w *= g
            np.multiply(w, w, out=u)
            u *= 1 - rho
            d *= rho
            d += u
            w *= lr
            p -= w
