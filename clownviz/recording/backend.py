"""What capture asks of a framework. One small class a framework answers; nothing else knows it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

import numpy as np

from .nested import leaf_objects

__all__ = [
    "Backend",
    "Enter",
    "Handle",
    "Leave",
    "OpFacts",
    "OpHook",
    "Place",
    "StepHook",
    "array_of",
    "backend_of",
    "described",
    "model_of",
    "register",
]


class Handle(Protocol):
    """What registering a hook returns."""

    def remove(self) -> None:
        """Take the hook away; nothing happens if it is gone already."""
        ...


class Generator(Protocol):
    """A source of random numbers."""

    def get_state(self) -> Any:
        """Where it is."""
        ...

    def set_state(self, state: Any) -> Any:
        """Go back there."""
        ...


class Place(NamedTuple):
    """A module at one place of the tree."""

    path: str
    module: Any


class OpFacts(NamedTuple):
    """What a reader is told of one operation; a multiply-add counts two `flops`."""

    name: str
    latex: str
    flops: int
    params: Mapping[str, Any]


Enter = Callable[[Any, tuple, dict[str, Any]], None]
Leave = Callable[[Any, Any, "BaseException | None"], None]
OpHook = Callable[[Any, Sequence[Any], Mapping[str, Any], Sequence[Any], float], None]
StepHook = Callable[[Any, tuple, dict[str, Any]], None]


class NoNumbers(np.ndarray):
    """Stands for the memory of a tensor that has none, such as one of the `meta` device."""

    @classmethod
    def of(cls, shape: tuple[int, ...]) -> NoNumbers:
        """One of this shape, which takes no room."""
        return np.broadcast_to(np.zeros((), np.float32), shape).view(cls)


class Backend(Protocol):
    """A framework, as far as capture needs it. Every method leaves the model as it was."""

    def is_model(self, model: Any) -> bool:
        """Whether this framework made the model."""
        ...

    def as_model(self, function: Callable[..., Any]) -> Any:
        """A model of this framework whose forward is `function`, named as that is."""
        ...

    @property
    def tensor(self) -> type:
        """The class of its tensors."""
        ...

    def array(self, tensor: Any) -> np.ndarray:
        """The tensor's memory, not a copy, or `NoNumbers`; the caller must not write into it."""
        ...

    def facts(self, tensor: Any) -> tuple[tuple[int, ...], str, int, bool]:
        """Shape, dtype's name, bytes, and whether it requires a gradient."""
        ...

    def identity(self, tensor: Any) -> Any:
        """What is the same object for two tensors exactly if they are one: `x.detach()` is x.

        Weak references to it must be possible.
        """
        ...

    def version(self, tensor: Any) -> int:
        """A number that grows whenever the tensor's memory is changed in place."""
        ...

    def base(self, tensor: Any) -> Any | None:
        """The tensor that this one is a view of, or None."""
        ...

    def plain_module(self) -> Any:
        """A module of this framework without anything in it."""
        ...

    def modules(self, model: Any) -> Iterator[Any]:
        """Every module once, in no order."""
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

    @property
    def parameter(self) -> type:
        """The class of its parameters."""
        ...

    def attributes(self, module: Any) -> list[tuple[str, Any]]:
        """What was put into a module and is no module, parameter or buffer, in order of names."""
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

    def observe_calls(
        self, modules: Iterable[Any], enter: Enter, leave: Leave
    ) -> AbstractContextManager[Any]:
        """Call `enter(module, args, kwargs)` before and `leave(module, output, error)` after.

        Of each call of these modules in any thread; calls of others may be told too. One of output
        and error is None. Neither a copy of a module nor a pickle takes the observing along.
        """
        ...

    def on_gradient(self, tensor: Any, hook: Callable[[Any], None]) -> Handle:
        """Call `hook(gradient)` when backward has the tensor's gradient."""
        ...

    def on_accumulated(self, parameter: Any, hook: Callable[[Any], None]) -> Handle:
        """Call `hook(parameter)` when backward has added to the parameter's gradient."""
        ...

    def observe_ops(self, hook: OpHook) -> AbstractContextManager[Any]:
        """Call `hook(op, inputs, params, outputs, seconds)` after each operation of this thread.

        It is entered and left in that thread, in any order with others. `op` is whatever
        `op_facts` understands later; `inputs` has tensors, numbers and None; `outputs` has tensors;
        `params` has "inplace" if the operation wrote into its first input. What capture itself
        asks of tensors is not told.
        """
        ...

    def op_name(self, op: Any) -> str:
        """The name of an operation, as `observe_ops` gave it: the first of its facts."""
        ...

    def op_facts(
        self, op: Any, inputs: Sequence[Any], params: Mapping[str, Any], outputs: Sequence[Any]
    ) -> OpFacts:
        """What a reader is told of an operation that was observed, when its tensors may be gone.

        Args:
            op: as `observe_ops` gave it.
            inputs, outputs: as it gave them, with a `tape.Value` in place of each tensor.
            params: as it gave them, with texts in place of what is not plain.
        """
        ...

    def is_walking_back(self) -> bool:
        """Whether a backward is running in this thread."""
        ...

    def is_running(self, module: Any) -> bool:
        """Whether a call of this module encloses the one that is about to begin."""
        ...

    def is_grad_enabled(self) -> bool:
        """Whether operations of this thread are recorded for a backward."""
        ...

    def observe_steps(self, before: StepHook, after: StepHook) -> AbstractContextManager[Any]:
        """Call `before(optimizer, args, kwargs)` and `after(…)` around steps of all optimizers."""
        ...

    def site(self) -> tuple[Any, ...]:
        """Where the running operation stands in the forward; nothing if that is unknown."""
        ...

    def line(self, site: tuple[Any, ...]) -> str:
        """A site as "file.py:12"."""
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

    @property
    def generator(self) -> type[Generator]:
        """The class of its random generators."""
        ...

    def random_state(self) -> AbstractContextManager[Any]:
        """Put the framework's own random generators back when it ends."""
        ...

    def differentiable(self, output: Any) -> bool:
        """Whether a backward can start from a model's output."""
        ...

    def backward(self, output: Any, loss: Callable[[Any], Any] | None) -> None:
        """Run backward from `loss(output)`, or from the sum of the output's tensors."""
        ...


