"""The graph that backward walks: every operation between the leaves and the loss.

It is read from the operations on a tape, so it is the same whichever framework ran them. Only what
a gradient flows through is on it, and what those operations read besides, as constants. Every
result has a name (`v1`, `v2`, …), so that the graph can also be read as a program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from ..recording.nested import Ref
from ..recording.tape import Operation, Tape, Value

__all__ = ["AutogradGraph", "Card", "Term", "autograd_graph", "cards"]


@dataclass(slots=True)
class Term:
    """A tensor on the graph.

    Attributes:
        name: the path of a parameter, the name of an argument, or `v1`, `v2`, … of a result.
        role: "parameter", "buffer", "input", "constant", "result" or "loss".
    """

    value: Value
    name: str
    role: str


@dataclass(slots=True)
class AutogradGraph:
    """Operations in the order in which they ran, and the tensors that go between them.

    Attributes:
        terms: by the id of the Value.
        root: the id of the Value from which backward starts.
    """

    terms: dict[int, Term] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    root: int | None = None

    def leaves(self) -> list[Term]:
        """What no operation on the graph made."""
        made = {each for operation in self.operations for each in operation.outputs}
        return [term for key, term in self.terms.items() if key not in made]


def autograd_graph(tape: Tape, root: int | None = None) -> AutogradGraph:
    """The graph of what a backward from `root` goes through.

    Args:
        root: the id of a Value; by default the last scalar with a gradient, or else the last
            result with one.
    """
    root = _last_result(tape) if root is None else root
    if root is None:
        return AutogradGraph()
    graph = AutogradGraph(operations=_ancestors(tape, root), root=root)
    names = _argument_names(tape)
    counts = {"v": 0, "c": 0}
    for operation in graph.operations:
        for key in operation.inputs:
            if key not in graph.terms:
                graph.terms[key] = _leaf(tape.values[key], names, counts)
        for key in operation.outputs:
            counts["v"] += 1
            is_loss = key == root and tape.values[key].shape == ()
            name = "loss" if is_loss else f"v{counts['v']}"
            graph.terms[key] = Term(tape.values[key], name, "loss" if is_loss else "result")
    return graph


def _last_result(tape: Tape) -> int | None:
    results = [
        key
        for operation in reversed(tape.operations)
        for key in operation.outputs
        if tape.values[key].requires_grad
    ]
    scalars = [key for key in results if tape.values[key].shape == ()]
    return next(iter(scalars or results), None)


def _ancestors(tape: Tape, root: int) -> list[Operation]:
    """The operations that lead to `root` and have a gradient, in the order in which they ran."""
    made_by: dict[int, Operation] = {}
    for operation in tape.operations:
        for key in operation.outputs:
            # A view that was changed is told with its base; the first to make a value made it.
            made_by.setdefault(key, operation)
    found: dict[int, Operation] = {}
    waiting = [root]
    while waiting:
        maker = made_by.get(waiting.pop())
        if maker is not None and maker.index not in found:
            found[maker.index] = maker
            waiting += [key for key in maker.inputs if tape.values[key].requires_grad]
    return [found[index] for index in sorted(found)]


def _argument_names(tape: Tape) -> dict[int, str]:
    """The names under which the model was given its inputs."""
    first = next((call for call in tape.calls if call.parent is None), None)
    if first is None or not isinstance(first.inputs, dict):
        return {}
    return {int(ref): name for name, ref in first.inputs.items() if isinstance(ref, Ref)}


def _leaf(value: Value, names: dict[int, str], counts: dict[str, int]) -> Term:
    kind, _, path = value.origin.partition(":")
    if path:
        return Term(value, path, kind)
    if value.id in names:
        return Term(value, names[value.id], "input")
    counts["c"] += 1
    return Term(value, f"c{counts['c']}", "input" if value.requires_grad else "constant")


# -- fewer cards than operations --------------------------------------------------------------


@dataclass(slots=True)
class Card:
    """Operations that are drawn as one: a single one, or all of one call of a module.

    Attributes:
        label: of a single operation its name, of several the call's path.
        path: the module whose forward ran them; None outside of the model.
    """

    label: str
    path: str | None
    operations: list[Operation]


def cards(graph: AutogradGraph, tape: Tape, budget: int) -> list[Card]:
    """The operations of a graph on at most about `budget` cards.

    As long as there is room every operation has a card of its own; otherwise those of a call
    share one, of the innermost calls if that suffices, and last those of all calls of a module.
    """
    if len(graph.operations) <= budget:
        return [
            Card(operation.name, _path(operation, tape), [operation])
            for operation in graph.operations
        ]
    deepest = max((path.count(".") + 1 for path in tape.modules if path), default=0)
    found: list[Card] = []
    for depth in range(deepest, 0, -1):
        found = _grouped(graph.operations, tape, partial(_call_at, tape=tape, depth=depth))
        if len(found) <= budget:
            return found
    return _grouped(graph.operations, tape, lambda op: ((_path(op, tape) or "").split(".")[0], 0))


def _grouped(
    operations: Iterable[Operation],
    tape: Tape,
    key: Callable[[Operation], tuple[str, int] | None],
) -> list[Card]:
    """One card for the operations of each key; an operation without one stays alone."""
    found: dict[object, Card] = {}
    for operation in operations:
        group = key(operation)
        if group is None:
            found[operation.index] = Card(operation.name, _path(operation, tape), [operation])
        elif group in found:
            found[group].operations.append(operation)
        else:
            path, number = group
            label = path if number < 2 else f"{path}#{number}"
            found[group] = Card(label or tape.model, path, [operation])
    for card in found.values():
        if len(card.operations) == 1:
            card.label = card.operations[0].name
    return list(found.values())


def _path(operation: Operation, tape: Tape) -> str | None:
    return None if operation.call is None else tape.calls[operation.call].path


def _call_at(operation: Operation, tape: Tape, depth: int) -> tuple[str, int] | None:
    """The call at most `depth` levels deep that ran the operation; None in the model itself."""
    index = operation.call
    while index is not None:
        call = tape.calls[index]
        if call.path and call.path.count(".") < depth:
            return call.path, call.number
        index = call.parent
    return None
