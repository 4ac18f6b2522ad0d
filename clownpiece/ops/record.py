"""An operation is one record in one place.

A record holds what an operation is: the array forward, the gradient of each input (VJP), the
formula, the cost, the samples that prove it. Tensor methods, functional names, documentation,
gradient checks, diagrams and cost tables are all made from it.

Called with arrays, a record computes on arrays and records nothing; called with a Tensor, it
returns Tensors and, where a gradient is wanted, leaves a node. VJPs are written with records
and operators, so the same line serves both: on arrays in an ordinary backward, on Tensors
under `create_graph=True`.
"""

from __future__ import annotations

import inspect
import math
import re
import threading
from collections.abc import Callable, Sequence
from contextvars import Context
from functools import cached_property
from time import perf_counter
from typing import Any

import numpy as np

from ..autograd.mode import mode
from ..tensor import Tensor, wrap
from .arguments import (
    A_TENSOR,
    Kind,
    check_one_dtype,
    clear_error,
    kinds_of,
    not_supported,
    places_of,
)
from .inplace import (
    check_fits,
    check_inference,
    check_may_change,
    check_writable,
    rebase,
    shadow,
    turn,
)
from .promotion import promoted_dtype
from .recording import Gradient, OpNode

__all__ = ["REGISTRY", "SPELLINGS", "Op", "op", "quiet"]

REGISTRY: dict[str, Op] = {}
"""All records by name, in the order of definition."""

# Python numbers that leave an array of this kind in its dtype.
_NUMBERS_THAT_FIT = {
    "f": frozenset((float, int, bool, type(None))),
    "i": frozenset((int, bool, type(None))),
    "u": frozenset((int, bool, type(None))),
    "b": frozenset((bool, type(None))),
}

SPELLINGS = {"axis": "dim", "axes": "dim", "keepdims": "keepdim"}


class _Quiet(threading.local):
    """Runs array code without NumPy's warnings of inf and NaN, which are answers like others.

    A thread's `np.errstate` lives in a context variable. Entering a context that was prepared
    once costs a twentieth of an `np.errstate` block, which would double the time of a small op.
    """

    def __init__(self) -> None:
        context = Context()
        context.run(np.seterr, all="ignore")
        self.run = context.run


quiet = _Quiet()


