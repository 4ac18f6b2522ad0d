"""Checkpoints: memory for time. What lies between the inputs and the outputs of a function is not
kept for backward, but computed again when backward comes by.

Chen, Xu, Zhang, Guestrin, *Training Deep Nets with Sublinear Memory Cost*, 2016: a chain of n
layers in √n segments needs memory for about 2√n activations, and one forward more.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

from ..autograd.engine import backward as run_backward
from ..autograd.function import Function
from ..autograd.graph import saved_tensors_hooks
from ..autograd.mode import enable_grad, is_grad_enabled, mode, no_grad, observe_ops
from ..autograd.walk import accumulates
from ..nn import Sequential
from ..ops.recording import Packed, continued
from ..random import fork_rng, get_rng_state, set_rng_state
from ..tensor import Tensor

__all__ = ["CheckpointError", "checkpoint", "checkpoint_sequential", "set_checkpoint_early_stop"]

Contexts = tuple[AbstractContextManager[Any], AbstractContextManager[Any]]


class CheckpointError(RuntimeError):
    """What was computed again is not what was computed first."""


def noop_context_fn() -> Contexts:
    """No contexts around the forward and its repetition: the default of `context_fn`."""
    return nullcontext(), nullcontext()


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], Contexts] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """`function(*args, **kwargs)`, without keeping for backward what it computes on the way.

    Args:
        function: it must compute the same again when backward calls it a second time.
        use_reentrant: True runs the function under `no_grad` and a backward of its own inside of
            backward: at least one of `args` must require a gradient, `autograd.grad` and
            `backward(inputs=…)` are refused, and so are keyword arguments. False records as
            always, but saves placeholders, which are filled when backward first asks for one.
        context_fn: makes two contexts, one around the forward and one around its repetition.
        determinism_check: "default" compares shape and dtype of what is saved both times, "none"
            compares nothing.
        debug: have errors list the operations of both runs.
        early_stop: stop the repetition as soon as everything that was saved is there again.
        preserve_rng_state: draw the same random numbers again, so that dropout drops the same.

    Raises:
        CheckpointError: the repetition saved other tensors than the forward.
        ValueError: arguments that do not go together.

    Two differences from PyTorch: what is saved and then changed in place by the function is an
    error here too, not a wrong gradient; and a custom Function may read `saved_tensors` twice.

    >>> import clownpiece
    >>> x = clownpiece.tensor([1.0, 2.0], requires_grad=True)
    >>> checkpoint(lambda x: (x * x).exp().sum(), x, use_reentrant=False).backward()
    >>> x.grad
    tensor([  5.4366, 218.3926])
    """
    if use_reentrant is None:
        warnings.warn(_SAY_WHICH, stacklevel=2)
        use_reentrant = True
    if use_reentrant:
        if kwargs:
            raise ValueError(
                f"Unexpected keyword arguments: {','.join(kwargs)}; with use_reentrant=True a "
                "function takes positional arguments only"
            )
        if context_fn is not noop_context_fn or debug:
            raise ValueError(
                "Passing `context_fn` or `debug` is only supported when use_reentrant=False."
            )
        return _Reentrant.apply(function, preserve_rng_state, *args)
    if determinism_check not in ("default", "none"):
        raise ValueError(
            f"determinism_check should be one of default, none; got {determinism_check!r}"
        )
    forward_context, again_context = context_fn()
    if not is_grad_enabled():
        return function(*args, **kwargs)
    if _early_stop is not None:
        early_stop = _early_stop
    region = _Region(
        lambda *inputs: function(*inputs, **kwargs),
        args,
        again_context,
        get_rng_state() if preserve_rng_state else None,
        early_stop,
        determinism_check == "default",
        debug,
    )
    with saved_tensors_hooks(region.pack, _Place.take), forward_context, region.heard(0):
        outputs = function(*args, **kwargs)
    region.complete = True
    return outputs


_SAY_WHICH = (
    "checkpoint: the use_reentrant parameter should be passed explicitly; use_reentrant=False is "
    "recommended, and True is what is used if it is left out"
)

_early_stop: bool | None = None


@contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """Inside, all checkpoints stop their repetition early, or none does."""
    global _early_stop
    before, _early_stop = _early_stop, enable
    try:
        yield
    finally:
        _early_stop = before


def checkpoint_sequential(
    functions: Sequential | Sequence[Callable[[Any], Any]],
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    *,
    preserve_rng_state: bool = True,
) -> Any:
    """One function after the other, in segments that are checkpointed, all but the last.

    Args:
        functions: a Sequential, or a list of modules or functions.
        segments: how many; √n for n functions of one size needs the least memory.
        input: what goes into the first.
        use_reentrant: as in `checkpoint`.
        preserve_rng_state: as in `checkpoint`.

    >>> import clownpiece
    >>> x = clownpiece.ones(1, requires_grad=True)
    >>> double = lambda x: x * 2
    >>> checkpoint_sequential([double] * 4, 2, x, use_reentrant=False)
    tensor([16.], grad_fn=<MulBackward0>)
    """
    if use_reentrant is None:
        warnings.warn(_SAY_WHICH, stacklevel=2)
        use_reentrant = True
    steps = list(functions)
    size = len(steps) // segments
    last = size * (segments - 1)
    for start in range(0, last, size or 1):
        input = checkpoint(
            _chain(steps[start : start + size]),
            input,
            use_reentrant=use_reentrant,
            preserve_rng_state=preserve_rng_state,
        )
    return _chain(steps[last:])(input)


def _chain(steps: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def run(value: Any) -> Any:
        for step in steps:
            value = step(value)
        return value

    return run


# -- without a walk inside of the walk -------------------------------------------------------


class _Enough(Exception):
    """Everything that was saved is there again: the rest need not be computed."""


class _Place:
    """What a node of the region keeps instead of a tensor, until backward asks for it."""

    __slots__ = ("__weakref__", "region", "tensor", "version")

    def __init__(self, region: _Region) -> None:
        self.region = region
        self.tensor: Tensor | None = None
        self.version = 0

    def take(self) -> Tensor:
        """The tensor, computed again if need be; it is handed out once and let go."""
        if self.tensor is None:
            self.region.compute_again()
        tensor, self.tensor = self.tensor, None
        assert tensor is not None
        if tensor._changes != self.version:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an "
                "inplace operation: the function of a checkpoint changed what it had saved; "
                "clone() it before changing it"
            )
        return tensor


class _Region:
    """One call of a checkpointed function: how to repeat it, and who waits for what it saves.

    The nodes hold their places, a place holds the region, and the region knows its places only
    weakly: it lives as long as a node that may need it.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        context: AbstractContextManager[Any],
        rng_state: Any,
        early_stop: bool,
        compare: bool,
        debug: bool,
    ) -> None:
        self.function = function
        self.context = context
        self.rng_state = rng_state
        self.early_stop = early_stop
        self.compare = compare
        self.complete = False
        self.args = [_Argument(each) if isinstance(each, Tensor) else each for each in args]
        self.places: list[weakref.ref[_Place]] = []
        self.saved: list[tuple[tuple[int, ...], Any]] = []
        self.names: tuple[list[str], list[str]] | None = ([], []) if debug else None

    def pack(self, tensor: Tensor) -> _Place:
        """While the forward runs: note what is saved, and keep a place for it."""
        place = _Place(self)
        self.places.append(weakref.ref(place))
        self.saved.append((tuple(tensor.shape), tensor.dtype))
        return place

    def heard(self, run: int) -> AbstractContextManager[Any]:
        """Where errors are to list the operations of both runs: listens to one of them."""
        if self.names is None:
            return nullcontext()
        names = self.names[run]
        names.clear()
        return observe_ops(lambda op, *rest: names.append(op.name))

    def compute_again(self) -> None:
        """Call the function once more, and fill the places of all who still wait."""
        expected = len(self.places)
        count = 0

        def pack(tensor: Tensor) -> Tensor:
            nonlocal count
            if count < expected:
                self._fill(count, tensor)
            elif self.complete:
                raise self._error(
                    "trying to save more tensors during recomputation than during the original "
                    f"forward pass, which saved {expected}"
                )
            count += 1
            if self.early_stop and count == expected:
                raise _Enough
            return tensor

        inputs = [each.value() if isinstance(each, _Argument) else each for each in self.args]
        with ExitStack() as stack:
            stack.enter_context(fork_rng(enabled=self.rng_state is not None))
            if self.rng_state is not None:
                set_rng_state(self.rng_state)
            stack.enter_context(enable_grad())
            stack.enter_context(saved_tensors_hooks(pack, lambda kept: kept))
            stack.enter_context(self.heard(1))
            try:
                with self.context:
                    self.function(*inputs)
            except _Enough:
                pass
        if count < expected:
            raise self._error(
                "A different number of tensors was saved during the original forward and "
                f"recomputation: {expected} during forward, {count} during recomputation"
            )

    def _fill(self, at: int, tensor: Tensor) -> None:
        place = self.places[at]()
        if place is None:
            return
        again = (tuple(tensor.shape), tensor.dtype)
        if self.compare and again != self.saved[at]:
            raise self._error(
                "Recomputed values for the following tensors have different metadata than during "
                f"the forward pass: the tensor at position {at} had shape and dtype "
                f"{self.saved[at]}, and now has {again}"
            )
        place.tensor, place.version = tensor, tensor._changes

    def _error(self, what: str) -> CheckpointError:
        if self.names is None:
            return CheckpointError(
                f"checkpoint: {what}; the function must compute the same both times. "
                "debug=True lists the operations of both runs"
            )
        first, again = (", ".join(each) for each in self.names)
        return CheckpointError(
            f"checkpoint: {what}; the function must compute the same both times.\n"
            f"Operations of the forward: {first}\nOperations of the repetition: {again}"
        )


