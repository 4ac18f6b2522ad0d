"""Told of what happens, notes it in a log. The recorder never causes anything itself.

It keeps no tensor alive: a tensor is known by a weak reference to it together with its version,
because the ids of objects are used again as soon as one dies. What it does for each event is
little, for it stands in the way of the model; the `Writer` makes a tape of its notes later.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from .attention import AttentionWatcher, OpEvent
from .backend import Handle, NoNumbers
from .keep import RECORD_BYTES, Pace
from .nested import Ref, replace, short
from .tape import ParameterInfo
from .updates import Updates
from .writer import MOST_EVENTS, Place, Thread, Told, Writer

__all__ = ["Hook", "Recorder", "Stopped", "Watched"]

MOST_TENSOR_HOOKS = 20_000
"""A long capture lets go of the hooks of tensors whose backward is long over."""

MOST_SEEN = 4_096
"""Tensors known by weak references; beyond it the dead ones are forgotten before a run."""

CLOSE_RUNS, CLOSE_EVERY = (1, 2, 4, 8), 10
"""Of runs that are alike these are looked at closely, and the first, and then every tenth."""

MOST_KINDS_OF_RUNS = 1_000

_PLAIN = frozenset({int, float, bool, str, type(None), slice, type(...)})
_NOTHING: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())


class Stopped(BaseException):
    """A run has come to where `until` ends it. No `except Exception` of a forward catches it."""


class Watched(NamedTuple):
    """A module to watch; `until` is the number of the call after which its run stops, or 0."""

    module: Any
    path: str
    looks: bool
    until: int


class _Local(threading.local):
    thread: Thread | None = None


_Seen = tuple[Any, int, Ref]
"""A weak reference that says whether a tensor is still the same, its version and its Ref."""


class Recorder:
    """Notes what happens in one model.

    Args:
        writer: writes down what is noted; the framework, the tape and what is kept are its own.
        every: look at every so many runs of the model, and more rarely as the budget is used up.
        inside: look also at what operations make that stays within a module.

    Attributes:
        active: False once the capture has ended; events that still arrive are ignored.
        places: the modules that are watched, by id.
        stopped: what to say of a run that `until` has ended.
        repeated: whether a checkpoint had modules compute once more during a backward.
    """

    def __init__(self, writer: Writer, *, every: int, inside: bool = False) -> None:
        self.writer = writer
        self.backend = backend = writer.backend
        self.tape = tape = writer.tape
        self.keeper = keeper = writer.keeper
        self.gradients = writer.gradients
        self.file = writer.file
        self._looks = keeper.looks
        self._always_close = inside or keeper.part is not None
        self._runs_like: dict[Any, int] = {}
        self.pace = Pace(every, keeper.budget)
        self.inside = inside
        self.active = True
        self.places: dict[int, Place] = {}
        self.stopped: str | None = None
        self.repeated = False
        self.attention = AttentionWatcher(tape, keeper, backend.array)
        self.updates = Updates(self, backend.array)
        # What is asked for every tensor that passes, found once.
        self._note, self._add = self.writer.log.append, self.writer.add
        self._identity, self._version = backend.identity, backend.version
        self._tensor, self._array = backend.tensor, backend.array
        self._exits = ExitStack()
        self._handles: list[Handle] = []
        self._tensor_handles: deque[Handle] = deque()
        self._threads: list[Thread] = []
        self._local = _Local()
        self._steps = itertools.count()
        self._unwritten = True
        self._seen: dict[int, _Seen] = {}  # by id
        self._parameters: dict[int, tuple[Any, str, list[ParameterInfo]]] = {}
        self._looked: set[int] = set()
        self._hooked: set[int] = set()

    # -- what is known before anything runs --------------------------------------------------

    def know_parameter(self, tensor: Any, info: ParameterInfo, origin: str) -> None:
        """Recognize this tensor as a parameter or buffer when an operation reads it."""
        known = self._parameters.setdefault(id(tensor), (tensor, f"{origin}:{info.path}", []))
        known[2].append(info)
        if origin == "parameter":
            self.updates.know(tensor, info.path)

    def start(self, modules: Sequence[Watched]) -> None:
        """Watch these modules from now on."""
        backend = self.backend
        for module, path, looks, until in modules:
            names = backend.arguments(module)
            opens = bool(self.tape.modules[path].children)
            kind = type(module).__name__
            self.places[id(module)] = Place(path, kind, names, opens, looks, until)
        self._exits.enter_context(
            backend.observe_calls([each.module for each in modules], self.enter, self.leave)
        )
        self._exits.enter_context(backend.observe_steps(self.updates.before, self.updates.after))
        if self.gradients:
            self._watch_parameters()
        self.thread()

    def _watch_parameters(self) -> None:
        """Ask for the gradients of all parameters that will have one."""
        for tensor, _, infos in self._parameters.values():
            if infos[0].trainable:
                hook = Hook(partial(self._accumulated, infos))
                self._handles.append(self.backend.on_accumulated(tensor, hook))

    # -- calls -------------------------------------------------------------------------------

    def enter(self, module: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        """A module is about to run its forward."""
        place = self.places.get(id(module))
        if place is None or not self.active:
            return
        thread = self._local.thread or self.thread()
        stack = thread.stack
        if not stack or (not place.path and not self.backend.is_running(module)):
            # What is still on the stack was left by an interrupt that no hook was told of.
            thread.repeats = self.backend.is_walking_back()
            if thread.repeats:
                stack.clear()
                self.repeated = True
            else:
                self._begin(thread, module, (*args, *kwargs.values()))
        stack.append(place)
        if thread.skips or thread.repeats:
            return
        thread.looking += place.looks
        inputs = tuple([self._shown(each, place.looks) for each in args]) if args else ()
        named = None
        if kwargs:
            named = {name: self._shown(each, place.looks) for name, each in kwargs.items()}
        self._note(("enter", thread, thread.step, place, inputs, named, perf_counter()))

    def leave(self, module: Any, output: Any, error: BaseException | None) -> None:
        """A module's forward returned, or raised."""
        now = perf_counter()
        place = self.places.get(id(module))
        thread = self._local.thread
        if place is None or thread is None or not self.active:
            return
        stack = thread.stack
        if stack and stack[-1] is place:
            stack.pop()
        elif place in stack:
            del stack[len(stack) - 1 - stack[::-1].index(place) :]
        else:
            return  # it began before the capture
        if thread.skips or thread.repeats:
            return
        thread.looking = thread.looking - place.looks if stack else 0
        if not stack:
            # A loss may be made of what the run returns.
            self._observe(thread, True)
        if error is None:
            made = self._shown(output, place.looks)
            self._note(("leave", thread, place, made, None, now))
            if not stack:
                self._ended(thread, output, made)
            if place.until:
                self._passed(thread, place)
        else:
            told = "" if isinstance(error, Stopped) else error_text(error)
            self._note(("leave", thread, place, (), told, now))

    def _begin(self, thread: Thread, model: Any, inputs: Sequence[Any]) -> None:
        """The model is run once more: look at it, or only count."""
        thread.stack.clear()
        thread.looking = thread.passed = 0
        self._forget_losses(thread)
        step = thread.step = next(self._steps)
        thread.skips = not self.pace.looks_at(step, len(self.tape.values))
        if thread.skips:
            self._observe(thread, False)
            return
        self.keeper.reserve(len(self.tape.values) * RECORD_BYTES)
        if len(self._seen) > MOST_SEEN:
            self._seen = {at: known for at, known in self._seen.items() if known[0]() is not None}
        if len(self.writer.log) > MOST_EVENTS:
            self.writer.write_down()
        thread.glances = not self._is_close(model, inputs)
        self._observe(thread, not thread.glances)
        self._note(("begin", thread, thread.glances, model.training))
        if self.file is not None:
            # What ran before is whole now, its backward too. After an update it is written already.
            if self._unwritten:
                self._append()
            self._unwritten = True

    def _append(self) -> None:
        """Write what is new to the file, unless a run is in the middle."""
        if self.file is not None and not any(each.stack for each in self._threads):
            self.writer.write_down()
            self.file.append(self.tape)
            self._unwritten = False

    def _is_close(self, model: Any, inputs: Sequence[Any]) -> bool:
        """Whether operations and weights are looked at too; runs of one kind are much alike."""
        if self._always_close:
            return True
        facts = self.backend.facts
        shapes = [facts(each)[0] if isinstance(each, self._tensor) else None for each in inputs]
        kind = model.training, self.backend.is_grad_enabled(), *shapes
        count = self._runs_like.get(kind, 0)
        if len(self._runs_like) < MOST_KINDS_OF_RUNS:
            self._runs_like[kind] = count + 1
        return count in CLOSE_RUNS or count % CLOSE_EVERY == 0

    def _ended(self, thread: Thread, output: Any, made: Any) -> None:
        """A run has returned. Some models compute their loss themselves."""
        if type(made) is Ref:
            self._may_be_loss(thread, output)

    def _passed(self, thread: Thread, place: Place) -> None:
        thread.passed += 1
        if thread.passed == place.until:
            number = f"#{place.until}" if place.until > 1 else ""
            self.stopped = f"The run was stopped after {place.path or place.kind}{number}."
            raise Stopped(self.stopped)

    def thread(self) -> Thread:
        """What is known of the current thread; its operations are observed from now on."""
        thread = self._local.thread
        if thread is None:
            thread = self._local.thread = Thread()
            self._threads.append(thread)
            self._observe(thread, True)
        return thread

    def _observe(self, thread: Thread, wanted: bool) -> None:
        if wanted and thread.watch is None:
            thread.watch = self.backend.observe_ops(partial(self._operation, thread))
            thread.watch.__enter__()
        elif not wanted and thread.watch is not None:
            watch, thread.watch = thread.watch, None
            watch.__exit__(None, None, None)

    def skips(self) -> bool:
        """Whether the last run of the model in this thread was not looked at."""
        thread = self._local.thread
        return thread is not None and thread.skips

    def step(self) -> int:
        """The last run of the model in this thread."""
        thread = self._local.thread
        return thread.step if thread is not None else -1

    # -- tensors -----------------------------------------------------------------------------

    def _shown(self, nest: Any, looks: bool) -> Any:
        """What crosses a module's border, with a Ref for each tensor."""
        if isinstance(nest, self._tensor):
            return self._shown_tensor(nest, looks)
        if type(nest) in _PLAIN:
            return short(nest)
        return replace(nest, self.backend.tensor, lambda each: self._shown_tensor(each, looks))

    def _shown_tensor(self, tensor: Any, looks: bool) -> Ref:
        """The Ref of a tensor that crosses a module's border, looked at and hooked."""
        ref = self._known(tensor)
        if looks:
            if self._looks and ref not in self._looked:
                self._looked.add(ref)
                self._look(ref, tensor)
            if self.gradients and ref not in self._hooked:
                self._ask_for_gradient(ref, tensor)
        return ref

    def _ask_for_gradient(self, ref: Ref, tensor: Any) -> None:
        """Of what a backward could reach; parameters have hooks of their own."""
        # `x.detach()` is the same value, seen first or later, and takes no hook.
        if not tensor.requires_grad:
            return
        self._hooked.add(ref)
        value = self.writer.value(ref)
        value.requires_grad = True
        if value.origin:
            return
        hook = Hook(partial(self._gradient, ref))
        self._tensor_handles.append(self.backend.on_gradient(tensor, hook))
        if len(self._tensor_handles) > MOST_TENSOR_HOOKS:
            self._tensor_handles.popleft().remove()

    def _known(self, tensor: Any) -> Ref:
        """The Ref of a tensor as it is now, a new one if it was not seen before."""
        identity = self._identity(tensor)
        known = self._seen.get(id(identity))
        if known is not None and known[0]() is identity and known[1] == self._version(tensor):
            return known[2]
        parameter = self._parameters.get(id(tensor))
        if parameter is None:
            return self._new(tensor, identity)
        ref = self._new(tensor, identity, parameter[1])
        # Before the first run weights are described as they are; later they have moved.
        if self._looks and self.step() > 0:
            array = self._array(tensor)
            if type(array) is not NoNumbers:
                with self.writer.lock:
                    self.keeper.measure(ref, array)
        return ref

    def _before(self, tensor: Any) -> Ref | None:
        """What was known of a tensor before an operation in place changed it."""
        identity = self._identity(tensor)
        known = self._seen.get(id(identity))
        return known[2] if known is not None and known[0]() is identity else None

    def _new(self, tensor: Any, identity: Any, origin: str = "") -> Ref:
        ref = self._add(tensor, origin)
        self._seen[id(identity)] = weakref.ref(identity), self._version(tensor), ref
        return ref

    def _look(self, ref: Ref, tensor: Any) -> None:
        array = self._array(tensor)
        if type(array) is not NoNumbers:
            with self.writer.lock:
                self.keeper.look(ref, array)

    # -- gradients ---------------------------------------------------------------------------

    def _gradient(self, ref: Ref, gradient: Any) -> None:
        """Backward has the gradient of a value."""
        if self.active and gradient is not None:
            self._note(("gradient", ref, self._looked_at(gradient)))

    def _accumulated(self, infos: list[ParameterInfo], parameter: Any) -> None:
        """Backward has added to the gradient of a parameter."""
        gradient = self.backend.gradient(parameter)
        if self.active and gradient is not None and not self.skips():
            self._note(("accumulated", infos, self._looked_at(gradient)))

    def _looked_at(self, tensor: Any) -> Ref:
        ref = self._add(tensor)
        if self._looks:
            self._look(ref, tensor)
        return ref

    # -- operations --------------------------------------------------------------------------

    def _operation(
        self,
        thread: Thread,
        op: Any,
        inputs: Sequence[Any],
        params: Mapping[str, Any],
        outputs: Sequence[Any],
        seconds: float,
    ) -> None:
        """An operation ran on tensors of this thread."""
        if not self.active:
            self._observe(thread, False)
            return
        stack = thread.stack
        if stack and not thread.looking:
            return  # in a part of the model that was not selected
        if thread.glances:
            if not stack:
                for each in outputs:
                    self._may_be_loss(thread, each)
            return
        kept = {name: _plain(value) for name, value in params.items()} if params else params
        if params and "inplace" in params:
            given, made, extra = self._in_place(thread, inputs, outputs)
        else:
            given, extra = self._given(inputs), _NOTHING
            made = [self._made(thread, each) for each in outputs]
        # Inside a layer nobody asks which line of it ran an operation.
        site = self.backend.site() if stack and stack[-1].opens else None
        self._note(("operation", thread, op, given, made, extra, kept, seconds, site))
        if self.attention.active and self._may_be_attention(op, outputs[0]):
            operation = self.writer.operation_of(tuple(made))
            self.attention.see(operation, OpEvent(inputs, params, outputs))

    def _may_be_attention(self, op: Any, output: Any) -> bool:
        backend = self.backend
        return (
            self.attention.asks_for(backend.op_name(op))
            and type(backend.array(output)) is not NoNumbers
        )

    def _given(self, inputs: Sequence[Any]) -> list[Any]:
        """What an operation was given, with a Ref for each tensor."""
        kind, seen, identity, version = self._tensor, self._seen, self._identity, self._version
        given = []
        for each in inputs:
            if isinstance(each, kind):
                # `_known`, written out: a call costs more than the question.
                itself = identity(each)
                known = seen.get(id(itself))
                if known is not None and known[0]() is itself and known[1] == version(each):
                    each = known[2]
                else:
                    each = self._known(each)
            else:
                each = _plain(each)
            given.append(each)
        return given

    def _in_place(
        self, thread: Thread, inputs: Sequence[Any], outputs: Sequence[Any]
    ) -> tuple[list[Any], list[Ref], tuple[tuple, tuple]]:
        """Refs of inputs and outputs, and of those that were reached through a view."""
        backend, given = self.backend, []
        for each in inputs:
            if isinstance(each, backend.tensor):
                # The tensor is already changed: what went in is what was known of it.
                before = self._before(each)
                given.append(self._known(each) if before is None else before)
            else:
                given.append(_plain(each))
        made, read, changed = [], [], []
        for each in outputs:
            made.append(self._made(thread, each))
            # A view was changed, and with it the tensor that it shows a part of.
            base = backend.base(each)
            before = self._before(base) if base is not None else None
            if before is not None:
                read.append(before)
                changed.append(self._new(base, backend.identity(base)))
        return given, made, (tuple(read), tuple(changed))

    def _made(self, thread: Thread, tensor: Any) -> Ref:
        """The Ref of what an operation made."""
        ref = self._new(tensor, self._identity(tensor))
        if not thread.stack:
            self._may_be_loss(thread, tensor)
        return self._shown_tensor(tensor, True) if self.inside else ref

    # -- losses ------------------------------------------------------------------------------

    def _may_be_loss(self, thread: Thread, tensor: Any) -> None:
        """A scalar that was made of what the model returned: it is the loss if backward comes.

        Backward comes first to the tensor that it begins from.
        """
        if tensor.ndim or not tensor.requires_grad or thread.step < 0:
            return
        array = self.backend.array(tensor)
        if type(array) is NoNumbers:
            return
        hook = Hook(partial(self._backward_begins, thread, thread.step, float(array)))
        thread.losses.append(self.backend.on_gradient(tensor, hook))

    def _backward_begins(self, thread: Thread, step: int, number: float, _: Any) -> None:
        if self.active and thread.losses:
            self._forget_losses(thread)
            self._note(("loss", step, number))
            self.updates.backward_begins()

    def _forget_losses(self, thread: Thread) -> None:
        losses, thread.losses = thread.losses, []
        for handle in losses:
            handle.remove()

    def updated(self, *update: Any) -> None:
        """An optimizer has taken a step."""
        self._note(("update", *update))
        if self.file is not None:
            self._append()

    def stepped_elsewhere(self, optimizer: str) -> None:
        """An optimizer that has nothing to do with the model finds no gradient."""
        self._note(("stepped_elsewhere", optimizer))

    # -- the end -----------------------------------------------------------------------------

    def finish(self, error: BaseException | None = None) -> None:
        """No more events: take the hooks away and complete the tape. Twice does no harm."""
        if not self.active:
            return
        self.active = False
        self._exits.close()
        for handles in (self._handles, self._tensor_handles):
            while handles:
                handles.pop().remove()
        for thread in self._threads:
            self._forget_losses(thread)
        if self._local.thread is not None:
            # In other threads the next operation ends its own observing.
            self._observe(self._local.thread, False)
        stopped = self.stopped if self.ends_with(error) else None
        told = error_text(error) if error is not None and not stopped else None
        self.writer.end(self._threads, told, stopped)
        self.tape.notes += self.keeper.notes() + self.pace.notes()
        if self.repeated:
            self.tape.notes.append(
                "What a checkpoint computed once more during backward is not on the tape."
            )
        if self.file is not None:
            self.file.append(self.tape)
            self.file.close()
        self._seen.clear()
        self._parameters.clear()
        self.places.clear()
        self.updates.forget()

    def ends_with(self, error: BaseException | None) -> bool:
        """Whether this is how `until` ends a run of this model."""
        return isinstance(error, Stopped) and error.args == (self.stopped,)


def error_text(error: BaseException) -> str:
    """`ValueError: what it says`."""
    return f"{type(error).__name__}: {error}".rstrip(": ")


def _plain(value: Any) -> Any:
    """What an operation was given besides tensors, without keeping anything alive."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is tuple or kind is list:
        return tuple([_plain(each) for each in value]) if len(value) <= 8 else Told(short(value))
    if isinstance(value, np.ndarray):
        # Of its shape and type, but without its memory.
        return np.broadcast_to(np.empty((), value.dtype), value.shape)
    return Told(short(value))


class Hook:
    """A hook that a copy of the model does not take along: copied or pickled, it is silent."""

    __slots__ = ("_hook",)

    def __init__(self, hook: Any) -> None:
        self._hook = hook

    def __call__(self, *args: Any) -> None:
        self._hook(*args)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return silent

    def __reduce__(self) -> tuple[Any, tuple]:
        return _make_silent, ()


def silent(*args: Any, **kwargs: Any) -> None:
    """A hook that does nothing."""


def _make_silent() -> Any:
    return silent
