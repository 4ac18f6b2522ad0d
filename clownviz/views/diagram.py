"""`diagram`: the modules of a model and the tensors that go between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..analysis.graph import Graph, dataflow
from ..analysis.modules import Row, rows
from ..analysis.plan import MOST_SIBLINGS, Plan, make_plan
from ..recording.tape import Tape
from .dot import write_dot
from .drawn import Drawn
from .flow_text import flow_text
from .text import printable

__all__ = ["BUDGET", "Diagram", "choose_plan"]

BUDGET = 300
"""Graphviz is given at most about this many nodes; a larger graph is shown less deep."""

RANK = 5
"""What a row of the picture costs, in nodes: 60 rows make a first picture, more are too many."""
DEEPEST = 40
FEWER_SIBLINGS = (30, 20, 14, 10, 6)
SIMPLER = (80, 25)


class Diagram(Drawn):
    """A `graphviz.Digraph` of a model, with or without a `dot` program on the machine.

    It can be edited like any other (`node`, `edge`, `attr`, `source`) before it is shown.
    `Diagram.of` makes one from a tape. If the layout takes too long, a less deep diagram is
    drawn, and if there is nothing to draw with, the picture is the text.

    >>> Diagram("mine", body=["\\ta -> b\\n"]).source
    'digraph mine {\\n\\ta -> b\\n}\\n'
    """

    tape: Tape | None = None
    graph: Graph | None = None
    rows: list[Row] = []
    plan: Plan | None = None
    _wanted: dict[str, Any] = {}

    @classmethod
    def of(
        cls,
        tape: Tape,
        *,
        depth: int | None = None,
        closed: Iterable[str] = (),
        fold: bool = True,
        unfolded: Iterable[str] = (),
        direction: str = "TB",
        selected: str | None = None,
        thickness: str | None = None,
        budget: int = BUDGET,
    ) -> Diagram:
        """The diagram of a tape.

        Args:
            tape: a run of the model. One without a run gives the tree of modules.
            depth: how many levels to open. None opens as many as the budget allows.
            closed: paths of modules to draw as one card.
            fold: draw a run of equal blocks once.
            unfolded: paths of modules whose run is drawn in full all the same.
            direction: "TB" from top to bottom, "LR" from left to right.
            selected: path of a module to highlight, with what goes in and comes out.
            thickness: "bytes" draws an edge as thick as the tensors on it are large.
            budget: the most nodes to draw.

        Raises:
            ValueError: a path, a direction or a thickness is not known.
        """
        closed, unfolded = tuple(closed), tuple(unfolded)
        _check_paths(tape, (*closed, *unfolded, *(() if selected is None else (selected,))))
        _check_drawing(direction, thickness)
        options = {"closed": closed, "fold": fold, "unfolded": unfolded}
        drawing: dict[str, Any] = {
            "direction": direction,
            "selected": selected,
            "thickness": thickness,
        }
        made = cls(format="svg")
        made.tape, made.rows = tape, rows(tape)
        made.plan, made.graph = choose_plan(tape, made.rows, depth, budget, **options)
        made._wanted = {**options, **drawing}
        write_dot(made, made.graph, made.rows, made.plan, **drawing)
        made.as_written()
        return made

    # -- what a view answers -----------------------------------------------------------------

    def text(self) -> str:
        if self.tape is None or self.graph is None or self.plan is None:
            return self.source
        return flow_text(self.tape, self.graph, self.rows, self.plan)

    def json(self) -> dict[str, Any]:
        if self.graph is None:
            return {"source": self.source}
        graph = self.graph
        return {
            "nodes": [
                {
                    "id": node.id,
                    "role": node.role,
                    "path": node.path,
                    "container": node.container,
                    "label": node.label,
                    "count": node.count,
                    "shape": node.shape,
                    "error": node.error,
                }
                for node in graph.nodes.values()
            ],
            "edges": [
                {
                    "source": edge.source,
                    "target": edge.target,
                    "shapes": edge.shapes,
                    "moved": list(edge.moved),
                    "bytes": edge.bytes,
                }
                for edge in graph.edges.values()
            ],
            "containers": [
                {"path": c.path, "parent": c.parent, "repeat": c.repeat, "count": c.count}
                for c in graph.clusters.values()
            ],
            "ties": [list(tie) for tie in graph.ties],
            "error": graph.error,
        }

    def _title(self) -> str:
        return f"Diagram of {printable(self.tape.model)}" if self.tape is not None else "Diagram"

    def _simpler(self) -> Iterator[Diagram]:
        if self.tape is not None:
            for budget in SIMPLER:
                yield Diagram.of(self.tape, budget=budget, **self._wanted)


def choose_plan(
    tape: Tape, table: list[Row], depth: int | None, budget: int, **options: Any
) -> tuple[Plan, Graph]:
    """The deepest plan whose graph keeps to the budget, and that graph."""

    def at(level: int, siblings: int = MOST_SIBLINGS) -> tuple[Plan, Graph]:
        plan = make_plan(tape, table, depth=level, siblings=siblings, **options)
        return plan, dataflow(tape, plan, table=table)

    if depth is not None:
        return at(depth)
    deepest = min(max(row.depth for row in table), DEEPEST)
    chosen = at(deepest)
    if cost(chosen[1]) <= budget:
        return chosen
    # The cost grows with the depth, so the deepest that fits is found by halving.
    fits, too_deep = 1, deepest
    chosen = at(1)
    for siblings in FEWER_SIBLINGS:
        if cost(chosen[1]) <= budget:
            break
        chosen = at(1, siblings)
    while too_deep - fits > 1:
        middle = (fits + too_deep) // 2
        tried = at(middle)
        if cost(tried[1]) <= budget:
            fits, chosen = middle, tried
        else:
            too_deep = middle
    return chosen


def cost(graph: Graph) -> int:
    """What the layout of a graph costs, in nodes.

    Graphviz puts an invisible node on every rank that an edge passes, so many long edges, as
    every layer of a DenseNet has to all before it, cost far more than the nodes themselves. And
    a picture of very many rows is one that nobody scrolls through.
    """
    ranks = 1 + max(graph.ranks().values(), default=0)
    return max(len(graph.nodes), sum(graph.spans().values()) // 4, ranks * RANK)


def _check_paths(tape: Tape, paths: Iterable[str]) -> None:
    for path in paths:
        if path not in tape.modules:
            known = ", ".join(repr(known) for known in [*tape.modules][1:6])
            raise ValueError(f"{tape.model} has no module {path!r}; it has {known}, …")


def _check_drawing(direction: str, thickness: str | None) -> None:
    if direction not in ("TB", "LR"):
        raise ValueError(f"direction={direction!r} is not known: expected 'TB' or 'LR'")
    if thickness not in (None, "bytes"):
        raise ValueError(f"thickness={thickness!r} is not known: expected 'bytes' or None")
