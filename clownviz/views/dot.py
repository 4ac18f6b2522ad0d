"""DOT source for a graph of modules: cards, clusters, operations, shapes on edges.

The source is meant to be read and edited: a module's node is named by its path. Whatever comes
from a model is escaped: labels are HTML-like, so their text goes through `html.escape`, and
attributes through `graphviz.escape`.
"""

from __future__ import annotations

import html
import math
import re
import textwrap
from collections import Counter
from collections.abc import Iterable

import graphviz

from .. import look
from ..analysis.graph import Cluster, Edge, Graph, Node
from ..analysis.modules import Row
from ..analysis.plan import Plan
from .text import cross, fit, printable, width

__all__ = ["graph_style", "slack", "write_dot"]

MOST_LETTERS, LONGEST_NAME = 60, 32
MOST_ERROR_LINES = 5
MOST_SHAPES = 3
CROWDED = 200
"""Beyond this total length long edges are pale and go without labels; the main path stands out."""
# The one name whose letters every Graphviz can measure; `theme.py` gives the page a list of fonts.
_SANS = "Arial"
# 2% of the text's colour, as DOT writes an opacity.
_TINT = "05"

GRAPH_ATTRIBUTES = {
    "rankdir": "TB",
    "fontname": _SANS,
    "fontsize": "11",
    "nodesep": "0.3",
    "ranksep": "0.32",
    "pad": "0.15",
    "labeljust": "l",
}


def write_dot(
    dot: graphviz.Digraph,
    graph: Graph,
    rows: Iterable[Row],
    plan: Plan,
    *,
    direction: str = "TB",
    selected: str | None = None,
    thickness: str | None = None,
) -> None:
    """Write a graph into an empty Digraph; see `Diagram.of`."""
    graph_style(dot, direction)
    table = {row.path: row for row in rows}
    _Writer(graph, table, plan, selected, thickness is not None).write(dot)


def graph_style(dot: graphviz.Digraph, direction: str = "TB") -> None:
    """What every diagram looks like, for what is written after it."""
    dot.attr("graph", **{**GRAPH_ATTRIBUTES, "rankdir": direction, "bgcolor": _hex("background")})
    dot.attr("node", shape="plain", fontname=_SANS, fontsize="11", fontcolor=_hex("text"))
    dot.attr(
        "edge",
        color=_hex("muted"),
        fontcolor=_hex("muted"),
        fontname=_SANS,
        fontsize="9",
        penwidth="0.8",
        arrowsize="0.55",
    )


