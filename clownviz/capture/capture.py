"""`capture` watches what the user runs; `run` runs a model once and leaves no trace."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from . import clownpiece_backend  # noqa: F401  (makes itself known)
from .backend import Backend, backend_of
from .keep import Keeper, parse_bytes
from .protect import collector_paused, protected
from .recorder import Hook, Recorder
from .statistics import statistics
from .tape import ModuleInfo, ParameterInfo, Tape

__all__ = ["Capture", "capture", "describe", "run"]


class Capture:
    """Record on a tape what runs in a model, for as long as the `with` block lasts.

    The hooks are this object's own. They are removed at the end, also by an exception or
    Ctrl-C, and the model computes, bit by bit, what it would have computed without them.
    Several captures of one model do not disturb each other.

    Args:
        model: the model to watch.
        keep: "shapes", "statistics", "sample" (also the first example of each batch) or "full"
            (also a copy of every input and output).
        gradients: also record the gradients that a backward computes, of activations and of
            parameters.
        budget: how many bytes the tape may take. Beyond it the oldest arrays become statistics,
            and `tape.notes` says so.

    Raises:
        TypeError: `model` is not a model.
        ValueError: `keep` or `budget` makes no sense.

    An exception passes through; it carries the partial tape as its attribute `tape`.

    >>> from clownpiece import nn, ones
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    >>> with Capture(model, keep="shapes") as tape:
    ...     _ = model(ones(2, 4))
    >>> [(call.label, tape.shapes(call.outputs)) for call in tape.calls]
    [('Sequential', '(2, 3)'), ('0', '(2, 3)'), ('1', '(2, 3)')]
    """

    def __init__(
        self,
        model: Any,
        *,
        keep: str = "statistics",
        gradients: bool = False,
        budget: str | int = "256 MiB",
    ) -> None:
        self.model = model
        self.backend: Backend = backend_of(model)
        self.keep = keep
        self.gradients = gradients
        self.budget = parse_bytes(budget)
        Keeper(keep, self.budget)  # a wrong `keep` is an error here, not at the `with`
        self._recorder: Recorder | None = None
        self._exits = ExitStack()

    def start(self) -> Tape:
        """Begin. The tape that is returned grows as the model runs.

        Raises:
            RuntimeError: it has begun already.
        """
        if self._recorder is not None:
            raise RuntimeError(
                "this capture is running already: stop() it first, or make a second one; "
                "captures of one model nest"
            )
        keeper = Keeper(self.keep, self.budget)
        tape = Tape(model=type(self.model).__name__)
        recorder = self._recorder = Recorder(self.backend, tape, keeper, self.gradients)
        try:
            _describe_into(tape, self.backend, self.model, keeper, recorder)
            self._hook(recorder)
        except BaseException as error:
            self._end(error)
            raise
        return tape

    def _hook(self, recorder: Recorder) -> None:
        backend, handles = self.backend, recorder.handles
        hooked: set[int] = set()
        for path, module in backend.places(self.model):
            if id(module) in hooked:
                continue
            hooked.add(id(module))
            handles.append(backend.on_enter(module, Hook(partial(recorder.enter, path))))
            handles.append(backend.on_leave(module, Hook(partial(recorder.leave, path))))
            handles.append(backend.on_end(module, Hook(partial(recorder.end, path))))
        if self.gradients:
            recorder.watch_parameters()
        self._exits.enter_context(backend.observe(recorder.operation))

    def stop(self) -> None:
        """End: remove the hooks and complete the tape. Stopping twice does no harm."""
        self._end(None)

    def _end(self, error: BaseException | None) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return
        try:
            self._exits.close()
        finally:
            recorder.finish(error)
        if _waits_for_shapes(recorder.tape):
            # A lazy module has learned its shapes from the run.
            recorder.tape.modules.clear()
            _describe_into(recorder.tape, self.backend, self.model, recorder.keeper, None)
        if error is not None:
            try:
                error.tape = recorder.tape  # type: ignore[attr-defined]
            except AttributeError:
                pass  # an exception class with __slots__ takes no attribute

    def __enter__(self) -> Tape:
        return self.start()

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        self._end(error)

    @staticmethod
    def run(model: Any, *inputs: Any, **options: Any) -> Tape:
        """`run`, found here too: see there."""
        return run(model, *inputs, **options)


capture = Capture


def run(
    model: Any,
    *inputs: Any,
    keep: str = "statistics",
    gradients: bool = False,
    loss: Callable[[Any], Any] | None = None,
    budget: str | int = "256 MiB",
    **kwargs: Any,
) -> Tape:
    """Run a model once on some inputs and return the tape; the model is as it was afterwards.

    It runs in the mode (train or eval) and grad mode in which it is. Its plain attributes,
    buffers and gradients, the inputs, and the state of every random generator are restored.

    Args:
        inputs, kwargs: what the model is called with.
        gradients: also run backward, from `loss(output)`, or else from the sum of the outputs.
        keep, budget: as for `Capture`.

    Raises:
        Whatever the forward raises, with the partial tape as its attribute `tape`.
    """
    watch = Capture(model, keep=keep, gradients=gradients, budget=budget)
    backend = watch.backend
    with collector_paused(), protected(backend, model, (inputs, kwargs)):
        with watch as tape:
            output = model(*inputs, **kwargs)
            if gradients:
                backend.backward(output, loss)
        # The graph dies here, before the random states come back: nothing outlives the run.
        del output
    return tape


def describe(model: Any, *, keep: str = "shapes") -> Tape:
    """A tape with the model's modules and parameters only: nothing is run."""
    backend = backend_of(model)
    tape = Tape(model=type(model).__name__)
    _describe_into(tape, backend, model, Keeper(keep, parse_bytes("256 MiB")), None)
    return tape


