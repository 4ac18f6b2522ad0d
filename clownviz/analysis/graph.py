"""The dataflow between modules, from the operations that ran.

A module is connected with what computed its input. That is read from the tape: which tensor
went in, and which call or operation it had come out of; neither the order of registration nor
the identity of objects can say it. So `a(x) + x` is a skip that ends in a `+`, a layer that is
called three times is one node with ×3, and a module that was never called has no edge.

Operations that only move numbers (`reshape`, `transpose`, indexing) are written on the edge
that they are part of. The others are small nodes of their own. Those that stand at the same
place of the forward and follow the same modules are one node, so that a loop over time stays
the size of one step.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..recording.nested import leaves
from ..recording.tape import Call, Operation, Tape
from .modules import Row, rows
from .plan import Plan, make_plan
from .symbols import MOVES, symbol

__all__ = ["Cluster", "Edge", "Graph", "Node", "dataflow"]

MOST_PLACES = 24
"""How often one module without numbers of its own is drawn; what follows shares its last card."""


@dataclass(slots=True)
class Node:
    """Something that is drawn.

    Attributes:
        id: `node:<path>` of a module, and `node@2:<path>` where it is drawn a second time.
        role: "module", "operation", "input", "output", "parameter" or "error".
        path: of the module; for an operation of the module whose forward holds it.
        container: path of the cluster that it is drawn in; None at the top.
        label: the operation's symbol, the argument's name.
        name: the operation's name.
        count: how often it was applied in one run.
        place, places: a module without parameters has a node at each place where it is applied;
            which one this is, and of how many.
        shape: what an input, output or parameter looks like.
    """

    id: str
    role: str
    path: str
    container: str | None
    label: str = ""
    count: int = 1
    shape: str = ""
    error: str | None = None
    place: int = 1
    places: int = 1
    name: str = ""
    latex: str = ""


@dataclass(slots=True)
class Edge:
    """Tensors that go from one node to another.

    Attributes:
        shapes: what arrives, each shape once, in order.
        left: the shapes that left the source where they differ from those that arrive.
        moved: the operations in between that only move numbers.
        bytes: of what arrives.
        together: how many tensors arrive at once, as query, key and value do.
    """

    source: str
    target: str
    shapes: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    moved: tuple[str, ...] = ()
    bytes: int = 0
    count: int = 0
    together: int = 1


@dataclass(slots=True)
class Cluster:
    """A module that is open.

    Attributes:
        parent: path of the cluster that it is in.
        repeat: how many equal blocks it stands for.
        members: names of the first and the last of them.
        count: how often it was applied.
    """

    path: str
    parent: str | None
    repeat: int = 1
    span: str = ""
    count: int = 1
    error: str | None = None


@dataclass(slots=True)
class Graph:
    """What a diagram draws."""

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: dict[tuple[str, str], Edge] = field(default_factory=dict)
    clusters: dict[str, Cluster] = field(default_factory=dict)
    ties: list[tuple[str, str, str]] = field(default_factory=list)
    error: str | None = None

    def ranks(self) -> dict[str, int]:
        """The row that each node hangs in by the longest path that leads to it.

        Nodes are in the order in which they ran; an edge that leads back does not count.
        """
        place = {name: at for at, name in enumerate(self.nodes)}
        rank = dict.fromkeys(self.nodes, 0)
        for source, target in sorted(self.edges, key=lambda edge: place[edge[1]]):
            if place[source] < place[target]:
                rank[target] = max(rank[target], rank[source] + 1)
        return rank

    def spans(self) -> dict[tuple[str, str], int]:
        """For each edge how many ranks it reaches over."""
        rank = self.ranks()
        return {(a, b): max(1, abs(rank[b] - rank[a])) for a, b in self.edges}


@dataclass(slots=True)
class _Source:
    """Where a value comes from: a node, the block it stood in, and what it went through."""

    node: str
    blocks: tuple[tuple[int, int], ...]
    shape: str
    moved: tuple[str, ...] = ()


def dataflow(
    tape: Tape, plan: Plan | None = None, *, table: list[Row] | None = None, step: int = 0
) -> Graph:
    """The graph of one run, at the level of detail of `plan`.

    A tape without calls gives the tree of modules instead: an edge from each to its children.
    """
    table = rows(tape) if table is None else table
    plan = make_plan(tape, table) if plan is None else plan
    builder = _Builder(tape, plan, table)
    if any(True for _ in tape.forward_calls(step)):
        builder.follow(step)
    else:
        builder.hang_tree()
    builder.tie()
    return builder.graph


class _Builder:
    """Follows the events of one run, in order, and knows at each time where each value is from."""

    def __init__(self, tape: Tape, plan: Plan, table: list[Row]) -> None:
        self.tape = tape
        self.plan = plan
        self.rows = {row.path: row for row in table}
        self.graph = Graph(error=tape.error)
        self.failed = tape.failed
        self.source: dict[int, _Source] = {}
        # For each value the call in whose forward it was made or returned, and, as a set of
        # bits, the modules called there that it depends on.
        self.made: dict[int, tuple[int | None, int]] = {}
        # By call: what modules called there have returned, with where it had come from until then.
        # A dropout in `eval()` returns the very tensor that it was given.
        self.passed: dict[int, dict[int, tuple[_Source | None, Any]]] = {}
        self.bits: dict[str, int] = {}
        self.card: dict[int, str | None] = {}
        self.with_calls: set[int] = set()
        self.numbers: dict[Any, str] = {}
        self.places: dict[str, list[Node]] = {}
        self.used: set[int] = set()
        self.arriving: dict[tuple[str, str], int] = {}

    # -- the run -----------------------------------------------------------------------------

    def follow(self, step: int) -> None:
        calls = list(self.tape.forward_calls(step))
        self.with_calls = {c.parent for c in calls if c.parent is not None}
        indices = {c.index for c in calls}
        events: list[tuple[int, int, Any]] = []
        for call in calls:
            events.append((call.began, 0, call))
            events.append((call.ended, 2, call))
        for operation in self.tape.operations:
            if operation.call in indices:
                events.append((operation.at, 1, operation))
        events.sort(key=lambda event: event[:2])
        for _, kind, event in events:
            self.arriving = {}
            if kind == 0:
                self._begin(event)
            elif kind == 1:
                self._operate(event)
            else:
                self._end(event)
        self._relate_counts()

    def _begin(self, call: Call) -> None:
        if call.parent is None:
            self._inputs(call)
        above = self.card.get(call.parent) if call.parent is not None else None
        if above is not None:
            self.card[call.index] = above
            return
        path = self._shown(call.path)
        is_card = call.index not in self.with_calls or path in self.plan.closed
        if not is_card:
            self.card[call.index] = None
            cluster = self._cluster(path)
            cluster.count = max(cluster.count, call.number)
            cluster.error = cluster.error or self._error_of(call)
            return
        if self._is_stateless(path):
            node = self._place(path, call)
        else:
            node = self._module(path)
            node.count = max(node.count, call.number)
        node.error = node.error or self._error_of(call)
        self.card[call.index] = node.id
        for ref in leaves(call.inputs):
            self._connect(int(ref), node.id, call.path)

    def _end(self, call: Call) -> None:
        card = self.card[call.index]
        above = self.card.get(call.parent) if call.parent is not None else None
        # What comes out of a place depends on that place: the pool after the second `relu` is not
        # the pool after the first.
        bit = self._bit(card if card is not None else self._shown(call.path))
        before = self.passed.pop(call.index, {})
        for value in map(int, leaves(call.outputs)):
            if call.parent is not None:
                known = before.pop(value, None) or (self.source.get(value), self.made.get(value))
                self.passed.setdefault(call.parent, {}).setdefault(value, known)
            if card is not None and above is None:
                self._comes_from(value, card, call.path)
            self.made[value] = (call.parent, bit)
        for value, (source, made) in before.items():
            # It went through a module in here, but nobody outside was given what came out.
            if source is not None and made is not None:
                self.source[value], self.made[value] = source, made
        if card is None and call is self.failed:
            self._error_node(call)
        if call.parent is None and call.error is None:
            self._outputs(call)

    def _error_of(self, call: Call) -> str | None:
        return call.error if call.error is None or call is self.failed else "✗"

    def _operate(self, operation: Operation) -> None:
        assert operation.call is not None
        call = self.tape.calls[operation.call]
        card = self.card[call.index]
        if card is not None:
            for value in operation.outputs:
                self._comes_from(value, card, call.path)
            return
        bits = self._bits(operation.inputs, call.index)
        for value in operation.outputs:
            self.made[value] = (call.index, bits)
        if operation.name in MOVES and len(operation.inputs) == 1:
            self._move(operation)
            return
        for value in operation.inputs:
            if value not in self.source:
                self._from_parameter(value)
        container = self._shown(call.path)
        key = (container, operation.name, operation.site, bits)
        node = self._operation_node(key, operation, container)
        for value in dict.fromkeys(operation.inputs):
            self._connect(value, node.id, call.path)
        for value in operation.outputs:
            self._comes_from(value, node.id, call.path)

    def _bits(self, values: Iterable[int], call: int | None) -> int:
        """The modules called in the forward `call` that these values depend on."""
        bits = 0
        for value in values:
            where, known = self.made.get(value, (None, 0))
            bits |= known if where == call else 1
        return bits

    def _bit(self, where: str) -> int:
        # Bit 0 stands for everything that comes from outside.
        return self.bits.setdefault(where, 2 << len(self.bits))

    def _move(self, operation: Operation) -> None:
        source = self.source.get(operation.inputs[0])
        if source is None:
            source = self._from_parameter(operation.inputs[0])
        if source is None:
            return
        self.used.add(operation.inputs[0])
        moved = (*source.moved, operation.name)[-4:]
        for value in operation.outputs:
            self.source[value] = _Source(source.node, source.blocks, source.shape, moved)

    # -- nodes -------------------------------------------------------------------------------

    def _shown(self, path: str) -> str:
        return self.plan.shown.get(path, path)

    def _container_of(self, path: str) -> str | None:
        """The nearest open module above a path. Lists of modules are not drawn as boxes."""
        row = self.rows.get(path)
        while row is not None and row.parent is not None:
            row = self.rows[row.parent]
            if row.path in self.graph.clusters:
                return row.path
        return None

    def _cluster(self, path: str) -> Cluster:
        cluster = self.graph.clusters.get(path)
        if cluster is None:
            cluster = Cluster(path, self._container_of(path))
            row = self.rows.get(path)
            if row is not None and row.repeat in self.plan.folds and row.repeat is not None:
                if len(row.repeat.first) == 1:
                    cluster.repeat, cluster.span = row.repeat.count, row.repeat.span
            self.graph.clusters[path] = cluster
        return cluster

    def _module(self, path: str) -> Node:
        name = f"node:{path}"
        node = self.graph.nodes.get(name)
        if node is None:
            node = Node(name, "module", path, self._container_of(path))
            self.graph.nodes[name] = node
        return node

    def _is_stateless(self, path: str) -> bool:
        row = self.rows.get(path)
        return row is not None and row.leaf and not row.params and not row.buffers

    def _place(self, path: str, call: Call) -> Node:
        """A module without numbers of its own, drawn as the operation that it is.

        One `relu` that serves everywhere would tie the whole picture into a knot, though its
        calls share nothing. So every place has a card, up to a limit, and a loop over time has one.
        """
        bits = self._bits(map(int, leaves(call.inputs)), call.parent)
        parent = self.tape.calls[call.parent].path if call.parent is not None else ""
        key = (path, self._shown(parent), bits)
        name = self.numbers.get(key)
        places = self.places.setdefault(path, [])
        if name is None and len(places) >= MOST_PLACES:
            name = self.numbers[key] = places[-1].id
        if name is None:
            name = f"node@{len(places) + 1}:{path}" if places else f"node:{path}"
            self.numbers[key] = name
            node = Node(name, "module", path, self._container_of(path), count=0)
            self.graph.nodes[name] = node
            places.append(node)
        self.graph.nodes[name].count += 1
        return self.graph.nodes[name]

    def _operation_node(self, key: Any, operation: Operation, container: str) -> Node:
        name = self.numbers.get(key)
        if name is not None:
            self.graph.nodes[name].count += 1
            return self.graph.nodes[name]
        name = self.numbers[key] = f"op:{container}:{len(self.numbers)}"
        node = Node(name, "operation", container, container, label=symbol(operation))
        node.name, node.latex = operation.name, operation.latex
        self.graph.nodes[name] = node
        return node

    def _relate_counts(self) -> None:
        """Count what happens in equal blocks once for all that the cluster stands for."""
        placed = [node for places in self.places.values() for node in places]
        signs = [node for node in self.graph.nodes.values() if node.role == "operation"]
        for node in (*placed, *signs):
            node.count = max(1, node.count // self.plan.multiplicity(node.path))
        for places in self.places.values():
            for number, node in enumerate(places, 1):
                node.place, node.places = number, len(places)

    def _error_node(self, call: Call) -> None:
        path = self._shown(call.path)
        name = f"error:{path}"
        self.graph.nodes[name] = Node(
            name, "error", path, path, label="raised here", error=call.error
        )
        # What was made here and went nowhere is what the failing operation was to work on.
        loose = [value for value in self._made_in(call) if value not in self.used]
        for value in loose or [int(ref) for ref in leaves(call.inputs)]:
            self._connect(value, name, call.path)

    def _made_in(self, call: Call) -> list[int]:
        return [value for value, (where, _) in self.made.items() if where == call.index]

    def _inputs(self, call: Call) -> None:
        named = call.inputs.items() if isinstance(call.inputs, dict) else [("input", call.inputs)]
        for label, nest in named:
            for name, ref in zip(_leaf_names(nest), leaves(nest)):
                known = self.source.get(int(ref))
                if known is not None:
                    # One tensor as several arguments: attention(x, x, x).
                    self.graph.nodes[known.node].label += f", {label}{name}"
                else:
                    self._end_point("input", f"input:{label}{name}", label + name, int(ref))

    def _outputs(self, call: Call) -> None:
        refs = list(leaves(call.outputs))
        names = _leaf_names(call.outputs)
        for name, ref in zip(names, refs):
            text = f"output{name}" if len(refs) > 1 else "output"
            node = self._end_point("output", f"output:{text}", text, int(ref))
            self._connect(int(ref), node.id, call.path)

    def _end_point(self, role: str, name: str, label: str, value: int) -> Node:
        node = Node(name, role, "", None, label=label, shape=str(self.tape.values[value].shape))
        self.graph.nodes[name] = node
        if role == "input":
            self._comes_from(value, name, "")
        return node

    # -- edges -------------------------------------------------------------------------------

    def _comes_from(self, value: int, node: str, path: str) -> None:
        shape = str(self.tape.values[value].shape)
        self.source[value] = _Source(node, self.plan.blocks.get(path, ()), shape)

    def _connect(self, value: int, target: str, path: str) -> None:
        self.used.add(value)
        source = self.source.get(value) or self._from_parameter(value, target)
        if source is None or (source.node == target and target.startswith("node:")):
            return
        if _between_blocks(source.blocks, self.plan.blocks.get(path, ())):
            return
        edge = self.graph.edges.setdefault(
            (source.node, target), Edge(source.node, target, moved=source.moved)
        )
        seen = self.tape.values[value]
        shape = str(seen.shape)
        edge.count += 1
        key = (edge.source, target)
        self.arriving[key] = self.arriving.get(key, 0) + 1
        edge.together = max(edge.together, self.arriving[key])
        if shape not in edge.shapes:
            edge.shapes.append(shape)
            edge.bytes += seen.bytes
        if source.shape != shape and source.shape not in edge.left:
            edge.left.append(source.shape)

    def _from_parameter(self, value: int, target: str = "") -> _Source | None:
        """A parameter that a forward reads itself: its module's card, or a tag of its own."""
        origin, _, path = self.tape.values[value].origin.partition(":")
        if not path:
            return None
        owner, _, name = path.rpartition(".")
        shown = self._shown(owner)
        card = f"node:{shown}"
        if card in self.graph.nodes:
            if target and target != card:
                self.graph.ties.append((card, target, name))
            return None
        inside = shown if shown in self.graph.clusters else self._container_of(shown)
        tag = f"{origin}:{shown}.{name}" if shown else f"{origin}:{name}"
        if tag not in self.graph.nodes:
            text = str(self.tape.values[value].shape)
            self.graph.nodes[tag] = Node(tag, "parameter", shown, inside, label=name, shape=text)
        shape = str(self.tape.values[value].shape)
        source = _Source(tag, self.plan.blocks.get(owner, ()), shape)
        self.source[value] = source
        return source

    # -- without a run, and ties -------------------------------------------------------------

    def hang_tree(self) -> None:
        """The tree of modules: what a model says of itself before it has run."""
        for path, row in self.rows.items():
            if self._shown(path) != path:
                continue
            if row.parent is not None and self._hidden(row.parent):
                continue
            node = self.graph.nodes[f"node:{path}"] = Node(f"node:{path}", "module", path, None)
            if row.parent is not None:
                self.graph.edges[(f"node:{row.parent}", node.id)] = Edge(
                    f"node:{row.parent}", node.id
                )

    def _hidden(self, path: str) -> bool:
        return path in self.plan.closed or f"node:{path}" not in self.graph.nodes

    def tie(self) -> None:
        """Link the drawn modules that hold the same parameter."""
        first: dict[int, tuple[str, str]] = {}
        for info in self.tape.modules.values():
            for parameter in info.parameters:
                place = (self._drawn(info.path), parameter.path.rpartition(".")[2])
                known = first.setdefault(parameter.id, place)
                if known[0] != place[0] and known[0] and place[0]:
                    link = (known[0], place[0], place[1])
                    if link not in self.graph.ties:
                        self.graph.ties.append(link)

    def _drawn(self, path: str) -> str:
        """The id of the card that shows a module: its own, or that of what holds it."""
        shown: str | None = self._shown(path)
        while shown is not None:
            if f"node:{shown}" in self.graph.nodes:
                return f"node:{shown}"
            row = self.rows.get(shown)
            shown = row.parent if row is not None else None
        return ""


def _between_blocks(
    source: tuple[tuple[int, int], ...], target: tuple[tuple[int, int], ...]
) -> bool:
    """Whether an edge leads from one block of a folded run to another block of it."""
    return any(a[0] == b[0] and a[1] != b[1] for a, b in zip(source, target))


def _leaf_names(nest: Any, prefix: str = "") -> list[str]:
    if isinstance(nest, (tuple, list)):
        items = [(f"[{at}]", item) for at, item in enumerate(nest)]
    elif isinstance(nest, dict):
        items = [(f".{key}", item) for key, item in nest.items()]
    else:
        return [prefix] if next(leaves(nest), None) is not None else []
    return [name for key, item in items for name in _leaf_names(item, prefix + key)]