class _Writer:
    def __init__(
        self,
        graph: Graph,
        rows: dict[str, Row],
        plan: Plan,
        selected: str | None,
        by_bytes: bool,
    ) -> None:
        self.graph = graph
        self.rows = rows
        self.plan = plan
        self.selected = selected
        self.names = _unique_names(graph.nodes)
        self.inside: dict[str | None, list[Node]] = {}
        self.below: dict[str | None, list[Cluster]] = {}
        for node in graph.nodes.values():
            self.inside.setdefault(node.container, []).append(node)
        self.spans = graph.spans()
        self.crowded = sum(self.spans.values()) > CROWDED
        sizes = [edge.bytes for edge in graph.edges.values() if edge.bytes and by_bytes]
        self.sizes = (min(sizes), max(sizes)) if sizes else None
        self.leaving = Counter(edge.source for edge in graph.edges.values())
        for cluster in graph.clusters.values():
            self.below.setdefault(cluster.parent, []).append(cluster)

    def write(self, dot: graphviz.Digraph) -> None:
        self._nodes(dot, None)
        # A stack instead of recursion: a chain of containers may be any length.
        waiting: list[tuple[Cluster, bool]] = [(c, False) for c in reversed(self._children(None))]
        while waiting:
            cluster, is_done = waiting.pop()
            indent = "\t"
            if is_done:
                dot.body.append(f"{indent}}}\n")
                continue
            self._open(dot, cluster)
            waiting.append((cluster, True))
            waiting += [(c, False) for c in reversed(self._children(cluster.path))]
        for edge in self.graph.edges.values():
            self._edge(dot, edge)
        for source, target, name in self.graph.ties:
            self._tie(dot, source, target, name)
        if self.sizes is not None:
            low, high = map(look.format_bytes, self.sizes)
            legend = f"line width: bytes of the tensors, {low} to {high}"
            dot.attr("graph", label=legend, labelloc="b", fontcolor=_hex("muted"), fontsize="9")

    def _children(self, path: str | None) -> list[Cluster]:
        return self.below.get(path, [])

    def _nodes(self, dot: graphviz.Digraph, container: str | None) -> None:
        for node in self.inside.get(container, []):
            self._node(dot, node)

    # -- clusters ----------------------------------------------------------------------------

    def _open(self, dot: graphviz.Digraph, cluster: Cluster) -> None:
        name = graphviz.quoting.quote(f"cluster_{_plain(cluster.path) or 'model'}")
        dot.body.append(f"\tsubgraph {name} {{\n")
        chosen = cluster.path == self.selected
        border = "error" if cluster.error else "accent" if chosen else "border"
        attributes = {
            "id": graphviz.escape(f"node:{cluster.path}"),
            "class": "fold" if cluster.repeat > 1 else "open",
            "label": f"<{self._cluster_label(cluster)}>",
            "tooltip": graphviz.escape(self._tip(cluster.path)),
            "bgcolor": _hex("muted") + _TINT,
            "pencolor": _hex(border),
            "penwidth": "2" if chosen else "1",
            "margin": "10",
        }
        dot.attr("graph", **attributes)
        self._nodes(dot, cluster.path)

    def _cluster_label(self, cluster: Cluster) -> str:
        row = self.rows.get(cluster.path)
        kind = printable(row.kind) if row is not None else ""
        name = fit(printable(cluster.path.rpartition(".")[2]), LONGEST_NAME)
        if cluster.repeat > 1:
            name, kind = f"{cluster.repeat} × {kind}", printable(cluster.span)
        facts = [] if cluster.count == 1 else [f"×{cluster.count}"]
        if row is not None and row.params:
            facts.append(f"{look.format_count(row.params * cluster.repeat)} parameters")
        colour = "error" if cluster.error else "family.container.text"
        bold = name or kind
        rest = " · ".join([part for part in (kind if name else "", *facts) if part])
        label = f'<FONT COLOR="{_hex(colour)}"><B>{_text(bold)}</B></FONT>'
        if rest:
            label += f'<FONT COLOR="{_hex("muted")}">  {_text(rest)}</FONT>'
        return label + slack(bold + rest)

    # -- nodes -------------------------------------------------------------------------------

    def _node(self, dot: graphviz.Digraph, node: Node) -> None:
        draw = {
            "module": self._card,
            "operation": self._sign,
            "error": self._failure,
        }.get(node.role, self._tag)
        draw(dot, node)

    def _card(self, dot: graphviz.Digraph, node: Node) -> None:
        row = self.rows.get(node.path)
        out = self.plan.left_out.get(node.path)
        kind = f"… {out:,} more" if out else printable(row.kind) if row is not None else "?"
        family = look.family(row.family if row is not None else "other")
        name = "" if out else fit(printable(node.path.rpartition(".")[2]), LONGEST_NAME)
        strip, ink = f"family.{family}.fill", f"family.{family}.text"
        border = "accent" if node.path == self.selected else "border"
        if node.error:
            strip, ink, border = "family.loss.fill", "error", "error"
        title = f"{self._folded(node.path)}{kind}" + (f" ×{node.count}" if node.count > 1 else "")
        facts = f"{node.place} of {node.places}" if node.places > 1 else ""
        lines = [] if out else [self._name_and_facts(name or "model", row, facts)]
        if node.error:
            why = row.mismatch if row is not None and row.mismatch else node.error
            said = _wrapped(why, '<BR ALIGN="LEFT"/>')
            lines.append(f'<FONT COLOR="{_hex("error")}" POINT-SIZE="9">{said}</FONT>')
        body = "".join(f'<TR><TD ALIGN="LEFT" CELLPADDING="4">{line}</TD></TR>' for line in lines)
        label = (
            f'<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" '
            f'BGCOLOR="{_hex("surface")}" COLOR="{_hex(border)}">'
            f'<TR><TD BGCOLOR="{_hex(strip)}" ALIGN="LEFT" CELLPADDING="3">'
            f'<FONT COLOR="{_hex(ink)}" POINT-SIZE="10"> {_text(title)}{slack(title)}</FONT>'
            f"</TD></TR>{body}</TABLE>"
        )
        dot.node(
            self.names[node.id],
            f"<{label}>",
            id=graphviz.escape(node.id),
            tooltip=graphviz.escape(self._tip(node.path)),
            **{"class": "card"},
        )

    def _folded(self, path: str) -> str:
        """`6 × ` on a card that stands for a run of equal modules."""
        row = self.rows.get(path)
        if row is None or row.repeat is None or row.repeat not in self.plan.folds:
            return ""
        return f"{row.repeat.count} × " if len(row.repeat.first) == 1 else ""

    def _name_and_facts(self, name: str, row: Row | None, facts: str) -> str:
        text = f'<FONT COLOR="{_hex("text")}">{_text(name)}</FONT>'
        if row is not None and row.params:
            facts = f"{look.format_count(row.params)} params"
        if facts:
            told = f"   {_text(facts)}{slack(facts)}"
            text += f'<FONT COLOR="{_hex("muted")}" POINT-SIZE="9">{told}</FONT>'
        return text + slack(name)

    def _sign(self, dot: graphviz.Digraph, node: Node) -> None:
        label = printable(node.label) + (f" ×{node.count}" if node.count > 1 else "")
        is_sign = len(label) == 1
        dot.node(
            self.names[node.id],
            f"<{_text(label)}{'' if is_sign else slack(label)}>",
            id=graphviz.escape(node.id),
            tooltip=graphviz.escape(printable(look.readable_formula(node.latex) or node.label)),
            shape="circle" if is_sign else "box",
            style="filled" if is_sign else "rounded,filled",
            fillcolor=_hex("surface"),
            color=_hex("border"),
            fontsize="12" if is_sign else "10",
            margin="0.02" if is_sign else "0.09,0.03",
            height="0.25",
            width="0.25",
            **{"class": "operation"},
        )

    def _tag(self, dot: graphviz.Digraph, node: Node) -> None:
        role = "weight" if node.role == "parameter" else "activation"
        text = (
            f'<B>{_text(printable(node.label))}</B>'
            f'<FONT POINT-SIZE="9">  {_text(node.shape)}{slack(node.label + node.shape)}</FONT>'
        )
        dot.node(
            self.names[node.id],
            f"<{text}>",
            id=graphviz.escape(node.id),
            tooltip=graphviz.escape(printable(f"{node.role} {node.label} {node.shape}")),
            shape="box",
            style="rounded,filled",
            fillcolor=_hex(f"role.{role}.fill"),
            color=_hex(f"role.{role}.fill"),
            fontcolor=_hex(f"role.{role}.text"),
            fontsize="10",
            margin="0.12,0.04",
            height="0.26",
            width="0.3",
            **{"class": node.role},
        )

    def _failure(self, dot: graphviz.Digraph, node: Node) -> None:
        dot.node(
            self.names[node.id],
            f"<{_wrapped(node.error or '', '<BR/>')}>",
            id=graphviz.escape(node.id),
            tooltip=graphviz.escape(printable(node.error or "")),
            shape="box",
            style="rounded,filled",
            fillcolor=_hex("family.loss.fill"),
            color=_hex("error"),
            fontcolor=_hex("error"),
            fontsize="10",
            **{"class": "error"},
        )

    def _tip(self, path: str) -> str:
        row = self.rows.get(path)
        if row is None:
            return printable(path)
        parts = [f"{path or 'model'}: {row.kind}({row.extra})" if row.extra else
                 f"{path or 'model'}: {row.kind}"]
        if row.calls:
            parts.append(f"{row.input} → {row.output}")
        return printable(" · ".join(parts))

    # -- edges -------------------------------------------------------------------------------

    def _edge(self, dot: graphviz.Digraph, edge: Edge) -> None:
        attributes = {} if edge.shapes else {"arrowhead": "none"}
        aside = self.crowded and self.spans[edge.source, edge.target] > 1
        if edge.shapes and not aside:
            attributes["label"] = f"<{_edge_label(edge)}>"
        else:
            attributes["tooltip"] = graphviz.escape(", ".join(edge.shapes))
        if aside:
            attributes |= {"color": _hex("faint"), "arrowsize": "0.4"}
            if self.graph.nodes[edge.source].role == "input":
                attributes["constraint"] = "false"  # many edges would draw it down beside them
        if self.leaving[edge.source] == 1:
            attributes["weight"] = "8"  # the main path runs straight, and skips go around it
        if self._is_selected(edge.source) or self._is_selected(edge.target):
            accent = _hex("accent")
            attributes |= {"color": accent, "fontcolor": accent, "penwidth": "1.6"}
        if self.sizes is not None and edge.bytes:
            attributes["penwidth"] = f"{_pen(edge.bytes, *self.sizes):.2f}"
        dot.edge(self.names[edge.source], self.names[edge.target], **attributes)

    def _is_selected(self, name: str) -> bool:
        node = self.graph.nodes[name]
        return node.role == "module" and node.path == self.selected

    def _tie(self, dot: graphviz.Digraph, source: str, target: str, name: str) -> None:
        mark = _hex("role.weight.mark")
        dot.edge(
            self.names[source],
            self.names[target],
            label=f"< {_text(printable(name))} tied >",
            style="dashed",
            color=mark,
            fontcolor=_hex("role.weight.text"),
            arrowhead="none",
            constraint="false",
            **{"class": "tie"},
        )


