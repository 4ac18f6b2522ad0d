"""Two models, or two checkpoints of one: what differs, by how much, and where it begins.

How far two arrays a and b are apart is the relative difference

    ‖b − a‖ / max(‖a‖, ‖b‖)

in float64: 0 for equal arrays, 1 where one of them is zero, at most 2. Where NaN or Inf stand in
different places it is infinite. It divides by what is there, so one tolerance serves weights of
1e-3 and activations of 1e3 alike.

A gradient that cancels, as before a BatchNorm whose output is summed, leaves only rounding: where
two gradients are no further apart than the rounding of the model's largest gradient, their
difference is divided by that one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ..recording.nested import leaves
from ..recording.tape import Call, ModuleInfo, ParameterInfo, Tape
from .modules import signatures

__all__ = ["Delta", "Difference", "Pair", "align", "compare", "relative_difference"]

TOLERANCE = 1e-5
"""What float32 arithmetic in another order may differ by; well below what a changed weight does."""


NOT_KEPT = "its numbers were not kept"

ROUNDINGS = 8
"""So many units of rounding of the largest gradient may be left of one that cancels."""


@dataclass(slots=True)
class Pair:
    """A module of one model beside its counterpart in the other.

    Attributes:
        a, b: their paths; None where there is no counterpart.
        by: "path", "structure" (another path, the same module), or "" for one that is alone.
        changes: what is not the same about the two, as short texts: `Linear → Conv2d`.
    """

    a: str | None
    b: str | None
    by: str
    changes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The path, or both where they differ."""
        if self.a is None or self.b is None or self.a == self.b:
            return self.a if self.a is not None else self.b or ""
        return f"{self.a} → {self.b}"


@dataclass(slots=True)
class Delta:
    """How far two arrays that belong together are apart.

    Attributes:
        label: the parameter's path, or that of the call.
        relative: the relative difference; None where there is none, and `reason` says why: it was
            not kept, or the two are `unlike` in shape, or one of them is missing.
        largest: the largest |b − a|.
        cosine: of the angle between the two as vectors; None where one of them is zero.
        equal: whether all their bits are.
    """

    label: str
    relative: float | None = None
    largest: float = 0.0
    cosine: float | None = None
    equal: bool = False
    reason: str = ""

    @property
    def unlike(self) -> bool:
        """Whether there are no two arrays of one shape to compare."""
        return self.relative is None and self.reason != NOT_KEPT

    def exceeds(self, tolerance: float) -> bool:
        """Whether the two differ by more than that; what was not kept does not."""
        return self.unlike or (self.relative is not None and not self.relative <= tolerance)


@dataclass(slots=True)
class Difference:
    """What `compare` found.

    Attributes:
        parameters: one Delta for each parameter of a pair of modules, buffers too.
        outputs: one for each call of a pair, in the order in which the calls of `a` ended.
        gradients: one for each backward call, in the order in which they came.
        forward, backward: labels of the first calls that differ by more than the tolerance.
    """

    a: str
    b: str
    tolerance: float
    pairs: list[Pair] = field(default_factory=list)
    parameters: list[Delta] = field(default_factory=list)
    outputs: list[Delta] = field(default_factory=list)
    gradients: list[Delta] = field(default_factory=list)
    forward: Delta | None = None
    backward: Delta | None = None

    def parameters_of(self, path: str) -> list[Delta]:
        """The Deltas of a module's own parameters, by its path in `a`."""
        return [delta for delta in self.parameters if delta.label.rpartition(".")[0] == path]

    @property
    def same_structure(self) -> bool:
        """Whether every module and parameter has a counterpart that is like it."""
        return all(pair.by == "path" and not pair.changes for pair in self.pairs) and not any(
            delta.unlike for delta in self.parameters
        )

    @property
    def same(self) -> bool:
        """Whether nothing that could be compared differs by more than the tolerance."""
        deltas = (*self.parameters, *self.outputs, *self.gradients)
        return self.same_structure and not any(d.exceeds(self.tolerance) for d in deltas)


def compare(a: Tape, b: Tape, *, tolerance: float = TOLERANCE) -> Difference:
    """All that differs between two tapes; the first run on each is looked at.

    Arrays that a tape does not have (it was captured without `keep="full"`, or let them go) cannot
    be compared, and the Delta says so.
    """
    pairs = align(a, b)
    found = Difference(a.model, b.model, tolerance, pairs)
    of = {pair.a: pair.b for pair in pairs if pair.a is not None and pair.b is not None}
    for path, other in of.items():
        found.parameters += _parameter_deltas(a.modules[path], b.modules[other])
    found.outputs = list(_call_deltas(a, b, of, "forward"))
    found.gradients = list(_call_deltas(a, b, of, "backward"))
    found.forward = _first(found.outputs, tolerance)
    found.backward = _first(found.gradients, tolerance)
    return found


