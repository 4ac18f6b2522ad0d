"""Rprop: only the sign of the gradient counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from .blocks import blocks, buffer, count_step, effective_gradient
from .optimizer import Optimizer, ParamsT
from .options import check_at_least_zero, refuse_differentiable

__all__ = ["Rprop"]


class Rprop(Optimizer):
    r"""Resilient propagation, for whole batches: each weight has a step of its own.

    The step grows by `η⁺` while the gradient keeps its sign and shrinks by `η⁻` when it changes
    it; in that case the weight rests for one step.

    Args:
        params: tensors, named tensors, or groups.
        lr: the first step.
        etas: `(η⁻, η⁺)`.
        step_sizes: the smallest and the largest step.
        maximize: go with the gradient instead.

    Reference: Riedmiller and Braun, *A direct adaptive method for faster backpropagation
    learning: the RPROP algorithm*, 1993.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_at_least_zero({"learning rate": lr})
        if not 0 < etas[0] < 1 < etas[1]:
            raise ValueError(
                f"Invalid eta values: {etas[0]}, {etas[1]}; the first must be between 0 and 1, "
                "the second more than 1"
            )
        refuse_differentiable(differentiable)
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _update(
        self, param: np.ndarray, grad: np.ndarray, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        count_step(state)
        shorter, longer = group["etas"]
        shortest, longest = group["step_sizes"]
        size = buffer(state, "step_size", param, fill=float(group["lr"]))
        previous = buffer(state, "prev", param)
        for p, g, last, s, t, u in blocks(param, grad, previous, size, scratch=2):
            g = effective_gradient(g, p, 0, group["maximize"], out=u)
            agreement = np.multiply(g, last, out=t)
            turned = agreement < 0
            np.multiply(s, longer, out=s, where=agreement > 0)
            np.multiply(s, shorter, out=s, where=turned)
            np.clip(s, shortest, longest, out=s)
            np.copyto(last, g)
            last[turned] = 0
            np.sign(last, out=t)
            t *= s
            p -= t
