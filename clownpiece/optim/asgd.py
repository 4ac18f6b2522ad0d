"""ASGD: gradient descent that also keeps the average of where it was."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor import wrap
from .blocks import blocks, buffer, count_step, effective_gradient
from .optimizer import Optimizer, ParamsT
from .options import check_at_least_zero, refuse_differentiable

__all__ = ["ASGD"]


class ASGD(Optimizer):
    r"""Averaged descent: `θ ← (1 − λ η) θ − η g`, and the mean of `θ` from step `t0` on.

    The mean is in `state["ax"]`, for the caller to take in the end. The step falls as
    `η = lr / (1 + λ lr t)^alpha`.

    Args:
        params: tensors, named tensors, or groups.
        lr: the learning rate.
        lambd: λ, how fast the step falls and the weights shrink.
        alpha: the power of the fall.
        t0: the step at which averaging begins.
        weight_decay: the strength of the L2 penalty.
        maximize: go with the gradient instead.

    Reference: Polyak and Juditsky, *Acceleration of stochastic approximation by averaging*, 1992.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_at_least_zero({"learning rate": lr, "weight_decay value": weight_decay})
        refuse_differentiable(differentiable)
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
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
        lr, lambd = float(group["lr"]), group["lambd"]
        step = count_step(state)
        eta = state.setdefault("eta", wrap(np.array(lr, np.float32))).array
        mu = state.setdefault("mu", wrap(np.ones((), np.float32))).array
        average = buffer(state, "ax", param)
        size, weight = float(eta), float(mu)
        for p, g, mean, t in blocks(param, grad, average, scratch=1):
            g = effective_gradient(g, p, group["weight_decay"], group["maximize"], out=t)
            np.multiply(g, size, out=t)
            p *= 1 - lambd * size
            p -= t
            np.subtract(p, mean, out=t)
            t *= weight
            mean += t
        eta[...] = lr / (1 + lambd * lr * step) ** group["alpha"]
        mu[...] = 1 / max(1, step - group["t0"])
