"""From a log of what happened to the records of a tape, when somebody looks at it.

While a model runs, the recorder only appends short tuples to a log. The writer turns them into
calls and operations later: at a look at the tape, at the end, or when the log has become long.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import fields
from threading import RLock
from time import perf_counter
from typing import Any

from .backend import Backend
from .keep import Keeper
from .nested import Ref, leaves, replace, short
from .tape import Call, Operation, ParameterInfo, Step, Tape, Update, Value
from .tape_file import TapeFile

__all__ = ["GrowingTape", "Place", "Thread", "Writer"]

MOST_EVENTS = 10_000
"""A log that is longer is written down at the beginning of the next run."""

MOST_OPEN_RUNS = 16
"""So many runs of the model may wait for their backward."""


class Place:
    """What the recorder knows of a module that it watches."""

    __slots__ = ("kind", "looks", "names", "opens", "path", "until")

    def __init__(
        self, path: str, kind: str, names: tuple[str, ...], opens: bool, looks: bool, until: int
    ) -> None:
        self.path = path
        self.kind = kind
        self.names = names  # of the arguments of its forward
        self.opens = opens  # whether it has children, between which operations run
        self.looks = looks  # whether its inputs and outputs are looked at
        self.until = until  # the call after which the run stops, or 0


class Thread:
    """What happens in one thread: the recorder's part of it, and the writer's, which lags behind.

    Attributes:
        stack: places of the calls that are running, outermost first.
        step: the current run of the model.
        skips: whether this run is not looked at.
        glances: whether this run's operations are not looked at; `glanced` is the writer's.
        training: whether the model was in training mode when the run began.
        repeats: whether a checkpoint computes again what is on the tape already.
        looking: how many of the running calls are looked at.
        passed: how often the call that `until` means was left in this run.
        watch: what observes the operations of this thread.
        losses: handles of the hooks that wait for a backward.
        calls: calls that are running, with their start times.
        numbers: calls by path in this run.
        run: all calls of this run.
    """

    __slots__ = (
        "calls", "glanced", "glances", "looking", "losses", "numbers", "passed", "repeats", "run",
        "skips", "stack", "step", "training", "watch",
    )  # fmt: skip

    def __init__(self) -> None:
        self.stack: list[Place] = []
        self.step = -1
        self.skips = self.repeats = False
        self.training = False
        self.glances = self.glanced = False
        self.looking = 0
        self.passed = 0
        self.watch: Any = None
        self.losses: list[Any] = []
        self.calls: list[tuple[Call, float]] = []
        self.numbers: dict[str, int] = {}
        self.run: list[Call] = []


_OpFacts = tuple[str, str, int, dict[str, str]]


class Writer:
    """Writes the records of one tape.

    Args:
        backend: the model's framework.
        tape: what is written on.
        keeper: looks at arrays.
        gradients: whether backward is recorded.
        file: what the tape is written to, run by run.

    Attributes:
        log: what happened and is not written down yet: tuples of the name of a method of this
            class and its arguments. Appending needs no lock.
    """

    def __init__(
        self,
        backend: Backend,
        tape: Tape,
        keeper: Keeper,
        gradients: bool,
        file: TapeFile | None = None,
    ) -> None:
        self.backend = backend
        self.file = file
        self.gradients = gradients
        self._about = backend.facts
        self._values: list[Any] = tape.values
        self._whole = 0  # values before this one are whole
        self.tape = tape
        self.keeper = keeper
        keeper.value = self.value
        self.log: deque[tuple[Any, ...]] = deque()
        self.lock = RLock()
        self._busy = False
        self._clock = 0
        self._used: dict[tuple[str, int], tuple[str, ...]] = {}
        self._sites: dict[Any, int] = {}
        self._facts: dict[tuple[Any, ...], _OpFacts] = {}
        self._runs: deque[list[Call]] = deque(maxlen=MOST_OPEN_RUNS)
        self._losses: dict[int, Step] = {}

    def write_down(self, settle: bool = True) -> None:
        """Bring the tape up to date, and unless `settle` is False the statistics too."""
        with self.lock:
            if self._busy:
                return
            self._busy = True
            try:
                log = self.log
                while log:
                    event = log.popleft()
                    if self._whole < len(self._values):
                        self._complete()
                    self._clock += 1
                    getattr(self, event[0])(*event[1:])
                self._complete()
                if settle:
                    self.keeper.settle()
            finally:
                self._busy = False

    # -- values ------------------------------------------------------------------------------

    def add(self, tensor: Any, origin: str = "") -> Ref:
        """A new value. Until it is written down its place holds what must be asked at once."""
        shape, dtype, nbytes, requires_grad = self._about(tensor)
        values = self._values
        with self.lock:
            ref = Ref(len(values))
            values.append((shape, dtype, nbytes, None, None, None, origin, "", requires_grad))
        return ref

    def value(self, ref: int) -> Value:
        """A value, whole."""
        known = self._values[ref]
        if type(known) is tuple:
            with self.lock:
                self._complete()
            known = self._values[ref]
        return known

    def _complete(self) -> None:
        values = self._values
        for at in range(self._whole, len(values)):
            if type(values[at]) is tuple:
                values[at] = Value(at, *values[at])
        self._whole = len(values)

    # -- calls -------------------------------------------------------------------------------

    def begin(self, thread: Thread, glanced: bool, training: bool) -> None:
        """A run of the model begins."""
        thread.glanced, thread.training = glanced, training
        self._add_backward_calls()
        thread.numbers = {}
        self._close(thread, 0, "did not return")
        thread.run = []
        if self.gradients:
            self._runs.append(thread.run)

    def enter(
        self,
        thread: Thread,
        step: int,
        place: Place,
        inputs: tuple,
        keywords: dict[str, Any] | None,
        now: float,
    ) -> None:
        """A module begins its forward."""
        path, names = place.path, place.names
        number = thread.numbers[path] = thread.numbers.get(path, 0) + 1
        named = {
            names[at] if at < len(names) else f"args[{at}]": value
            for at, value in enumerate(inputs)
        }
        if keywords:
            named.update(keywords)
        calls = self.tape.calls
        call = Call(
            len(calls),
            path,
            number,
            place.kind,
            "forward",
            thread.calls[-1][0].index if thread.calls else None,
            named,
            # Without its operations a call is taken to use what the last like it has used.
            parameters=self._used.get((path, number), ()) if thread.glanced else (),
            step=step,
            training=None if thread.calls else thread.training,
            began=self._clock,
        )
        calls.append(call)
        thread.calls.append((call, now))
        thread.run.append(call)

    def leave(
        self, thread: Thread, place: Place, output: Any, error: str | None, now: float
    ) -> None:
        """A module's forward returned, or raised; an error of "" means that `until` ended it."""
        for depth in range(len(thread.calls) - 1, -1, -1):
            call, started = thread.calls[depth]
            if call.path == place.path:
                self._close(thread, depth + 1, None if error == "" else "did not return")
                thread.calls.pop()
                call.outputs = output
                call.error = error or None
                call.seconds = now - started
                call.ended = self._clock
                if not thread.glanced:
                    self._used[call.path, call.number] = call.parameters
                return

    def _close(self, thread: Thread, depth: int, error: str | None) -> None:
        """The calls from this depth on have ended without being told."""
        for call, _ in thread.calls[depth:]:
            call.error = error
            call.ended = self._clock
        del thread.calls[depth:]

    # -- operations --------------------------------------------------------------------------

    def operation(
        self,
        thread: Thread,
        op: Any,
        inputs: Sequence[Any],
        outputs: Sequence[int],
        extra: tuple[tuple[int, ...], tuple[int, ...]],
        params: Mapping[str, Any],
        seconds: float,
        site: tuple[Any, ...] | None,
    ) -> None:
        """An operation ran. `extra` are inputs and outputs that it reached through a view."""
        values, tape = self._values, self.tape
        call = thread.calls[-1][0] if thread.calls else None
        read: list[int] = []
        shapes: list[Any] = []
        moved = 0
        for each in inputs:
            if type(each) is Ref:
                value = values[each]
                read.append(value.id)
                shapes.append(value.shape)
                moved += value.bytes
                if value.origin and call is not None:
                    _reads(call, value.origin)
            else:
                shapes.append(repr(each))
        for each in outputs:
            moved += values[each].bytes
        # The facts are the same for the same shapes, step after step.
        shape = values[outputs[0]].shape if outputs else None
        key = op, tuple(shapes), repr(params) if params else "", shape
        facts = self._facts.get(key) or self._op_facts(key, op, inputs, params, outputs)
        name, latex, flops, texts = facts
        tape.operations.append(
            Operation(
                len(tape.operations),
                name,
                latex,
                None if call is None else call.index,
                (*read, *extra[0]),
                (*outputs, *extra[1]),
                texts,
                flops,
                moved,
                seconds,
                self._site(site) if site else None,
                self._clock,
            )
        )

    def operation_of(self, outputs: tuple[int, ...]) -> Operation:
        """The operation that has just made these values, written down."""
        with self.lock:
            self.write_down(settle=False)
            return next(
                each
                for each in reversed(self.tape.operations)
                if each.outputs[: len(outputs)] == outputs
            )

    def _op_facts(
        self,
        key: tuple[Any, ...],
        op: Any,
        inputs: Sequence[Any],
        params: Mapping[str, Any],
        outputs: Sequence[int],
    ) -> _OpFacts:
        """Name, formula, FLOPs and parameters, remembered under this key."""
        values = self._values
        given = [values[each] if type(each) is Ref else each for each in inputs]
        facts = self.backend.op_facts(op, given, params, [values[each] for each in outputs])
        known = facts.name, facts.latex, facts.flops, _texts(facts.params)
        if len(self._facts) < MOST_EVENTS:
            self._facts[key] = known
        return known

    def _site(self, site: tuple[Any, ...]) -> int:
        known = self._sites.get(site)
        if known is None:
            known = self._sites[site] = len(self.tape.sites)
            self.tape.sites.append(self.backend.line(site))
        return known

    # -- training ----------------------------------------------------------------------------

    def loss(self, step: int, number: float) -> None:
        """The backward of this run begins, from a loss of this value."""
        if step not in self._losses:
            record = self._losses[step] = Step(step, {})
            self.tape.steps.append(record)
        elif self.file is not None:
            self.file.has_another_loss(self._losses[step])
        self._losses[step].scalars["loss"] = number

    def update(self, update: Update, paths: tuple[str, ...]) -> None:
        """An optimizer took a step; the arrays are those of the parameters `paths`."""
        self._add_backward_calls()
        tape = self.tape
        new = tuple(path for path in paths if path not in tape.trained)
        if new or not tape.trained:
            tape.trained += new
            trainable = {
                info.id: info.path
                for module in reversed(tape.modules.values())
                for info in reversed(module.parameters)
                if info.trainable
            }
            tape.untrained = tuple(
                path for path in reversed(trainable.values()) if path not in tape.trained
            )
            for earlier in tape.updates:
                earlier.widen(len(tape.trained))
        places = [tape.trained.index(path) for path in paths] if paths != tape.trained else None
        if places is not None:
            update.widen(len(tape.trained), places)
        update.at = self._clock
        tape.updates.append(update)

    def stepped_elsewhere(self, optimizer: str) -> None:
        """An optimizer that holds nothing of the model has found no gradient."""
        known = self.tape.steps_elsewhere
        known[optimizer] = known.get(optimizer, 0) + 1

    # -- backward ----------------------------------------------------------------------------

    def gradient(self, ref: Ref, gradient: Ref) -> None:
        """Backward has the gradient of a value."""
        value = self._values[ref]
        value.gradient = int(gradient)
        if self.file is not None:
            self.file.has_gradient(value)

    def accumulated(self, infos: Sequence[ParameterInfo], gradient: Ref) -> None:
        """Backward has added to the gradient of a parameter, which these tell of."""
        self._values[gradient].origin = f"gradient:{infos[0].path}"
        for info in infos:
            info.gradient = int(gradient)

    def _add_backward_calls(self) -> None:
        """The backward of each run that had one, as calls in the order of the gradients."""
        for _ in range(len(self._runs)):
            run = self._runs.popleft()
            if not self._add_backward_of(run):
                self._runs.append(run)

    def _add_backward_of(self, run: list[Call]) -> bool:
        tape = self.tape
        arrived: list[tuple[int, int, Call]] = []
        for call in run:
            grads = [tape.values[ref].gradient for ref in leaves(call.outputs)]
            first = min((g for g in grads if g is not None), default=None)
            if first is not None:
                arrived.append((first, call.began, call))
        index_of: dict[int, int] = {}
        for _, _, forward in sorted(arrived, key=lambda entry: entry[:2]):
            index = index_of[forward.index] = len(tape.calls)
            parent = forward.parent
            self._clock += 2
            tape.calls.append(
                Call(
                    index,
                    forward.path,
                    forward.number,
                    forward.kind,
                    "backward",
                    index_of.get(parent) if parent is not None else None,
                    self._gradients_of(forward.outputs),
                    self._gradients_of(forward.inputs),
                    parameters=forward.parameters,
                    step=forward.step,
                    began=self._clock - 1,
                    ended=self._clock,
                )
            )
        return bool(arrived)

    def _gradients_of(self, nest: Any) -> Any:
        def gradient(leaf: Any) -> Any:
            if not isinstance(leaf, Ref):
                return leaf
            found = self.tape.values[leaf].gradient
            return "None" if found is None else Ref(found)

        return replace(nest, (Ref, str), gradient)

    # -- the end -----------------------------------------------------------------------------

    def end(self, threads: list[Thread], error: str | None, stopped: str | None) -> None:
        """Nothing more will happen: say what was left open, and complete the tape."""
        self.write_down()
        with self.lock:
            self._clock += 1
            now = perf_counter()
            for thread in threads:
                for call, started in thread.calls:
                    call.seconds = now - started
                left = error or "did not return before the capture ended"
                self._close(thread, 0, None if stopped else left)
            self.tape.error = error
            self._add_backward_calls()
            self._runs.clear()
            if stopped:
                self.tape.notes.append(stopped)