def _pen(size: int, low: int, high: int) -> float:
    """From 0.6 for the smallest to 4 for the largest, by the logarithm."""
    return 0.6 + 3.4 * math.log(size / low) / math.log(high / low) if high > low else 0.8


def _edge_label(edge: Edge) -> str:
    times = f"{edge.together} × " if edge.together > 1 and len(edge.shapes) == 1 else ""
    lines = [_text(times + shape) for shape in edge.shapes[:MOST_SHAPES]]
    if len(edge.shapes) > MOST_SHAPES:
        lines.append(f"… {len(edge.shapes) - MOST_SHAPES} more")
    if edge.moved:
        moved = edge.moved if len(edge.moved) < 4 else (edge.moved[0], "…", edge.moved[-1])
        lines.insert(0, f"<I>{_text(' · '.join(moved))}</I>")
    return "<BR/>".join(f"  {line} " for line in lines)


def _hex(name: str) -> str:
    return look.color(name)


def _escaped(text: str) -> str:
    # Graphviz replaces `\N` and its like in HTML-like labels too; a doubled backslash is one.
    return html.escape(text).replace("\\", "\\\\")


def _text(text: str) -> str:
    return _escaped(fit(text, MOST_LETTERS))


def slack(text: str) -> str:
    """Room for the readers whose font is wider than the one that Graphviz measures."""
    return " " * (width(text) // 4 + 1)


def _wrapped(error: str, line_break: str) -> str:
    lines = textwrap.wrap(cross(error), 42)
    if len(lines) > MOST_ERROR_LINES:
        lines = [*lines[: MOST_ERROR_LINES - 1], "…"]
    return "".join(_escaped(line) + slack(line) + line_break for line in lines)


def _plain(path: str) -> str:
    return re.sub(r"[^\w.]+", "_", path)


def _unique_names(nodes: dict[str, Node]) -> dict[str, str]:
    """A readable DOT name for each node: a module's path, an operation's container and sign."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for key, node in nodes.items():
        if node.role == "module":
            base = _plain(node.path) or "model"
        elif node.role == "operation":
            base = f"{_plain(node.path)} {node.name}".strip()
        else:
            base = f"{node.role} {_plain(node.label)}"
        name, number = base, 1
        while name in taken:
            number += 1
            name = f"{base} {number}"
        taken.add(name)
        names[key] = name
    return names
