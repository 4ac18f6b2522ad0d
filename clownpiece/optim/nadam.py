"""NAdam: Adam that looks ahead along its momentum."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..tensor import wrap
from .blocks import blocks, buffer, count_step, effective_gradient, update_moments
from .optimizer import Optimizer, ParamsT
from .options import check_at_least_zero, check_betas, refuse_differentiable

__all__ = ["NAdam"]


class NAdam(Optimizer):
    r"""Adam with Nesterov momentum, whose strength grows with the steps.

    With `μₜ = β₁ (1 − ½ · 0.96^(t · momentum_decay))` and Adam's `m`, `v`:
    `θ ← θ − lr / (√v̂ + eps) · ((1 − μₜ) g / (1 − Πμ) + μₜ₊₁ m / (1 − Πμ · μₜ₊₁))`.

    Args:
        params: tensors, named tensors, or groups.
        lr, betas, eps, weight_decay, maximize, decoupled_weight_decay: as in `Adam`.
        momentum_decay: how fast the momentum grows to `β₁`.

    Reference: Dozat, *Incorporating Nesterov momentum into Adam*, 2016.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_at_least_zero(
            {
                "learning rate": lr,
                "epsilon value": eps,
                "weight_decay value": weight_decay,
                "momentum_decay value": momentum_decay,
            }
        )
        check_betas(betas)
        refuse_differentiable(differentiable)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
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
        now, ahead = (
            beta1 * (1 - 0.5 * 0.96 ** (at * group["momentum_decay"])) for at in (step, step + 1)
        )
        product = state.setdefault("mu_product", wrap(np.ones((), np.float32))).array
        product *= now
        of_grad = lr * (1 - now) / (1 - float(product))
        of_mean = lr * ahead / (1 - float(product) * ahead)
        correction = math.sqrt(1 - beta2**step)

        mean, square = buffer(state, "exp_avg", param), buffer(state, "exp_avg_sq", param)
        for p, g, m, v, t, u in blocks(param, grad, mean, square, scratch=2):
            p *= shrink
            g = effective_gradient(g, p, penalty, group["maximize"], out=t)
            update_moments(m, v, g, (beta1, beta2), out=u)
            np.multiply(g, of_grad, out=t)
            t += np.multiply(m, of_mean, out=u)
            np.sqrt(v, out=u)
            u /= correction
            u += group["eps"]
            p -= np.divide(t, u, out=t)