_backends: list[Backend] = []

# Frameworks that are looked at once somebody else has imported them, and what knows them.
_ON_DEMAND = {"torch": "torch_backend"}


def register(backend: Backend) -> None:
    """Make a framework known. The latest is asked first."""
    _backends.insert(0, backend)


def known_backends() -> list[Backend]:
    """The backends of all frameworks that are in use here."""
    for framework in [each for each in _ON_DEMAND if each in sys.modules]:
        importlib.import_module(f"{__package__}.{_ON_DEMAND.pop(framework)}")
    return _backends


def backend_of(model: Any) -> Backend:
    """The backend of a model.

    Raises:
        TypeError: no framework that is known made it.
    """
    for backend in known_backends():
        if backend.is_model(model):
            return backend
    hint = "; call it, and give the module that it returns" if isinstance(model, type) else ""
    raise TypeError(
        f"expected a model (a Module of clownpiece or PyTorch), got {described(model)}{hint}"
    )


def model_of(function: Callable[..., Any], inputs: Any) -> Any:
    """The model that a function of tensors is; a model is itself.

    Raises:
        TypeError: it is neither a model nor a function, or there is no tensor among the inputs.
    """
    backends = known_backends()
    if not callable(function) or any(each.is_model(function) for each in backends):
        return function
    for backend in backends:
        if next(leaf_objects(inputs, backend.tensor), None) is not None:
            return backend.as_model(function)
    raise TypeError(
        f"{getattr(function, '__name__', 'the function')} was given no tensor: expected one among "
        "its inputs, which says what framework it computes with"
    )


def array_of(value: Any) -> np.ndarray | None:
    """The numbers of a tensor of any framework that is known; None for what is no tensor.

    A masked array stays one.
    """
    if isinstance(value, np.ndarray):
        return value
    for backend in known_backends():
        if isinstance(value, backend.tensor):
            array = backend.array(value)
            return None if isinstance(array, NoNumbers) else array
    return None


def described(value: Any) -> str:
    """What it is, in a sentence that says what is wrong with it."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    return f"an object of type {type(value).__name__}"