def _reads(call: Call, origin: str) -> None:
    kind, _, name = origin.partition(":")
    if kind == "parameter" and name not in call.parameters:
        call.parameters = (*call.parameters, name)


def _texts(params: Mapping[str, Any]) -> dict[str, str]:
    return {name: _text(value) for name, value in params.items()}


def _text(value: Any) -> str:
    if isinstance(value, (tuple, list)) and len(value) <= 8:
        return "(" + ", ".join(_text(item) for item in value) + ")"
    return value if isinstance(value, Told) else short(value)


class Told(str):
    """The text of something that was not kept."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class GrowingTape(Tape):
    """A tape that is still written on; whoever looks at it sees all that has happened.

    A copy or a pickle of it is a plain tape, with what was on it then.
    """

    __slots__ = ("__weakref__", "_writer")

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def __reduce__(self) -> tuple[Any, ...]:
        return Tape, tuple(getattr(self, each.name) for each in fields(Tape))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tape) and all(
            getattr(self, each.name) == getattr(other, each.name) for each in fields(Tape)
        )

    __hash__ = None  # type: ignore[assignment]


def _looked_at(name: str) -> property:
    def get(tape: GrowingTape) -> Any:
        tape._writer.write_down()
        return getattr(tape._writer.tape, name)

    def put(tape: GrowingTape, value: Any) -> None:
        setattr(tape._writer.tape, name, value)

    return property(get, put, doc=f"`Tape.{name}`, as of now.")


for _field in fields(Tape):
    setattr(GrowingTape, _field.name, _looked_at(_field.name))
