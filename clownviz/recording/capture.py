"""`capture` watches what the user runs; `run` runs a model once and leaves no trace."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np

from . import clownpiece_backend  # noqa: F401  (makes itself known)
from .backend import Backend, NoNumbers, Place, backend_of
from .cells import end_earlier
from .collector import collector_paused
from .keep import Full, Keeper, Sample, parse_bytes
from .keywords import keywords
from .protect import protected
from .recorder import Recorder, Watched
from .select import call_at, selected_paths
from .statistics import statistics_of_each
from .tape import ModuleInfo, ParameterInfo, Tape
from .tape_file import TapeFile
from .unregistered import unregistered
from .writer import GrowingTape, Writer

__all__ = ["Capture", "Full", "Sample", "capture", "describe", "run"]


class Capture:
    """Record on a tape what runs in a model: in a `with` block, or from `start()` to `stop()`.

    The hooks are this object's own. They are removed at the end, also by an exception or
    Ctrl-C, and when nobody has the capture and its tape anymore. The model computes, bit by bit,
    what it would have computed without them. Several captures of one model do not disturb each
    other. (PyTorch's encoder layers have a fused way that they take without gradients and hooks:
    watched, they take the ordinary one, and the last digits of a float may differ.)

    Args:
        model: the model to watch.
        select: the modules to look at: a path (`*` stands for any part of one component and `**`
            for any components: "encoder.*.attn"), a compiled regular expression, a class, a
            module, a predicate of path and module, or a list of these. The table of modules is
            always whole, and the calls of the model itself are always counted.
        keep: "shapes", "statistics", "sample" (also the first example of each batch) or "full"
            (also a copy of every input and output), or a `Sample` or `Full` that says more.
            Of runs that are alike (mode, gradients, shapes) operations, and weights that training
            moves, are looked at in the first, in 1, 2, 4, 8 and in every tenth; with arrays kept or
            with `inside` in all.
        gradients: also record the gradients that a backward computes, of activations and of
            parameters.
        inside: look also at what operations make that stays within a module.
        every: look only at every so many runs of the model; the others cost almost nothing.
        until: a module, or one of its calls ("relu#2"), after which the forward is stopped; the
            `with` block ends there, quietly.
        file: also write the tape to this file, run by run, so that it outlives the process; `load`
            reads it. What the budget lets go of is in it.
        budget: how many bytes the tape may take. Beyond it the oldest arrays become statistics and
            then shapes; once half of it is full of shapes, runs are looked at ever more rarely.
            `tape.notes` says so.

    Raises:
        TypeError: `model` is not a model, or `select` nothing that selects.
        ValueError: `keep`, `every` or `budget` makes no sense; `select` or `until` is nowhere in
            the model.

    An exception passes through; it carries the partial tape as its attribute `tape`.

    Attributes:
        tape: the tape, once it has begun.

    >>> from clownpiece import nn, ones
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    >>> with Capture(model, keep="shapes") as tape:
    ...     _ = model(ones(2, 4))
    >>> [(call.label, tape.shapes(call.outputs)) for call in tape.calls]
    [('Sequential', '(2, 3)'), ('0', '(2, 3)'), ('1', '(2, 3)')]
    """

    tape: Tape | None = None

    def __init__(
        self,
        model: Any,
        *,
        select: Any = None,
        keep: str | Sample | Full = "statistics",
        gradients: bool = False,
        inside: bool = False,
        every: int = 1,
        until: str | None = None,
        budget: str | int = "256 MiB",
        file: str | os.PathLike[str] | None = None,
    ) -> None:
        self.model = model
        self.backend: Backend = backend_of(model)
        self.select = select
        self.keep = keep
        self.gradients = gradients
        self.inside = inside
        self.every = every
        self.until = until
        self.budget = parse_bytes(budget)
        self.file = file
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise ValueError(f"every={every!r}: expected a number of runs, 1 or more")
        # What is wrong is an error here, not at the `with`.
        Keeper(keep, self.budget)
        if select is not None or until is not None:
            self._watched(list(self.backend.places(self.model)))
        self._recorder: Recorder | None = None
        self._known: set[int] = set()

    def start(self) -> Tape:
        """Begin. The tape that is returned grows as the model runs.

        Raises:
            RuntimeError: it has begun already.
            ValueError: `until` was given, which needs the end of a `with` block to go to.
        """
        if self.until is not None:
            raise ValueError(
                f"until={self.until!r} leaves the model in the middle, for the end of a block: "
                "write `with clownviz.capture(model, until=…) as tape: model(x)`, or call "
                "clownviz.run(model, x, until=…)"
            )
        tape = self._begin(exact=False)
        end_earlier(self.model, self._recorder)
        return tape

    def _begin(self, exact: bool) -> Tape:
        if self._recorder is not None and self._recorder.active:
            raise RuntimeError(
                "this capture is running already: stop() it first, or make a second one; "
                "captures of one model nest"
            )
        backend = self.backend
        keeper = Keeper(self.keep, self.budget, exact=exact)
        tape = Tape(model=type(self.model).__name__)
        file = TapeFile(self.file) if self.file is not None else None
        writer = Writer(backend, tape, keeper, self.gradients, file)
        self._recorder = recorder = Recorder(writer, every=self.every, inside=self.inside)
        try:
            places = list(backend.places(self.model))
            _describe_into(tape, backend, places, keeper, recorder)
            recorder.start(self._watched(places))
            self._known = {id(place.module) for place in places}
        except BaseException as error:
            self._end(error)
            raise
        self.tape = GrowingTape(recorder.writer)
        weakref.finalize(self.tape, recorder.finish).atexit = False
        return self.tape

    def _watched(self, places: list[Place]) -> list[Watched]:
        """The modules to watch, each once."""
        chosen = selected_paths(places, self.select)
        until, number = call_at(places, self.until) if self.until is not None else (None, 0)
        ids = {id(place.module) for place in places if place.path in chosen}
        watched: dict[int, Watched] = {}
        for path, module in places:
            looks = id(module) in ids
            if (looks or path in ("", until)) and id(module) not in watched:
                watched[id(module)] = Watched(
                    module, path, looks, until=number if path == until else 0
                )
        return list(watched.values())

    def stop(self) -> Tape | None:
        """End: remove the hooks and complete the tape. Stopping twice does no harm."""
        self._end(None)
        return self.tape

    def _end(self, error: BaseException | None) -> None:
        recorder = self._recorder
        if recorder is None or not recorder.active:
            return
        recorder.finish(error)
        tape = recorder.writer.tape
        tape.notes += self._strangers()
        if _waits_for_shapes(tape):
            # A lazy module has learned its shapes from the run.
            known = {p.path: p.gradient for info in tape.modules.values() for p in info.parameters}
            tape.modules.clear()
            places = list(self.backend.places(self.model))
            _describe_into(tape, self.backend, places, recorder.keeper, None)
            for info in tape.modules.values():
                for parameter in info.parameters:
                    parameter.gradient = known.get(parameter.path)
        if error is not None:
            try:
                error.tape = tape  # type: ignore[attr-defined]
            except AttributeError:
                pass  # an exception class with __slots__ takes no attribute

    def _strangers(self) -> list[str]:
        """A sentence about modules that are in the model only since it runs, if there are any."""
        if all(id(module) in self._known for module in self.backend.modules(self.model)):
            return []
        places = self.backend.places(self.model)
        new = [path for path, module in places if id(module) not in self._known]
        told = ", ".join(new[:3]) + (f" and {len(new) - 3:,} more" if len(new) > 3 else "")
        return [
            f"{told} came into the model while it was watched: what is new was not seen. "
            "Run the model once before."
        ]

    def __enter__(self) -> Tape:
        return self._begin(exact=False)

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> bool:
        self._end(error)
        return self._recorder is not None and self._recorder.ends_with(error)

    @staticmethod
    def run(model: Any, *inputs: Any, **options: Any) -> Tape:
        """`run`, found here too: see there."""
        return run(model, *inputs, **options)


capture = Capture


def run(
    model: Any,
    *inputs: Any,
    select: Any = None,
    keep: str | Sample | Full = "statistics",
    gradients: bool | None = False,
    inside: bool = False,
    until: str | None = None,
    loss: Callable[[Any], Any] | None = None,
    budget: str | int = "256 MiB",
    kwargs: Mapping[str, Any] | None = None,
    **named: Any,
) -> Tape:
    """Run a model once on some inputs and return the tape; the model is as it was afterwards.

    It runs in the mode (train or eval) and grad mode in which it is. Its plain attributes,
    buffers and gradients, the inputs, and the state of every random generator are restored.

    Args:
        inputs, named: what the model is called with.
        kwargs: more of what it is called with by name, which may be called as an option here
            is: `kwargs={"loss": x}`.
        gradients: also run backward, from `loss(output)`, or else from the sum of the outputs;
            None does where an output requires a gradient.
        select, keep, inside, until, budget: as for `Capture`. Statistics are of all values here.

    Raises:
        TypeError: a name is in both `named` and `kwargs`, or the model's forward does not take it.
        Whatever the forward raises, with the partial tape as its attribute `tape`.
    """
    kwargs = keywords(run, inputs, kwargs, named, model)
    watch = Capture(
        model,
        select=select,
        keep=keep,
        gradients=gradients is not False,
        inside=inside,
        until=until,
        budget=budget,
    )
    backend = watch.backend
    with collector_paused(), protected(backend, model, (inputs, kwargs)):
        tape = watch._begin(exact=True)
        try:
            output = model(*inputs, **kwargs)
            if gradients or (gradients is None and (loss or backend.differentiable(output))):
                backend.backward(output, loss)
        except BaseException as error:
            if not watch.__exit__(type(error), error, None):
                raise
        # The graph dies here, before the random states come back: nothing outlives the run.
        output = None
        watch.stop()
    return copy(tape)


def describe(model: Any, *, keep: str = "shapes") -> Tape:
    """A tape with the model's modules and parameters only: nothing is run."""
    backend = backend_of(model)
    tape = Tape(model=type(model).__name__)
    keeper = Keeper(keep, parse_bytes("256 MiB"))
    _describe_into(tape, backend, list(backend.places(model)), keeper, None)
    return tape


