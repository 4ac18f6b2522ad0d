"""Operations of one's own: `Function`, with a forward and a backward on Tensors."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ops.inplace import check_may_change, rebase
from ..ops.recording import Packed, continued
from ..tensor import Tensor, wrap
from .mode import mode, no_grad
from .node import Differentiate, Edge, Node

__all__ = ["Function", "FunctionContext", "once_differentiable"]


class FunctionContext(Node):
    """`ctx`: what a forward leaves for its backward; it is the node in the graph itself."""

    __slots__ = (
        "__dict__",
        "_dirty",
        "_function",
        "_given",
        "_materialize",
        "_non_differentiable",
        "_saved",
        "_to_save",
        "needs_input_grad",
    )

    def __init__(self, function: type[Function], args: tuple[Any, ...]) -> None:
        super().__init__((), ())
        self._function = function
        self._given = [isinstance(each, Tensor) for each in args]
        self.needs_input_grad = tuple(
            [isinstance(each, Tensor) and each.requires_grad for each in args]
        )
        self._to_save: tuple[Tensor | None, ...] = ()
        self._saved: list[_Saved | None] | None = []
        self._materialize = True
        self._dirty: tuple[Tensor, ...] = ()
        self._non_differentiable: tuple[Tensor, ...] = ()

    def name(self) -> str:
        return f"{self._function.__name__}Backward"

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep inputs, outputs or other tensors; changing them in place later is an error.

        Raises:
            TypeError: something is neither a Tensor nor None; set that as an attribute instead.
        """
        for at, each in enumerate(tensors):
            if each is not None and not isinstance(each, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {at} is of type "
                    f"{type(each).__name__}; set it as an attribute of ctx instead"
                )
        self._to_save = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What `save_for_backward` kept.

        Raises:
            RuntimeError: it was freed by a first backward, or changed in place since.
        """
        if self._saved is None:
            raise RuntimeError(
                "Trying to backward through the graph a second time, after its saved values were "
                f"freed ({self.name()}). Specify retain_graph=True the first time"
            )
        return tuple([each if each is None else each.value(self) for each in self._saved])

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Say which inputs the forward changed in place; each must be returned too."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say which outputs have no gradient."""
        self._non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether a missing gradient arrives as zeros (the default) or as None."""
        self._materialize = value

    def backward(self, grads: list[Any], differentiate: Differentiate | None) -> Sequence[Any]:
        tensors = [
            wrap(np.zeros(*self.outputs[at])) if g is None and self._materialize
            else g if g is None or isinstance(g, Tensor)
            else wrap(g)
            for at, g in enumerate(grads)
        ]
        results = self._function._derivative()(self, *tensors)
        checked = self._checked(results if isinstance(results, tuple) else (results,))
        if differentiate is not None:
            return checked
        return [each if each is None else each.array for each in checked]

    def _checked(self, results: tuple[Any, ...]) -> Sequence[Any]:
        expected = len(self.edges)
        while len(results) > expected and results[-1] is None:
            results = results[:-1]
        if len(results) != expected:
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients "
                f"(expected {expected}, got {len(results)})"
            )
        for at, result in enumerate(results):
            if result is None:
                continue
            if not isinstance(result, Tensor):
                raise RuntimeError(
                    f"expected Variable or None (got {type(result).__name__}) as gradient {at} of "
                    f"{self.name()}"
                )
            if not self._given[at]:
                raise RuntimeError(
                    f"function {self.name()} returned a gradient different than None at position "
                    f"{at + 1}, but the corresponding forward input was not a Variable"
                )
        return results

    def release(self) -> None:
        if self._saved:
            self._saved = None


class _Saved:
    """A saved tensor, to be had again as it was.

    Of an output only the array is kept, for a node must not hold its own tensor.
    """

    __slots__ = ("cell", "count", "edge", "kept", "slot")

    def __init__(self, tensor: Tensor, slot: int | None) -> None:
        self.slot = slot
        self.cell = tensor._shared_version()
        self.count = self.cell.count
        self.edge = tensor._edge() if slot is None else None
        self.kept: Any = tensor if slot is None else tensor.array
        if mode.saving is not None:
            self.kept = Packed(tensor.array, tensor, mode.saving)

    def value(self, ctx: FunctionContext) -> Tensor:
        """The tensor, with its history."""
        packed = isinstance(self.kept, Packed)
        if not packed and self.cell.count != self.count:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an "
                f"inplace operation: a tensor of shape {list(self.kept.shape)} that {ctx.name()} "
                f"saved is at version {self.cell.count}, expected version {self.count}"
            )
        if isinstance(self.kept, Tensor):
            return self.kept
        edge = self.edge if self.slot is None else (ctx, self.slot)
        return continued(self.kept, edge, self.cell)


class Function:
    """An operation with its own backward.

    Subclasses write two static methods, `forward(ctx, *args)` and `backward(ctx, *grads)`,
    and are called through `apply`. Written with tensor operations, the backward can itself be
    differentiated. What the forward leaves for it may also be said apart, in
    `setup_context(ctx, inputs, output)`; the forward is then `forward(*args)`.

    >>> import clownpiece
    >>> class Cube(clownpiece.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x * x
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return 3 * x * x * g
    >>> x = clownpiece.tensor(2.0, requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> x.grad
    tensor(12.)
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs from the inputs."""
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function: a static "
            "method forward(ctx, *args)"
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Leave on `ctx` what backward needs, for a forward that takes no `ctx`."""
        raise NotImplementedError("setup_context is not implemented")

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Compute one gradient (or None) per input from those of the outputs."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    vjp = backward

    def __call__(self, *args: Any) -> Any:
        raise RuntimeError(
            f"{type(self).__name__} has static methods and is not called through an instance; "
            f"call {type(self).__name__}.apply(...)"
        )

    @classmethod
    def _derivative(cls) -> Callable[..., Any]:
        if cls.vjp is Function.vjp:
            return cls.backward
        if cls.backward is not Function.backward:
            raise RuntimeError(
                "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. "
                "You should only implement one of them."
            )
        return cls.vjp

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run the forward and put this operation into the graph."""
        takes_context = cls.setup_context is Function.setup_context
        if kwargs:
            first = (None,) if takes_context else ()
            bound = inspect.signature(cls.forward).bind(*first, *args, **kwargs)
            bound.apply_defaults()
            args = bound.args[len(first) :]
        ctx = FunctionContext(cls, args)
        with no_grad():
            if takes_context:
                outputs = cls.forward(ctx, *args)
            else:
                outputs = cls.forward(*args)
                cls.setup_context(ctx, args, outputs)
        several = isinstance(outputs, tuple)
        made = _connect(ctx, args, outputs if several else (outputs,))
        return tuple(made) if several else made[0]


def _connect(ctx: FunctionContext, args: tuple[Any, ...], made: tuple[Any, ...]) -> list[Any]:
    """Put a context into the graph behind its outputs; the tensors to return for them."""
    recording = mode.grad and any(ctx.needs_input_grad)
    places = {id(each): at for at, each in enumerate(args) if isinstance(each, Tensor)}
    dirty = _changed(ctx, places, made)
    if recording:
        edges: list[Edge | None] = [
            each._edge() if wanted else None
            for each, wanted in zip(args, ctx.needs_input_grad, strict=True)
        ]
        ctx.edges = edges
        ctx.outputs = [
            (each.array.shape, each.array.dtype) if isinstance(each, Tensor) else ((), _NO_DTYPE)
            for each in made
        ]
    constant = {id(each) for each in ctx._non_differentiable}
    slots: dict[int, int] = {}
    result = []
    for slot, each in enumerate(made):
        out = each
        if isinstance(each, Tensor):
            if id(each) in places and id(each) not in dirty:
                # An input handed on unchanged comes out as a tensor of its own.
                out = wrap(each.array)
                out._become_view(each, None, _FORBIDS)
            if recording and id(each) not in constant and each.array.dtype.kind == "f":
                slots[id(each)] = slot
                _give_history(out, ctx, slot, places[id(each)] if id(each) in dirty else None)
        result.append(out)
    if recording:
        ctx._saved = [
            each if each is None
            else _Saved(each, None if id(each) in places.keys() - dirty else slots.get(id(each)))
            for each in ctx._to_save
        ]
    ctx._to_save = ctx._dirty = ctx._non_differentiable = ()
    return result


def _give_history(out: Tensor, ctx: FunctionContext, slot: int, place: int | None) -> None:
    if place is None:
        if out._base is not None:
            out._forbids = _FORBIDS
        out._node, out._slot, out._requires_grad = ctx, slot, True
        return
    if out._base is not None and len(ctx.outputs) > 1:
        raise RuntimeError(
            "If your Function modifies inplace an input that is a view of another Tensor, your "
            "Function cannot return more than one Tensor; return the others from another Function"
        )
    check_may_change(out, ctx.name())
    rebase(out, ctx, place, slot)


def _changed(ctx: FunctionContext, places: dict[int, int], made: tuple[Any, ...]) -> set[int]:
    """The ids of the inputs that were changed in place."""
    returned = {id(each) for each in made}
    dirty = set()
    for each in ctx._dirty:
        if id(each) not in returned:
            raise RuntimeError(
                "Some elements marked as dirty during the forward method were not returned as "
                "output. The inputs that are modified inplace must all be outputs of the Function."
            )
        if id(each) in places:
            each.bump_version()
            dirty.add(id(each))
        else:
            warnings.warn(
                "ctx.mark_dirty() received a tensor that was not an input. Only input Tensors "
                "that have been mutated should be passed to ctx.mark_dirty().",
                stacklevel=4,
            )
    return dirty


_NO_DTYPE = np.dtype(np.float32)
_FORBIDS = (
    "it came out of a custom Function as a view of an input or as the input itself, and the "
    "history of the change would override the Function's backward: clone() the output first"
)


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """For a backward that is not written with tensor operations: deriving it is an error."""

    @functools.wraps(backward)
    def once(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            results = backward(ctx, *grads)
        edges = [g._edge() for g in grads if isinstance(g, Tensor) and g.requires_grad]
        if not (mode.grad and edges):
            return results
        every = results if isinstance(results, tuple) else (results,)
        node = _Twice(
            edges,
            [((), _NO_DTYPE) if g is None else (g.array.shape, g.array.dtype) for g in every],
        )
        fixed = []
        for slot, g in enumerate(every):
            if isinstance(g, Tensor):
                g = g.detach()
                g._node, g._slot, g._requires_grad = node, slot, True
            fixed.append(g)
        return tuple(fixed) if isinstance(results, tuple) else fixed[0]

    return once


class _Twice(Node):
    """What stands behind gradients that have none themselves."""

    __slots__ = ()

    def name(self) -> str:
        return "OnceDifferentiable"

    def backward(self, grads: list[Any], differentiate: Differentiate | None) -> Sequence[Any]:
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable"
        )