class _Argument:
    """A tensor that went into a region, to go in again as it was.

    In a region inside of another the outer one's hooks save it, as they do what its nodes save.
    """

    def __init__(self, tensor: Tensor) -> None:
        self.version = tensor._changes
        self.packed = None
        self.tensor: Tensor = tensor
        if mode.saving is not None:
            self.packed = Packed(tensor.array, tensor, mode.saving)
            self.edge = tensor._edge()
            del self.tensor

    def value(self) -> Tensor:
        """The tensor.

        Raises:
            RuntimeError: it was changed in place since.
        """
        if self.packed is not None:
            return continued(self.packed, self.edge, None)
        if self.tensor._changes != self.version:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an "
                f"inplace operation: an input of a checkpoint is at version "
                f"{self.tensor._changes}, expected version {self.version}; clone() it before "
                "changing it"
            )
        return self.tensor


# -- with a walk inside of the walk ----------------------------------------------------------


class _Reentrant(Function):
    """The function under `no_grad`; its backward runs it again, and walks back through that."""

    @staticmethod
    def forward(ctx: Any, function: Callable[..., Any], preserve: bool, *args: Any) -> Any:
        if not any(isinstance(each, Tensor) and each.requires_grad for each in args):
            warnings.warn(
                "None of the inputs have requires_grad=True. Gradients will be None", stacklevel=4
            )
        ctx.function = function
        ctx.rng_state = get_rng_state() if preserve else None
        ctx.save_for_backward(*[each for each in args if isinstance(each, Tensor)])
        ctx.args = [None if isinstance(each, Tensor) else each for each in args]
        ctx.places = [at for at, each in enumerate(args) if isinstance(each, Tensor)]
        with no_grad():
            return function(*args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        if not accumulates():
            raise RuntimeError(
                "When use_reentrant=True, checkpoint is incompatible with .grad() or passing an "
                "`inputs` parameter to .backward(); use use_reentrant=False instead"
            )
        inputs = list(ctx.args)
        for at, tensor in zip(ctx.places, ctx.saved_tensors):
            inputs[at] = tensor.detach().requires_grad_(tensor.requires_grad)
        with fork_rng(enabled=ctx.rng_state is not None), enable_grad():
            if ctx.rng_state is not None:
                set_rng_state(ctx.rng_state)
            outputs = ctx.function(*inputs)
        made = outputs if isinstance(outputs, tuple) else (outputs,)
        pairs = [
            (output, grad)
            for output, grad in zip(made, grads)
            if isinstance(output, Tensor) and output.requires_grad
        ]
        if not pairs:
            raise RuntimeError(
                "none of output has requires_grad=True, this checkpoint() is not necessary"
            )
        run_backward([output for output, _ in pairs], [grad for _, grad in pairs])
        return None, None, *(each.grad if isinstance(each, Tensor) else None for each in inputs)