def _waits_for_shapes(tape: Tape) -> bool:
    return any(0 in p.shape for info in tape.modules.values() for p in info.parameters)


def _describe_into(
    tape: Tape, backend: Backend, model: Any, keeper: Keeper, recorder: Recorder | None
) -> None:
    first_path: dict[int, str] = {}
    tensor_ids: dict[int, int] = {}
    children: dict[str, list[str]] = {}
    for path, module in backend.places(model):
        parent, _, name = path.rpartition(".")
        if path:
            children.setdefault(parent, []).append(path)
        alias_of = first_path.setdefault(id(module), path)
        own: tuple[tuple[ParameterInfo, ...], ...] = ((), ())
        if alias_of == path:
            own = _own_tensors(backend, path, module, keeper, recorder, tensor_ids)
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


def _own_tensors(
    backend: Backend,
    path: str,
    module: Any,
    keeper: Keeper,
    recorder: Recorder | None,
    ids: dict[int, int],
) -> tuple[tuple[ParameterInfo, ...], tuple[ParameterInfo, ...]]:
    found: tuple[list[ParameterInfo], list[ParameterInfo]] = ([], [])
    for infos, origin, tensors in (
        (found[0], "parameter", backend.parameters(module)),
        (found[1], "buffer", backend.buffers(module)),
    ):
        for name, tensor in tensors:
            shape, dtype, nbytes = backend.facts(tensor)
            info = ParameterInfo(
                path=f"{path}.{name}" if path else name,
                shape=shape,
                dtype=dtype,
                bytes=nbytes,
                trainable=backend.requires_grad(tensor),
                id=ids.setdefault(id(tensor), len(ids)),
            )
            if keeper.looks:
                info.stats = statistics(backend.array(tensor))
                info.array = keeper.copy_parameter(backend.array(tensor))
            infos.append(info)
            if recorder is not None:
                recorder.know_parameter(tensor, info, origin)
    return tuple(found[0]), tuple(found[1])
