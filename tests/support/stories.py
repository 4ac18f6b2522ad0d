"""Stories: a function that is told to PyTorch and to clownpiece, and the two logs compared."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import clownpiece

torch = pytest.importorskip("torch")

Story = Callable[[Any, "Log"], None]


class Log(list):
    """What happened, as plain values that can be compared."""

    def __call__(self, *events: Any) -> None:
        self.append([plain(event) for event in events])

    def attempt(self, action: Callable[[], Any]) -> Any:
        """Do it; if it raises, log the class of the error."""
        try:
            return action()
        except Exception as error:
            # Ours may be of a class of its own that derives from theirs.
            known = next(c for c in type(error).__mro__ if c.__module__ == "builtins")
            self("raised", known.__name__)
            return None


def plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [type(value).__name__, *map(plain, value)]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if hasattr(value, "requires_grad") and hasattr(value, "detach"):
        return [tuple(value.shape), np.round(value.detach().numpy(), 5).tolist()]
    return value if isinstance(value, (str, int, float, bool, type(None))) else type(value).__name__


def log_of(library: Any, tell: Story) -> list[Any]:
    """What a story logs with one library, its warnings last."""
    log = Log()
    np.random.seed(0)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        tell(library, log)
    return [*log, *(["warned", warning.category.__name__] for warning in heard)]


def assert_told_alike(tell: Story) -> None:
    theirs, ours = log_of(torch, tell), log_of(clownpiece, tell)
    assert theirs, "a story must log something"
    for number, (expected, got) in enumerate(itertools.zip_longest(theirs, ours)):
        assert got == expected, f"event {number}:\n  PyTorch    {expected}\n  clownpiece {got}"


def numbers(library: Any, *shape: int, requires_grad: bool = False) -> Any:
    """A float64 tensor that is the same in both libraries."""
    values = np.round(np.random.standard_normal(shape), 3)
    return library.tensor(values, requires_grad=requires_grad)
