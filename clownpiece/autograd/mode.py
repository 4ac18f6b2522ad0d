"""What the current thread records: gradients or not, and who watches its operations.

The state is thread-local: a thread that evaluates under `no_grad` leaves one that trains alone.
"""

from __future__ import annotations

import functools
import inspect
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

__all__ = [
    "enable_grad",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "mode",
    "no_grad",
    "observe_ops",
    "set_grad_enabled",
]

F = TypeVar("F", bound=Callable[..., Any])
Observer = Callable[[Any, tuple, dict, tuple, float], None]
SavingHooks = tuple[Callable[[Any], Any], Callable[[Any], Any]]
"""What happens to a tensor when a node saves it, and when backward asks for it."""


class Mode(threading.local):
    """One thread's switches; the class attributes are what a new thread starts with.

    Attributes:
        evaluating: the node whose backward is running, where anomaly mode is to know it.
    """

    grad: bool = True
    inference: bool = False
    anomaly: bool = False
    check_nan: bool = True
    evaluating: Any = None
    observer: Observer | None = None
    saving: SavingHooks | None = None
    observers: tuple[observe_ops, ...] = ()


mode = Mode()


class set_grad_enabled:
    """Switch recording on or off at once; as a context manager, until it ends.

    >>> import clownpiece
    >>> with clownpiece.set_grad_enabled(False):
    ...     clownpiece.is_grad_enabled()
    False
    """

    def __init__(self, mode: bool) -> None:
        if not isinstance(mode, bool):
            raise TypeError(
                "set_grad_enabled(): argument 'enabled' (position 1) must be bool, not "
                f"{type(mode).__name__}; convert it with bool()"
            )
        self._previous = _switch_grad(mode)
        self.mode = mode

    def __enter__(self) -> None:
        _switch_grad(self.mode)

    def __exit__(self, *exception: object) -> None:
        _switch_grad(self._previous)

    def __call__(self, function: F) -> F:
        # As a decorator nothing is switched until the function is called.
        _switch_grad(self._previous)
        return _inside(lambda: set_grad_enabled(self.mode), function)


class _Switch:
    """A context manager and decorator that may be nested, reused and left by an exception."""

    grad: bool
    inference: bool | None = None

    def __init__(self, function: Callable[..., Any] | None = None) -> None:
        self._previous: list[tuple[bool, bool]] = []

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__new__(cls)
        if not (args and callable(args[0])):
            return made
        # `@no_grad` without parentheses: what is being made is the decorated function.
        made._previous = []
        return made(args[0])

    def __enter__(self) -> None:
        self._previous.append((mode.grad, mode.inference))
        if self.inference is not None:
            mode.inference = self.inference
        _switch_grad(self.grad)

    def __exit__(self, *exception: object) -> None:
        mode.grad, mode.inference = self._previous.pop()

    def __call__(self, function: F) -> F:
        return _inside(lambda: self, function)


class no_grad(_Switch):
    """Record nothing inside: results do not require gradients.

    >>> import clownpiece
    >>> x = clownpiece.ones(2, requires_grad=True)
    >>> with clownpiece.no_grad():
    ...     (x * 2).requires_grad
    False
    """

    grad = False


class enable_grad(_Switch):
    """Record again, inside a `no_grad`; inside of `inference_mode` nothing is recorded."""

    grad = True


class inference_mode(_Switch):
    """Like `no_grad`, for good: what is made inside can never enter a graph."""

    grad = False
    inference = True

    def __init__(self, mode: bool | Callable[..., Any] = True) -> None:
        super().__init__()
        if mode is False:
            self.grad, self.inference = True, False


@contextmanager
def outside_of_saving() -> Iterator[None]:
    """Where the hooks that pack saved tensors run: nothing is recorded, nothing packed again."""
    before = mode.grad, mode.saving
    mode.grad, mode.saving = False, None
    try:
        yield
    finally:
        mode.grad, mode.saving = before


def _switch_grad(enabled: bool) -> bool:
    previous = mode.grad
    mode.grad = enabled and not mode.inference
    return previous


def _inside(switch: Callable[[], Any], function: Any) -> Any:
    """A function that runs under a switch; a generator does so whenever it runs."""
    if isinstance(function, type):
        warnings.warn(
            "Decorating classes is deprecated: it makes a function of the class, under whose mode "
            "only __init__ runs. Decorate the methods instead",
            FutureWarning,
            stacklevel=3,
        )
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generate(*args: Any, **kwargs: Any) -> Any:
            return _resumed_inside(switch, function(*args, **kwargs))

        return generate

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with switch():
            return function(*args, **kwargs)

    return call


def _resumed_inside(switch: Callable[[], Any], generator: Any) -> Any:
    """What the generator yields; between two of its steps the caller's mode holds."""
    resume, given = generator.send, None
    while True:
        try:
            with switch():
                made = resume(given)
        except StopIteration as end:
            return end.value
        try:
            resume, given = generator.send, (yield made)
        except GeneratorExit:
            with switch():
                generator.close()
            raise
        except BaseException as error:
            resume, given = generator.throw, error


def is_grad_enabled() -> bool:
    """Whether operations on tensors that require gradients are recorded in this thread."""
    return mode.grad


def is_inference_mode_enabled() -> bool:
    """Whether this thread is inside `inference_mode`."""
    return mode.inference


class observe_ops:
    """Until it ends, call `observer(op, inputs, params, outputs, seconds)` after each operation.

    Only operations of the thread that entered it are told of, and it ends in that thread. `op` is
    the record, `inputs` a flat tuple as the operation was given them, `params` a dict, `outputs` a
    tuple of tensors. Observers nest, the inner one is called first, and may end in any order.
    """

    def __init__(self, observer: Observer) -> None:
        self.observer = observer

    def __enter__(self) -> observe_ops:
        _observe((self, *mode.observers))
        return self

    def __exit__(self, *exception: object) -> None:
        _observe(tuple(each for each in mode.observers if each is not self))


def _observe(observers: tuple[observe_ops, ...]) -> None:
    mode.observers = observers
    mode.observer = observers[0].observer if observers else None
    if len(observers) > 1:

        def tell_all(*event: Any) -> None:
            for each in observers:
                each.observer(*event)

        mode.observer = tell_all
