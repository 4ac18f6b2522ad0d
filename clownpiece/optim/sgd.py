"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor import wrap
from .blocks import blocks, buffer, effective_gradient
from .optimizer import Optimizer, ParamsT
from .options import check_at_least_zero, number, refuse_differentiable

__all__ = ["SGD"]


class SGD(Optimizer):
    r"""Go against the gradient: `θ ← θ − lr · g`.

    With momentum the direction is a running sum, `b ← momentum · b + (1 − dampening) · g`, which
    starts as the first gradient; then `θ ← θ − lr · b`, with `nesterov`
    `θ ← θ − lr · (g + momentum · b)`.
    Weight decay adds `weight_decay · θ` to the gradient first.

    Args:
        params: tensors, named tensors, or groups.
        lr: the learning rate.
        momentum: how much of the last direction is kept.
        dampening: how much of a new gradient is left out of the direction.
        weight_decay: the strength of the L2 penalty.
        nesterov: look ahead along the momentum.
        maximize: go with the gradient instead.
        foreach, fused: accepted for PyTorch's sake; there is one implementation here.

    Raises:
        ValueError: an option is out of range.

    Reference: Sutskever et al., *On the importance of initialization and momentum in deep
    learning*, ICML 2013.

    >>> import clownpiece as cp
    >>> x = cp.tensor([4.0], requires_grad=True)
    >>> optimizer = cp.optim.SGD([x], lr=0.25)
    >>> for _ in range(3):
    ...     optimizer.zero_grad()
    ...     (x * x).sum().backward()
    ...     optimizer.step()
    >>> x
    tensor([0.5000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_at_least_zero(
            {"learning rate": lr, "momentum value": momentum, "weight_decay value": weight_decay}
        )
        refuse_differentiable(differentiable)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError(
                "Nesterov momentum requires a momentum and zero dampening; got "
                f"momentum={momentum}, dampening={dampening}"
            )
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": number(weight_decay),
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def _update(
        self, param: np.ndarray, grad: np.ndarray, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        lr, momentum, decay = float(group["lr"]), group["momentum"], group["weight_decay"]
        if not momentum:
            for p, g, t in blocks(param, grad, scratch=1):
                g = effective_gradient(g, p, decay, group["maximize"], out=t)
                p -= np.multiply(g, lr, out=t)
            return

        first = state.get("momentum_buffer") is None
        if first:
            state["momentum_buffer"] = wrap(np.empty_like(param))
        direction = buffer(state, "momentum_buffer", param)
        for p, g, b, t, u in blocks(param, grad, direction, scratch=2):
            g = effective_gradient(g, p, decay, group["maximize"], out=t)
            if first:
                b[...] = g
            else:
                b *= momentum
                b += np.multiply(g, 1 - group["dampening"], out=u) if group["dampening"] else g
            if group["nesterov"]:
                np.multiply(b, momentum, out=u)
                b = np.add(u, g, out=u)
            p -= np.multiply(b, lr, out=u)
