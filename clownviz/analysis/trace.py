"""A tape's operations as a graph: what made a tensor, what read it, and where that stands.

Everything here rests on the operations that ran, never on the names of classes, so it is true of
a module that somebody wrote yesterday, and of models of another framework.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator

from ..capture.nested import leaves
from ..capture.tape import Call, Operation, ParameterInfo, Tape, Value
from .symbols import MOVES

__all__ = ["CONVOLUTIONS", "Trace", "plain_name"]

CONVOLUTIONS = frozenset(
    f"conv{transposed}{d}d" for transposed in ("", "_transpose") for d in (1, 2, 3)
)


class Trace:
    """What can be asked of the operations on a tape.

    Attributes:
        made_by: the operation that computed a Value, by the Value's id.
        read_by: the operations that read it.
        runs: the outermost forward calls, a run of the model each, in order.
        returned: ids of the Values that runs returned.
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

    def is_outside(self, operation: Operation) -> bool:
        """Whether it ran outside of the model: a loss, or what leads to one."""
        return operation.call is None

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
        return [
            p.path
            for info in self.tape.modules.values()
            for p in info.parameters
            if p.id == parameter.id
        ]

    # -- along the graph ---------------------------------------------------------------------

    def source(self, value: int, through: frozenset[str] = MOVES) -> Operation | None:
        """The operation that computed the numbers of a Value, before they were only moved."""
        operation = self.made_by.get(value)
        while operation is not None and plain_name(operation) in through and operation.inputs:
            operation = self.made_by.get(operation.inputs[0])
        return operation

    def ancestors(self, value: int, most: int = 64) -> Iterator[Operation]:
        """Operations upstream along the first input of each, the nearest first."""
        operation = self.made_by.get(value)
        while operation is not None and operation.inputs and most:
            yield operation
            most -= 1
            operation = self.made_by.get(operation.inputs[0])

    def reached(self, values: Iterable[int]) -> set[int]:
        """These Values and all that was computed from them."""
        found = set(values)
        waiting = list(found)
        while waiting:
            for operation in self.read_by.get(waiting.pop(), ()):
                new = [output for output in operation.outputs if output not in found]
                found.update(new)
                waiting.extend(new)
        return found

    def reads(self, path: str) -> Iterator[int]:
        """The Values as which operations read the parameter at a path."""
        origin = f"parameter:{path}"
        return (v.id for v in self.tape.values if v.origin == origin and v.id in self.read_by)

    # -- backward ----------------------------------------------------------------------------

    def steps_with_backward(self) -> set[int]:
        """The runs whose backward was seen."""
        tape = self.tape
        steps = {call.step for call in tape.calls if call.phase == "backward"}
        for call in tape.calls:
            if any(tape.values[ref].gradient is not None for ref in leaves(call.outputs)):
                steps.add(call.step)
        return steps


def plain_name(operation: Operation) -> str:
    """The operation's name, whether it ran in place or not.

    >>> plain_name(Operation(0, "relu_"))
    'relu'
    """
    return operation.name.rstrip("_")
