"""Steps of optimizers that train a captured model.

The norms of gradients are exact. Those of updates and weights are of all numbers of a small
parameter, and of a larger one of `QUICK` places spread evenly: to copy
every weight before every step would take longer than all else that capture does.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from .probe import Norms, flat, norm
from .statistics import QUICK
from .tape import Update

__all__ = ["Updates"]


class Receiver(Protocol):
    """Where updates go, and what they ask of it."""

    active: bool

    def skips(self) -> bool:
        """Whether the run of the model that this step follows was not looked at."""
        ...

    def step(self) -> int:
        """The run of the model that this step follows."""
        ...

    def updated(self, update: Update, paths: tuple[str, ...]) -> None:
        """A step was taken."""
        ...

    def stepped_elsewhere(self, optimizer: str) -> None:
        """A step is about to be taken that holds nothing of the model, and no gradient."""
        ...


class Updates:
    """Hooks for the steps of all optimizers; of those that hold none of the model's little is told.

    Args:
        receiver: is told of every step.
        array: gives the array of a tensor.
    """

    def __init__(self, receiver: Receiver, array: Callable[[Any], np.ndarray]) -> None:
        self._receiver = receiver
        self._array = array
        self._paths: dict[int, tuple[Any, str]] = {}
        self._number = 0
        # By optimizer: the parameters it holds of this model, and what measures them.
        self._norms: weakref.WeakKeyDictionary[Any, Norms] = weakref.WeakKeyDictionary()
        # Parameters whose gradient an update has used: before and after the next backward began.
        self._used: dict[int, Any] = {}
        self._kept: dict[int, Any] = {}

    def know(self, parameter: Any, path: str) -> None:
        """A parameter of the model; the first of its paths names it."""
        self._paths.setdefault(id(parameter), (parameter, path))

    def forget(self) -> None:
        """Let go of the parameters."""
        for known in (self._paths, self._norms, self._used, self._kept):
            known.clear()

    def before(self, optimizer: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        """A step is about to be taken."""
        receiver = self._receiver
        if not receiver.active or receiver.skips():
            return
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        held = [p for p in parameters if id(p) in self._paths]
        if not held:
            # Another model's; or made of a copy of this one, which no backward ever reaches.
            if receiver.step() >= 0 and not any(map(self._has_gradient, parameters)):
                receiver.stepped_elsewhere(type(optimizer).__name__)
            return
        norms = self._norms.get(optimizer)
        if norms is None or list(map(id, norms.parameters)) != list(map(id, held)):
            norms = self._norms[optimizer] = Norms(held, self._array, most=QUICK)
        norms.before(optimizer, args, kwargs)

    def after(self, optimizer: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        """A step was taken."""
        norms = self._norms.get(optimizer)
        if not self._receiver.active:
            return
        ours = norms is not None or any(
            id(p) in self._paths for group in optimizer.param_groups for p in group["params"]
        )
        self._number += ours
        row = norms.after(optimizer, args, kwargs) if norms is not None else None
        if norms is None or row is None:
            return
        held = norms.parameters
        rates = {
            id(p): group.get("lr", np.nan)
            for group in optimizer.param_groups
            for p in group["params"]
        }
        count = len(held)
        self._receiver.updated(
            Update(
                step=self._receiver.step(),
                number=self._number,
                optimizer=type(optimizer).__name__,
                rates=np.array([rates[id(p)] for p in held], np.float32),
                grad_norm=row[:count],
                update_norm=row[count : 2 * count],
                weight_norm=row[2 * count :],
                kept=np.array([id(p) in self._kept for p in held]),
            ),
            tuple(self._paths[id(p)][1] for p in held),
        )
        for parameter in held:
            self._kept.pop(id(parameter), None)
            self._used[id(parameter)] = parameter

    def backward_begins(self) -> None:
        """Look for gradients that an update has used and that nobody has set to zero since.

        Several losses may take turns, each with an optimizer of its own, and a gradient may still
        be set to zero before the backward that is to add to it: so what was found is asked again.
        """
        used, self._used = {**self._kept, **self._used}, {}
        self._kept = {at: each for at, each in used.items() if self._has_gradient(each)}

    def _has_gradient(self, parameter: Any) -> bool:
        grad = parameter.grad
        return grad is not None and bool(norm(flat(self._array(grad))))
