"""`autograd`: the graph that backward walks, with every operation's formula and numbers."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator
from typing import Any

import graphviz

from .. import look
from ..analysis.autograd import AutogradGraph, Card, Term, autograd_graph, cards
from ..recording.tape import Operation, ParameterInfo, Stats, Tape, Value
from .dot import graph_style, slack
from .drawn import Drawn
from .text import fit, fit_end, printable, table, width

__all__ = ["Autograd"]

BUDGET = 120
SIMPLER = (40, 12)
MOST_LINES = 200
MOST_LETTERS = 44
LONGEST_NAME = 26


class Autograd(Drawn):
    """A `graphviz.Digraph` of the operations between a loss and what it came from.

    Each card is an operation with its formula, its result and, where backward has run, the
    gradient of the loss with respect to that result. As text it is the same as a program.
    `Autograd.of` makes one from a tape.
    """

    tape: Tape | None = None
    graph: AutogradGraph = AutogradGraph()
    cards: list[Card] = []
    direction = "TB"

    @classmethod
    def of(
        cls, tape: Tape, *, root: int | None = None, direction: str = "TB", budget: int = BUDGET
    ) -> Autograd:
        """The autograd graph of a tape.

        Args:
            root: the id of the Value from which backward starts; by default the loss.
            direction: "TB" from top to bottom, "LR" from left to right.
            budget: the most cards to draw; of a larger graph calls of modules share a card.

        Raises:
            ValueError: the direction is not known.
        """
        if direction not in ("TB", "LR"):
            raise ValueError(f"direction={direction!r} is not known: expected 'TB' or 'LR'")
        made = cls(format="svg")
        made.tape, made.direction = tape, direction
        made.graph = autograd_graph(tape, root)
        made.cards = cards(made.graph, tape, budget)
        _write(made)
        made.as_written()
        return made

    def _title(self) -> str:
        return f"Autograd graph of {printable(self.tape.model)}" if self.tape else "Autograd graph"

    def _simpler(self) -> Iterator[Autograd]:
        if self.tape is not None:
            for budget in SIMPLER:
                yield Autograd.of(
                    self.tape, root=self.graph.root, direction=self.direction, budget=budget
                )

    # -- as text and JSON --------------------------------------------------------------------

    def text(self) -> str:
        """The graph as a program: one line an operation, its formula, value and gradient."""
        if self.tape is None:
            return self.source
        graph = self.graph
        if graph.root is None:
            return f"{printable(self.tape.model)}: nothing that was computed requires a gradient."
        leaves = [
            [printable(t.name), t.role, "", *_numbers(t.value, self.tape)] for t in graph.leaves()
        ]
        left = len(graph.operations) - MOST_LINES
        shown = graph.operations if left <= 0 else graph.operations[-MOST_LINES:]
        body = [self._line(operation) for operation in shown]
        header = ["", "", "formula", "value", "gradient"]
        head, lines = table(header, [*leaves, *body], [False] * 5)
        count = len(graph.operations)
        said = f"{count:,} operation{'s' if count > 1 else ''} from {_names(graph)}"
        rule = "─" * max(map(width, [head, *lines]))
        middle = [f"… {left:,} earlier operations"] if left > 0 else []
        lines[len(leaves) : len(leaves)] = [rule, *middle]
        return "\n".join([f"{self._title()}: {said}", "", head, rule, *lines])

    def _line(self, operation: Operation) -> list[str]:
        assert self.tape is not None
        terms = self.graph.terms
        made = printable(", ".join(terms[key].name for key in operation.outputs))
        call = fit(printable(f"= {_call(operation, self.graph)}"), MOST_LETTERS)
        formula = fit(look.readable_formula(operation.latex), MOST_LETTERS)
        first = terms[operation.outputs[0]].value
        return [made, call, formula, *_numbers(first, self.tape)]

    def json(self) -> dict[str, Any]:
        graph, tape = self.graph, self.tape
        return {
            "model": tape.model if tape is not None else "",
            "root": graph.root,
            "terms": [
                {
                    "id": key,
                    "name": term.name,
                    "role": term.role,
                    "shape": list(term.value.shape),
                    "dtype": term.value.dtype,
                    "value": _number(term.value),
                    "gradient": term.value.gradient,
                }
                for key, term in graph.terms.items()
            ],
            "operations": [
                {
                    "name": operation.name,
                    "latex": operation.latex,
                    "inputs": list(operation.inputs),
                    "outputs": list(operation.outputs),
                    "params": operation.params,
                    "module": tape.calls[operation.call].label
                    if tape is not None and operation.call is not None
                    else None,
                }
                for operation in graph.operations
            ],
        }


# -- what is said of an operation and of a tensor ---------------------------------------------


def _names(graph: AutogradGraph) -> str:
    counts = {"parameter": 0, "input": 0}
    for term in graph.leaves():
        if term.role in counts and term.value.requires_grad:
            counts[term.role] += 1
    assert graph.root is not None
    leaves = [f"{n} {role}{'s' if n > 1 else ''}" for role, n in counts.items() if n]
    return f"{' and '.join(leaves) or 'constants'} to {graph.terms[graph.root].name}"


def _call(operation: Operation, graph: AutogradGraph) -> str:
    given = [graph.terms[key].name for key in operation.inputs]
    given += [f"{name}={value}" for name, value in operation.params.items()]
    return f"{operation.name}({', '.join(given)})"


def _number(value: Value) -> float | None:
    """The number that a tensor of one element holds, if it was kept."""
    if value.array is None or value.array.size != 1 or math.prod(value.shape) != 1:
        return None
    number = float(value.array.reshape(()))
    return number if math.isfinite(number) else None


def _numbers(value: Value, tape: Tape) -> tuple[str, str]:
    """What a tensor holds, and the size of its gradient."""
    info = _parameter(value, tape)
    stats, gradient = value.stats, value.gradient
    if info is not None:
        stats, gradient = stats or info.stats, gradient if gradient is not None else info.gradient
    return _said(value.shape, stats), "" if gradient is None else _size(tape.values[gradient])


def _parameter(value: Value, tape: Tape) -> ParameterInfo | None:
    """The parameter or buffer that a tensor is."""
    kind, _, path = value.origin.partition(":")
    module = tape.modules.get(path.rpartition(".")[0]) if path else None
    if module is None:
        return None
    own = module.parameters if kind == "parameter" else module.buffers
    return next((info for info in own if info.path == path), None)


def _said(sizes: tuple[int, ...], stats: Stats | None) -> str:
    shape = look.format_shape(sizes)
    if stats is None or not stats.count:
        return shape
    if stats.count == 1:
        return look.format_number(stats.min if stats.finite else math.nan)
    warnings = " NaN!" * bool(stats.nan) + " Inf!" * bool(stats.posinf or stats.neginf)
    mean, std = look.format_number(stats.mean), look.format_number(stats.std)
    return f"{shape} μ={mean} σ={std}{warnings}"


def _size(gradient: Value) -> str:
    """The gradient's number, or its Euclidean norm."""
    if gradient.stats is None or not gradient.stats.count:
        return look.format_shape(gradient.shape)
    stats = gradient.stats
    if not stats.finite:
        return "NaN" if stats.nan else "∞"
    if stats.count == 1:
        return look.format_number(stats.min)
    return f"‖{look.format_number(math.sqrt(stats.count * (stats.mean**2 + stats.std**2)))}‖"


