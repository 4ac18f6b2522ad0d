"""A run that leaves no trace: what it may have changed is put back when it ends."""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .backend import Backend
from .nested import leaf_objects

__all__ = ["collector_paused", "protected"]


@contextmanager
def protected(backend: Backend, model: Any, inputs: Any) -> Iterator[None]:
    """Restore the model's mode, attributes, buffers and gradients, the inputs, and all randomness.

    Parameters are not copied: a forward that changes its own parameters is training.

    Args:
        inputs: a nest of what the model will be given; its tensors are put back too, because a
            module such as `ReLU(inplace=True)` writes into them.
    """
    modules = {id(place.module): place.module for place in backend.places(model)}
    attributes = [(module, dict(vars(module))) for module in modules.values()]
    buffers = [
        (module, [(name, tensor) for name, tensor in backend.buffers(module)])
        for module in modules.values()
    ]
    given = list(leaf_objects(inputs, backend.tensor))
    held = [tensor for _, named in buffers for _, tensor in named] + given
    copies = [(tensor, backend.array(tensor).copy()) for tensor in held]
    leaves = [t for module in modules.values() for _, t in backend.parameters(module)] + given
    gradients = [(tensor, backend.gradient(tensor)) for tensor in leaves]
    states = random.getstate(), np.random.get_state()
    with backend.random_states(model):
        try:
            for tensor, gradient in gradients:
                # Set aside: a backward that adds in place would change the user's own array.
                if gradient is not None:
                    backend.set_gradient(tensor, None)
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])
            for module, before in attributes:
                _restore_attributes(module, before)
            for module, named in buffers:
                for name, tensor in named:
                    if getattr(module, name, None) is not tensor:
                        setattr(module, name, tensor)
            for tensor, array in copies:
                if not _same_bytes(backend.array(tensor), array):
                    backend.set_array(tensor, array)
            for tensor, gradient in gradients:
                if backend.gradient(tensor) is not gradient:
                    backend.set_gradient(tensor, gradient)


@contextmanager
def collector_paused() -> Iterator[None]:
    """No garbage collection meanwhile: a growing tape would make it go over everything often."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _restore_attributes(module: Any, before: dict[str, Any]) -> None:
    now = vars(module)
    for name in [name for name in now if name not in before]:
        del now[name]
    for name, value in before.items():
        if now.get(name, _GONE) is not value:
            now[name] = value


_GONE = object()


def _same_bytes(now: np.ndarray, before: np.ndarray) -> bool:
    same_kind = now.shape == before.shape and now.dtype == before.dtype
    return same_kind and now.tobytes() == before.tobytes()
