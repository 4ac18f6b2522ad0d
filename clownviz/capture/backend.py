"""What capture asks of a framework. One small class a framework answers; nothing else knows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

import numpy as np

__all__ = ["Backend", "Handle", "OpEvent", "Place", "array_of", "backend_of", "register"]


class Handle(Protocol):
    """What registering a hook returns."""

    def remove(self) -> None:
        """Take the hook away; nothing happens if it is gone already."""
        ...


class Place(NamedTuple):
    """A module at one place of the tree."""

    path: str
    module: Any


class OpEvent(NamedTuple):
    """One operation that ran on tensors."""

    name: str
    latex: str
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    params: Mapping[str, Any]
    inplace: bool
    flops: int
    seconds: float


class Backend(Protocol):
    """A framework, as far as capture needs it. Every method leaves the model as it was."""

    def is_model(self, model: Any) -> bool:
        """Whether this framework made the model."""
        ...

    def is_tensor(self, value: Any) -> bool:
        """Whether a value is one of its tensors."""
        ...

    def array(self, tensor: Any) -> np.ndarray:
        """The tensor's memory, not a copy; the caller must not write into it."""
        ...

    def facts(self, tensor: Any) -> tuple[tuple[int, ...], str, int]:
        """Shape, dtype's name, bytes."""
        ...

    def identity(self, tensor: Any) -> Any:
        """What is the same object for two tensors exactly if they are one: `x.detach()` is x."""
        ...

    def version(self, tensor: Any) -> int:
        """A number that grows whenever the tensor's memory is changed in place."""
        ...

    def base(self, tensor: Any) -> Any | None:
        """The tensor that this one is a view of, or None."""
        ...

    def places(self, model: Any) -> Iterator[Place]:
        """Every module at every place, parents first; a module that occurs twice comes twice."""
        ...

    def parameters(self, module: Any) -> Iterator[tuple[str, Any]]:
        """Its own parameters by name, tied ones at every name."""
        ...

    def buffers(self, module: Any) -> Iterator[tuple[str, Any]]:
        """Its own buffers by name."""
        ...

    def requires_grad(self, tensor: Any) -> bool:
        """Whether backward will compute a gradient for it."""
        ...

    def extra(self, module: Any) -> str:
        """What the module's repr says between the parentheses."""
        ...

    def family(self, module: Any) -> str:
        """The family of `tape.FAMILIES` whose colour it has."""
        ...

    def arguments(self, module: Any) -> tuple[str, ...]:
        """The names of the positional arguments of its forward."""
        ...

    def on_enter(self, module: Any, hook: Callable[..., None]) -> Handle:
        """Call `hook(module, args, kwargs)` before each forward."""
        ...

    def on_leave(self, module: Any, hook: Callable[..., None]) -> Handle:
        """Call `hook(module, args, kwargs, output)` after each forward that returned."""
        ...

    def on_end(self, module: Any, hook: Callable[..., None]) -> Handle:
        """Call `hook(module, args, kwargs, output)` after each forward, also one that raised."""
        ...

    def on_gradient(self, tensor: Any, hook: Callable[[Any], None]) -> Handle:
        """Call `hook(gradient)` when backward has the tensor's gradient."""
        ...

    def on_accumulated(self, parameter: Any, hook: Callable[[Any], None]) -> Handle:
        """Call `hook(parameter)` when backward has added to the parameter's gradient."""
        ...

    def observe(self, hook: Callable[[OpEvent], None]) -> AbstractContextManager[Any]:
        """Call `hook(event)` after each operation of this thread."""
        ...

    def site(self) -> tuple[tuple[Any, ...], str] | None:
        """Where the running operation stands in the forward: a key, and "file.py:12"."""
        ...

    def gradient(self, tensor: Any) -> Any | None:
        """The gradient that has been accumulated."""
        ...

    def set_gradient(self, tensor: Any, gradient: Any | None) -> None:
        """Put a gradient, or None, in its place."""
        ...

    def set_array(self, tensor: Any, array: np.ndarray) -> None:
        """Write these numbers into the tensor's memory, unrecorded."""
        ...

    def random_states(self, model: Any) -> AbstractContextManager[Any]:
        """Put the framework's and the model's random generators back when it ends."""
        ...

    def backward(self, output: Any, loss: Callable[[Any], Any] | None) -> None:
        """Run backward from `loss(output)`, or from the sum of the output's tensors."""
        ...


_backends: list[Backend] = []


def register(backend: Backend) -> None:
    """Make a framework known. The latest is asked first."""
    _backends.insert(0, backend)


def backend_of(model: Any) -> Backend:
    """The backend of a model.

    Raises:
        TypeError: no framework that is known made it.
    """
    for backend in _backends:
        if backend.is_model(model):
            return backend
    hint = "; call it, and give the module that it returns" if isinstance(model, type) else ""
    raise TypeError(
        f"expected a model (a clownpiece.nn.Module), got {_described(model)}{hint}"
    )


def array_of(value: Any) -> np.ndarray | None:
    """The numbers of a tensor of any framework that is known; None for what is no tensor.

    A masked array stays one.
    """
    if isinstance(value, np.ndarray):
        return value
    for backend in _backends:
        if backend.is_tensor(value):
            return backend.array(value)
    return None


def _described(value: Any) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__}"
    return f"an object of type {type(value).__name__}"
