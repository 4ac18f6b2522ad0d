"""Operations of one's own: `Function`, with a forward and a backward on Tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..tensor import Tensor, wrap
from .mode import mode, no_grad
from .node import Differentiate, Edge, Node, Version

__all__ = ["Function", "FunctionContext"]


class FunctionContext(Node):
    """`ctx`: what a forward leaves for its backward; it is the node in the graph itself."""

    __slots__ = (
        "__dict__",
        "_dirty",
        "_function",
        "_materialize",
        "_non_differentiable",
        "_saved",
        "_versions",
        "needs_input_grad",
    )

    def __init__(self, function: type[Function], needs: tuple[bool, ...]) -> None:
        super().__init__((), ())
        self._function = function
        self.needs_input_grad = needs
        self._saved: tuple[Any, ...] | None = ()
        self._versions: list[tuple[Version, int] | None] = []
        self._materialize = True
        self._dirty: tuple[Tensor, ...] = ()
        self._non_differentiable: tuple[Tensor, ...] = ()

    def name(self) -> str:
        return f"{self._function.__name__}Backward"

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep inputs or outputs of the forward; changing them in place later is an error."""
        self._saved = tensors

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
        for watched in self._versions:
            if watched is not None and watched[0].count != watched[1]:
                raise RuntimeError(
                    "one of the variables needed for gradient computation has been modified by an "
                    f"inplace operation: a tensor that {self.name()} saved is at version "
                    f"{watched[0].count}, expected version {watched[1]}"
                )
        return tuple(
            each(self) if isinstance(each, _SavedOutput) else each for each in self._saved
        )

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Say which inputs the forward changed in place."""
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
        results = self._function.backward(self, *tensors)
        results = results if isinstance(results, tuple) else (results,)
        while len(results) > len(self.edges) and results[-1] is None:
            results = results[:-1]
        if len(results) != len(self.edges):
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients "
                f"(expected {len(self.edges)}, got {len(results)})"
            )
        for result in results:
            if result is not None and not isinstance(result, Tensor):
                raise TypeError(
                    f"{self.name()} returned {type(result).__name__} as a gradient; "
                    "expected a Tensor or None"
                )
        if differentiate is not None:
            return results
        return [each if each is None else each.array for each in results]

    def release(self) -> None:
        if self._saved:
            self._saved = None
        self._versions = []


class Function:
    """An operation with its own backward.

    Subclasses write two static methods, `forward(ctx, *args)` and `backward(ctx, *grads)`,
    and are called through `apply`. Written with tensor operations, the backward can itself be
    differentiated.

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
    def forward(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs from the inputs."""
        raise NotImplementedError("a Function needs a static method forward(ctx, *args)")

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Compute one gradient (or None) per input from those of the outputs."""
        raise NotImplementedError("a Function needs a static method backward(ctx, *grads)")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run the forward and put this operation into the graph."""
        needs = tuple(isinstance(each, Tensor) and each.requires_grad for each in args)
        ctx = FunctionContext(cls, needs)
        recording = mode.grad and any(needs)
        with no_grad():
            outputs = cls.forward(ctx, *args)
        several = isinstance(outputs, tuple)
        made = list(outputs) if several else [outputs]
        if recording:
            edges: list[Edge | None] = [
                each._edge() if wanted else None for each, wanted in zip(args, needs, strict=True)
            ]
            made = _connect(ctx, edges, args, made)
        return tuple(made) if several else made[0]


def _connect(
    ctx: FunctionContext, edges: list[Edge | None], args: tuple[Any, ...], made: list[Any]
) -> list[Any]:
    ctx.edges = edges
    ctx.outputs = [
        (each.array.shape, each.array.dtype) if isinstance(each, Tensor) else ((), np.dtype("f4"))
        for each in made
    ]
    saved = ctx._saved or ()
    positions = {id(each): slot for slot, each in enumerate(made)}
    dirty = {id(each) for each in ctx._dirty}
    for each in ctx._dirty:
        each.bump_version()
    untouched = {id(each) for each in ctx._non_differentiable}
    given = {id(each) for each in args if isinstance(each, Tensor)}
    result = []
    for slot, each in enumerate(made):
        if not isinstance(each, Tensor) or id(each) in untouched or each.array.dtype.kind != "f":
            result.append(each)
            continue
        # An input handed on unchanged comes out as a tensor of its own.
        out = each.detach() if id(each) in given and id(each) not in dirty else each
        out._node, out._slot, out._requires_grad = ctx, slot, True
        result.append(out)
    ctx._saved = tuple(
        _SavedOutput(each, positions[id(each)])
        if each is not None and id(each) in positions and id(each) not in given
        else each
        for each in saved
    )
    ctx._versions = [
        None if each is None else (each._shared_version(), each._version) for each in saved
    ]
    ctx._dirty = ctx._non_differentiable = ()
    return result


class _SavedOutput:
    """An output that was saved: its array only, for the node must not hold its own tensor."""

    __slots__ = ("array", "slot")

    def __init__(self, tensor: Tensor, slot: int) -> None:
        self.array = tensor.array
        self.slot = slot

    def __call__(self, ctx: FunctionContext) -> Tensor:
        tensor = wrap(self.array)
        if tensor.array.dtype.kind == "f":
            tensor._node, tensor._slot, tensor._requires_grad = ctx, self.slot, True
        return tensor
