"""Modules and parameters that a model holds without knowing it: in a plain list, tuple or dict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from math import prod
from typing import Any

from .backend import Backend, Place
from .tape import Unregistered

__all__ = ["unregistered"]

MOST_ITEMS = 4_096
"""Of an attribute only so many items are looked at: layers stand at its beginning, if any."""

_PLAIN = frozenset({int, float, bool, str, bytes, type(None)})


def unregistered(
    backend: Backend, places: Sequence[Place]
) -> Iterator[tuple[str, Unregistered]]:
    """What attributes of a model's modules hold that is registered nowhere in the model, by path.

    Only what is there to be trained counts: a list that names registered modules once more, and
    a frozen teacher that a list hides on purpose, are nothing to speak of.
    """
    modules = {id(place.module): place for place in reversed(places)}
    known: set[int] | None = None
    for path, module in modules.values():
        for name, container in backend.attributes(module):
            if not isinstance(container, (list, tuple, dict)):
                continue
            held = [each for each in _held(backend, container) if id(each) not in modules]
            if not held:
                continue
            if known is None:
                known = {id(p) for _, each in places for _, p in backend.parameters(each)}
            found = _described(backend, name, container, held, places[0].module, known)
            if found is not None:
                yield path, found


def _held(backend: Backend, container: Any) -> Iterator[Any]:
    """The modules and parameters in a container and in containers within it."""
    seen: set[int] = set()
    left = MOST_ITEMS
    waiting = [container]
    while waiting:
        each = waiting.pop()
        if type(each) in _PLAIN or id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, (list, tuple, dict)):
            items = list(islice(each.values() if isinstance(each, dict) else each, left))
            left -= len(items)
            waiting.extend(reversed(items))
        elif isinstance(each, backend.parameter) or backend.is_model(each):
            yield each


def _described(
    backend: Backend, name: str, container: Any, held: list[Any], model: Any, known: set[int]
) -> Unregistered | None:
    parameters: dict[int, Any] = {}
    kinds = []
    for each in held:
        if not backend.is_model(each):
            parameters[id(each)] = each
            continue
        inside = list(backend.modules(each))
        if any(part is model for part in inside):
            continue  # a reference to what this model is a part of
        kinds.append(type(each).__name__)
        parameters.update((id(p), p) for part in inside for _, p in backend.parameters(part))
    facts = [backend.facts(p) for at, p in parameters.items() if at not in known]
    trainable = [shape for shape, _, _, trained in facts if trained]
    if not trainable:
        return None
    kind = next(kind for kind in (dict, list, tuple) if isinstance(container, kind))
    count = sum(map(prod, trainable))
    return Unregistered(name, kind.__name__, tuple(kinds), len(trainable), count)
