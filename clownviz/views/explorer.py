"""`explore`: the tree, the diagram and every array of a model, as data for the page and as stills.

The page asks for one module at a time: `scene` says what there is, `detail` answers for one path
with facts and with the bytes of its arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

from .. import look
from ..analysis.modules import Row, rows, totals
from ..recording.tape import Call, ParameterInfo, Tape, Value
from .array import ArrayView, role_limits, stats_facts
from .layout import BUDGET
from .still import draw_still
from .text import fit, printable, stats_line
from .tree import Tree
from .view import View

__all__ = ["Explorer"]

MOST_ARRAYS = 12
MOST_CALLS = 8
MOST_ROWS = 40
LONGEST = 110
_SHOWN_FIRST = ("convolution", "attention", "recurrent", "embedding", "linear")
_IMAGES = ("convolution", "pooling")
_TREE = (
    "path", "name", "kind", "family", "extra", "depth", "params", "input", "output", "calls",
    "tied", "like", "repeat", "error",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Seen:
    """One tensor of a module, as it stands on the tape; `call` is None for a parameter."""

    key: str
    title: str
    role: str
    tensor: Value | ParameterInfo
    call: int | None = None


class Explorer(View):
    """Everything a tape knows of a model, one module at a time.

    Args:
        tape: a run of the model. With `keep="sample"` or `"full"` there are pictures, with
            `"statistics"` histograms only, with `"shapes"` neither.
        selection: the module that is shown first; by default the first one with a picture.
        diagram: SVG text of the model's diagram, whose groups have the ids `node:<path>`.
        table: the rows of the tape, where they are known already.

    Raises:
        KeyError: there is no module of that path.
    """

    def __init__(
        self,
        tape: Tape,
        *,
        selection: str | None = None,
        diagram: str | None = None,
        table: Sequence[Row] | None = None,
    ) -> None:
        self.tape = tape
        self.rows = rows(tape) if table is None else list(table)
        self.by_path = {row.path: row for row in self.rows}
        self.diagram = diagram
        if selection is not None:
            self.row(selection)
        self.selection = self._first() if selection is None else selection

    def row(self, path: str) -> Row:
        """The facts of one module.

        Raises:
            KeyError: there is no module of that path.
        """
        try:
            return self.by_path[path]
        except KeyError:
            known = ", ".join(printable(name) for name in list(self.by_path)[1:7])
            raise KeyError(
                f"there is no module {path!r} in {self.tape.model}: it has {known or 'none'}"
                + (" …" if len(self.by_path) > 7 else "")
            ) from None

    def _first(self) -> str:
        failed = self.tape.failed
        if failed is not None and failed.path in self.by_path:
            return failed.path
        for family in _SHOWN_FIRST:
            for row in self.rows:
                if row.family == family and row.leaf and row.calls:
                    return row.path
        return ""

    # -- for the page ------------------------------------------------------------------------

    def scene(self) -> dict[str, Any]:
        """What the page draws before it asks for any module."""
        return {
            "title": self.tape.model,
            "summary": self.headline,
            "modules": [_in_the_tree(row) for row in self.rows],
            "diagram": self.diagram,
            "notes": list(self.tape.notes),
            "error": self._error(),
        }

    @cached_property
    def headline(self) -> str:
        """The model in one line: "61.7 k parameters · 241 KiB · 12 modules · input (1, 28)"."""
        total = totals(self.tape, self.rows)
        count = len(self.rows)
        parts = [
            f"{look.format_count(total.params)} parameters",
            look.format_bytes(total.param_bytes),
            f"{count:,} module{'s' if count > 1 else ''}",
        ]
        if total.macs:
            parts.append(f"{look.format_count(total.macs)} multiply-adds")
        if self.rows and self.rows[0].input:
            parts.append(f"input {self.rows[0].input}")
        return " · ".join(parts)

    def _error(self) -> str | None:
        failed = self.tape.failed
        if failed is None:
            return self.tape.error
        row = self.by_path.get(failed.path)
        if row is not None and row.mismatch:
            return f"{failed.label}: {row.mismatch}; it raised {failed.error}"
        return f"{failed.label} raised {failed.error}"

    def detail(self, path: str, budget: int = 2 * BUDGET) -> tuple[dict[str, Any], bytes]:
        """The facts of one module, and the codes of its arrays one after another.

        Args:
            path: the module.
            budget: the most bytes that the codes may take.

        Raises:
            KeyError: there is no module of that path.
        """
        row = self.row(path)
        seen = list(self._tensors(row))
        kept = [one for one in seen if one.tensor.array is not None]
        share = min(BUDGET, budget // max(1, len(kept)))
        arrays, parts, offset = [], [], 0
        for one in seen:
            view = self._view(one, row, share)
            facts = _facts_only(one) if view is None else view.facts(offset)
            arrays.append({**facts, "call": one.call})
            if view is not None:
                parts.append(view.data)
                offset += len(parts[-1])
        detail = {
            "path": path,
            "kind": row.kind,
            "code": f"{row.kind}({row.extra})",
            "facts": [list(pair) for pair in self.facts(row)],
            "arrays": arrays,
            "error": row.error,
            "notes": self._notes(row),
        }
        return detail, b"".join(parts)

    def facts(self, row: Row) -> list[tuple[str, str]]:
        """What there is to say of a module beside its arrays, as names and texts."""
        info = self.tape.modules[row.path]
        facts = [("Input", row.input), ("Output", row.output)]
        if row.params:
            text = f"{row.params:,}"
            frozen = row.params - row.trainable
            facts.append(("Parameters", text + (f", {frozen:,} frozen" if frozen else "")))
            facts.append(("Memory", look.format_bytes(row.bytes)))
        if row.macs:
            facts.append(("Multiply-adds", look.format_count(row.macs)))
        names = self._operations.get(row.path)
        if names:
            facts.append(("Operations", ", ".join(names)))
        if row.calls != 1:
            facts.append(("Calls", f"{row.calls}" if row.calls else "never called"))
        facts.append(("Mode", "training" if info.training else "evaluation"))
        if row.tied:
            facts.append(("Tied to", ", ".join(row.tied)))
        if row.alias_of is not None:
            facts.append(("Same module as", row.alias_of or "the model"))
        return [(name, text) for name, text in facts if text]

    @cached_property
    def _operations(self) -> dict[str, dict[str, None]]:
        """The names of the operations that the calls of each module ran, in order."""
        found: dict[str, dict[str, None]] = {}
        for operation in self.tape.operations:
            call = None if operation.call is None else self.tape.calls[operation.call]
            if call is not None and call.phase == "forward":
                found.setdefault(call.path, {})[operation.name] = None
        return found

    # -- arrays ------------------------------------------------------------------------------

    def _tensors(self, row: Row) -> Iterator[_Seen]:
        """The module's tensors in reading order: in and out of every call, then weights."""
        for call in self._calls(row)[:MOST_CALLS]:
            yield from islice(self._tensors_of(call), MOST_ARRAYS)
        for parameter in self.tape.modules[row.path].parameters[:MOST_ARRAYS]:
            name = parameter.path.rpartition(".")[2]
            one = _Seen(f"parameter.{name}", name, "weight", parameter)
            yield one
            yield from self._gradient(one)

    def _tensors_of(self, call: Call) -> Iterator[_Seen]:
        for where, nest in (("Input", call.inputs), ("Output", call.outputs)):
            values = self.tape.refs(nest)
            for at, value in enumerate(values):
                title = where if len(values) == 1 else f"{where} {at}"
                key = f"{where.lower()}.{at}#{call.number}"
                one = _Seen(key, title, "activation", value, call.number)
                yield one
                yield from self._gradient(one)

    def _gradient(self, of: _Seen) -> Iterator[_Seen]:
        if of.tensor.gradient is not None:
            value = self.tape.values[of.tensor.gradient]
            yield _Seen(f"{of.key}.gradient", f"{of.title} gradient", "gradient", value, of.call)

    def _calls(self, row: Row) -> list[Call]:
        return self._by_path.get(row.path if row.alias_of is None else row.alias_of, [])

    @cached_property
    def _by_path(self) -> dict[str, list[Call]]:
        found: dict[str, list[Call]] = {}
        for call in self.tape.forward_calls():
            found.setdefault(call.path, []).append(call)
        return found

    @cached_property
    def _used(self) -> set[str]:
        """The modules that were called, and all that hold one of them."""
        used: set[str] = set()
        for path in self._by_path:
            above: str | None = path
            while above is not None and above not in used:
                used.add(above)
                above = self.by_path[above].parent if above in self.by_path else None
        return used

    def _view(self, one: _Seen, row: Row, budget: int) -> ArrayView | None:
        tensor = one.tensor
        if tensor.array is None:
            return None
        try:
            return ArrayView(
                tensor.array,
                title=one.title,
                role=one.role,
                key=one.key,
                # Three dimensions at an image layer are one example without a batch.
                image=row.family in _IMAGES and row.kind.endswith("2d"),
                shape=tensor.shape,
                part=getattr(tensor, "part", ""),
                stats=tensor.stats,
                model_limit=self._limits.get(one.role, 0.0),
                budget=budget,
            )
        except TypeError:
            return None

    @cached_property
    def _limits(self) -> dict[str, float]:
        return role_limits(self.tape)

    def _notes(self, row: Row) -> list[str]:
        notes = []
        if row.path not in self._used and row.alias_of is None and self.tape.calls:
            notes.append("This module was not called in this run.")
        calls = self._calls(row)
        if len(calls) > MOST_CALLS:
            notes.append(f"Shown are the first {MOST_CALLS} of {len(calls)} calls.")
        most = max((sum(1 for _ in self._tensors_of(call)) for call in calls), default=0)
        if most > MOST_ARRAYS:
            notes.append(f"Shown are the first {MOST_ARRAYS} of {most} tensors of a call.")
        return notes

    # -- as text, SVG, HTML, JSON ------------------------------------------------------------

    def outline(self) -> str:
        """The part of the text that no value changes: the model, its tree and its shapes.

        It is what a notebook keeps, since values after training differ between machines.
        """
        lines = Tree(self.tape, table=self.rows).text().splitlines()
        if len(lines) > MOST_ROWS:
            more = len(lines) - MOST_ROWS
            lines = [*lines[:MOST_ROWS], f"… {more:,} more lines: summary() shows them"]
        head = printable(f"{self.tape.model}: {self.headline}")
        return "\n".join(fit(line, LONGEST) for line in [head, *lines[1:]])

    def text(self) -> str:
        row = self.row(self.selection)
        name = printable(row.path) or "the model"
        chosen = [f"selected: {name}, {printable(row.kind)}({printable(row.extra)})"]
        for one in islice(self._tensors(row), MOST_ARRAYS):
            call = f" #{one.call}" if row.calls > 1 and one.call is not None else ""
            chosen.append(f"  {printable(one.title)}{call}: {tensor_text(one.tensor)}")
        error = self._error()
        tail = [f"failed: {printable(error)}"] if error else []
        return "\n".join([self.outline(), *(fit(line, LONGEST) for line in [*chosen, *tail])])

    def svg(self) -> str:
        row = self.row(self.selection)
        return draw_still(
            title=self.tape.model,
            headline=self.headline,
            table=self.rows,
            selected=row,
            facts=self.facts(row),
            pictures=self.pictures(self.selection),
            error=self._error(),
        )

    def html(self) -> str:
        return self.image(f"Explorer of {printable(self.tape.model)}")

    def json(self) -> dict[str, Any]:
        detail, _ = self.detail(self.selection)
        scene = {name: value for name, value in self.scene().items() if name != "diagram"}
        scene["modules"] = [row.json() for row in self.rows]
        return {"scene": scene, "selection": self.selection, "detail": detail}

    def pictures(self, path: str, budget: int = 2 * BUDGET) -> list[ArrayView]:
        """The pictures of one module's tensors, those that were kept."""
        row = self.row(path)
        views = (self._view(one, row, budget) for one in self._tensors(row))
        return [view for view in views if view is not None]


