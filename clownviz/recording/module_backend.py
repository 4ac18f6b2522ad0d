"""What clownpiece and PyTorch have in common: modules with the same tables, tensors with hooks."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

from .backend import Backend, Handle, Place
from .families import family_of
from .nested import leaf_objects

__all__ = ["ModuleBackend"]

_DEEPEST_SITE = 80
_CALL, _MACHINE, _LINE = object(), object(), object()


class ModuleBackend(Backend):
    """The half of a `Backend` that reads the same in both frameworks.

    Attributes:
        module: the base class of its modules.
        parameter: the class of its parameters.
        machinery: names of Python modules, or their beginnings, whose frames lie between an
            operation and the line of a forward that asked for it.
        module_call: names of Python modules in which a module calls its forward.
    """

    module: type
    parameter: type
    machinery: tuple[str, ...]
    module_call: tuple[str, ...]

    def __init__(self) -> None:
        self._arguments: WeakKeyDictionary[type, tuple[str, ...]] = WeakKeyDictionary()
        self._frames: dict[str, object] = {}

    def is_model(self, model: Any) -> bool:
        return isinstance(model, self.module)

    def as_model(self, function: Callable[..., Any]) -> Any:
        def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        name = getattr(function, "__name__", type(function).__name__)
        kind = type(name, (self.module,), {"forward": forward})
        self._arguments[kind] = _positional_names(function)
        return kind()

    def plain_module(self) -> Any:
        return self.module()

    # -- modules -----------------------------------------------------------------------------

    def places(self, model: Any) -> Iterator[Place]:
        seen: set[int] = set()
        waiting = [Place("", model)]
        while waiting:
            place = waiting.pop()
            yield place
            if id(place.module) in seen:
                continue
            seen.add(id(place.module))
            children = [
                Place(f"{place.path}.{name}" if place.path else name, child)
                for name, child in place.module._modules.items()
                if child is not None
            ]
            waiting.extend(reversed(children))

    def modules(self, model: Any) -> Iterator[Any]:
        seen: set[int] = set()
        waiting = [model]
        while waiting:
            module = waiting.pop()
            if id(module) not in seen:
                seen.add(id(module))
                yield module
                waiting += [each for each in module._modules.values() if each is not None]

    def parameters(self, module: Any) -> Iterator[tuple[str, Any]]:
        return ((name, p) for name, p in module._parameters.items() if p is not None)

    def buffers(self, module: Any) -> Iterator[tuple[str, Any]]:
        return ((name, b) for name, b in module._buffers.items() if b is not None)

    def attributes(self, module: Any) -> list[tuple[str, Any]]:
        attributes = vars(module)
        return [(name, attributes[name]) for name in sorted(attributes.keys() - self._tables)]

    @cached_property
    def _tables(self) -> frozenset[str]:
        """The attributes that every module has."""
        return frozenset(vars(self.plain_module()))

    def extra(self, module: Any) -> str:
        try:
            return str(module.extra_repr())
        except Exception as error:
            return f"extra_repr raised {type(error).__name__}"

    def family(self, module: Any) -> str:
        names = [cls.__name__ for cls in type(module).__mro__[:-1] if cls is not self.module]
        return family_of(names, any(child is not None for child in module._modules.values()))

    def arguments(self, module: Any) -> tuple[str, ...]:
        kind = type(module)
        known = self._arguments.get(kind)
        if known is None:
            # The class of a scripted module has no forward that can be asked for.
            forward = getattr(kind, "forward", None)
            known = _positional_names(forward)[1:] if forward is not None else ()
            self._arguments[kind] = known
        return known

    def is_running(self, module: Any) -> bool:
        frame: FrameType | None = sys._getframe(1)
        calls, within = 0, False
        while frame is not None and calls < 2:
            called = frame.f_globals.get("__name__", "") in self.module_call
            if called and not within and _is_about(frame, module):
                calls += 1
            within = called and (within or _is_about(frame, module))
            frame = frame.f_back
        return calls > 1

    # -- tensors -----------------------------------------------------------------------------

    def on_gradient(self, tensor: Any, hook: Callable[[Any], None]) -> Handle:
        return tensor.register_hook(hook)

    def on_accumulated(self, parameter: Any, hook: Callable[[Any], None]) -> Handle:
        return parameter.register_post_accumulate_grad_hook(hook)

    def gradient(self, tensor: Any) -> Any | None:
        # Asking a tensor in the middle of a graph for its .grad is answered by a warning.
        return tensor.grad if tensor.is_leaf or tensor.retains_grad else None

    def set_gradient(self, tensor: Any, gradient: Any | None) -> None:
        tensor.grad = gradient

    def differentiable(self, output: Any) -> bool:
        return any(tensor.requires_grad for tensor in leaf_objects(output, self.tensor))

    def roots(self, output: Any) -> list[Any]:
        """The tensors of a model's output that a backward can start from.

        Raises:
            RuntimeError: there is none.
        """
        found = [t for t in leaf_objects(output, self.tensor) if t.requires_grad]
        if not found:
            raise RuntimeError(
                "a backward needs an output that requires a gradient, and this model's output "
                "does not: is a parameter trainable, and is this outside of no_grad()?"
            )
        return found

    # -- lines -------------------------------------------------------------------------------

    def site(self) -> tuple[Any, ...]:
        frame: FrameType | None = sys._getframe(1)
        site: list[Any] = []
        while frame is not None and len(site) < _DEEPEST_SITE:
            module = frame.f_globals.get("__name__", "")
            kind = self._frames.get(module) or self._kind_of(module)
            if kind is _CALL:
                break
            if kind is _LINE:
                site += frame.f_code, frame.f_lasti
            frame = frame.f_back
        return tuple(site)

    def line(self, site: tuple[Any, ...]) -> str:
        code, at = site[:2]
        lines = (line for start, end, line in code.co_lines() if start <= at < end)
        return f"{os.path.basename(code.co_filename)}:{next(lines, None) or code.co_firstlineno}"

    def _kind_of(self, module: str) -> object:
        """What a frame of this Python module is: a call of a module, machinery, or a line."""
        if module in self.module_call:
            kind = _CALL
        else:
            kind = _MACHINE if module.startswith(self.machinery) else _LINE
        self._frames[module] = kind
        return kind


def _is_about(frame: FrameType, module: Any) -> bool:
    """Whether this frame of the machinery calls this module."""
    found = frame.f_locals
    return found.get("self") is module or found.get("module") is module


def _positional_names(function: Callable[..., Any]) -> tuple[str, ...]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return ()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(p.name for p in parameters if p.kind in kinds)
