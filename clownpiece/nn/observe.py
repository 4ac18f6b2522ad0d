"""`observe_calls` is told of calls of modules as `autograd.observe_ops` is of operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .hooks import call_with_hooks, has_hooks

__all__ = ["observe_calls", "observed_call", "observers"]

observers: list[observe_calls] = []


class observe_calls:
    """Until it ends, call `enter` before and `leave` after each call of any module in any thread.

    Unlike hooks, the two cannot change what passes. They stand outside of all hooks, belong to no
    module, so that no copy of a model takes them along, and `leave` is told of every way out,
    Ctrl-C too. Observers nest: of the inner one `enter` is called last and `leave` first.

    Args:
        enter: `enter(module, args, kwargs)`.
        leave: `leave(module, output, error)`; one of the two is None.

    >>> from clownpiece import nn, ones
    >>> def leave(module, output, error):
    ...     print(type(module).__name__, tuple(output.shape))
    >>> with observe_calls(lambda module, args, kwargs: None, leave):
    ...     _ = nn.Sequential(nn.Linear(4, 3), nn.ReLU())(ones(2, 4))
    Linear (2, 3)
    ReLU (2, 3)
    Sequential (2, 3)
    """

    def __init__(
        self,
        enter: Callable[[Any, tuple, dict[str, Any]], None],
        leave: Callable[[Any, Any, BaseException | None], None],
    ) -> None:
        self.enter = enter
        self.leave = leave

    def __enter__(self) -> observe_calls:
        observers.append(self)
        return self

    def __exit__(self, *exception: object) -> None:
        if self in observers:
            observers.remove(self)


def observed_call(module: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Call a module and tell the observers."""
    watching = tuple(observers)
    try:
        for each in watching:
            each.enter(module, args, kwargs)
        if has_hooks(module):
            output = call_with_hooks(module, args, kwargs)
        else:
            output = module.forward(*args, **kwargs)
    except BaseException as error:
        for each in reversed(watching):
            each.leave(module, None, error)
        raise
    for each in reversed(watching):
        each.leave(module, output, None)
    return output
