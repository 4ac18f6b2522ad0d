"""A diagram in letters: one line for each node, with what comes into it."""

from __future__ import annotations

from collections.abc import Iterable

from .. import look
from ..analysis.graph import Edge, Graph, Node
from ..analysis.modules import Row
from ..analysis.plan import Plan
from ..recording.tape import Tape
from .text import cross, printable, width

__all__ = ["flow_text"]

MOST_LINES = 120
MOST_SOURCES = 4


def flow_text(tape: Tape, graph: Graph, rows: Iterable[Row], plan: Plan) -> str:
    """The nodes in the order in which they ran, indented by container, and their inputs."""
    table = {row.path: row for row in rows}
    arriving: dict[str, list[Edge]] = {}
    for edge in graph.edges.values():
        arriving.setdefault(edge.target, []).append(edge)
    names = {key: _name(node) for key, node in graph.nodes.items()}
    lines: list[tuple[str, str]] = []
    opened: list[str] = []
    for node in graph.nodes.values():
        above = _above(graph, node.container)
        common = _common(opened, above)
        for path in above[common:]:
            lines.append(("  " * above.index(path) + _cluster(graph, table, path), ""))
        opened = above
        left = "  " * len(above) + _label(node, table, plan)
        lines.append((left, _sources(arriving.get(node.id, []), names)))
    hidden = len(lines) - MOST_LINES
    if hidden > 0:
        lines = [*lines[: MOST_LINES - 20], (f"… {hidden:,} more lines", ""), *lines[-20:]]
    longest = max((width(left) for left, right in lines if right), default=0)
    text = [
        f"{left}{' ' * (longest - width(left))}  ← {right}" if right else left
        for left, right in lines
    ]
    text += [
        f"tied: {names[source]} = {names[target]} ({printable(name)})"
        for source, target, name in graph.ties
    ]
    if graph.error is not None and not any(node.error for node in graph.nodes.values()):
        text.append(cross(graph.error))
    return "\n".join(text)


def _above(graph: Graph, container: str | None) -> list[str]:
    """The paths of the clusters around a node, outermost first."""
    above: list[str] = []
    while container is not None and container in graph.clusters:
        above.append(container)
        container = graph.clusters[container].parent
    return above[::-1]


def _common(a: list[str], b: list[str]) -> int:
    count = 0
    for left, right in zip(a, b):
        if left != right:
            break
        count += 1
    return count


def _cluster(graph: Graph, table: dict[str, Row], path: str) -> str:
    cluster, row = graph.clusters[path], table.get(path)
    kind = printable(row.kind) if row is not None else ""
    if cluster.repeat > 1:
        return f"{cluster.repeat} × {kind} ({printable(cluster.span)})"
    name = printable(path.rpartition(".")[2])
    text = f"{name} ({kind})" if name else kind
    return text + (f" ×{cluster.count}" if cluster.count > 1 else "")


def _name(node: Node) -> str:
    if node.role != "module":
        return printable(node.label)
    return printable(node.path or "model") + _which(node)


def _which(node: Node) -> str:
    return f" {node.place} of {node.places}" if node.places > 1 else ""


def _label(node: Node, table: dict[str, Row], plan: Plan) -> str:
    row = table.get(node.path) if node.role == "module" else None
    said = row.mismatch if row is not None and row.mismatch else node.error
    error = f"  {cross(said)}" if said and node.error else ""
    times = f" ×{node.count}" if node.count > 1 else ""
    if node.role == "module":
        out = plan.left_out.get(node.path)
        if out:
            return f"… {out:,} more modules{error}"
        name = printable(node.path.rpartition(".")[2]) or "model"
        kind = f" ({printable(row.kind)})" if row is not None else ""
        params = f" {look.format_count(row.params)}" if row is not None and row.params else ""
        return f"{name}{_which(node)}{kind}{params}{times}{error}"
    shape = f" {node.shape}" if node.shape and node.role != "operation" else ""
    return f"{printable(node.label)}{shape}{times}{error}"


def _sources(edges: list[Edge], names: dict[str, str]) -> str:
    parts = []
    for edge in edges[:MOST_SOURCES]:
        shapes = ", ".join(edge.shapes[:2]) + (" …" if len(edge.shapes) > 2 else "")
        via = f" {' '.join(edge.moved)}" if edge.moved else ""
        if edge.together > 1 and len(edge.shapes) == 1:
            shapes = f"{edge.together} × {shapes}"
        parts.append(f"{names[edge.source]}{via} {shapes}".rstrip())
    more = len(edges) - MOST_SOURCES
    return "; ".join(parts) + (f"; {more} more" if more > 0 else "")