def tensor_text(tensor: Value | ParameterInfo) -> str:
    """`Tensor(32, 64) float32 x∈[-2.1, 2.6] …` of a tensor on a tape."""
    line = f"Tensor{look.format_shape(tensor.shape)} {tensor.dtype}"
    return line if tensor.stats is None else f"{line} {stats_line(tensor.stats)}"


def _in_the_tree(row: Row) -> dict[str, Any]:
    """What the page's tree says of a module, and what it needs to place and find it."""
    facts = row.json()
    return {name: facts[name] for name in _TREE}


def _facts_only(one: _Seen) -> dict[str, Any]:
    """A card without a picture, for a tensor whose values the tape has not kept."""
    tensor = one.tensor
    facts: dict[str, Any] = {
        "key": one.key,
        "title": one.title,
        "role": one.role,
        "layout": "none",
        "shape": [],
        "full_shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "text": "",
        "index": [],
        "cuts": [],
        "columns": None,
        "prefix": [],
        "signed": False,
        "lo": 0.0,
        "hi": 0.0,
        "limit": 0.0,
        "model_limit": 0.0,
        "limits": [],
        "ranges": [],
        "offset": 0,
        "length": 0,
        "stats": [],
        "histogram": None,
    }
    return facts if tensor.stats is None else facts | stats_facts(tensor.stats)
