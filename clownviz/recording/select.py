"""Which modules a capture looks at: by path, class, predicate, or a list of them.

>>> from clownpiece import nn
>>> from clownviz.recording.backend import backend_of
>>> model = nn.Sequential(nn.Linear(4, 3), nn.Sequential(nn.Linear(3, 3), nn.ReLU()))
>>> places = list(backend_of(model).places(model))
>>> sorted(selected_paths(places, "1.*")), sorted(selected_paths(places, nn.Linear))
(['1.0', '1.1'], ['0', '1.0'])
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Any

from .backend import Place

__all__ = ["call_at", "selected_paths"]


def selected_paths(places: Sequence[Place], select: Any) -> set[str]:
    """The paths of the modules that `select` means; None means all.

    Args:
        select: a path in which `*` stands for any part of one component and `**` for any number of
            components; a compiled regular expression, searched in the path; a class; a module; a
            predicate of path and module; or a list of any of these.

    Raises:
        ValueError: it, or a part of a list, selects nothing; the message says what is near.
        TypeError: it is none of these.
    """
    if select is None:
        return {place.path for place in places}
    if isinstance(select, (list, tuple, set, frozenset)):
        if not select:
            raise ValueError("select=[] selects nothing: leave it out to look at every module")
        return set().union(*(selected_paths(places, each) for each in select))
    means = _test(places, select)
    found = {place.path for place in places if means(place.path, place.module)}
    if not found:
        raise ValueError(f"select={_shown(select)} selects nothing: {_near(places, select)}")
    return found


def _test(places: Sequence[Place], select: Any) -> Callable[[str, Any], Any]:
    if isinstance(select, str):
        pattern = re.compile(_expression(select))
        return lambda path, module: pattern.fullmatch(path)
    if isinstance(select, re.Pattern):
        return lambda path, module: select.search(path)
    if isinstance(select, type):
        return lambda path, module: isinstance(module, select)
    if any(place.module is select for place in places):
        return lambda path, module: module is select
    if callable(select) and not hasattr(select, "forward"):
        return select
    raise TypeError(
        f"select={_shown(select)}: expected a path such as 'encoder.*.attn', a class, a module of "
        "this model, a regular expression, a predicate of path and module, or a list of these"
    )


def _expression(glob: str) -> str:
    """The regular expression of a path glob.

    >>> _expression("encoder.*.attn"), _expression("**.attn"), _expression("block.**")
    ('encoder\\\\.[^.]*\\\\.attn', '(?:[^.]+\\\\.)*attn', 'block\\\\..+')
    """
    *parents, last = glob.split(".")
    before = "".join(r"(?:[^.]+\.)*" if part == "**" else _part(part) + r"\." for part in parents)
    if last == "**":
        return before + (".+" if parents else ".*")
    return before + _part(last)


def _part(part: str) -> str:
    return "[^.]*".join(map(re.escape, part.split("*")))


def _near(places: Sequence[Place], select: Any) -> str:
    if isinstance(select, type):
        kinds = dict.fromkeys(type(place.module).__name__ for place in places)
        return f"this model has {_listed(kinds)}"
    paths = [place.path for place in places if place.path]
    if isinstance(select, str):
        return _near_paths(paths, select)
    return f"its paths are {_listed(map(repr, paths))}"


def _near_paths(paths: Sequence[str], path: str) -> str:
    last = path.rpartition(".")[2]
    near = get_close_matches(path, paths, n=3, cutoff=0.5)
    near += [each for each in paths if each.rpartition(".")[2] == last and each not in near]
    if near:
        return f"near it are {_listed(map(repr, near))}"
    return f"the paths of this model are {_listed(map(repr, paths))}"


def _listed(names: Iterable[str], most: int = 5) -> str:
    given = list(names)
    rest = f" and {len(given) - most:,} more" if len(given) > most else ""
    return ", ".join(given[:most]) + rest or "none"


def _shown(select: Any) -> str:
    return select.__name__ if isinstance(select, type) else repr(select)


def call_at(places: Sequence[Place], until: str) -> tuple[str, int]:
    """Path and number of the call that `until` names: `layer3`, or `relu#2` for its second.

    Raises:
        ValueError: there is no such module.
    """
    path, _, number = until.partition("#")
    if number and not (number.isdecimal() and int(number)):
        raise ValueError(f"until={until!r}: expected the number of a call behind #, from 1 on")
    module = next((place.module for place in places if place.path == path), None)
    if module is None:
        paths = [place.path for place in places if place.path]
        raise ValueError(f"until={until!r} is no module: {_near_paths(paths, path)}")
    # A module that stands in several places is known by its first.
    first = next(place.path for place in places if place.module is module)
    return first, int(number or 1)
