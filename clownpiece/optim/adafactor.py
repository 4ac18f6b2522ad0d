"""Adafactor: Adam's scaling in the memory of a row and a column."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..tensor import wrap
from .blocks import buffer, count_step
from .optimizer import Optimizer, ParamsT
from .options import check_at_least_zero

__all__ = ["Adafactor"]


class Adafactor(Optimizer):
    r"""Mean squares of a matrix from those of its rows `r` and columns `c`: `v = r cᵀ / mean(r)`.

    The step is relative to the size of the weights and clipped:
    `θ ← θ − α u / max(1, RMS(u) / d)` with `u = g / √v` and
    `α = max(eps₂, RMS(θ)) · min(lr, 1/√t)`. Vectors keep their whole `v`.

    Args:
        params: tensors, named tensors, or groups.
        lr: the largest relative step.
        beta2_decay: the means forget as `t^beta2_decay`, at most 0.
        eps: `(eps₁, eps₂)`: the least root of `v`, by default the dtype's epsilon, and the least
            size of a weight.
        d: the RMS above which a step is clipped, at least 1.
        weight_decay: how fast weights shrink.
        maximize: go with the gradient instead.

    Reference: Shazeer and Stern, *Adafactor: adaptive learning rates with sublinear memory cost*,
    ICML 2018.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        check_at_least_zero(
            {
                "learning rate": lr,
                "epsilon1": eps[0] or 0,
                "epsilon2": eps[1],
                "weight_decay": weight_decay,
            }
        )
        if not beta2_decay <= 0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if not d >= 1:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _update(
        self, param: np.ndarray, grad: np.ndarray, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        lr, step = float(group["lr"]), count_step(state)
        least_root, least_size = group["eps"]
        if least_root is None:
            least_root = float(np.finfo(param.dtype).eps)
        size = max(least_size, _rms(param)) * min(lr, 1 / math.sqrt(step))
        if group["weight_decay"]:
            param *= 1 - lr * group["weight_decay"]

        square = np.square(grad, out=np.empty_like(grad))
        weight = step ** group["beta2_decay"]
        if grad.ndim > 1:
            rows = _average(state, "row_var", square.mean(-1, keepdims=True), weight)
            columns = _average(state, "col_var", square.mean(-2, keepdims=True), weight)
            np.matmul(rows, columns, out=square)
            square /= np.maximum(rows.mean(-2, keepdims=True), least_root)
        else:
            square[...] = _average(state, "variance", square, weight)
        step_of_each = np.sqrt(np.maximum(square, least_root**2, out=square), out=square)
        np.divide(grad, step_of_each, out=step_of_each)
        size /= max(1.0, _rms(step_of_each) / group["d"])
        step_of_each *= -size if group["maximize"] else size
        param -= step_of_each


def _average(state: dict[str, Any], name: str, value: np.ndarray, weight: float) -> np.ndarray:
    """The running average under `name`, moved toward `value`."""
    average = buffer(state, name, value)
    average += weight * (value - average)
    state[name] = wrap(average)
    return average


def _rms(array: np.ndarray) -> float:
    return math.sqrt(float(np.vdot(array, array)) / max(array.size, 1))
