"""What an operation leaves in the graph: its node, and what the node saves.

A VJP is a function whose argument names say what it needs. Reading them once, when the record
is defined, tells what to save: nothing that no gradient will ask for is kept alive.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..autograd.mode import SavingHooks, mode, outside_of_saving
from ..autograd.node import Differentiate, Edge, Node, Version
from ..tensor import Tensor, wrap

__all__ = ["Gradient", "OpNode", "Packed", "Recorded", "continued"]

Getter = Callable[[Any, Any], Any]
Plan = tuple[tuple[int, ...], tuple[int, ...], bool]
"""Which inputs are saved, which outputs, and whether the shapes of the inputs are."""


class Recorded(Protocol):
    """What the graph reads of the record of an operation."""

    name: str
    node_name: str
    inputs: tuple[str, ...]
    parameters: dict[str, Any]
    outputs: int | None
    variadic: bool
    gradient: Gradient | None
    composed: Callable[..., Any] | None


class Gradient:
    """How to differentiate one op: which function for which input, and what each needs."""

    def __init__(
        self, op: Recorded, grad: dict[str, Callable[..., Any]] | Callable[..., Any]
    ) -> None:
        self.op = op
        self.fused: tuple[Callable[..., Any], list[Getter]] | None = None
        self.table: list[tuple[Callable[..., Any], list[Getter]] | None] = [None] * len(op.inputs)
        self._wants: list[frozenset[str]] = [frozenset()] * len(op.inputs)
        self.order: tuple[int, ...] | None = None
        if callable(grad):
            self.fused = (grad, self._getters(grad))
            self._wants = [frozenset(inspect.signature(grad).parameters)] * len(op.inputs)
            self.differentiable = (True,) * len(op.inputs)
        else:
            for name, function in grad.items():
                at = op.inputs.index(name)
                self.table[at] = (function, self._getters(function))
                self._wants[at] = frozenset(inspect.signature(function).parameters)
            self.differentiable = tuple(entry is not None for entry in self.table)
            order = tuple(map(op.inputs.index, grad))
            self.order = order if order != tuple(sorted(order)) else None
        self.copies_output = any("y_copy" in names for names in self._wants)
        self._plans: dict[tuple[bool, ...], Plan] = {}

    def _getters(self, function: Callable[..., Any]) -> list[Getter]:
        return [self._getter(name) for name in inspect.signature(function).parameters]

    def _getter(self, name: str) -> Getter:
        op = self.op
        if name == "g":
            return lambda saved, g: g
        if name in ("y", "y_copy"):
            single = op.outputs == 1
            return lambda saved, g: saved.output[0] if single else saved.output
        if name[0] == "y" and name[1:].isdigit():
            slot = int(name[1:])
            return lambda saved, g: saved.output[slot]
        if name == "y_shape":
            return lambda saved, g: saved.output_shape
        if name == "needs":
            return lambda saved, g: saved.needs
        if op.variadic and name == op.inputs[0]:
            return lambda saved, g: saved.inputs
        if op.variadic and name == f"{op.inputs[0]}_shape":
            return lambda saved, g: saved.shapes
        if name in op.inputs:
            at = op.inputs.index(name)
            return lambda saved, g: saved.inputs[at]
        if name.removesuffix("_shape") in op.inputs:
            at = op.inputs.index(name.removesuffix("_shape"))
            return lambda saved, g: saved.shapes[at]
        if name in op.parameters:
            default = op.parameters[name]
            return lambda saved, g: saved.params.get(name, default)
        raise TypeError(
            f"the gradient of {op.name} asks for {name!r}, which is neither g, y, an input "
            f"({', '.join(op.inputs)}), a shape of one, nor a parameter "
            f"({', '.join(op.parameters)})"
        )

    def needs(self, values: Sequence[Any]) -> tuple[bool, ...] | None:
        """Which inputs want a gradient; None if none does."""
        differentiable = self.differentiable
        if self.op.variadic:
            differentiable = (True,) * len(values)
        wanted = tuple(
            [
                able and isinstance(value, Tensor) and value.requires_grad
                for value, able in zip(values, differentiable, strict=False)
            ]
        )
        return wanted if True in wanted else None

    def plan(self, needs: tuple[bool, ...]) -> Plan:
        """What to save for these wants."""
        known = self._plans.get(needs)
        if known is None:
            op = self.op
            wants: set[str] = set()
            if op.variadic:
                wants |= self._wants[0]
            else:
                for wanted, names in zip(needs, self._wants, strict=False):
                    wants |= names if wanted else frozenset()
            if op.variadic:
                inputs = tuple(range(len(needs))) if op.inputs[0] in wants else ()
            else:
                inputs = tuple(i for i, name in enumerate(op.inputs) if name in wants)
            slots = range(op.outputs or 0)
            outputs = tuple(n for n in slots if not wants.isdisjoint(("y", "y_copy", f"y{n}")))
            known = (inputs, outputs, any(name.endswith("_shape") for name in wants))
            self._plans[needs] = known
        return known

    def saves_first(self, values: Sequence[Any]) -> bool:
        """Whether backward will read the first input, so that writing over it would hurt."""
        needs = self.needs(values)
        return needs is not None and 0 in self.plan(needs)[0]

    def __call__(self, saved: Any, g: Any, needs: tuple[bool, ...]) -> Sequence[Any]:
        """The gradients of the inputs, None where none is wanted."""
        if self.fused is not None:
            function, getters = self.fused
            return function(*[get(saved, g) for get in getters])
        if self.op.variadic:
            assert self.table[0] is not None
            function, getters = self.table[0]
            return function(*[get(saved, g) for get in getters])
        result: list[Any] = []
        for wanted, entry in zip(needs, self.table, strict=False):
            if wanted:
                assert entry is not None
                function, getters = entry
                result.append(function(*[get(saved, g) for get in getters]))
            else:
                result.append(None)
        return result


class Unread(NamedTuple):
    """What stands for an input whose numbers the gradient does not read, and so nothing saved.

    A gradient that does not read an input has no derivative by it either: where the composed
    form asks for one, any numbers will do.
    """

    shape: tuple[int, ...]
    dtype: np.dtype

    def anything(self) -> np.ndarray:
        """Numbers of this shape and dtype, which take no memory."""
        return np.broadcast_to(np.zeros((), self.dtype), self.shape)


class OpNode(Node):
    """The node of a recorded op: what its VJPs need, kept as arrays."""

    __slots__ = (
        "_packed",
        "_released",
        "_versions",
        "inputs",
        "needs",
        "op",
        "output",
        "params",
        "shapes",
    )

    def __init__(
        self,
        op: Recorded,
        values: Sequence[Any],
        computed: Sequence[Any],
        params: dict[str, Any],
        made: tuple[Tensor, ...],
        needs: tuple[bool, ...],
    ) -> None:
        edges: list[Edge | None] = [
            value._edge() if wanted else None for value, wanted in zip(values, needs, strict=False)
        ]
        super().__init__(edges, [(each.array.shape, each.array.dtype) for each in made])
        self.op = op
        self.params = params
        self.needs = needs
        self._released = False
        self._packed = False
        assert op.gradient is not None
        keep, keep_outputs, keep_shapes = op.gradient.plan(needs)
        self._versions: list[tuple[Version, int, int]] = []
        self.inputs: Any = None
        self.output: Any = None
        self.shapes: Any = None
        if keep:
            self.inputs = [None] * len(computed)
            if op.composed is not None:
                self.inputs = [_unread(value) for value in computed]
            for i in keep:
                self.inputs[i] = computed[i]
                if isinstance(values[i], Tensor):
                    self._watch(values[i], i)
        if keep_outputs:
            self.output = [None] * len(made)
            for slot in keep_outputs:
                self.output[slot] = made[slot].array
                if op.gradient.copies_output:
                    self.output[slot] = made[slot].array.copy()
                else:
                    self._watch(made[slot], ~slot)
        if keep_shapes:
            self.shapes = [np.shape(value) for value in computed]
        if mode.saving is not None:
            self._pack(values, made, mode.saving)

    def _watch(self, tensor: Tensor, place: int) -> None:
        """Note the version of what is saved as input `place`, or as output `~place`."""
        if tensor._inference and mode.grad:
            raise RuntimeError(
                f"{self.op.name}: Inference tensors cannot be saved for backward; clone() the "
                "tensor outside of inference_mode first"
            )
        cell = tensor._shared_version()
        self._versions.append((cell, cell.count, place))

    def _pack(
        self, values: Sequence[Any], made: tuple[Tensor, ...], hooks: SavingHooks
    ) -> None:
        """Keep what the hooks make of the saved tensors instead of the tensors."""
        self._packed = True
        # Whether what was packed is still the same, only the hooks can know.
        self._versions = []
        for at, kept in enumerate(self.inputs or ()):
            if isinstance(kept, np.ndarray) and isinstance(values[at], Tensor):
                self.inputs[at] = Packed(kept, values[at], hooks)
        for slot, kept in enumerate(self.output or ()):
            if kept is not None:
                self.output[slot] = Packed(kept, made[slot], hooks)

    def name(self) -> str:
        return self.op.node_name

    @property
    def handing_order(self) -> Sequence[int] | None:
        """The order in which the record names its gradients."""
        assert self.op.gradient is not None
        return self.op.gradient.order

    @property
    def output_shape(self) -> Any:
        """The shape of the output, or those of several."""
        shapes = [shape for shape, _ in self.outputs]
        return shapes[0] if self.op.outputs == 1 else shapes

    def saved_output_becomes(self, target: Tensor) -> None:
        """The result was written into `target`: keep that memory instead of a second copy."""
        if self.output is None:
            return
        if mode.saving is not None:
            self.output = [Packed(target.array, target, mode.saving)]
        else:
            self.output = [target.array]
            cell = target._shared_version()
            self._versions[-1] = (cell, cell.count, ~0)

    def backward(self, grads: list[Any], differentiate: Differentiate | None) -> Sequence[Any]:
        self.check_saved()
        traced = differentiate is not None
        g = grads[0] if self.op.outputs == 1 else self._materialized(grads, traced)
        gradient = self.op.gradient
        assert gradient is not None
        if differentiate is None:
            return gradient(Unpacked(self) if self._packed else self, g, self.needs)
        saved = TracedSaved(self)
        if self.op.composed is not None:
            return self._through_composed(saved, g, differentiate)
        return gradient(saved, g, self.needs)

    def check_saved(self) -> None:
        if self._released:
            raise RuntimeError(
                "Trying to backward through the graph a second time, after its saved values were "
                f"freed ({self.name()}). Specify retain_graph=True the first time if you need "
                "the graph again"
            )
        for cell, count, place in self._versions:
            if cell.count != count:
                kept = self.inputs[place] if place >= 0 else self.output[~place]
                raise RuntimeError(
                    "one of the variables needed for gradient computation has been modified by an "
                    f"inplace operation: a tensor of shape {list(kept.shape)} that {self.op.name} "
                    f"saved is at version {cell.count}, expected version {count}; clone() it "
                    "before changing it"
                )

    def versions(self) -> dict[int, Version]:
        """The version cells of what is saved: of input `at` under `at`, of output under `~at`."""
        return {place: cell for cell, _, place in self._versions}

    def _materialized(self, grads: list[Any], traced: bool) -> tuple[Any, ...]:
        filled = []
        for given, (shape, dtype) in zip(grads, self.outputs, strict=True):
            if given is None:
                zeros = np.zeros(shape, dtype)
                given = wrap(zeros) if traced else zeros
            filled.append(given)
        return tuple(filled)

    def _through_composed(
        self, saved: TracedSaved, g: Any, differentiate: Differentiate
    ) -> Sequence[Any]:
        assert self.op.composed is not None
        branches = [
            _branch(each) if wanted else each
            for each, wanted in zip(saved.inputs, self.needs, strict=False)
        ]
        arguments = [branches] if self.op.variadic else branches
        result = self.op.composed(*arguments, **self.params)
        wanted = [branch for branch, need in zip(branches, self.needs, strict=False) if need]
        found = iter(differentiate(result, wanted, g, create_graph=True, allow_unused=True))
        return [next(found) if need else None for need in self.needs]

    def release(self) -> None:
        if self.inputs is not None or self.output is not None:
            self.inputs = self.output = None
            self._versions = []
            self._released = True


def _unread(value: Any) -> Any:
    return Unread(value.shape, value.dtype) if isinstance(value, np.ndarray) else value


class Packed:
    """A saved array of a tensor, as the hooks of `saved_tensors_hooks` packed it."""

    __slots__ = ("_packed", "_unpack")

    def __init__(self, array: np.ndarray, source: Tensor, hooks: SavingHooks) -> None:
        pack, self._unpack = hooks
        with outside_of_saving():
            tensor = wrap(array)
            tensor._version_cell = source._shared_version()
            before = tensor._changes
            self._packed = pack(tensor)
            if tensor._changes != before:
                raise RuntimeError(
                    "A saved tensor pack hook is modifying its input in place. Tensors provided "
                    "as input to pack hook can not be modified by in-place operations in order "
                    "to avoid unexpected side-effects"
                )

    def tensor(self) -> Tensor:
        """What the unpack hook makes of it."""
        with outside_of_saving():
            tensor = self._unpack(self._packed)
        if not isinstance(tensor, Tensor):
            raise TypeError(
                "Output of saved tensor unpack_hook expected to be a Tensor but got "
                f"{type(tensor).__name__}"
            )
        return tensor


class Unpacked:
    """What a node saved, if hooks packed it: with the arrays they unpacked."""

    __slots__ = ("inputs", "needs", "output", "output_shape", "params", "shapes")

    def __init__(self, node: OpNode) -> None:
        self.params, self.shapes, self.needs = node.params, node.shapes, node.needs
        self.output_shape = node.output_shape
        self.inputs = node.inputs and list(map(_unpacked, node.inputs))
        self.output = node.output and list(map(_unpacked, node.output))


def _unpacked(value: Any) -> Any:
    return value.tensor().array if isinstance(value, Packed) else value


class TracedSaved:
    """What a node saved, as Tensors that continue the graph: for gradients of gradients."""

    __slots__ = ("inputs", "needs", "output", "output_shape", "params", "shapes")

    def __init__(self, node: OpNode) -> None:
        self.params, self.shapes, self.needs = node.params, node.shapes, node.needs
        self.output_shape = node.output_shape
        self.inputs: Any = None
        self.output: Any = None
        versions = node.versions()
        if node.inputs is not None:
            self.inputs = [
                continued(value, edge, versions.get(at))
                for at, (value, edge) in enumerate(zip(node.inputs, node.edges, strict=False))
            ]
        if node.output is not None:
            self.output = [
                continued(value, (node, slot), versions.get(~slot))
                for slot, value in enumerate(node.output)
            ]


def continued(value: Any, edge: Edge | None, version: Version | None) -> Any:
    """What was saved, an array, Packed or Unread, as a Tensor whose history goes on at `edge`.

    Args:
        version: the cell of the tensor that it was. Changing that one in place will change this
            one, which a graph of gradients may save again. What hooks unpack brings its own.
    """
    if isinstance(value, Packed):
        unpacked = value.tensor()
        value, version = unpacked.array, unpacked._shared_version()
    elif isinstance(value, Unread):
        value = value.anything()
    if not isinstance(value, np.ndarray):
        return value
    tensor = wrap(value)
    tensor._version_cell = version
    if edge is not None and value.dtype.kind == "f":
        tensor._node, tensor._slot = edge
        tensor._requires_grad = True
    return tensor


class Branch(Node):
    """The identity: a point of its own to differentiate at, even where a tensor came in twice."""

    __slots__ = ()

    def backward(self, grads: list[Any], differentiate: Differentiate | None) -> Sequence[Any]:
        return grads


def _branch(tensor: Tensor) -> Tensor:
    branch = wrap(tensor.array)
    branch._version_cell = tensor._shared_version()
    branch._node = Branch([tensor._edge()], [(tensor.array.shape, tensor.array.dtype)])
    branch._requires_grad = True
    return branch
