"""How capture sees clownpiece: through its public names, as any user would."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from operator import attrgetter
from types import FrameType
from typing import Any

import numpy as np

import clownpiece
from clownpiece import Tensor, nn
from clownpiece.autograd import no_grad, observe_ops
from clownpiece.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from .backend import Backend, Enter, Handle, Leave, OpFacts, OpHook, Place, StepHook, register
from .families import family_of
from .nested import leaf_objects

__all__ = ["ClownpieceBackend"]

# Frames of these modules lie between an operation and the line of a forward that asked for it.
_MACHINERY = (
    "clownpiece.ops",
    "clownpiece.autograd",
    "clownpiece.tensor",
    "clownpiece.binding",
    "clownviz.capture",
)
_MODULE_CALL = ("clownpiece.nn.module", "clownpiece.nn.hooks", "clownpiece.nn.observe")
_DEEPEST_SITE = 80
_CALL, _MACHINE, _LINE = object(), object(), object()


class ClownpieceBackend(Backend):
    """The `Backend` of models made of `clownpiece.nn.Module`."""

    def __init__(self) -> None:
        self._arguments: dict[type, tuple[str, ...]] = {}

    def is_model(self, model: Any) -> bool:
        return isinstance(model, nn.Module)

    # -- tensors -----------------------------------------------------------------------------

    tensor = Tensor
    # Asked for every tensor that passes: an attrgetter takes half the time of a method.
    array = staticmethod(attrgetter("array"))  # type: ignore[assignment]
    identity = staticmethod(attrgetter("array"))  # type: ignore[assignment]
    version = staticmethod(attrgetter("_version"))  # type: ignore[assignment]
    base = staticmethod(attrgetter("_base"))  # type: ignore[assignment]

    def facts(self, tensor: Any) -> tuple[tuple[int, ...], str, int, bool]:
        array = tensor.array
        return array.shape, _dtype_name(array.dtype), array.nbytes, tensor.requires_grad

    def gradient(self, tensor: Any) -> Any | None:
        # Asking a tensor in the middle of a graph for its .grad is answered by a warning.
        return tensor.grad if tensor.is_leaf or tensor.retains_grad else None

    def set_gradient(self, tensor: Any, gradient: Any | None) -> None:
        tensor.grad = gradient

    def set_array(self, tensor: Any, array: np.ndarray) -> None:
        with no_grad():
            np.copyto(tensor.numpy(force=True), array)

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

    def parameters(self, module: Any) -> Iterator[tuple[str, Any]]:
        return ((name, p) for name, p in module._parameters.items() if p is not None)

    def buffers(self, module: Any) -> Iterator[tuple[str, Any]]:
        return ((name, b) for name, b in module._buffers.items() if b is not None)

    def extra(self, module: Any) -> str:
        try:
            return str(module.extra_repr())
        except Exception as error:
            return f"extra_repr raised {type(error).__name__}"

    def family(self, module: Any) -> str:
        names = [cls.__name__ for cls in type(module).__mro__[:-1] if cls is not nn.Module]
        return family_of(names, any(child is not None for child in module._modules.values()))

    def arguments(self, module: Any) -> tuple[str, ...]:
        kind = type(module)
        known = self._arguments.get(kind)
        if known is None:
            known = self._arguments[kind] = _positional_names(kind.forward)
        return known

    # -- hooks -------------------------------------------------------------------------------

    def observe_calls(
        self, modules: Iterable[Any], enter: Enter, leave: Leave
    ) -> AbstractContextManager[Any]:
        return nn.observe_calls(enter, leave)

    def on_gradient(self, tensor: Any, hook: Callable[[Any], None]) -> Handle:
        return tensor.register_hook(hook)

    def on_accumulated(self, parameter: Any, hook: Callable[[Any], None]) -> Handle:
        return parameter.register_post_accumulate_grad_hook(hook)

    def observe_ops(self, hook: OpHook) -> AbstractContextManager[Any]:
        return observe_ops(hook)

    def op_facts(
        self, op: Any, inputs: Sequence[Any], params: Mapping[str, Any], outputs: Sequence[Any]
    ) -> OpFacts:
        given = {name: value for name, value in params.items() if name != "inplace"}
        flops = op.flops_of(inputs, given, outputs)
        if not op.variadic:
            # A number that stands where a tensor could (`x * 2`) is a parameter to a reader.
            numbers = {
                name: value for name, value in zip(op.inputs, inputs) if type(value) in (int, float)
            }
            given = {**numbers, **given}
        return OpFacts(op.name, op.latex, flops, given)

    @contextmanager
    def observe_steps(self, before: StepHook, after: StepHook) -> Iterator[None]:
        with (
            register_optimizer_step_pre_hook(before),
            register_optimizer_step_post_hook(after),
        ):
            yield

    def site(self) -> tuple[tuple[Any, ...], str] | None:
        frame: FrameType | None = sys._getframe(1)
        key: list[Any] = []
        first = None
        while frame is not None and len(key) < _DEEPEST_SITE:
            kind = _kind_of(frame.f_globals.get("__name__", ""))
            if kind is _CALL:
                break
            if kind is _LINE:
                key += frame.f_code, frame.f_lasti
                first = first or frame
            frame = frame.f_back
        if first is None:
            return None
        return tuple(key), f"{os.path.basename(first.f_code.co_filename)}:{first.f_lineno}"

    # -- a run without a trace ---------------------------------------------------------------

    @contextmanager
    def random_states(self, model: Any) -> Iterator[None]:
        generators = [clownpiece.default_generator]
        for place in self.places(model):
            held = vars(place.module).values()
            generators += [each for each in held if isinstance(each, clownpiece.Generator)]
        states = [(generator, generator.get_state()) for generator in generators]
        try:
            yield
        finally:
            for generator, state in states:
                generator.set_state(state)

    def backward(self, output: Any, loss: Callable[[Any], Any] | None) -> None:
        if loss is not None:
            loss(output).backward()
            return
        tensors = [t for t in leaf_objects(output, Tensor) if t.requires_grad]
        if not tensors:
            raise RuntimeError(
                "gradients=True needs an output that requires a gradient, and this model's "
                "output does not: is a parameter trainable, and is this outside of no_grad()?"
            )
        clownpiece.autograd.backward(tensors, [clownpiece.ones_like(t) for t in tensors])


@lru_cache(maxsize=4096)
def _kind_of(module: str) -> object:
    """What a frame of this Python module is: a call of a module, machinery, or a line to name."""
    if module in _MODULE_CALL:
        return _CALL
    return _MACHINE if module.startswith(_MACHINERY) else _LINE


@lru_cache(maxsize=64)
def _dtype_name(dtype: np.dtype) -> str:
    # NumPy computes the name anew each time, which takes longer than a small operation.
    return dtype.name


def _positional_names(forward: Callable[..., Any]) -> tuple[str, ...]:
    try:
        parameters = list(inspect.signature(forward).parameters.values())[1:]
    except (TypeError, ValueError):
        return ()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(p.name for p in parameters if p.kind in kinds)


register(ClownpieceBackend())
