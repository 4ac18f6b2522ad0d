"""Errors that say where: a mistyped attribute with the name that was meant, and, when a forward
raises, the path of the module it happened in.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Any

from ..tensor import Tensor

__all__ = ["MissingAttribute", "PathNote", "note_module"]


class MissingAttribute(AttributeError):
    """A module has no attribute of this name.

    The suggestion is looked for when the message is read, not when the error is raised:
    `hasattr(module, name)` raises one of these too and must stay cheap.
    """

    def __init__(self, owner: type, name: str, candidates: Iterable[str]) -> None:
        super().__init__(owner, name, tuple(candidates))
        self.name = name

    def __str__(self) -> str:
        owner, name, candidates = self.args
        names = sorted({*candidates, *(known for known in dir(owner) if known[0] != "_")})
        names = [known for known in names if known != name]
        close = difflib.get_close_matches(name, names, n=1)
        hint = f". Did you mean: {close[0]!r}?" if close else ""
        return f"{owner.__name__!r} object has no attribute {name!r}{hint}"


class PathNote(str):
    """The note on an exception that names the module whose call raised it.

    The note is written by the innermost module, which knows no path; each module that the
    exception passes on its way out extends the path by what lies between the two.
    """

    root: Any
    path: str
    kind: str
    called: str

    @classmethod
    def of(cls, root: Any, path: str, kind: str, called: str) -> PathNote:
        """The note for the module of this kind that is found at `path` below `root`."""
        note = cls(f"in {path} ({kind}): {called}" if path else f"in {kind}: {called}")
        note.root, note.path, note.kind, note.called = root, path, kind, called
        return note

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        # An exception may travel to another process; the model should not travel with it.
        return str, (str(self),)


def note_module(error: Exception, module: Any, args: tuple, kwargs: dict[str, Any]) -> None:
    """Have `error`, which is leaving the call of `module`, say where in the model it arose."""
    notes = getattr(error, "__notes__", [])
    at = next((i for i, note in enumerate(notes) if isinstance(note, PathNote)), None)
    if at is None:
        error.add_note(PathNote.of(module, "", type(module).__name__, describe_call(args, kwargs)))
        return
    note = notes[at]
    between = next((path for path, inner in module.named_modules() if inner is note.root), None)
    if between:
        path = f"{between}.{note.path}" if note.path else between
        notes[at] = PathNote.of(module, path, note.kind, note.called)


def describe_call(args: tuple, kwargs: dict[str, Any]) -> str:
    """What a call was given, in one line.

    >>> import clownpiece
    >>> describe_call((clownpiece.zeros(2, 3),), {"scale": 2})
    'called with Tensor(2, 3) float32, scale=2'
    """
    given = [_describe(value) for value in args]
    given += [f"{name}={_describe(value)}" for name, value in kwargs.items()]
    return f"called with {', '.join(given)}" if given else "called without arguments"


def _describe(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"Tensor{tuple(value.array.shape)} {value.dtype.name}"
    if isinstance(value, (bool, int, float, str, type(None))):
        text = repr(value)
        return text if len(text) <= 40 else text[:39] + "…"
    if isinstance(value, (tuple, list)) and 0 < len(value) <= 4:
        inside = ", ".join(_describe(each) for each in value)
        return f"({inside})" if isinstance(value, tuple) else f"[{inside}]"
    return type(value).__name__
