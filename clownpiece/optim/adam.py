"""Adam and AdamW: steps scaled by running estimates of the gradient's mean and square."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .blocks import blocks, buffer, count_step, effective_gradient, update_moments
from .optimizer import Optimizer, ParamsT
from .options import check_at_least_zero, check_betas, number, refuse_differentiable

__all__ = ["Adam", "AdamW"]


class Adam(Optimizer):
    r"""Adaptive moments: each weight has a step size of its own.

    With `m ← β₁ m + (1 − β₁) g` and `v ← β₂ v + (1 − β₂) g²`, both started at zero and
    corrected for that at step `t`: `θ ← θ − lr · m̂ / (√v̂ + eps)`, where
    `m̂ = m / (1 − β₁ᵗ)` and `v̂ = v / (1 − β₂ᵗ)`.

    Args:
        params: tensors, named tensors, or groups.
        lr: the learning rate, about the size of a step.
        betas: `(β₁, β₂)`, how slowly the averages forget.
        eps: added to the denominator.
        weight_decay: the strength of the L2 penalty, added to the gradient.
        amsgrad: divide by the largest `v` so far, so that step sizes never grow again.
        maximize: go with the gradient instead.
        decoupled_weight_decay: shrink the weights directly; this is AdamW.
        foreach, capturable, fused: accepted for PyTorch's sake; there is one implementation here.

    Raises:
        ValueError: an option is out of range.

    Reference: Kingma and Ba, *Adam: a method for stochastic optimization*, ICLR 2015; Reddi et
    al., *On the convergence of Adam and beyond*, ICLR 2018 (amsgrad).

    >>> import clownpiece as cp
    >>> x = cp.tensor([4.0, 0.1], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> cp.optim.Adam([x], lr=0.5).step()
    >>> x
    tensor([ 3.5000, -0.4000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
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
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def _update(
        self, param: np.ndarray, grad: np.ndarray, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        lr, decay = float(group["lr"]), group["weight_decay"]
        beta1, beta2 = (float(number(beta)) for beta in group["betas"])
        shrink = 1 - lr * decay if decay and group["decoupled_weight_decay"] else None
        penalty = decay if shrink is None else 0

        step = count_step(state)
        mean = buffer(state, "exp_avg", param)
        square = buffer(state, "exp_avg_sq", param)
        # Without amsgrad the divisor is the running square itself.
        largest = buffer(state, "max_exp_avg_sq", param) if group["amsgrad"] else square

        # √v̂ + eps = (√v + eps·c) / c with c = √(1 − β₂ᵗ): both corrections go into two numbers.
        correction = math.sqrt(1 - beta2**step)
        size = lr / (1 - beta1**step) * correction
        eps = group["eps"] * correction

        for p, g, m, v, top, t, u in blocks(param, grad, mean, square, largest, scratch=2):
            if shrink is not None:
                p *= shrink
            g = effective_gradient(g, p, penalty, group["maximize"], out=t)
            update_moments(m, v, g, (beta1, beta2), out=u)
            if group["amsgrad"]:
                np.maximum(top, v, out=top)
            np.sqrt(top, out=u)
            u += eps
            np.divide(m, u, out=u)
            p -= np.multiply(u, size, out=u)


class AdamW(Adam):
    r"""Adam with weight decay that is not scaled by the moments: `θ ← (1 − lr · weight_decay) θ`.

    Args:
        params: tensors, named tensors, or groups.
        lr, betas, eps, amsgrad, maximize: as in `Adam`.
        weight_decay: how fast weights shrink.

    Reference: Loshchilov and Hutter, *Decoupled weight decay regularization*, ICLR 2019.

    >>> import clownpiece as cp
    >>> x = cp.tensor([2.0], requires_grad=True)
    >>> x.grad = cp.tensor([0.0])
    >>> cp.optim.AdamW([x], lr=0.5, weight_decay=0.5).step()
    >>> x
    tensor([1.5000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )
