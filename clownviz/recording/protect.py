"""A run that leaves no trace: what it may have changed is put back when it ends."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from operator import is_
from typing import Any

import numpy as np

from .backend import Backend
from .nested import leaf_objects

__all__ = ["protected"]

MOST_BYTES = 64 * 2**20
"""Up to so many bytes of parameters are copied, and as many of any other attribute."""


@contextmanager
def protected(backend: Backend, model: Any, inputs: Any) -> Iterator[None]:
    """Restore the model's attributes, buffers, gradients and weights, the inputs, all randomness.

    An attribute that is a list, dict, set, deque, array or tensor gets its contents back, too, and
    modules, parameters and buffers that were made meanwhile go again. Parameters that together take
    more than `MOST_BYTES` are not copied, nor is a larger array or tensor that is no buffer: a
    forward that writes into these has changed them.

    Args:
        inputs: a nest of what the model will be given; its tensors are put back too, because a
            module such as `ReLU(inplace=True)` writes into them.
    """
    modules = list(backend.modules(model))
    parameters = [t for module in modules for _, t in backend.parameters(module)]
    before = _Before(backend, modules, parameters, inputs)
    leaves = parameters + list(leaf_objects(inputs, backend.tensor))
    gradients = [(tensor, backend.gradient(tensor)) for tensor in leaves]
    states = random.getstate(), np.random.get_state()
    with backend.random_state():
        try:
            for tensor, gradient in gradients:
                # Set aside: a backward that adds in place would change the user's own array.
                if gradient is not None:
                    backend.set_gradient(tensor, None)
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])
            before.restore()
            for tensor, gradient in gradients:
                if backend.gradient(tensor) is not gradient:
                    backend.set_gradient(tensor, gradient)


class _Before:
    """What containers, tensors and arrays held that can be reached from modules and inputs."""

    def __init__(
        self, backend: Backend, modules: list[Any], parameters: list[Any], inputs: Any
    ) -> None:
        self._backend = backend
        self._dicts: list[tuple[dict[Any, Any], list[Any], list[Any]]] = []
        self._lists: list[tuple[Any, list[Any]]] = []
        self._empty: list[dict[Any, Any]] = []
        self._memory: list[tuple[Any, bytes]] = []
        self._generators: list[tuple[Any, Any]] = []
        self._seen: set[int] = set(map(id, modules))
        arrays = [backend.array(each) for each in parameters]
        if sum(each.nbytes for each in arrays) > MOST_BYTES:
            self._seen.update(map(id, parameters))
        machinery = vars(backend.plain_module()).keys() - {"_parameters", "_buffers", "_modules"}
        buffers = [each for module in modules for _, each in backend.buffers(module)]
        self._look_into([inputs, *buffers])
        waiting: list[Any] = []
        for module in modules:
            attributes = vars(module)
            self._dicts.append((attributes, list(attributes), list(attributes.values())))
            for name, value in attributes.items():
                if type(value) in _PLAIN or name in machinery:
                    continue
                # Most modules have no children, no buffers, or no parameters.
                (waiting if type(value) is not dict or value else self._empty).append(value)
        self._look_into(waiting, MOST_BYTES)

    def _look_into(self, waiting: list[Any], most: float = math.inf) -> None:
        tensor, seen = self._backend.tensor, self._seen
        while waiting:
            value = waiting.pop()
            if type(value) in _PLAIN or id(value) in seen:
                continue
            seen.add(id(value))
            if isinstance(value, dict):
                self._dicts.append((value, list(value), list(value.values())))
                waiting.extend(value.values())
            elif isinstance(value, tensor):
                array = self._backend.array(value)
                if array.nbytes <= most:
                    self._memory.append((value, array.tobytes()))
            elif isinstance(value, (list, set, deque)):
                self._lists.append((value, list(value)))
                waiting.extend(value)
            elif isinstance(value, tuple):
                waiting.extend(value)
            elif isinstance(value, self._backend.generator):
                self._generators.append((value, value.get_state()))
            elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
                if value.nbytes <= most:
                    self._memory.append((value, value.tobytes()))

    def restore(self) -> None:
        """Give back what has changed, the containers first."""
        for mapping, keys, values in self._dicts:
            if not (_same(mapping.values(), values) and _same(mapping, keys)):
                mapping.clear()
                mapping.update(zip(keys, values))
        for mapping in self._empty:
            if mapping:
                mapping.clear()
        for container, items in self._lists:
            if not _same(container, items):
                container.clear()
                (container.update if isinstance(container, set) else container.extend)(items)
        for generator, state in self._generators:
            generator.set_state(state)
        for holder, data in self._memory:
            is_array = isinstance(holder, np.ndarray)
            now = holder if is_array else self._backend.array(holder)
            if now.tobytes() == data or now.nbytes != len(data):
                continue
            array = np.frombuffer(data, now.dtype).reshape(now.shape)
            if is_array:
                holder[...] = array
            else:
                self._backend.set_array(holder, array)


_PLAIN = frozenset({int, float, bool, str, bytes, type(None)})


def _same(now: Collection[Any], before: list[Any]) -> bool:
    """Whether these are the very same objects, in the same order."""
    return len(now) == len(before) and all(map(is_, now, before))
