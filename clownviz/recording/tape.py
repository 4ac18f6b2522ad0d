"""The tape: everything a view may know of a model and its runs, as NumPy, numbers and strings.

Capture writes it, analysis reads it, and neither tensors nor modules are on it, so a tape
outlives its model, can be saved, and looks the same whichever framework the model came from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from .nested import Nested, Ref, leaves, text_of
from .statistics import Stats

__all__ = [
    "ABSENT",
    "FAMILIES",
    "AttentionWeights",
    "Call",
    "ModuleInfo",
    "Operation",
    "ParameterInfo",
    "Ref",
    "Stats",
    "Step",
    "Tape",
    "Unregistered",
    "Update",
    "Value",
]

ABSENT = -1.0
"""Stands for a norm where there was no gradient: a norm is never negative, and NaN is a finding."""

FAMILIES = (
    "linear",
    "convolution",
    "normalization",
    "activation",
    "attention",
    "pooling",
    "embedding",
    "recurrent",
    "container",
    "loss",
    "dropout",
    "reshape",
    "other",
)


@dataclass(slots=True)
class Value:
    """One tensor as it was seen. The same id is the same tensor at the same version.

    Attributes:
        array: a copy, if `keep` asked for one; of a part of the tensor under `keep="sample"`.
        part: which part of the tensor `array` is: "" for the whole, else "batch 0", "batch 0,
            every 4th position", …
        gradient: the id of the Value of its gradient.
        origin: where a tensor that no recorded operation made came from: `parameter:<path>`,
            `buffer:<path>`, `gradient:<path>` of the parameter that it was added to, or nothing.
        requires_grad: whether a backward from what was made of it could reach it.
    """

    id: int
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    stats: Stats | None = None
    array: np.ndarray | None = None
    gradient: int | None = None
    origin: str = ""
    part: str = ""
    requires_grad: bool = False


@dataclass(slots=True)
class Call:
    """One call of one module.

    Attributes:
        index: its place in `Tape.calls`.
        number: 1 for the first call of this module within one run of the model, then 2, …
        phase: "forward" or "backward". A backward call takes the gradients of the outputs as
            its inputs and has the gradients of the inputs as its outputs.
        parent: index of the call that made this call.
        inputs: a dict by argument name.
        parameters: paths of the parameters that its own operations read; of a run whose
            operations were not looked at, those that the last such call read.
        error: what it raised, "ValueError: …".
        step: which run of the model this belongs to, counted from 0.
        training: whether the module was in training mode, of the outermost call of a run.
        began, ended: the time of both events on the tape's clock, which counts events.
    """

    index: int
    path: str
    number: int
    kind: str
    phase: str = "forward"
    parent: int | None = None
    inputs: Nested = ()
    outputs: Nested = ()
    seconds: float = 0.0
    parameters: tuple[str, ...] = ()
    error: str | None = None
    step: int = 0
    training: bool | None = None
    began: int = 0
    ended: int = 0

    @property
    def label(self) -> str:
        """`block.0.attn#2`: the path, and the number from the second call on."""
        name = self.path or self.kind
        return name if self.number == 1 else f"{name}#{self.number}"


@dataclass(slots=True)
class Operation:
    """One operation, inside a module or between modules.

    Attributes:
        call: index of the innermost call that ran it; None outside of the model.
        inputs, outputs: ids of Values. An operation in place has its tensor in both, as two
            versions; one on a view has the view's base among its outputs too.
        params: its other arguments, as text.
        flops: floating-point operations; a multiply-add counts two.
        bytes: memory read and written.
        site: where in the forward it stands: index into `Tape.sites`, None if unknown.
        at: its time on the tape's clock.
    """

    index: int
    name: str
    latex: str = ""
    call: int | None = None
    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
    params: dict[str, str] = field(default_factory=dict)
    flops: int = 0
    bytes: int = 0
    seconds: float = 0.0
    site: int | None = None
    at: int = 0


@dataclass(slots=True)
class AttentionWeights:
    """Who looked at whom in one attention.

    Attributes:
        operation: index of the operation that weighed: a fused attention, or a softmax.
        shape: (N, H, L, S): examples, heads, queries, keys.
        array: a byte a weight, of the first examples and positions, as
            `recording.attention.encode_weights` writes them; None if it was let go.
    """

    operation: int
    shape: tuple[int, ...]
    array: np.ndarray | None = None


@dataclass(slots=True)
class ParameterInfo:
    """A parameter or buffer at one place. Places of one tensor (tied) share the `id`."""

    path: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    trainable: bool
    id: int
    array: np.ndarray | None = None
    stats: Stats | None = None
    gradient: int | None = None

    @property
    def count(self) -> int:
        """How many numbers it holds."""
        total = 1
        for size in self.shape:
            total *= size
        return total


@dataclass(slots=True)
class Unregistered:
    """What a plain attribute of a module holds that is registered nowhere in the model.

    Attributes:
        name: of the attribute.
        container: "list", "tuple" or "dict".
        modules: the class names of the modules in it.
        parameters: how many trainable parameters these are or have.
        count: how many numbers these parameters hold.
    """

    name: str
    container: str
    modules: tuple[str, ...]
    parameters: int
    count: int


@dataclass(slots=True)
class ModuleInfo:
    """A module at one place of the model's tree.

    Attributes:
        path: dotted, "" for the model itself.
        name: the last part of the path.
        kind: the class name.
        family: one of `FAMILIES`; it decides the colour.
        extra: what `extra_repr` says.
        parameters, buffers: its own, not those of its children.
        children: their paths, in order of registration.
        alias_of: the first path of the same module, where this is a further one; an alias has
            neither parameters nor children of its own.
        unregistered: its attributes that hold what is to be trained, but is no part of the model.
    """

    path: str
    name: str
    kind: str
    family: str
    extra: str = ""
    parameters: tuple[ParameterInfo, ...] = ()
    buffers: tuple[ParameterInfo, ...] = ()
    children: tuple[str, ...] = ()
    alias_of: str | None = None
    training: bool = True
    unregistered: tuple[Unregistered, ...] = ()


@dataclass(slots=True)
class Step:
    """Numbers of one training step: "loss", "lr", "grad_norm/<parameter path>", …"""

    number: int
    scalars: dict[str, float]


@dataclass(slots=True)
class Update:
    """One step of an optimizer. The arrays have a number for each of `Tape.trained`.

    Attributes:
        step: the run of the model that it followed, as in `Call.step`.
        number: 1 for the first update on the tape, then 2, …
        optimizer: its class name.
        rates: learning rates; NaN for a parameter that this optimizer does not hold.
        grad_norm, update_norm, weight_norm: Euclidean norms, float32; gradients are measured before
            the step, weights after it. Those of updates and weights of more than 1,024 numbers
            are estimated from as many, spread evenly. `ABSENT` where there was no gradient or
            where this optimizer does not hold the parameter.
        kept: which parameters still had the gradient of an earlier update when the backward of
            this one began to add to it: `zero_grad` was forgotten.
        at: its time on the tape's clock.
    """

    step: int
    number: int
    optimizer: str
    rates: np.ndarray
    grad_norm: np.ndarray
    update_norm: np.ndarray
    weight_norm: np.ndarray
    kept: np.ndarray
    at: int = 0

    def widen(self, size: int, places: Sequence[int] | None = None) -> None:
        """Put its numbers at these places among `size` parameters: by default the first ones."""
        if len(self.rates) == size and places is None:
            return
        at = list(range(len(self.rates)) if places is None else places)
        for name, missing in (
            ("rates", np.nan),
            ("grad_norm", ABSENT),
            ("update_norm", ABSENT),
            ("weight_norm", ABSENT),
            ("kept", False),
        ):
            old = getattr(self, name)
            new = np.full(size, missing, old.dtype)
            new[at] = old
            setattr(self, name, new)


@dataclass(slots=True)
class Tape:
    """A model and what happened in it.

    Attributes:
        model: the class name of the model.
        modules: every module by path, parents before children, "" first.
        operations: of the runs that were looked at closely; also those outside of the model, such
            as a loss, whose `call` is None.
        attention: the weights of all attention that ran while arrays were kept.
        steps: numbers by run of the model; "loss" is found without help: the last scalar with a
            gradient that was made outside of the model between a forward and its backward.
        updates: the steps of all optimizers that hold parameters of the model.
        trained: paths of the parameters that these optimizers hold, tied ones at their first.
        untrained: paths of the trainable parameters that none of them holds; empty before the
            first update.
        steps_elsewhere: how many steps optimizers have taken, by class name, that hold nothing of
            the model and have found no gradient either.
        error: what ended the capture, if something was raised.
        notes: sentences about what the tape does not hold, and why.
    """

    model: str
    modules: dict[str, ModuleInfo] = field(default_factory=dict)
    values: list[Value] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    attention: list[AttentionWeights] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)
    trained: tuple[str, ...] = ()
    untrained: tuple[str, ...] = ()
    steps_elsewhere: dict[str, int] = field(default_factory=dict)
    error: str | None = None
    sites: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def step_count(self) -> int:
        """How many runs of the model are on it."""
        return 1 + max((call.step for call in self.calls), default=-1)

    def forward_calls(self, step: int = 0) -> Iterator[Call]:
        """The forward calls of one run of the model, in the order in which they began."""
        return (c for c in self.calls if c.step == step and c.phase == "forward")

    def calls_of(self, path: str, phase: str = "forward") -> list[Call]:
        """All calls of one module."""
        return [c for c in self.calls if c.path == path and c.phase == phase]

    def refs(self, nest: Nested) -> list[Value]:
        """The Values of a nested input or output, in order."""
        return [self.values[ref] for ref in leaves(nest)]

    def shapes(self, nest: Nested) -> str:
        """The shapes of a nested input or output, in one line: `x: (2, 5), mask: (2, 5)`."""
        return text_of(nest, lambda ref: str(self.values[ref].shape))

    @property
    def failed(self) -> Call | None:
        """The innermost call that ended the run with an exception."""
        if self.error is None:
            return None
        return next((c for c in reversed(self.calls) if c.error == self.error), None)
