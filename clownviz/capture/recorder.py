"""Events in, tape out. The recorder is told what happens and never causes anything itself.

It keeps no tensor alive: a tensor is known by a weak reference to it together with its version,
because the ids of objects are used again as soon as one dies.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

from .attention import AttentionWatcher
from .backend import Backend, Handle, OpEvent
from .keep import Keeper
from .nested import Ref, leaves, replace, short
from .statistics import statistics
from .tape import Call, Operation, ParameterInfo, Tape, Value

__all__ = ["Hook", "Recorder"]

MOST_TENSOR_HOOKS = 20_000
"""A long capture lets go of the hooks of tensors whose backward is long over."""


class _Thread(threading.local):
    """The calls that are running in a thread, outermost first, with their start times."""

    def __init__(self) -> None:
        self.stack: list[tuple[Call, float]] = []
        self.busy = False
        self.returned: Call | None = None


class Recorder:
    """Writes one tape.

    Attributes:
        active: False once the capture has ended; events that still arrive are ignored.
    """

    def __init__(self, backend: Backend, tape: Tape, keeper: Keeper, gradients: bool) -> None:
        self.backend = backend
        self.tape = tape
        self.keeper = keeper
        self.gradients = gradients
        self.attention = AttentionWatcher(tape, keeper, backend.array)
        self.active = True
        self.handles: list[Handle] = []
        self._tensor_handles: deque[Handle] = deque()
        self._lock = threading.RLock()
        self._thread = _Thread()
        # By id: a weak reference that says whether it is still the same, its version, its Value.
        self._seen: dict[int, tuple[Any, int, Value]] = {}
        self._parameters: dict[int, tuple[Any, str, list[ParameterInfo]]] = {}
        self._hooked: set[int] = set()
        self._sites: dict[Any, int] = {}
        self._numbers: dict[str, int] = {}
        self._clock = 0
        self._step = -1

    # -- what is known before anything runs --------------------------------------------------

    def know_parameter(self, tensor: Any, info: ParameterInfo, origin: str) -> None:
        """Recognize this tensor as a parameter or buffer when an operation reads it."""
        known = self._parameters.setdefault(id(tensor), (tensor, f"{origin}:{info.path}", []))
        known[2].append(info)

    # -- events of modules -------------------------------------------------------------------

    def enter(self, path: str, module: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        """A module is about to run its forward."""
        if not self.active:
            return
        with self._lock:
            stack = self._thread.stack
            self._thread.returned = None
            if not stack:
                self._step += 1
                self._numbers = {}
            number = self._numbers[path] = self._numbers.get(path, 0) + 1
            call = Call(
                index=len(self.tape.calls),
                path=path,
                number=number,
                kind=type(module).__name__,
                parent=stack[-1][0].index if stack else None,
                step=self._step,
                began=self._tick(),
            )
            self.tape.calls.append(call)
            # On the stack before anything can go wrong, so that the failing call is known.
            stack.append((call, perf_counter()))
            call.inputs = self._nest(self._named(module, args, kwargs))

    def leave(
        self, path: str, module: Any, args: tuple, kwargs: dict[str, Any], output: Any
    ) -> None:
        """A module's forward returned."""
        if not self.active:
            return
        now = perf_counter()
        with self._lock:
            running = self._pop(path)
            if running is not None:
                call, started = running
                self._thread.returned = call
                call.seconds = now - started
                call.outputs = self._nest(output)
                call.ended = self._tick()

    def end(self, path: str, module: Any, args: tuple, kwargs: dict[str, Any], _: Any) -> None:
        """A module's forward returned, which `leave` was told just before, or it raised."""
        thread = self._thread
        returned, thread.returned = thread.returned, None
        if not self.active or (returned is not None and returned.path == path):
            return
        with self._lock:
            running = self._pop(path)
            if running is not None:
                call, started = running
                call.error = error_text(sys.exc_info()[1])
                call.seconds = perf_counter() - started
                call.ended = self._tick()

    def _pop(self, path: str) -> tuple[Call, float] | None:
        """Take the running call of a module off the stack; None if it began before the capture."""
        stack = self._thread.stack
        for depth in range(len(stack) - 1, -1, -1):
            if stack[depth][0].path == path:
                for lost, _ in stack[depth + 1 :]:
                    lost.error = "did not return"
                    lost.ended = self._tick()
                running = stack[depth]
                del stack[depth:]
                return running
        return None

    def _named(self, module: Any, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
        names = self.backend.arguments(module)
        named: dict[str, Any] = {}
        for place, value in enumerate(args):
            named[names[place] if place < len(names) else f"args[{place}]"] = value
        named.update(kwargs)
        return named

    def _nest(self, nest: Any) -> Any:
        return replace(nest, self.backend.is_tensor, self._ref_of_shown)

    def _ref_of_shown(self, tensor: Any) -> Ref:
        """The Ref of a tensor that crosses a module's border, looked at and hooked."""
        value = self.value_of(tensor)
        if value.stats is None and self.keeper.looks:
            self.keeper.look(value, self.backend.array(tensor))
        if (
            self.gradients
            and value.id not in self._hooked
            and not value.origin
            and self.backend.requires_grad(tensor)
        ):
            self._hooked.add(value.id)
            hook = Hook(partial(self.gradient, value))
            self._tensor_handles.append(self.backend.on_gradient(tensor, hook))
            if len(self._tensor_handles) > MOST_TENSOR_HOOKS:
                self._tensor_handles.popleft().remove()
        return Ref(value.id)

    # -- events of tensors -------------------------------------------------------------------

    def value_of(self, tensor: Any) -> Value:
        """The Value of a tensor as it is now, new if it was not seen before."""
        version = self.backend.version(tensor)
        known = self._known(tensor)
        if known is not None and known[1] == version:
            return known[2]
        return self._new_value(tensor, version)

    def _known(self, tensor: Any) -> tuple[Any, int, Value] | None:
        identity = self.backend.identity(tensor)
        known = self._seen.get(id(identity))
        return known if known is not None and known[0]() is identity else None

    def _new_value(self, tensor: Any, version: int) -> Value:
        value = self._add_value(tensor)
        parameter = self._parameters.get(id(tensor))
        if parameter is not None:
            value.origin = parameter[1]
            # Before the first run weights are described as they are; later they have moved.
            if self.keeper.looks and self._step > 0:
                value.stats = statistics(self.backend.array(tensor))
        identity = self.backend.identity(tensor)
        self._seen[id(identity)] = (weakref.ref(identity), version, value)
        return value

    def _add_value(self, tensor: Any) -> Value:
        shape, dtype, nbytes = self.backend.facts(tensor)
        value = Value(len(self.tape.values), shape, dtype, nbytes)
        value.requires_grad = self.backend.requires_grad(tensor)
        self.tape.values.append(value)
        return value

    def gradient(self, value: Value, gradient: Any) -> None:
        """Backward has the gradient of a value."""
        if not self.active or gradient is None:
            return
        with self._lock:
            value.gradient = self._looked_at(gradient).id

    def accumulated(self, infos: list[ParameterInfo], parameter: Any) -> None:
        """Backward has added to the gradient of a parameter."""
        gradient = self.backend.gradient(parameter)
        if not self.active or gradient is None:
            return
        with self._lock:
            seen = self._looked_at(gradient)
            seen.origin = f"gradient:{infos[0].path}"
            for info in infos:
                info.gradient = seen.id

    def _looked_at(self, tensor: Any) -> Value:
        value = self._add_value(tensor)
        if self.keeper.looks:
            self.keeper.look(value, self.backend.array(tensor))
        return value

    def watch_parameters(self) -> None:
        """Ask for the gradients of all parameters that will have one."""
        for tensor, _, infos in self._parameters.values():
            if self.backend.requires_grad(tensor):
                hook = Hook(partial(self.accumulated, infos))
                self.handles.append(self.backend.on_accumulated(tensor, hook))

    # -- events of operations ----------------------------------------------------------------

    def operation(self, event: OpEvent) -> None:
        """An operation ran on tensors of this thread."""
        thread = self._thread
        if not self.active or thread.busy:
            return
        thread.busy = True
        try:
            with self._lock:
                self._operation(event)
        finally:
            thread.busy = False

    def _operation(self, event: OpEvent) -> None:
        backend = self.backend
        stack = self._thread.stack
        call = stack[-1][0] if stack else None
        inputs: list[int] = []
        moved = 0
        for tensor in event.inputs:
            if backend.is_tensor(tensor):
                value = self._input(tensor, event.inplace)
                inputs.append(value.id)
                moved += value.bytes
                if value.origin and call is not None:
                    self._reads(call, value.origin)
        outputs: list[int] = []
        for tensor in event.outputs:
            value = self._new_value(tensor, backend.version(tensor))
            outputs.append(value.id)
            moved += value.bytes
            if event.inplace:
                self._changes_base(tensor, inputs, outputs)
        # Inside a layer nobody asks which line of it ran an operation.
        open_module = call is not None and self.tape.modules[call.path].children
        site = backend.site() if open_module else None
        operation = Operation(
            index=len(self.tape.operations),
            name=event.name,
            latex=event.latex,
            call=call.index if call is not None else None,
            inputs=tuple(inputs),
            outputs=tuple(outputs),
            params=_texts(event.params),
            flops=event.flops,
            bytes=moved,
            seconds=event.seconds,
            site=self._site(*site) if site is not None else None,
            at=self._tick(),
        )
        self.tape.operations.append(operation)
        self.attention.see(operation, event)

    def _input(self, tensor: Any, inplace: bool) -> Value:
        # In place, the tensor is already changed: what went in is what was known of it.
        known = self._known(tensor) if inplace else None
        return known[2] if known is not None else self.value_of(tensor)

    def _reads(self, call: Call, origin: str) -> None:
        kind, _, name = origin.partition(":")
        if kind == "parameter" and name not in call.parameters:
            call.parameters = (*call.parameters, name)

    def _changes_base(self, view: Any, inputs: list[int], outputs: list[int]) -> None:
        """A view was changed, and with it the tensor that it shows a part of."""
        base = self.backend.base(view)
        before = self._known(base) if base is not None else None
        if base is not None and before is not None:
            inputs.append(before[2].id)
            outputs.append(self._new_value(base, self.backend.version(base)).id)

    def _site(self, key: Any, text: str) -> int:
        known = self._sites.get(key)
        if known is None:
            known = self._sites[key] = len(self.tape.sites)
            self.tape.sites.append(text)
        return known

    def _tick(self) -> int:
        self._clock += 1
        return self._clock

    # -- the end -----------------------------------------------------------------------------

    def finish(self, error: BaseException | None) -> None:
        """No more events: say what was left open, and complete the tape."""
        with self._lock:
            self.active = False
            for handles in (self.handles, self._tensor_handles):
                while handles:
                    handles.pop().remove()
            text = None
            if error is not None:
                text = self.tape.error = error_text(error)
            for call, started in self._thread.stack:
                call.error = text or "did not return before the capture ended"
                call.ended = self._tick()
                call.seconds = perf_counter() - started
            self._thread.stack = []
            self._add_backward_calls()
            self.tape.notes.extend(self.keeper.notes())
            self._seen.clear()
            self._parameters.clear()

    def _add_backward_calls(self) -> None:
        """The backward pass as calls, in the order in which the gradients arrived."""
        if not self.gradients:
            return
        values = self.tape.values
        arrived: list[tuple[int, int, Call]] = []
        for call in self.tape.calls:
            grads = [values[ref].gradient for ref in leaves(call.outputs)]
            first = min((g for g in grads if g is not None), default=None)
            if first is not None:
                arrived.append((first, call.began, call))
        index_of: dict[int, int] = {}
        for _, _, forward in sorted(arrived, key=lambda entry: entry[:2]):
            index = index_of[forward.index] = len(self.tape.calls)
            parent = forward.parent
            self.tape.calls.append(
                Call(
                    index=index,
                    path=forward.path,
                    number=forward.number,
                    kind=forward.kind,
                    phase="backward",
                    parent=index_of.get(parent) if parent is not None else None,
                    inputs=self._gradients_of(forward.outputs),
                    outputs=self._gradients_of(forward.inputs),
                    parameters=forward.parameters,
                    step=forward.step,
                    began=self._tick(),
                    ended=self._tick(),
                )
            )

    def _gradients_of(self, nest: Any) -> Any:
        def gradient(leaf: Any) -> Any:
            if not isinstance(leaf, Ref):
                return leaf
            found = self.tape.values[leaf].gradient
            return "None" if found is None else Ref(found)

        return replace(nest, lambda leaf: isinstance(leaf, (Ref, str)), gradient)


def error_text(error: BaseException | None) -> str:
    """`ValueError: what it says`."""
    return f"{type(error).__name__}: {error}".rstrip(": ") if error is not None else "raised"


class Hook:
    """A hook that a copy of the model does not take along: copied or pickled, it is silent."""

    __slots__ = ("_hook",)

    def __init__(self, hook: Callable[..., None]) -> None:
        self._hook = hook

    def __call__(self, *args: Any) -> None:
        self._hook(*args)

    def __deepcopy__(self, memo: dict[int, Any]) -> Callable[..., None]:
        return silent

    def __reduce__(self) -> tuple[Callable[..., Any], tuple]:
        return _make_silent, ()


def silent(*args: Any, **kwargs: Any) -> None:
    """A hook that does nothing."""


def _make_silent() -> Callable[..., None]:
    return silent


def _texts(params: Any) -> dict[str, str]:
    return {name: _text(value) for name, value in params.items() if name != "inplace"}


def _text(value: Any) -> str:
    if isinstance(value, (tuple, list)) and len(value) <= 8:
        return "(" + ", ".join(_text(item) for item in value) + ")"
    return short(value)
