"""The model's tree as rows of facts: shapes, unique parameters, ties, repeated blocks, cost.

Every function is linear in the number of modules and walks no recursion, so a chain of 100,000
modules is a table like any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

from ..recording.tape import Call, ParameterInfo, Tape
from .cost import activations, own_cost
from .expected import mismatch
from .receptive_field import Field, receptive_fields

__all__ = ["Repeat", "Row", "Totals", "repeats", "rows", "signatures", "totals"]

LONGEST_PERIOD = 4
FEWEST_LEAVES = 4


@dataclass(slots=True)
class Repeat:
    """A run of equal blocks among the children of one module.

    Attributes:
        first: the paths of the first block; more than one where a group repeats, such as
            (Linear, ReLU).
        count: how often it stands there.
        members: all paths, block by block.
    """

    first: tuple[str, ...]
    count: int
    members: tuple[str, ...]

    @property
    def span(self) -> str:
        """`0…5`: the names from the first to the last."""
        first, last = self.members[0], self.members[-1]
        return f"{first.rpartition('.')[2]}…{last.rpartition('.')[2]}"


@dataclass(slots=True)
class Row:
    """The facts of one module at one place of the tree.

    Attributes:
        error: what its call raised; only "✗" on the modules around it, and on one whose caller
            went on.
        mismatch: of the call that ended the run, the shape that it expected and the one it got.
        params, trainable, bytes: unique parameters in the module and below it.
        own: parameters of the module itself that no earlier row has counted. Over all rows
            they add up to the model's total, as all that is called own does.
        macs: multiply-adds of one run, of the module and below it; `own_macs` of itself.
        own_moved: bytes that its own operations read and write in one run.
        own_activations: bytes that it is the first to return in one run.
        field: the receptive field of its first output, where there is one.
        input, output: the shapes of its first call; empty if it was not called.
        calls: how often one run calls it.
        tied: the paths of parameters elsewhere that are the same tensors as its own.
        repeat: on the first module of a run of equal ones.
        like: on the others of such a run, the path of the module that they equal.
    """

    path: str
    name: str
    kind: str
    family: str
    extra: str
    depth: int
    leaf: bool
    parent: str | None
    children: tuple[str, ...]
    params: int = 0
    trainable: int = 0
    bytes: int = 0
    buffers: int = 0
    own: int = 0
    own_trainable: int = 0
    own_bytes: int = 0
    macs: int = 0
    own_macs: int = 0
    own_moved: int = 0
    own_activations: int = 0
    field: Field | None = None
    input: str = ""
    output: str = ""
    calls: int = 0
    seconds: float = 0.0
    tied: tuple[str, ...] = ()
    alias_of: str | None = None
    repeat: Repeat | None = None
    like: str | None = None
    error: str | None = None
    mismatch: str = ""

    def json(self) -> dict[str, Any]:
        """The row as the page reads it; nothing in it differs from run to run."""
        repeat = self.repeat
        return {
            "path": self.path,
            "name": self.name or self.kind,
            "kind": self.kind,
            "family": self.family,
            "extra": self.extra,
            "depth": self.depth,
            "params": self.params,
            "trainable": self.trainable,
            "own": self.own,
            "bytes": self.bytes,
            "buffers": self.buffers,
            "macs": self.macs,
            "moved": self.own_moved,
            "activations": self.own_activations,
            "field": None if self.field is None else asdict(self.field),
            "input": self.input,
            "output": self.output,
            "calls": self.calls,
            "tied": list(self.tied),
            "alias_of": self.alias_of,
            "like": self.like,
            "error": self.error,
            "mismatch": self.mismatch,
            "repeat": None
            if repeat is None
            else {"count": repeat.count, "first": list(repeat.first), "span": repeat.span},
        }


def rows(tape: Tape, step: int = 0) -> list[Row]:
    """One row for every module, parents before children, in order of registration."""
    table: dict[str, Row] = {}
    for info in tape.modules.values():
        parent = _parent(info.path)
        table[info.path] = Row(
            path=info.path,
            name=info.name,
            kind=info.kind,
            family=info.family,
            extra=info.extra,
            depth=0 if parent is None else table[parent].depth + 1,
            leaf=not info.children,
            parent=parent,
            children=info.children,
            alias_of=info.alias_of,
        )
    places = _places(tape)
    _add_calls(table, tape, step)
    _add_parameters(table, tape, places)
    _add_cost(table, tape, step)
    for row in reversed(table.values()):
        if row.parent is not None:
            above = table[row.parent]
            above.params += row.params
            above.trainable += row.trainable
            above.bytes += row.bytes
            above.buffers += row.buffers
            above.macs += row.macs
    _count_ties_once(table, tape, places)
    for repeat in repeats(tape, table):
        period = len(repeat.first)
        for place, path in enumerate(repeat.members):
            if place >= period:
                table[path].like = repeat.first[place % period]
        table[repeat.first[0]].repeat = repeat
    return list(table.values())


def _parent(path: str) -> str | None:
    return path.rpartition(".")[0] if path else None


def _add_calls(table: dict[str, Row], tape: Tape, step: int) -> None:
    failed = tape.failed
    for call in tape.forward_calls(step):
        row = table.get(call.path)
        if row is None:
            continue
        if row.calls == 0:
            row.input, row.output = tape.shapes(call.inputs), _output(tape, call)
        row.calls += 1
        row.seconds += call.seconds
        if call.error is not None:
            row.error = call.error if call is failed else "✗"
            row.mismatch = mismatch(tape) if call is failed else row.mismatch


def _add_cost(table: dict[str, Row], tape: Tape, step: int) -> None:
    for path, (macs, moved) in own_cost(tape, step).items():
        if path in table:
            table[path].own_macs = table[path].macs = macs
            table[path].own_moved = moved
    for path, size in activations(tape, step).items():
        if path in table:
            table[path].own_activations = size
    for path, seen in receptive_fields(tape, step).items():
        if path in table:
            table[path].field = seen


def _output(tape: Tape, call: Call) -> str:
    if call.error is not None:
        return ""
    return tape.shapes(call.outputs)


def _add_parameters(table: dict[str, Row], tape: Tape, places: dict[int, list[str]]) -> None:
    counted: set[int] = set()
    for info in tape.modules.values():
        row = table[info.path]
        here: set[int] = set()
        for parameter in info.parameters:
            together = places[parameter.id]
            if len(together) > 1:
                others = [path for path in together if path not in (parameter.path, *row.tied)]
                row.tied += tuple(others)
            if parameter.id in here:
                continue
            here.add(parameter.id)
            count = parameter.count
            trainable = count if parameter.trainable else 0
            row.params += count
            row.bytes += parameter.bytes
            row.trainable += trainable
            if parameter.id not in counted:
                counted.add(parameter.id)
                row.own += count
                row.own_bytes += parameter.bytes
                row.own_trainable += trainable
        row.buffers = sum(buffer.bytes for buffer in info.buffers)


def _places(tape: Tape) -> dict[int, list[str]]:
    places: dict[int, list[str]] = {}
    for info in tape.modules.values():
        for parameter in info.parameters:
            places.setdefault(parameter.id, []).append(parameter.path)
    return places


def _count_ties_once(
    table: dict[str, Row], tape: Tape, places: dict[int, list[str]]
) -> None:
    """Take a tied parameter's further places out of the sums of the modules that hold several.

    Two places have been added up in every module above both of them, which are the modules
    from their lowest common ancestor upwards.
    """
    tied = {number: paths for number, paths in places.items() if len(paths) > 1}
    infos = {
        p.id: p for info in tape.modules.values() for p in info.parameters if p.id in tied
    }
    for number, paths in tied.items():
        modules = list(dict.fromkeys(_parent(path) or "" for path in paths))
        for earlier, later in pairwise(modules):
            common: str | None = _common(earlier, later)
            while common is not None:
                _subtract(table[common], infos[number])
                common = _parent(common)


def _subtract(row: Row, parameter: ParameterInfo) -> None:
    row.params -= parameter.count
    row.bytes -= parameter.bytes
    row.trainable -= parameter.count if parameter.trainable else 0


def _common(a: str, b: str) -> str:
    """The lowest common ancestor of two paths; a module is an ancestor of itself."""
    shared: list[str] = []
    for left, right in zip(a.split("."), b.split(".")):
        if left != right:
            break
        shared.append(left)
    return ".".join(shared)


# -- repeated blocks -------------------------------------------------------------------------


def repeats(tape: Tape, table: dict[str, Row] | None = None) -> list[Repeat]:
    """Runs of equal siblings, found by structure: class, settings, parameters, and all below.

    Blocks whose first calls saw different shapes are not equal, and siblings with names of their
    own (`query`, `key`) are not repetitions. A run of single modules counts from four on, one of
    blocks from two on; groups of up to four siblings are recognized too.
    """
    (numbers,) = signatures(tape)
    if table is not None:
        shapes = [(table[path].input, table[path].output, table[path].calls) for path in table]
    else:
        shapes = [("", "", 0)] * len(tape.modules)
    codes: dict[Any, int] = {}
    seen: dict[str, int] = {}
    for path, shape in zip(tape.modules, shapes):
        seen[path] = codes.setdefault((numbers[path], shape), len(codes))
    found: list[Repeat] = []
    for info in tape.modules.values():
        found += _runs(info.children, [seen[path] for path in info.children], tape)
    return found


def signatures(*tapes: Tape) -> list[dict[str, int]]:
    """A number for each module of each tape; equal numbers mean equal structure."""
    numbers: dict[Any, int] = {}
    found = []
    for tape in tapes:
        of_path: dict[str, int] = {}
        for info in reversed(tape.modules.values()):
            key = (
                info.kind,
                info.extra,
                info.alias_of,
                tuple(_shape_of(p) for p in info.parameters),
                tuple((tape.modules[path].name, of_path[path]) for path in info.children),
            )
            of_path[info.path] = numbers.setdefault(key, len(numbers))
        found.append(of_path)
    return found


def _shape_of(parameter: ParameterInfo) -> tuple[str, tuple[int, ...], str, bool]:
    name = parameter.path.rpartition(".")[2]
    return name, parameter.shape, parameter.dtype, parameter.trainable


def _runs(paths: tuple[str, ...], codes: list[int], tape: Tape) -> list[Repeat]:
    found: list[Repeat] = []
    at = 0
    while at < len(paths):
        period, count = _longest_run(codes, at)
        blocks = any(tape.modules[path].children for path in paths[at : at + period])
        members = paths[at : at + period * count]
        if count >= (2 if blocks else FEWEST_LEAVES) and _numbered(members):
            found.append(Repeat(members[:period], count, members))
            at += period * count
        else:
            at += 1
    return found


def _numbered(members: tuple[str, ...]) -> bool:
    """Whether names are numbers, or one word with numbers: `q`, `k`, `v` are not repetitions."""
    stems = {path.rpartition(".")[2].rstrip("0123456789") for path in members}
    return len(stems) == 1 and members[0][-1].isdigit()


def _longest_run(codes: list[int], at: int) -> tuple[int, int]:
    """The period and count of the run that begins here and covers most siblings."""
    best = (1, 1)
    for period in range(1, LONGEST_PERIOD + 1):
        end = at + period
        while end < len(codes) and codes[end] == codes[end - period]:
            end += 1
        count = (end - at) // period
        if count > 1 and count * period > best[0] * best[1]:
            best = (period, count)
    return best


# -- the whole -------------------------------------------------------------------------------


@dataclass(slots=True)
class Totals:
    """The model as a whole."""

    params: int = 0
    trainable: int = 0
    param_bytes: int = 0
    buffer_bytes: int = 0
    macs: int = 0
    tied: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def frozen(self) -> int:
        """Parameters that are not trained."""
        return self.params - self.trainable


def totals(tape: Tape, table: Iterable[Row]) -> Totals:
    """Sums over the whole model, and the groups of tied parameters."""
    root = next(iter(table))
    tied = [tuple(paths) for paths in _places(tape).values() if len(paths) > 1]
    return Totals(root.params, root.trainable, root.bytes, root.buffers, root.macs, tied)