def _first(deltas: list[Delta], tolerance: float) -> Delta | None:
    """The first that differs, as far inside as it can be said: not a block whose layer it is."""
    apart = [delta for delta in deltas if delta.exceeds(tolerance)]
    first = apart[0] if apart else None
    for delta in apart[1:]:
        if first is not None and _is_inside(delta.label, first.label):
            first = delta
    return first


def _is_inside(label: str, other: str) -> bool:
    path, around = label.partition("#")[0], other.partition("#")[0]
    return path.startswith(f"{around}.")


# -- structure -------------------------------------------------------------------------------


def align(a: Tape, b: Tape) -> list[Pair]:
    """The modules of `a` beside those of `b`, in the order of `a`; those of `b` alone come last.

    At the same path stands the same module if class and parameters agree. What is left over is
    looked for by structure, so that a layer put in between does not set all later ones against
    each other, and only then paired with what stands at its path. It is linear in the number of
    modules.
    """
    of = {p: p for p, info in a.modules.items() if p in b.modules and _alike(info, b.modules[p])}
    numbers, others = signatures(a, b)
    waiting: dict[int, list[str]] = {}
    for path in reversed(b.modules):
        if path not in of:
            waiting.setdefault(others[path], []).append(path)
    for path in a.modules:
        if path not in of and waiting.get(numbers[path]):
            of[path] = waiting[numbers[path]].pop()
    taken = set(of.values())
    for path in a.modules:
        if path not in of and path in b.modules and path not in taken:
            of[path] = path
            taken.add(path)
    pairs = [_pair(path, of.get(path), a, b) for path in a.modules]
    return pairs + [Pair(None, path, "") for path in b.modules if path not in taken]


def _alike(a: ModuleInfo, b: ModuleInfo) -> bool:
    # A checkpoint does not say what class a module has, nor what of it is a buffer.
    if not a.kind or not b.kind:
        return True
    return a.kind == b.kind and [p.shape for p in a.parameters] == [p.shape for p in b.parameters]


def _pair(path: str, other: str | None, a: Tape, b: Tape) -> Pair:
    if other is None:
        return Pair(path, None, "")
    changes = _changes(a.modules[path], b.modules[other])
    return Pair(path, other, "path" if path == other else "structure", changes)


def _changes(a: ModuleInfo, b: ModuleInfo) -> tuple[str, ...]:
    changes = []
    if not a.kind or not b.kind:
        return ("other parameters",) if any(d.unlike for d in _parameter_deltas(a, b)) else ()
    if a.kind != b.kind:
        changes.append(f"{a.kind} → {b.kind}")
    elif a.extra != b.extra:
        changes.append(_changed_settings(a.extra, b.extra))
    if a.training != b.training:
        modes = {True: "train", False: "eval"}
        changes.append(f"{modes[a.training]} → {modes[b.training]}")
    if (a.alias_of is None) != (b.alias_of is None):
        changes.append("shared in one of them only")
    return tuple(changes)


def _changed_settings(a: str, b: str) -> str:
    """Only the settings that differ: `out_features=2 → out_features=5`."""
    one, two = a.split(", "), b.split(", ")
    left = ", ".join(each for each in one if each not in two)
    right = ", ".join(each for each in two if each not in one)
    return f"{left or '–'} → {right or '–'}"


# -- numbers ---------------------------------------------------------------------------------


def relative_difference(a: np.ndarray, b: np.ndarray) -> float:
    """‖b − a‖ / max(‖a‖, ‖b‖); infinite where NaN or Inf stand in different places.

    >>> relative_difference(np.ones(4), np.ones(4)), relative_difference(np.ones(4), np.zeros(4))
    (0.0, 1.0)
    """
    return _delta("", a, b).relative or 0.0