class Op:
    """One operation; see `op` for what its fields mean."""

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        inputs: str,
        grad: dict[str, Callable[..., Any]] | Callable[..., Any] | None,
        **fields: Any,
    ) -> None:
        self.name = name
        self.name_in_place = name if name.endswith("_") else f"{name}_"
        self.forward = forward
        self.inputs: tuple[str, ...] = tuple(inputs.split())
        self.latex: str = fields["latex"]
        self.doc: str = fields["doc"]
        self.flops: Callable[..., int] | None = fields["flops"]
        self.samples: Sequence[Any] = fields["samples"]
        self.domain: tuple[float, float] = fields["domain"]
        self.outputs: int | None = fields["outputs"]
        self.view: bool = fields["view"]
        self.variadic: bool = fields["variadic"]
        self.pack: str | None = fields["pack"]
        self.promote: str | None = fields["promote"]
        self.alike: tuple[str, ...] = tuple(fields["alike"].split())
        self.refuses: str = fields["refuses"]
        self.composed: Callable[..., Any] | None = fields["composed"]
        self.torch: str | None = fields["torch"]
        self.expose: tuple[str, ...] = tuple(fields["expose"].split())
        self.inplace: bool = fields["inplace"]
        self.into: Callable[..., None] | None = fields["into"]
        self.aliases: tuple[str, ...] = tuple(fields["aliases"])
        parameters = _parameters_of(forward, len(self.inputs))
        self.parameters: dict[str, Any] = {each.name: each.default for each in parameters}
        self.kinds = kinds_of(parameters)
        self._names = tuple(self.parameters)
        self.grad = grad
        self.gradient = Gradient(self, grad) if grad is not None else None
        self.node_name = "".join(part.title() for part in re.split("[._]", name)) + "Backward0"
        self.__name__ = name
        self.__doc__ = self.doc

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return REGISTRY.__getitem__, (self.name,)

    # -- calling ----------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        values, params = self.bind(args, kwargs)
        for value in values:
            if isinstance(value, Tensor):
                return self.apply(values, params)
        self._check_some_array(values)
        return self._forward(values, params)

    def bind(self, args: tuple, kwargs: dict[str, Any]) -> tuple[Sequence[Any], dict[str, Any]]:
        """Sort what a caller gave into inputs (a flat sequence) and parameters by name."""
        inputs = self.inputs
        count = len(inputs)
        if len(args) == count and not kwargs and not self.variadic:
            return args, {}
        given = args[:count]
        rest = args[count:]
        if rest:
            if self.pack is not None and not isinstance(rest[0], (tuple, list)):
                at = self._names.index(self.pack)
                packed = rest if at == 0 else rest[at:]
                params = dict(zip(self._names, rest[:at], strict=False))
                params[self.pack] = packed if len(packed) > 1 or at == 0 else packed[0]
            elif len(rest) > len(self._names):
                raise TypeError(
                    f"{self.name}() takes {', '.join((*inputs, *self._names))}; "
                    f"got {len(args)} positional arguments"
                )
            else:
                params = dict(zip(self._names, rest, strict=False))
        else:
            params = {}
        if kwargs:
            given = self._sort_keywords(list(given), params, kwargs)
        if len(given) < count:
            given = (*given, *[None] * (count - len(given)))
            if given[0] is None:
                raise TypeError(f"{self.name}() is missing its argument {inputs[0]!r}")
        return (self._sequence(given[0]) if self.variadic else given), params

    def _sequence(self, given: Any) -> list[Any]:
        """What a variadic op is given as its first argument: several tensors."""
        if not isinstance(given, (tuple, list)):
            raise TypeError(
                f"{self.name}(): argument {self.inputs[0]!r} must be tuple of Tensors, not "
                f"{type(given).__name__}"
            )
        return list(given)

    def _sort_keywords(
        self, given: list[Any], params: dict[str, Any], kwargs: dict[str, Any]
    ) -> tuple[Any, ...]:
        for name, value in kwargs.items():
            if name in self.parameters:
                params[name] = value
            elif SPELLINGS.get(name) in self.parameters:
                params[SPELLINGS[name]] = value
            else:
                known = "input" if name == "input" else name
                at = 0 if known == "input" else _position(self.inputs, known)
                if at is None:
                    raise TypeError(
                        f"{self.name}() got an unexpected argument {name!r}; it takes "
                        f"{', '.join((*self.inputs, *self._names))}"
                    )
                given.extend([None] * (at + 1 - len(given)))
                given[at] = value
        return tuple(given)

    def apply(self, values: Sequence[Any], params: dict[str, Any]) -> Any:
        """Compute on Tensors, record what backward needs, and tell the observer."""
        started = perf_counter() if mode.observer is not None else 0.0
        arrays = [v.array if isinstance(v, Tensor) else v for v in values]
        self._check(arrays, params)
        computed = self._prepare(arrays) if self.promote is not None else arrays
        raw = quiet.run(self._forward, computed, params)
        if self.outputs == 1:
            made: tuple[Tensor, ...] = (wrap(raw),)
        else:
            made = tuple(map(wrap, raw))
        if mode.grad and self.gradient is not None:
            self._record(values, computed, params, made)
        if self.view:
            self._note_views(values[0], params, made)
        if mode.observer is not None:
            mode.observer(self, tuple(values), params, made, perf_counter() - started)
        if self.outputs == 1:
            return made[0]
        return raw._make(made) if hasattr(raw, "_make") else made

    def _check(self, arrays: Sequence[Any], params: dict[str, Any]) -> None:
        """Raise a TypeError where something was given that cannot stand in its place."""
        for value in arrays:
            if type(value) is not np.ndarray:
                self._check_inputs(arrays)
                break
        if self.alike:
            check_one_dtype(self.name, self.alike, self.inputs, arrays)
        if self.refuses and arrays[0].dtype.kind in self.refuses:
            raise not_supported(self.name, arrays[:1])
        for name, value in params.items():
            kind = self.kinds.get(name)
            if kind is not None:
                kind.check(self.name, name, value)
                if isinstance(value, Tensor) and kind.numeric:
                    params[name] = value.item()

    def _check_some_array(self, values: Sequence[Any]) -> None:
        """Raise a TypeError for numbers alone: an operation is about at least one tensor."""
        for value in values:
            if isinstance(value, (np.ndarray, np.generic)):
                return
        if values:
            self._check_inputs(values)
            A_TENSOR.check(self.name, "input", values[0])

    def _check_inputs(self, values: Sequence[Any]) -> None:
        for at, value in enumerate(values):
            if not isinstance(value, (Tensor, np.ndarray, np.generic)):
                name = self.inputs[0 if self.variadic else at]
                taken = self.places[0 if self.variadic else at]
                taken.check(self.name, "input" if at == 0 else name, value, at + 1)

    @cached_property
    def places(self) -> tuple[Kind, ...]:
        """What may stand at each input besides a tensor."""
        samples = [each.inputs for each in self.samples]
        return places_of(self.forward, self.inputs, samples, self.variadic)

    def _forward(self, values: Sequence[Any], params: dict[str, Any]) -> Any:
        try:
            if self.variadic:
                return self.forward(values, **params)
            return self.forward(*values, **params)
        except (ValueError, TypeError) as error:
            raise clear_error(self.name, values, error) from None

    def _prepare(self, arrays: list[Any]) -> list[Any]:
        """The arrays in the one dtype in which this op computes."""
        first: np.dtype | None = None
        for value in arrays:
            if isinstance(value, np.ndarray):
                if first is None:
                    first = value.dtype
                elif value.dtype != first:
                    break
        else:
            if first is not None and (self.promote != "float" or first.kind == "f"):
                fits = _NUMBERS_THAT_FIT[first.kind]
                for value in arrays:
                    if not isinstance(value, np.ndarray) and type(value) not in fits:
                        break
                else:
                    return arrays
        dtype = promoted_dtype(arrays)
        if self.promote == "float" and dtype.kind != "f":
            dtype = promoted_dtype([1.0])
        return [_cast(value, dtype) for value in arrays]

    def _record(
        self,
        values: Sequence[Any],
        computed: Sequence[Any],
        params: dict[str, Any],
        made: tuple[Tensor, ...],
    ) -> OpNode | None:
        assert self.gradient is not None
        needs = self.gradient.needs(values)
        if needs is None or not any(each.array.dtype.kind == "f" for each in made):
            return None
        node = OpNode(self, values, computed, params, made, needs)
        for slot, tensor in enumerate(made):
            if tensor.array.dtype.kind == "f":
                tensor._node, tensor._slot, tensor._requires_grad = node, slot, True
        return node

    def _note_views(self, source: Any, params: dict[str, Any], made: tuple[Tensor, ...]) -> None:
        array = source.array
        for tensor in made:
            if tensor.array is array:
                tensor.array = array.view()
            elif not _is_of(tensor.array, array):
                continue
            tensor._become_view(source, _Step(self, params), self._forbids_change())

    def _forbids_change(self) -> str | None:
        """Why a view that is made now must not be changed while gradients are recorded."""
        if not mode.grad:
            where = "inference_mode" if mode.inference else "no_grad mode"
            return (
                f"it was created in {where}, and whether the change is to be recorded is "
                "ambiguous: take the view and change it both inside of that block or both outside"
            )
        if self.outputs != 1:
            return (
                f"it is one of the outputs of {self.name}, a function that returns multiple views, "
                "whose histories cannot follow: index the base instead, or clone() the output"
            )
        return None

    # -- in place ---------------------------------------------------------------------------

    def apply_inplace(self, target: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Compute and write the result into `target`, which keeps its dtype and shape.

        Where the result is a view, nothing is written: `target` takes the shape of that view.

        Raises:
            RuntimeError: `target` is a leaf that requires a gradient, the result has another shape
                or a dtype that does not fit into it, or `target` requires a gradient and the op
                has none (`logical_and_`), where PyTorch leaves a history that is not true any more.
        """
        started = perf_counter() if mode.observer is not None else 0.0
        values, params = self.bind((target, *args), kwargs)
        if not isinstance(target, Tensor):
            self._check_inputs((target,))
        records = mode.grad and any(isinstance(v, Tensor) and v.requires_grad for v in values)
        if records:
            check_may_change(target, self.name_in_place)
            if self.gradient is None and target.requires_grad:
                raise RuntimeError(
                    f"the derivative of {self.name_in_place} is not defined, so it cannot change a "
                    "tensor that requires a gradient; do it under no_grad(), or on its detach()"
                )
        if self.view:
            check_inference(target, self.name_in_place)
            self._turn(target, params, records)
        else:
            check_writable(target, self.name_in_place)
            if records:
                self._write_recorded(target, values, params)
            else:
                self._write(target, values, params)
                target.bump_version()
        if mode.observer is not None:
            observed = {**params, "inplace": True}
            mode.observer(self, tuple(values), observed, (target,), perf_counter() - started)
        return target

    def _write(self, target: Tensor, values: Sequence[Any], params: dict[str, Any]) -> None:
        arrays = [v.array if isinstance(v, Tensor) else v for v in values]
        if self.into is not None:
            quiet.run(self.into, *arrays, **params)
            return
        self._check(arrays, params)
        computed = self._prepare(arrays) if self.promote is not None else arrays
        if isinstance(self.forward, np.ufunc) and computed[0] is target.array:
            try:
                shape = np.broadcast_shapes(*map(np.shape, computed))
            except ValueError as error:
                raise clear_error(self.name, computed, error) from None
            if shape == target.array.shape:
                quiet.run(self.forward, *computed, out=target.array, casting="same_kind")
                return
        result = quiet.run(self._forward, computed, params)
        result = np.asarray(result)
        check_fits(target, result, self.name_in_place)
        np.copyto(target.array, result, casting="same_kind")

    def _turn(self, target: Tensor, params: dict[str, Any], records: bool) -> None:
        """Make of `target` another view of its memory: the change in place of `transpose_`."""
        old = shadow(target, copy=False)
        self._check([old.array], params)
        turned = wrap(quiet.run(self._forward, [old.array], params))
        node = self._record((old,), (old.array,), params, (turned,)) if records else None
        turn(target, old, turned.array, node, _Step(self, params))

    def _write_recorded(
        self, target: Tensor, values: Sequence[Any], params: dict[str, Any]
    ) -> None:
        saves = self.gradient is not None and self.gradient.saves_first(values)
        old = shadow(target, copy=saves and self.into is None)
        values = (old, *values[1:])
        arrays = [v.array if isinstance(v, Tensor) else v for v in values]
        if self.into is None:
            self._check(arrays, params)
            arrays = self._prepare(arrays) if self.promote is not None else arrays
            made = np.asarray(quiet.run(self._forward, arrays, params))
            check_fits(target, made, self.name_in_place)
            # What is true becomes 1: the target stays floating, and so has a history.
            result = wrap(made.astype(target.array.dtype, copy=False))
        else:
            result = wrap(target.array)
        # Before anything is written: whatever is saved must still be what it was then.
        node = self._record(values, arrays, params, (result,))
        if self.into is None:
            np.copyto(target.array, result.array, casting="same_kind")
        else:
            quiet.run(self.into, target.array, *arrays[1:], **params)
        target.bump_version()
        if node is not None:
            node.saved_output_becomes(target)
            rebase(target, node)

    # -- facts ------------------------------------------------------------------------------

    def flops_of(self, inputs: Sequence[Any], params: dict[str, Any], outputs: tuple) -> int:
        """Floating-point operations of one call; a multiply-add counts two."""
        if self.flops is None:
            return 0
        shapes = [tuple(v.shape) if hasattr(v, "shape") else () for v in inputs]
        out_shapes = [tuple(each.shape) for each in outputs]
        facts: dict[str, Any] = {
            **self.parameters,
            **params,
            "y_shape": out_shapes[0] if self.outputs == 1 else out_shapes,
        }
        if self.variadic:
            facts[f"{self.inputs[0]}_shape"] = shapes
        else:
            facts |= {f"{n}_shape": s for n, s in zip(self.inputs, shapes, strict=False)}
        return int(self.flops(*[facts[name] for name in self._flops_arguments]))

    @cached_property
    def _flops_arguments(self) -> tuple[str, ...]:
        assert self.flops is not None
        return tuple(inspect.signature(self.flops).parameters)

    @cached_property
    def signature(self) -> inspect.Signature:
        """How it is called: the inputs, then the parameters with their defaults."""
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        first = [inspect.Parameter(name, kind) for name in self.inputs]
        rest = [
            inspect.Parameter(name, kind, default=default)
            for name, default in self.parameters.items()
        ]
        return inspect.Signature([*first, *rest])


class _Step:
    """One step of a view's path from its base, to be taken again."""

    __slots__ = ("op", "params")

    def __init__(self, op: Op, params: dict[str, Any]) -> None:
        self.op = op
        self.params = params

    def __call__(self, value: Any) -> Any:
        return self.op(value, **self.params)


def op(
    name: str,
    forward: Callable[..., Any],
    *,
    inputs: str = "x",
    grad: dict[str, Callable[..., Any]] | Callable[..., Any] | None = None,
    latex: str = "",
    doc: str = "",
    flops: Callable[..., int] | None = None,
    samples: Sequence[Any] = (),
    domain: tuple[float, float] = (-math.inf, math.inf),
    outputs: int | None = 1,
    view: bool = False,
    variadic: bool = False,
    pack: str | None = None,
    promote: str | None = None,
    alike: str = "",
    refuses: str = "",
    composed: Callable[..., Any] | None = None,
    torch: str | None = None,
    expose: str = "method function",
    inplace: bool = False,
    into: Callable[..., None] | None = None,
    aliases: Sequence[str] = (),
    kind: type[Op] = Op,
) -> Op:
    """Register an operation and return its record, which is called like a function.

    Args:
        name: PyTorch's name for it.
        forward: arrays (the inputs, then the parameters) to an array, or to a tuple of them.
        inputs: the names of the tensor inputs, in order; a missing one is None.
        grad: per input, a function of what it needs, said by the names of its arguments: `g`
            (the gradient of the output), `y` (the output; `y_copy` in memory of its own), `y0`,
            `y1`… (one of several), an input, `<input>_shape`, `y_shape`, a parameter. What is
            named is saved, only if that input wants a gradient, and must not be changed in place
            before: name what PyTorch's formula names. Backward goes on to the inputs in the order
            of the dict. One function instead of a dict serves all inputs of a fused op; it may
            ask for `needs`, which says input by input whether a gradient is wanted.
        latex: the formula.
        doc: one sentence, then what a caller must know.
        flops: floating-point operations, from `<input>_shape`, `y_shape` and parameters.
        samples: calls that prove it; see `samples.py`.
        domain: where the random inputs of its samples are drawn.
        outputs: how many; None where the call decides (`split`).
        view: the output may share the memory of the first input.
        variadic: the first argument is a sequence of tensors.
        pack: the parameter that takes loose positional numbers (`x.reshape(2, 3)`).
        promote: "same" computes in one dtype, "float" in a floating one, "compare" as "same"
            for a boolean result; None leaves each input as it is.
        alike: the inputs that must have one dtype already, where nothing is promoted.
        refuses: NumPy's letters of the kinds of elements that `x` must not have, such as "b".
        composed: the same in differentiable ops, used under `create_graph` by a fused op.
        torch: the dotted name below `torch` where it differs.
        expose: where it can be called from: "method", "function", "functional", "linalg".
        inplace: there is a `name_` that writes into its first input.
        into: writes the result of an in-place call straight into the first array.
        aliases: further names.
    """
    record = kind(
        name,
        forward,
        inputs,
        grad,
        latex=latex,
        doc=doc,
        flops=flops,
        samples=samples,
        domain=domain,
        outputs=outputs,
        view=view,
        variadic=variadic,
        pack=pack,
        promote=promote,
        alike=alike,
        refuses=refuses,
        composed=composed,
        torch=torch,
        expose=expose,
        inplace=inplace,
        into=into,
        aliases=aliases,
    )
    if name in REGISTRY:
        raise ValueError(f"there is an op {name!r} already; an op is one record in one place")
    REGISTRY[name] = record
    return record


def _parameters_of(forward: Callable[..., Any], inputs: int) -> list[inspect.Parameter]:
    if isinstance(forward, np.ufunc):
        return []
    return list(inspect.signature(forward).parameters.values())[inputs:]


def _position(names: tuple[str, ...], name: str) -> int | None:
    return names.index(name) if name in names else None


def _is_of(part: np.ndarray, array: np.ndarray) -> bool:
    """Whether an array is a view of the memory of another."""
    root = array if array.base is None else array.base
    base: Any = part.base
    # What NumPy strides anew hangs on its memory by a link more.
    while base is not None and base is not root and base is not array:
        base = getattr(base, "base", None)
    return base is not None


def _cast(value: Any, dtype: np.dtype) -> Any:
    if isinstance(value, np.ndarray):
        return value if value.dtype == dtype else value.astype(dtype)
    return value if value is None else dtype.type(value)
