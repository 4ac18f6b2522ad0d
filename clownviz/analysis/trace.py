"""A tape's operations as a graph: what made a tensor, what read it, and where that stands.

Everything here rests on the operations that ran, never on the names of classes, so it is true of
a module that somebody wrote yesterday, and of models of another framework.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property

from ..recording.nested import leaves
from ..recording.tape import Call, Operation, ParameterInfo, Tape, Value
from .symbols import MOVES

__all__ = ["CONVOLUTIONS", "Trace", "plain_name"]

CONVOLUTIONS = frozenset(
    f"conv{transposed}{d}d" for transposed in ("", "_transpose") for d in (1, 2, 3)
)


class Trace:
    """What can be asked of the operations on a tape, each answer in time that fits its size.

    Attributes:
        made_by: the operation that computed a Value, by the Value's id.
        read_by: the operations that read it.
        runs: the outermost forward calls, a run of the model each, in order.
        returned: ids of the Values that runs returned.
        forward: the forward calls of a run, by its step, in the order in which they ended.
        backward: its backward calls, in the order in which the gradients came.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.made_by: dict[int, Operation] = {}
        self.read_by: dict[int, list[Operation]] = defaultdict(list)
        for operation in tape.operations:
            for value in operation.outputs:
                self.made_by[value] = operation
            for value in operation.inputs:
                self.read_by[value].append(operation)
        self.runs = [c for c in tape.calls if c.phase == "forward" and c.parent is None]
        self.returned = {value.id for run in self.runs for value in self.outputs(run)}
        self.forward: dict[int, list[Call]] = {}
        self.backward: dict[int, list[Call]] = {}
        for call in tape.calls:
            steps = self.forward if call.phase == "forward" else self.backward
            steps.setdefault(call.step, []).append(call)
        for calls in self.forward.values():
            calls.sort(key=lambda call: call.ended)
        self._began = [call.began for call in self.runs]

    # -- where -------------------------------------------------------------------------------

    def step_of(self, operation: Operation) -> int:
        """The run of the model that an operation belongs to; a loss belongs to the run before."""
        if operation.call is not None:
            return self.tape.calls[operation.call].step
        at = bisect_right(self._began, operation.at) - 1
        return self.runs[at].step if at >= 0 else 0

    def path_of(self, operation: Operation) -> str | None:
        """The module that ran it; None outside of the model."""
        return None if operation.call is None else self.tape.calls[operation.call].path

    # -- what the model was given and gave ---------------------------------------------------

    def inputs(self, run: Call) -> list[Value]:
        """The tensors that a run was called with."""
        return self.tape.refs(run.inputs)

    def outputs(self, run: Call) -> list[Value]:
        """The tensors that a run returned."""
        return self.tape.refs(run.outputs)

    def parameters(self) -> Iterator[ParameterInfo]:
        """Every parameter once, at its first place."""
        seen: set[int] = set()
        for info in self.tape.modules.values():
            for parameter in info.parameters:
                if parameter.id not in seen:
                    seen.add(parameter.id)
                    yield parameter

    def places(self, parameter: ParameterInfo) -> list[str]:
        """All paths of the tensor that a parameter is; more than one where it is tied."""
        return self._places[parameter.id]

    @cached_property
    def _places(self) -> dict[int, list[str]]:
        places: dict[int, list[str]] = defaultdict(list)
        for info in self.tape.modules.values():
            for parameter in info.parameters:
                places[parameter.id].append(parameter.path)
        return places

    def reads(self, parameter: ParameterInfo) -> list[int]:
        """The Values as which operations read a parameter."""
        return [value for path in self.places(parameter) for value in self._reads[path]]

    @cached_property
    def _reads(self) -> dict[str, list[int]]:
        reads: dict[str, list[int]] = defaultdict(list)
        for value in self.tape.values:
            kind, _, path = value.origin.partition(":")
            if kind == "parameter" and value.id in self.read_by:
                reads[path].append(value.id)
        return reads

    # -- along the graph ---------------------------------------------------------------------

    def source(self, value: int, through: frozenset[str] = MOVES) -> Operation | None:
        """The operation that computed the numbers of a Value, before they were only moved."""
        operation = self.made_by.get(value)
        while operation is not None and plain_name(operation) in through and operation.inputs:
            operation = self.made_by.get(operation.inputs[0])
        return operation

    def moves_before(self, value: int) -> Iterator[Operation]:
        """The operations that only moved the numbers of a Value, the last first."""
        operation = self.made_by.get(value)
        while operation is not None and plain_name(operation) in MOVES and operation.inputs:
            yield operation
            operation = self.made_by.get(operation.inputs[0])

    def ancestors(self, value: int, most: int = 64) -> Iterator[Operation]:
        """Operations upstream along the first input of each, the nearest first."""
        operation = self.made_by.get(value)
        while operation is not None and operation.inputs and most:
            yield operation
            most -= 1
            operation = self.made_by.get(operation.inputs[0])

    def leading_to(self, values: Iterable[int]) -> set[int]:
        """These Values and all that they were computed from."""
        found = set(values)
        waiting = list(found)
        while waiting:
            operation = self.made_by.get(waiting.pop())
            new = [v for v in operation.inputs if v not in found] if operation is not None else ()
            found.update(new)
            waiting.extend(new)
        return found

    def is_learned_from(self, values: Iterable[Value]) -> bool:
        """Whether something that requires a gradient was made of these Values."""
        found = {value.id for value in values}
        waiting = list(found)
        while waiting:
            at = waiting.pop()
            made = [v for operation in self.read_by.get(at, ()) for v in operation.outputs]
            # Where operations were not looked at, calls still say what went in and came out.
            made += [v for call in self._taken_by.get(at, ()) for v in leaves(call.outputs)]
            if any(self.tape.values[v].requires_grad for v in made):
                return True
            new = [v for v in dict.fromkeys(made) if v not in found]
            found.update(new)
            waiting.extend(new)
        return False

    @cached_property
    def _taken_by(self) -> dict[int, list[Call]]:
        taken: dict[int, list[Call]] = defaultdict(list)
        for call in self.tape.calls:
            if call.phase == "forward":
                for value in leaves(call.inputs):
                    taken[value].append(call)
        return taken

    # -- backward ----------------------------------------------------------------------------

    def steps_with_backward(self) -> set[int]:
        """The runs whose backward was seen: its gradients, or at least the loss it began from."""
        values = self.tape.values
        began = {step.number for step in self.tape.steps if "loss" in step.scalars}
        return set(self.backward) | {
            step
            for step, calls in self.forward.items()
            if step in began
            or any(
                values[ref].gradient is not None for call in calls for ref in leaves(call.outputs)
            )
        }


def plain_name(operation: Operation) -> str:
    """The operation's name, whether it ran in place or not.

    >>> plain_name(Operation(0, "relu_"))
    'relu'
    """
    return operation.name.rstrip("_")