# -- as DOT ----------------------------------------------------------------------------------


def _write(dot: Autograd) -> None:
    graph_style(dot, dot.direction)
    assert dot.tape is not None
    made: dict[int, str] = {}
    for at, card in enumerate(dot.cards):
        for operation in card.operations:
            made.update(dict.fromkeys(operation.outputs, f"op{at}"))
    used = {key for card in dot.cards for operation in card.operations for key in operation.inputs}
    for key, term in dot.graph.terms.items():
        if key not in made and key in used:
            made[key] = f"t{key}"
            _tag(dot, made[key], term)
    for at, card in enumerate(dot.cards):
        _card(dot, f"op{at}", card)
    drawn: set[tuple[str, str]] = set()
    for at, card in enumerate(dot.cards):
        for operation in card.operations:
            for key in operation.inputs:
                edge = (made[key], f"op{at}")
                if edge[0] != edge[1] and edge not in drawn:
                    drawn.add(edge)
                    _edge(dot, *edge, dot.graph.terms[key])


def _tag(dot: Autograd, name: str, term: Term) -> None:
    role = {"parameter": "weight", "buffer": "weight"}.get(term.role, "activation")
    fill, ink = (f"role.{role}.fill", f"role.{role}.text")
    if term.role == "constant":
        fill, ink = "surface", "muted"
    assert dot.tape is not None
    value, gradient = _numbers(term.value, dot.tape)
    value = value.partition(" μ")[0]
    title = fit_end(term.name, LONGEST_NAME)
    # Lines begin where they would be in the middle if letters were as narrow as Graphviz thinks.
    lines = [f"<B>{_text(title)}</B>{slack(title)}", _small(value, ink) + slack(value)]
    lines += _gradient(gradient)
    rows = "".join(f"<TR><TD>{line}</TD></TR>" for line in lines)
    dot.node(
        name,
        f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{rows}</TABLE>>',
        tooltip=graphviz.escape(printable(f"{term.role} {term.name}")),
        shape="box",
        style="rounded,filled",
        fillcolor=look.color(fill),
        color=look.color(fill),
        fontcolor=look.color(ink),
        fontsize="10",
        margin="0.1,0.06",
        **{"class": term.role},
    )


