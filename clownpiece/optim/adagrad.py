"""Adagrad: steps divided by the size of all gradients so far."""

from __future__ import annotations

from typing import Any

import numpy as np

from .blocks import blocks, buffer, count_step, effective_gradient
from .optimizer import Optimizer, ParamsT
from .options import check_at_least_zero, refuse_differentiable

__all__ = ["Adagrad"]


class Adagrad(Optimizer):
    r"""Rare features get large steps: `s ← s + g²`, `θ ← θ − lrₜ · g / (√s + eps)`.

    The learning rate of step `t` is `lrₜ = lr / (1 + (t − 1) · lr_decay)`.

    Args:
        params: tensors, named tensors, or groups.
        lr: the learning rate.
        lr_decay: how fast it falls.
        weight_decay: the strength of the L2 penalty.
        initial_accumulator_value: where `s` starts.
        eps: added to the denominator.
        maximize: go with the gradient instead.

    Reference: Duchi, Hazan and Singer, *Adaptive subgradient methods for online learning and
    stochastic optimization*, JMLR 2011.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_at_least_zero(
            {
                "learning rate": lr,
                "lr_decay value": lr_decay,
                "weight_decay value": weight_decay,
                "initial_accumulator_value value": initial_accumulator_value,
                "epsilon value": eps,
            }
        )
        refuse_differentiable(differentiable)
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def _update(
        self, param: np.ndarray, grad: np.ndarray, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        size = float(group["lr"]) / (1 + (count_step(state) - 1) * group["lr_decay"])
        total = buffer(state, "sum", param, fill=group["initial_accumulator_value"])
        for p, g, s, t, u in blocks(param, grad, total, scratch=2):
            g = effective_gradient(g, p, group["weight_decay"], group["maximize"], out=t)
            s += np.multiply(g, g, out=u)
            np.sqrt(s, out=u)
            u += group["eps"]
            np.divide(g, u, out=u)
            u *= size
            p -= u
