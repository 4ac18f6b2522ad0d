"""Inputs and outputs as people pass them: nested in tuples, lists and dicts, by position or name.

A tape cannot keep tensors, so each one is replaced by a `Ref`, the id of its `Value`, and
everything else by a short text. The shape of the nest stays.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

__all__ = ["Nested", "Ref", "leaf_objects", "leaves", "replace", "short", "text_of"]

Nested = Any
"""A `Ref`, a string, or a tuple, list or dict of them."""

DEPTH = 12
"""Nests deeper than this are shortened to `…`: they are data structures, not arguments."""

LONGEST_TEXT = 60


class Ref(int):
    """The place of a tensor in a nest: the id of its `Value` on the tape."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Ref({int(self)})"


Kinds = type | tuple[type, ...]


def replace(nest: Any, kinds: Kinds, leaf: Callable[[Any], Any]) -> Nested:
    """The nest with `leaf(x)` for every `x` of these kinds and a short text for everything else.

    Dataclasses and other objects with tensors for attributes become dicts and named tuples stay
    readable as dicts, so that names survive.

    >>> replace({"x": [1.5, "on"]}, float, lambda x: Ref(7))
    {'x': [Ref(7), "'on'"]}
    """
    return _replace(nest, kinds, leaf, DEPTH)


def _replace(nest: Any, kinds: Kinds, leaf: Callable[[Any], Any], depth: int) -> Nested:
    if isinstance(nest, kinds):
        return leaf(nest)
    if not isinstance(nest, (tuple, list, Mapping)) and not _is_dataclass(nest):
        if not _has_attributes(nest, kinds):
            return short(nest)
        nest = vars(nest)
    if depth == 0:
        return "…"
    depth -= 1
    names = getattr(nest, "_fields", None) if isinstance(nest, tuple) else None
    if names is not None:
        return {name: _replace(x, kinds, leaf, depth) for name, x in zip(names, nest)}
    if isinstance(nest, Mapping):
        return {str(key): _replace(x, kinds, leaf, depth) for key, x in nest.items()}
    if isinstance(nest, (tuple, list)):
        kind = tuple if isinstance(nest, tuple) else list
        return kind(_replace(x, kinds, leaf, depth) for x in nest)
    return {
        field.name: _replace(getattr(nest, field.name, None), kinds, leaf, depth)
        for field in dataclasses.fields(nest)
    }


def _is_dataclass(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _has_attributes(value: Any, kinds: Kinds) -> bool:
    """Whether it is a plain object that holds some of these kinds, as an output of a class may."""
    attributes = getattr(value, "__dict__", None)
    if not attributes or callable(value):
        return False
    return any(isinstance(each, kinds) for each in attributes.values())


def short(value: Any) -> str:
    """A text for something that is not a tensor: its value if that is short and stable.

    >>> short(None), short(0.1), short(object())
    ('None', '0.1', '<object>')
    """
    if isinstance(value, float):
        # NumPy's floats are Python floats too, but say more than the number.
        return repr(float(value))
    if value is None or isinstance(value, (bool, int, str, slice, type(...))):
        try:
            text = repr(value)
        except Exception:
            return f"<{type(value).__name__}>"
        return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
    return f"<{type(value).__name__}>"


def leaves(nest: Nested) -> Iterator[Ref]:
    """The Refs of a nest, in order.

    >>> list(leaves((Ref(1), {"mask": Ref(2), "scale": "0.5"})))
    [Ref(1), Ref(2)]
    """
    if isinstance(nest, Ref):
        yield nest
    elif isinstance(nest, (tuple, list)):
        for item in nest:
            yield from leaves(item)
    elif isinstance(nest, dict):
        for item in nest.values():
            yield from leaves(item)


def text_of(nest: Nested, of_ref: Callable[[Ref], str], *, most: int = 4) -> str:
    """One line for a nest: `of_ref` for each tensor, names where there are several.

    Long lists are shortened to their first items, with the number of the rest.

    >>> text_of({"x": Ref(3)}, lambda ref: "(2, 5)")
    '(2, 5)'
    >>> text_of({"x": Ref(3), "state": (Ref(4), Ref(5))}, lambda ref: "(2, 5)")
    'x: (2, 5), state: [(2, 5), (2, 5)]'
    """
    if isinstance(nest, Ref):
        return of_ref(nest)
    if isinstance(nest, str):
        return nest
    if isinstance(nest, dict):
        items = [(key, item) for key, item in nest.items() if _holds_tensor(item)] or [
            *nest.items()
        ]
        if len(items) == 1 and not isinstance(items[0][1], dict):
            return text_of(items[0][1], of_ref, most=most)
        parts = [f"{key}: {_inner(item, of_ref, most)}" for key, item in items[:most]]
    else:
        items = list(nest)
        parts = [_inner(item, of_ref, most) for item in items[:most]]
    if len(items) > most:
        parts.append(f"… {len(items) - most} more")
    return ", ".join(parts)


def _inner(item: Nested, of_ref: Callable[[Ref], str], most: int) -> str:
    text = text_of(item, of_ref, most=most)
    return f"[{text}]" if isinstance(item, (tuple, list, dict)) else text


def _holds_tensor(nest: Nested) -> bool:
    return next(leaves(nest), None) is not None


def leaf_objects(nest: Any, kinds: Kinds) -> Iterator[Any]:
    """The objects of these kinds in a nest of live objects, each once."""
    seen: set[int] = set()
    waiting = [(nest, DEPTH)]
    while waiting:
        item, depth = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, kinds):
            yield item
        elif depth == 0:
            continue
        elif isinstance(item, Mapping):
            waiting.extend((each, depth - 1) for each in item.values())
        elif isinstance(item, (tuple, list)):
            waiting.extend((each, depth - 1) for each in item)
        elif _has_attributes(item, kinds):
            waiting.extend((each, depth - 1) for each in vars(item).values())
        elif _is_dataclass(item):
            waiting.extend(
                (getattr(item, field.name, None), depth - 1) for field in dataclasses.fields(item)
            )