def _waits_for_shapes(tape: Tape) -> bool:
    return any(0 in p.shape for info in tape.modules.values() for p in info.parameters)


def _describe_into(
    tape: Tape,
    backend: Backend,
    places: Sequence[Place],
    keeper: Keeper,
    recorder: Recorder | None,
) -> None:
    first_path: dict[int, str] = {}
    tensor_ids: dict[int, int] = {}
    children: dict[str, list[str]] = {}
    looked: list[tuple[ParameterInfo, np.ndarray]] = []
    for path, module in places:
        parent, _, name = path.rpartition(".")
        if path:
            children.setdefault(parent, []).append(path)
        alias_of = first_path.setdefault(id(module), path)
        own: tuple[tuple[ParameterInfo, ...], ...] = ((), ())
        if alias_of == path:
            own = _own_tensors(backend, path, module, keeper, recorder, tensor_ids, looked)
        tape.modules[path] = ModuleInfo(
            path=path,
            name=name,
            kind=type(module).__name__,
            family=backend.family(module),
            extra=backend.extra(module),
            parameters=own[0],
            buffers=own[1],
            alias_of=alias_of if alias_of != path else None,
            training=bool(getattr(module, "training", True)),
        )
    for path, paths in children.items():
        tape.modules[path].children = tuple(paths)
    for path, held in unregistered(backend, places):
        tape.modules[path].unregistered += (held,)
    for (info, _), stats in zip(looked, statistics_of_each([array for _, array in looked])):
        info.stats = stats


def _own_tensors(
    backend: Backend,
    path: str,
    module: Any,
    keeper: Keeper,
    recorder: Recorder | None,
    ids: dict[int, int],
    looked: list[tuple[ParameterInfo, np.ndarray]],
) -> tuple[tuple[ParameterInfo, ...], tuple[ParameterInfo, ...]]:
    found: tuple[list[ParameterInfo], list[ParameterInfo]] = ([], [])
    for infos, origin, tensors in (
        (found[0], "parameter", backend.parameters(module)),
        (found[1], "buffer", backend.buffers(module)),
    ):
        for name, tensor in tensors:
            shape, dtype, nbytes, trainable = backend.facts(tensor)
            info = ParameterInfo(
                path=f"{path}.{name}" if path else name,
                shape=shape,
                dtype=dtype,
                bytes=nbytes,
                trainable=trainable,
                id=ids.setdefault(id(tensor), len(ids)),
            )
            array = backend.array(tensor) if keeper.looks else None
            if array is not None and type(array) is not NoNumbers:
                looked.append((info, array))
                info.array = keeper.copy_parameter(array)
            infos.append(info)
            if recorder is not None:
                recorder.know_parameter(tensor, info, origin)
    return tuple(found[0]), tuple(found[1])
