"""RMSprop: steps divided by the running size of the gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from .blocks import blocks, buffer, count_step, effective_gradient, move_toward
from .optimizer import Optimizer, ParamsT
from .options import check_at_least_zero, refuse_differentiable

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    r"""Divide by the root of a mean square: `v ← α v + (1 − α) g²`, `θ ← θ − lr · g / (√v + eps)`.

    Args:
        params: tensors, named tensors, or groups.
        lr: the learning rate.
        alpha: how slowly the mean square forgets.
        eps: added to the denominator.
        weight_decay: the strength of the L2 penalty.
        momentum: keeps a running sum of the scaled gradients and steps along it.
        centered: subtract the squared mean from the mean square, which leaves the variance.
        maximize: go with the gradient instead.

    Reference: Tieleman and Hinton, *Lecture 6.5: rmsprop*, 2012; Graves, *Generating sequences
    with recurrent neural networks*, 2013 (centered).
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_at_least_zero(
            {
                "learning rate": lr,
                "epsilon value": eps,
                "momentum value": momentum,
                "weight_decay value": weight_decay,
                "alpha value": alpha,
            }
        )
        refuse_differentiable(differentiable)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _update(
        self, param: np.ndarray, grad: np.ndarray, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        lr, alpha, momentum = float(group["lr"]), group["alpha"], group["momentum"]
        centered = group["centered"]
        count_step(state)
        square = buffer(state, "square_avg", param)
        direction = buffer(state, "momentum_buffer", param) if momentum else square
        mean = buffer(state, "grad_avg", param) if centered else square
        arrays = (param, grad, square, direction, mean)
        for p, g, v, b, m, t, u, w in blocks(*arrays, scratch=3):
            g = effective_gradient(g, p, group["weight_decay"], group["maximize"], out=t)
            np.multiply(g, g, out=u)
            u *= 1 - alpha
            v *= alpha
            v += u
            if centered:
                move_toward(m, g, 1 - alpha, out=u)
                np.multiply(m, m, out=w)
                np.subtract(v, w, out=u)
                np.sqrt(u, out=u)
            else:
                np.sqrt(v, out=u)
            u += group["eps"]
            step = np.divide(g, u, out=u)
            if momentum:
                b *= momentum
                b += step
                step = b
            p -= np.multiply(step, lr, out=w)