def _card(dot: Autograd, name: str, card: Card) -> None:
    assert dot.tape is not None
    last = card.operations[-1]
    result = dot.graph.terms[last.outputs[0]]
    value, gradient = _numbers(result.value, dot.tape)
    if len(card.operations) == 1:
        facts = look.readable_formula(last.latex)
        tip = f"{result.name} = {_call(last, dot.graph)}"
    else:
        facts = f"{len(card.operations):,} operations"
        tip = ", ".join(operation.name for operation in card.operations)
    info = dot.tape.modules.get(card.path or "")
    family = look.family(info.family) if info is not None and card.path else "other"
    where = f"   in {card.path}" if card.path and card.path != card.label else ""
    where = fit(printable(where), MOST_LETTERS)
    title = (
        f'<FONT COLOR="{look.color(f"family.{family}.text")}" POINT-SIZE="10"> '
        f"<B>{_text(card.label)}</B>{_text(where)}{slack(card.label + where)} </FONT>"
    )
    lines = [_small(facts, "muted")] if facts else []
    lines += [f"<B>{_text(result.name)}</B>  {_small(value, 'text')}", *_gradient(gradient)]
    room = slack(result.name + value)
    body = "".join(
        f'<TR><TD ALIGN="LEFT" CELLPADDING="2"> {line}{room}</TD></TR>' for line in lines
    )
    border = look.color("accent" if result.role == "loss" else "border")
    label = (
        f'<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" '
        f'BGCOLOR="{look.color("surface")}" COLOR="{border}">'
        f'<TR><TD BGCOLOR="{look.color(f"family.{family}.fill")}" ALIGN="LEFT" CELLPADDING="3">'
        f"{title}</TD></TR>{body}</TABLE>"
    )
    tooltip = graphviz.escape(printable(fit(tip, 400)))
    dot.node(name, f"<{label}>", tooltip=tooltip, **{"class": "card"})


def _edge(dot: Autograd, source: str, target: str, term: Term) -> None:
    flows = term.value.requires_grad
    colour = look.color("role.gradient.mark" if flows else "border")
    style = {} if flows else {"style": "dashed"}
    dot.edge(source, target, color=colour, tooltip=graphviz.escape(printable(term.name)), **style)


def _gradient(text: str) -> list[str]:
    if not text:
        return []
    ink = look.color("role.gradient.text")
    return [f'<FONT COLOR="{ink}" POINT-SIZE="9">∂ {_text(text)}</FONT>']


def _small(text: str, ink: str) -> str:
    return f'<FONT COLOR="{look.color(ink)}" POINT-SIZE="9">{_text(text)}</FONT>'


def _text(text: str) -> str:
    return html.escape(fit(printable(text), MOST_LETTERS)).replace("\\", "\\\\")
