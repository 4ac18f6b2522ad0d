"""How training moves each layer, from the optimizer steps on a tape.

With w the weights of a layer after a step, g their gradient before it and Δw what the optimizer
changed, all as Euclidean norms:

    update ratio    ‖Δw‖ / ‖w‖   how far a step moves the layer; about 1e-3 in healthy training
    effective rate  ‖Δw‖ / ‖g‖   the learning rate at which plain SGD would have moved as far;
                                 under SGD it is the learning rate itself

A layer is the module that owns the parameters; its norms are of all of them together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..recording.tape import ABSENT, Tape
from .trace import Trace

__all__ = ["LayerProgress", "gradients_by_depth", "layer_progress"]


@dataclass(frozen=True, slots=True)
class LayerProgress:
    """One layer over U optimizer steps; NaN stands where it had no gradient or was not stepped.

    Attributes:
        path: of the module.
        parameters: paths of what is trained of it.
        grad_norm, update_norm, weight_norm: (U,).
    """

    path: str
    parameters: tuple[str, ...]
    grad_norm: np.ndarray
    update_norm: np.ndarray
    weight_norm: np.ndarray

    @property
    def update_ratio(self) -> np.ndarray:
        """‖Δw‖ / ‖w‖, (U,); 0 where nothing moved."""
        return _ratio(self.update_norm, self.weight_norm)

    @property
    def effective_rate(self) -> np.ndarray:
        """‖Δw‖ / ‖g‖, (U,)."""
        return _ratio(self.update_norm, self.grad_norm)


def layer_progress(tape: Tape, *, matrices_only: bool = False) -> list[LayerProgress]:
    """The layers that optimizers train, in the order of the model.

    Args:
        matrices_only: leave out parameters of one dimension. Biases begin at zero, so that at
            first every update is large beside them.
    """
    shapes = {p.path: p.shape for info in tape.modules.values() for p in info.parameters}
    layers: dict[str, list[int]] = {}
    for column, path in enumerate(tape.trained):
        if not matrices_only or len(shapes.get(path, ())) > 1:
            layers.setdefault(path.rpartition(".")[0], []).append(column)
    if not tape.updates:
        return []
    norms = [
        np.stack([getattr(update, name) for update in tape.updates]).astype(np.float64)
        for name in ("grad_norm", "update_norm", "weight_norm")
    ]
    return [
        LayerProgress(
            path,
            tuple(tape.trained[column] for column in columns),
            *(_together(norm[:, columns]) for norm in norms),
        )
        for path, columns in layers.items()
    ]


def gradients_by_depth(tape: Tape, step: int | None = None) -> list[tuple[str, float]]:
    """‖∂L/∂h‖ of the output h of each layer with parameters, the first layer first.

    The norm of the whole gradient, not of one element, because it is what a well-conditioned
    network keeps from layer to layer, whatever their widths.

    Args:
        step: of this run; None of all runs, the median of them.
    """
    trace = Trace(tape)
    norms: dict[str, list[float]] = {}
    for call in tape.calls:
        if call.phase != "forward" or not call.parameters or step not in (None, call.step):
            continue
        squares = [
            (gradient.stats.rms, gradient.stats.count)
            for value in tape.refs(call.outputs)
            if value.gradient is not None
            and (gradient := tape.values[value.gradient]).stats is not None
        ]
        if squares and trace.runs:
            norm = float(np.sqrt(sum(rms * rms * count for rms, count in squares)))
            norms.setdefault(call.label, []).append(norm)
    return [(label, float(np.median(each))) for label, each in norms.items()]


def _together(norms: np.ndarray) -> np.ndarray:
    """Norms (U, P) of the parts as norms (U,) of the whole."""
    absent = norms == ABSENT
    whole = np.sqrt(np.square(np.where(absent, 0.0, norms)).sum(axis=1))
    whole[absent.all(axis=1)] = np.nan
    return whole


def _ratio(of: np.ndarray, to: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        ratio = of / to
    ratio[of == 0] = 0.0
    return ratio
