"""Random programs of views and changes in place, as stories that both libraries can be told.

A program is a list of steps, each a name and three small numbers. The numbers choose a tensor
of the pool, a second one and a variant, modulo what there is, so that every list is a program.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, NamedTuple

from hypothesis import strategies as st
from support.stories import Log, numbers

VIEWS: dict[str, Callable[[Any, int], Any]] = {
    "index": lambda x, k: x[k % x.shape[0]],
    "column": lambda x, k: x[..., k % x.shape[-1]],
    "slice": lambda x, k: x[k % 2 :],
    "stride": lambda x, k: x[..., ::2],
    "everything": lambda x, k: x[...],
    "select": lambda x, k: x.select(k % x.dim(), 0),
    "narrow": lambda x, k: x.narrow(k % x.dim(), 0, 1),
    "transpose": lambda x, k: x.transpose(0, k % x.dim()),
    "T": lambda x, k: x.T if x.dim() == 2 else x.t(),
    "permute": lambda x, k: x.permute(*reversed(range(x.dim()))),
    "reshape": lambda x, k: x.reshape(-1),
    "view": lambda x, k: x.view(-1),
    "view_as": lambda x, k: x.view_as(x),
    "flatten": lambda x, k: x.flatten() if x.dim() > 1 else x.view_as(x),
    "expand": lambda x, k: x.unsqueeze(0).expand(1 + k % 2, *x.shape),
    "squeeze": lambda x, k: x.squeeze(),
    "unsqueeze": lambda x, k: x.unsqueeze(k % (x.dim() + 1)),
    "unbind": lambda x, k: x.unbind(k % x.dim())[0],
    "split": lambda x, k: x.split(1, k % x.dim())[0],
    "chunk": lambda x, k: x.chunk(2)[-1],
    "iterate": lambda x, k: next(iter(x)),
    "diagonal": lambda x, k: x.diagonal(),
    "unfold": lambda x, k: x.unfold(k % x.dim(), 1 + k % 2, 2),
    "detach": lambda x, k: x.detach(),
    "data": lambda x, k: x.data,
    "contiguous": lambda x, k: x.contiguous(),
}
RESULTS: dict[str, Callable[[Any, int], Any]] = {
    "double": lambda x, k: x * 2,
    "square": lambda x, k: x * x,
    "tanh": lambda x, k: x.tanh(),
    "sin": lambda x, k: x.sin(),
    "relu": lambda x, k: x.relu(),
    "sum": lambda x, k: x.sum(),
    "clone": lambda x, k: x.clone(),
    "rows": lambda x, k: x[[0, 0]],
    "max": lambda x, k: x.max(k % x.dim())[0],
    "softmax": lambda x, k: x.softmax(-1),
}
PAIRS: dict[str, Callable[[Any, Any, int], Any]] = {
    "plus": lambda x, y, k: x + y,
    "times": lambda x, y, k: x * y,
}
WRITES: dict[str, Callable[[Any, int], Any]] = {
    "add number": lambda x, k: x.add_(0.5),
    "halve": lambda x, k: x.mul_(0.5),
    "times itself": lambda x, k: x.mul_(x),
    "fill": lambda x, k: x.fill_(k / 4),
    "zero": lambda x, k: x.zero_(),
    "relu_": lambda x, k: x.relu_(),
    "tanh_": lambda x, k: x.tanh_(),
    "sigmoid_": lambda x, k: x.sigmoid_(),
    "neg_": lambda x, k: x.neg_(),
    "clamp_": lambda x, k: x.clamp_(-0.5, 0.5),
    "mask": lambda x, k: x.masked_fill_(x > 0, 0.25),
    "set row": lambda x, k: x.__setitem__(k % x.shape[0], 0.75),
    "set rows": lambda x, k: x.__setitem__([0], 0.75),
    "set mask": lambda x, k: x.__setitem__(x > 0, -0.25),
    "set first": lambda x, k: x.__setitem__((Ellipsis, 0), x.sum()),
    "data": lambda x, k: x.data.mul_(0.5),
    "detached": lambda x, k: x.detach().add_(0.25),
    "wants": lambda x, k: x.requires_grad_(),
}
PAIR_WRITES: dict[str, Callable[[Any, Any, int], Any]] = {
    "add_": lambda x, y, k: x.add_(y),
    "sub_": lambda x, y, k: x.sub_(y, alpha=2),
    "mul_": lambda x, y, k: x.mul_(y),
    "copy_": lambda x, y, k: x.copy_(y),
    "set all": lambda x, y, k: x.__setitem__(Ellipsis, y),
    "set part": lambda x, y, k: x.__setitem__(slice(0, 1), y[:1]),
    "iadd": lambda x, y, k: x.__iadd__(y),
    "where": lambda x, y, k: x.masked_fill_(y > 0, 0.5),
}


class Step(NamedTuple):
    """One line of a program."""

    name: str
    target: int
    other: int
    variant: int
    mode: str


class Entry(NamedTuple):
    """A tensor of the pool, and the number of the memory it may share with others."""

    tensor: Any
    memory: int


def steps() -> st.SearchStrategy[Step]:
    """Any step; changes in place and views are drawn more often than the rest."""
    names = st.one_of(
        st.sampled_from(["view " + name for name in VIEWS]),
        st.sampled_from(["write " + name for name in WRITES]),
        st.sampled_from(["pair-write " + name for name in PAIR_WRITES]),
        st.sampled_from(["result " + name for name in RESULTS]),
        st.sampled_from(["pair " + name for name in PAIRS]),
        st.sampled_from(["hook", "retain", "backward"]),
    )
    small = st.integers(0, 11)
    modes = st.sampled_from(["grad"] * 8 + ["no_grad"])
    return st.builds(Step, names, small, small, st.integers(0, 3), modes)


def program_of(plan: list[Step]) -> Callable[[Any, Log], None]:
    """The plan as a story: every step, what it left of every tensor, and the gradients."""

    def tell(library: Any, log: Log) -> None:
        machine = Machine(library, log)
        for number, step in enumerate(plan):
            machine.take(number, step)
        machine.finish()

    return tell


class Machine:
    """One library running a program."""

    def __init__(self, library: Any, log: Log) -> None:
        self.library, self.log = library, log
        self.leaves = [
            numbers(library, 2, 3, requires_grad=True),
            numbers(library, 2, 2, requires_grad=True),
            numbers(library, 2, 3),
        ]
        scaled = self.leaves[0] * 2
        self.pool = [Entry(each, at) for at, each in enumerate([*self.leaves, scaled])]
        self.memories = len(self.pool)

    def take(self, number: int, step: Step) -> None:
        kind, _, name = step.name.partition(" ")
        entry = self.pool[step.target % len(self.pool)]
        self.log(number, step.name)
        quiet = self.library.no_grad if step.mode == "no_grad" else nullcontext
        with quiet():
            made = self.log.attempt(lambda: self._do(number, kind, name, entry, step))
        if made is not None and len(self.pool) < 12:
            shares = kind in ("view", "write", "pair-write")
            self.memories += 1
            self.pool.append(Entry(made, entry.memory if shares else self.memories))
        for at, each in enumerate(self.pool):
            self._note(at, each.tensor)

    def _do(self, number: int, kind: str, name: str, entry: Entry, step: Step) -> Any:
        x, k = entry.tensor, step.variant
        if kind == "view":
            return self._distinct(VIEWS[name](x, k))
        if kind == "result":
            return RESULTS[name](x, k)
        if kind == "write":
            WRITES[name](x, k)
        elif kind == "hook":
            x.register_hook(lambda g: self.log("hook", number, g))
        elif kind == "retain":
            x.retain_grad()
        elif kind == "backward":
            x.sum().backward(retain_graph=True)
        else:
            y = self._partner(entry, step)
            if kind == "pair":
                return PAIRS[name](x, y, k)
            PAIR_WRITES[name](x, y, k)
        return None

    def _distinct(self, x: Any) -> Any:
        """Both refuse to change what expand() repeats; how views of it are refused differs."""
        if not any(step == 0 and size > 1 for step, size in zip(x.stride(), x.shape, strict=True)):
            return x
        self.log.attempt(lambda: x.neg_())
        return x * 1

    def _partner(self, entry: Entry, step: Step) -> Any:
        """Another tensor that fits; a copy where it may overlap with what is written."""
        x, (other, memory) = entry.tensor, self.pool[step.other % len(self.pool)]
        if other.shape != x.shape and (other.numel() != 1 or other.dim() > x.dim()):
            return x.detach() * 0.5
        return other * 1 if memory == entry.memory else other

    def _note(self, at: int, x: Any) -> None:
        def facts() -> None:
            self.log(at, x.detach().clone(), x._version)
            self.log(x.requires_grad, x.is_leaf, x.grad_fn is None, x.retains_grad)

        self.log.attempt(facts)

    def finish(self) -> None:
        """Walk back from every tensor alone, then from all together."""
        for at, (x, _) in enumerate(self.pool):
            self.log("from", at)
            self.log.attempt(lambda x=x: (x * x).sum().backward(retain_graph=True))
            self._note_gradients()

    def _note_gradients(self) -> None:
        def gradient_of(x: Any) -> Any:
            return x.grad if x.is_leaf or x.retains_grad else "not kept"

        for at, (x, _) in enumerate(self.pool):
            self.log(at, self.log.attempt(lambda x=x: gradient_of(x)))
