"""How a tensor of a module changes from step to step, as statistics."""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import numpy as np

from ..recording.statistics import Stats
from ..recording.tape import Tape

__all__ = ["History", "counts_between", "history_of"]


@dataclass(frozen=True, slots=True)
class History:
    """Statistics of one tensor at steps.

    Attributes:
        title: "conv1 output".
        role: "activation", "weight" or "gradient".
        steps: numbers of the model's runs, ascending.
        stats: one a step.
    """

    title: str
    role: str
    steps: list[int]
    stats: list[Stats]

    def grouped(self, most: int) -> History:
        """At most so many entries: neighbouring steps are merged and stand at their first."""
        count = len(self.steps)
        if count <= most:
            return self
        edges = np.linspace(0, count, most + 1).astype(int)
        merged = [_merged(self.stats[a:b]) for a, b in itertools.pairwise(edges)]
        return History(self.title, self.role, [self.steps[a] for a in edges[:-1]], merged)

    @property
    def whole(self) -> Stats:
        """The statistics of all steps together."""
        return _merged(self.stats)


def history_of(tape: Tape, path: str, of: str = "output") -> History:
    """The statistics of a module's tensor over all runs on a tape.

    Args:
        path: the module's.
        of: "output", "input", "gradient" (of the output), a parameter such as "weight", or
            "weight.gradient". All calls and tensors of a step are taken together.

    Raises:
        KeyError: there is no such module or parameter.
        ValueError: there are no statistics of it.
    """
    info = tape.modules.get(path)
    if info is None:
        known = ", ".join(list(tape.modules)[1:7]) or "none"
        raise KeyError(f"there is no module {path!r} in {tape.model}: it has {known}")
    if info.alias_of is not None:
        path, info = info.alias_of, tape.modules[info.alias_of]
    if of in ("output", "input", "gradient"):
        found = _of_calls(tape, path, of)
        role = "gradient" if of == "gradient" else "activation"
    else:
        name, _, rest = of.partition(".")
        held = {one.path.rpartition(".")[2]: one for one in info.parameters}
        if name not in held:
            known = ", ".join(("output", "input", "gradient", *held))
            raise KeyError(f"{path or tape.model} has no {of!r}: expected one of {known}")
        role = "gradient" if rest else "weight"
        found = _of_parameter(tape, held[name].path, role)
        first = held[name].stats
        if role == "weight" and first is not None:
            found.setdefault(0, first)
    title = f"{path or tape.model} {of.replace('.', ' ')}"
    if not found:
        hint = " with gradients=True" if role == "gradient" else ' with keep="statistics" or more'
        raise ValueError(f"there are no statistics of {title} on this tape: capture{hint}")
    return History(title, role, sorted(found), [found[step] for step in sorted(found)])


def _of_calls(tape: Tape, path: str, of: str) -> dict[int, Stats]:
    found: dict[int, Stats] = {}
    for call in tape.calls_of(path):
        for value in tape.refs(call.inputs if of == "input" else call.outputs):
            if of == "gradient":
                if value.gradient is None:
                    continue
                value = tape.values[value.gradient]
            if value.stats is not None:
                known = found.get(call.step)
                found[call.step] = value.stats if known is None else known.merge(value.stats)
    return found


def _of_parameter(tape: Tape, path: str, role: str) -> dict[int, Stats]:
    """Statistics by step; of several gradients of one step the last, into which all were added."""
    origin = f"{'gradient' if role == 'gradient' else 'parameter'}:{path}"
    runs = [call for call in tape.calls if call.phase == "forward" and call.parent is None]
    # Values are numbered as they are seen: weights before what a run returns, gradients after.
    returned = [max((v.id for v in tape.refs(call.outputs)), default=0) for call in runs]
    found: dict[int, Stats] = {}
    for value in tape.values:
        if value.origin != origin or value.stats is None or not runs:
            continue
        if role == "gradient":
            at = max(0, bisect_right(returned, value.id) - 1)
        else:
            at = min(len(runs) - 1, bisect_left(returned, value.id))
        found[runs[at].step] = value.stats
    return found


def _merged(stats: list[Stats]) -> Stats:
    whole = stats[0]
    for one in stats[1:]:
        whole = whole.merge(one)
    return whole


def counts_between(stats: Stats, edges: np.ndarray) -> np.ndarray:
    """How many of the values seen lie between each pair of edges; a cell is shared out evenly.

    >>> from clownviz.recording.statistics import statistics
    >>> counts_between(statistics(np.array([0.1, 0.2, 5.0])), np.array([0.0, 1.0, 10.0])).tolist()
    [2.0, 1.0]
    """
    if not stats.seen:
        return np.zeros(len(edges) - 1)
    borders = np.stack(stats.bounds(), axis=1).ravel()
    above = np.cumsum(stats.counts)
    below = np.stack([above - stats.counts, above], axis=1).ravel().astype(np.float64)
    # A value on an edge belongs to the bin above it, and the last edge to the last bin.
    inner = np.interp(edges, borders, below, left=0.0, right=float(stats.seen))
    inner[edges <= stats.min] = 0.0
    return np.diff(inner)