def _delta(label: str, a: np.ndarray, b: np.ndarray, largest_of_all: float = 0.0) -> Delta:
    if a.shape != b.shape:
        return Delta(label, reason=f"{a.shape} → {b.shape}")
    equal = a.dtype == b.dtype and a.tobytes() == b.tobytes()
    x, y = (each.astype(np.float64).ravel() for each in (a, b))
    fit = np.isfinite(x) & np.isfinite(y)
    if not fit.all():
        # NaN is NaN here: two models that fail alike do not differ.
        if not np.array_equal(x[~fit], y[~fit], equal_nan=True):
            return Delta(label, math.inf, math.inf)
        x, y = x[fit], y[fit]
    # Dividing by the largest magnitude keeps the squares of very large and small numbers.
    scale = max(np.abs(x).max(initial=0.0), np.abs(y).max(initial=0.0)) or 1.0
    x, y = x / scale, y / scale
    apart = y - x
    sizes = float(np.sqrt(x @ x)), float(np.sqrt(y @ y))
    largest = float(np.abs(apart).max(initial=0.0)) * scale
    length = float(np.sqrt(apart @ apart))
    relative = length / (max(sizes) or 1.0)
    both = sizes[0] * sizes[1]
    cosine = float(np.clip((x @ y) / both, -1, 1)) if both else None
    if length * scale <= ROUNDINGS * _epsilon(a, b) * largest_of_all:
        relative = length * scale / largest_of_all if length else 0.0
    return Delta(label, relative, largest, cosine, equal)


def _epsilon(*arrays: np.ndarray) -> float:
    """The unit of rounding of the coarser type."""
    kinds = [each.dtype for each in arrays if each.dtype.kind == "f"]
    return max((float(np.finfo(kind).eps) for kind in kinds), default=0.0)


def _parameter_deltas(a: ModuleInfo, b: ModuleInfo) -> Iterator[Delta]:
    if a.alias_of is not None or b.alias_of is not None:
        return  # its parameters stand at its first place; a checkpoint has them at each
    others = {_name(each): each for each in (*b.parameters, *b.buffers)}
    for info in (*a.parameters, *a.buffers):
        other = others.pop(_name(info), None)
        if other is None:
            if b.kind or not _is_one_of(info, a.buffers):  # a checkpoint does not have them all
                yield Delta(info.path, reason="only in the first")
        elif info.shape != other.shape:
            yield Delta(info.path, reason=f"{info.shape} → {other.shape}")
        elif info.array is None or other.array is None:
            yield Delta(info.path, reason=NOT_KEPT)
        else:
            yield _delta(info.path, info.array, other.array)
    prefix = f"{a.path}." if a.path else ""
    for name, info in others.items():
        if a.kind or not _is_one_of(info, b.buffers):
            yield Delta(prefix + name, reason="only in the second")


def _is_one_of(info: ParameterInfo, buffers: tuple[ParameterInfo, ...]) -> bool:
    return any(info is each for each in buffers)


def _name(info: ParameterInfo) -> str:
    return info.path.rpartition(".")[2]


def _call_deltas(a: Tape, b: Tape, of: dict[str, str], phase: str) -> Iterator[Delta]:
    """One Delta for each call that both made: the worst of the tensors that came out of it."""
    others = {(call.path, call.number): call for call in _first_run(b, phase)}
    largest = _largest_gradient(a, b) if phase == "backward" else 0.0
    for call in sorted(_first_run(a, phase), key=lambda call: call.ended):
        other = others.get((of.get(call.path, ""), call.number))
        if call.path in of and other is not None:
            found = _worst(call, a, other, b, largest)
            if found is not None:
                yield found


def _first_run(tape: Tape, phase: str) -> Iterator[Call]:
    return (call for call in tape.calls if call.phase == phase and call.step == 0)


def _largest_gradient(*tapes: Tape) -> float:
    """The largest norm of a gradient that any call gave out, where it is a number."""
    arrays = (
        value.array
        for tape in tapes
        for call in _first_run(tape, "backward")
        for value in _given_out(call, tape)
        if value.array is not None
    )
    with np.errstate(over="ignore"):
        norms = [float(np.linalg.norm(array)) for array in arrays]
    return max(filter(math.isfinite, norms), default=0.0)


def _worst(call: Call, a: Tape, other: Call, b: Tape, largest: float) -> Delta | None:
    """The largest difference among the outputs; in backward these are gradients of inputs."""
    pairs = list(zip(_given_out(call, a), _given_out(other, b)))
    worst: Delta | None = None
    for one, two in pairs:
        if one.shape != two.shape:
            return Delta(call.label, reason=f"{one.shape} → {two.shape}")
        if one.array is None or two.array is None:
            return Delta(call.label, reason=NOT_KEPT)
        found = _delta(call.label, one.array, two.array, largest)
        if worst is None or (found.relative or 0.0) > (worst.relative or 0.0):
            worst = found
    return worst


def _given_out(call: Call, tape: Tape) -> list:
    """What a call computed: its outputs, and in backward the gradients of its parameters too."""
    values = [tape.values[ref] for ref in leaves(call.outputs)]
    if call.phase == "backward":
        info = tape.modules[call.path]
        values += [tape.values[p.gradient] for p in info.parameters if p.gradient is not None]
    return values
