"""How capture sees PyTorch. Nothing else in clownviz knows that it exists.

Calls are seen by hooks of every module, which a copy of the model does not take along;
operations by a `TorchFunctionMode`, which hears of every function of PyTorch that Python calls.
Their names are those of clownpiece's records, so formula and cost come from these.
"""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import lru_cache, partial
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.parameter import is_lazy
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.overrides import TorchFunctionMode

from clownpiece.ops import REGISTRY

from .backend import Enter, Handle, Leave, NoNumbers, OpFacts, OpHook, StepHook, register
from .module_backend import ModuleBackend
from .torch_flops import flops_of

__all__ = ["TorchBackend"]


class TorchBackend(ModuleBackend):
    """The `Backend` of models made of `torch.nn.Module`."""

    tensor = torch.Tensor
    module = torch.nn.Module
    parameter = torch.nn.Parameter
    machinery = ("torch", "clownviz.recording")
    module_call = ("torch.nn.modules.module",)

    # -- tensors -----------------------------------------------------------------------------

    def array(self, tensor: Any) -> np.ndarray:
        return _array(tensor)

    def identity(self, tensor: Any) -> Any:
        return tensor

    def version(self, tensor: Any) -> int:
        return 0 if tensor.is_inference() else tensor._version

    def base(self, tensor: Any) -> Any | None:
        return tensor._base

    def facts(self, tensor: Any) -> tuple[tuple[int, ...], str, int, bool]:
        if is_lazy(tensor):
            return (0,), _dtype_name(tensor.dtype), 0, tensor.requires_grad
        return (
            tuple(tensor.shape) if not tensor.is_nested else _padded_shape(tensor),
            _dtype_name(tensor.dtype),
            tensor.numel() * tensor.element_size(),
            tensor.requires_grad,
        )

    def on_accumulated(self, parameter: Any, hook: Callable[[Any], None]) -> Handle:
        # A lazy module's parameter refuses all functions of PyTorch's until it has a shape.
        with torch._C.DisableTorchFunctionSubclass():
            return super().on_accumulated(parameter, hook)

    def set_array(self, tensor: Any, array: np.ndarray) -> None:
        with torch.no_grad():
            tensor.copy_(torch.from_numpy(np.array(array)))

    # -- what happens ------------------------------------------------------------------------

    @contextmanager
    def observe_calls(
        self, modules: Iterable[Any], enter: Enter, leave: Leave
    ) -> Iterator[None]:
        watch, modules = _Calls(enter, leave), list(modules)
        with ExitStack() as handles:
            if any(map(_is_compiled, modules)):
                # Else every hook of ours would be compiled too, which takes seconds.
                handles.enter_context(torch.compiler.set_stance("force_eager"))
            for module in modules:
                # A compiled or scripted module may take no hooks: it is then a part of its caller.
                try:
                    before = module.register_forward_pre_hook(_Hook(watch.before), with_kwargs=True)
                    handles.callback(before.remove)
                    after = module.register_forward_hook(
                        _Hook(watch.after), with_kwargs=True, always_call=True
                    )
                    handles.callback(after.remove)
                except RuntimeError:
                    continue
            _watching.append(watch)
            handles.callback(_watching.remove, watch)
            yield

    @contextmanager
    def observe_ops(self, hook: OpHook) -> Iterator[None]:
        # Of this thread, though it may be another one that ends the observing.
        hooks = _observed.hooks
        hooks.append(hook)
        if _observed.mode is None:
            _observed.mode = _Operations()
            _observed.mode.__enter__()
        try:
            yield
        finally:
            hooks.remove(hook)
            if not _observed.hooks and _observed.mode is not None and _leave(_observed.mode):
                _observed.mode = None

    def is_grad_enabled(self) -> bool:
        return torch.is_grad_enabled()

    def is_walking_back(self) -> bool:
        return torch._C._current_graph_task_id() != -1

    def op_name(self, op: Any) -> str:
        return str(op)

    def op_facts(
        self, op: Any, inputs: Sequence[Any], params: Mapping[str, Any], outputs: Sequence[Any]
    ) -> OpFacts:
        given = {name: value for name, value in params.items() if name != "inplace"}
        record = REGISTRY.get(op)
        latex = "" if record is None else record.latex
        if record is not None and not record.variadic:
            # A number that stands where a tensor could (`x * 2`) is a parameter to a reader.
            numbers = {
                name: value for name, value in zip(record.inputs, inputs) if type(value) in _NUMBERS
            }
            given = {**numbers, **given}
        return OpFacts(op, latex, flops_of(op, inputs, given, outputs), given)

    @contextmanager
    def observe_steps(self, before: StepHook, after: StepHook) -> Iterator[None]:
        with ExitStack() as handles:
            handles.callback(register_optimizer_step_pre_hook(before).remove)
            handles.callback(register_optimizer_step_post_hook(after).remove)
            yield

    # -- a run without a trace ---------------------------------------------------------------

    generator = torch.Generator

    def random_state(self) -> AbstractContextManager[Any]:
        return torch.random.fork_rng()

    def backward(self, output: Any, loss: Callable[[Any], Any] | None) -> None:
        if loss is not None:
            loss(output).backward()
            return
        tensors = self.roots(output)
        torch.autograd.backward(tensors, [torch.ones_like(tensor) for tensor in tensors])


# -- tensors ---------------------------------------------------------------------------------


def _array(tensor: Any) -> np.ndarray:
    """The numbers of a tensor, its own memory where that is NumPy's too."""
    if is_lazy(tensor):
        return np.empty(0, np.float32)
    tensor = tensor.detach()
    if tensor.is_nested:
        return NoNumbers.of(_padded_shape(tensor))
    try:
        return tensor.numpy()
    except (TypeError, RuntimeError):  # bfloat16, sparse, conjugated, or on another device
        kind = tensor.dtype if tensor.dtype.is_complex else torch.float32
        try:
            dense = tensor if tensor.layout == torch.strided else tensor.to_dense()
            return dense.resolve_conj().to("cpu", kind).numpy()
        except (TypeError, RuntimeError, NotImplementedError):  # meta, fake, within vmap
            return NoNumbers.of(tuple(tensor.shape))


def _padded_shape(nested: Any) -> tuple[int, ...]:
    """The shape that a nested tensor has once its shorter items are padded."""
    try:
        shapes = [tuple(item.shape) for item in nested.detach().unbind()]
    except RuntimeError:  # without memory nobody knows how long an item is
        return nested.size(0), *[0] * (nested.dim() - 1)
    return len(shapes), *map(max, zip(*shapes))


@lru_cache(maxsize=64)
def _dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _is_compiled(module: Any) -> bool:
    dynamo = sys.modules.get("torch._dynamo")
    if dynamo is None:
        return False
    return isinstance(module, dynamo.OptimizedModule) or module._compiled_call_impl is not None


# -- calls of modules ------------------------------------------------------------------------


class _Hook:
    """A hook that a copy of the model does not take along: copied or pickled, it is silent."""

    __slots__ = ("_hook",)

    def __init__(self, hook: Callable[..., None]) -> None:
        self._hook = hook

    def __call__(self, *args: Any) -> None:
        # What is asked of tensors in here is no operation of the model's.
        with torch._C.DisableTorchFunction():
            self._hook(*args)

    def __deepcopy__(self, memo: dict[int, Any]) -> Callable[..., None]:
        return silent

    def __reduce__(self) -> tuple[Any, ...]:
        return partial, (silent,)


def silent(*args: Any, **kwargs: Any) -> None:
    """A hook that does nothing."""


class _Open(NamedTuple):
    """A call that is running; `known` is what its caller was handling, and not its own error."""

    number: int
    module: Any
    known: BaseException | None


class _Running(threading.local):
    """The calls that are running in this thread."""

    def __init__(self) -> None:
        self.calls: list[_Open] = []


_watching: list[_Calls] = []
_numbers = itertools.count()


class _Calls:
    """Tells one pair of functions of calls, and whether each returned."""

    def __init__(self, enter: Enter, leave: Leave) -> None:
        self.enter = enter
        self.leave = leave
        self._began = next(_numbers)
        self._running = _Running()

    def before(self, module: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        self._running.calls.append(_Open(next(_numbers), module, sys.exc_info()[1]))
        self.enter(module, args, kwargs)

    def after(self, module: Any, args: tuple, kwargs: dict[str, Any], output: Any) -> None:
        calls = self._running.calls
        known = calls.pop().known if calls else None
        error = sys.exc_info()[1]
        try:
            self.leave(module, output, None if error is known else error)
        except Exception:
            raise
        except BaseException as stop:
            # PyTorch calls no hooks for what is no Exception, and it ends all that runs within the
            # block of this watch.
            for watch in tuple(_watching):
                watch.end_since(self._began, stop)
            raise

    def end_since(self, number: int, error: BaseException) -> None:
        """Of this thread's calls those from this number on are ended by an error."""
        calls = self._running.calls
        while calls and calls[-1].number > number:
            self.leave(calls.pop().module, None, error)


# -- operations ------------------------------------------------------------------------------


class _Observed(threading.local):
    """What a thread's one mode tells; several captures share it, and end in any order.

    A mode that could not be left, because another thread or an operation of its own has ended the
    last of them, tells nothing and waits for the next one.
    """

    def __init__(self) -> None:
        self.hooks: list[OpHook] = []
        self.mode: _Operations | None = None


_observed = _Observed()

_RENAMED = {
    "__getitem__": "getitem", "__setitem__": "setitem", "__pow__": "pow", "__mod__": "remainder",
    "__floordiv__": "floor_divide", "__and__": "bitwise_and", "__or__": "bitwise_or",
    "__xor__": "bitwise_xor", "__invert__": "bitwise_not", "true_divide": "div", "divide": "div",
    "multiply": "mul", "subtract": "sub", "concat": "cat", "concatenate": "cat",
}  # fmt: skip
_REFLECTED = {
    "__radd__": "add", "__rsub__": "sub", "__rmul__": "mul", "__rtruediv__": "div",
    "__rdiv__": "div", "__rpow__": "pow", "__rmatmul__": "matmul", "__rfloordiv__": "floor_divide",
    "__rmod__": "remainder",
}  # fmt: skip
_WRITING = {"__iadd__", "__isub__", "__imul__", "__itruediv__", "__ipow__", "__imatmul__"}
_ATTRIBUTES = {"T": "t", "mT": "transpose", "H": "t", "mH": "transpose"}
# They give tensors and compute nothing that flows on.
_NO_OPERATIONS = frozenset(
    {"backward", "register_hook", "requires_grad_", "retain_grad", "set_", "size", "stride"}
    | {"numel", "dim", "is_floating_point", "item", "tolist", "numpy", "tensor", "as_tensor"}
    | {"empty", "empty_like", "zeros", "zeros_like", "ones", "ones_like", "full", "full_like"}
)
_NUMBERS = (int, float)
_NO_PARAMETERS = frozenset({"inplace", "out", "_stacklevel"})


class _Operations(TorchFunctionMode):
    """Hears of every function that is called with PyTorch's tensors, and tells the hooks."""

    def __init__(self) -> None:
        super().__init__()
        self._step: Any = None

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if not _observed.hooks:
            return func(*args, **kwargs)
        started = perf_counter()
        output = func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if name.startswith("_record_function"):
            self._note_step(name, args, output)
        elif self._step is None:
            op = _name_of(func, name)
            if op:
                args = args[::-1] if name in _REFLECTED else args
                _tell(op, args, kwargs, output, perf_counter() - started)
        return output

    def _note_step(self, name: str, args: tuple, output: Any) -> None:
        """An optimizer's step is one update, and not the hundred operations that it takes."""
        if name == "_record_function_enter_new":
            if self._step is None and str(args[0]).startswith("Optimizer.step"):
                self._step = output
        elif args and args[0] is self._step:
            self._step = None


def _leave(mode: _Operations) -> bool:
    """Take the mode off this thread's stack, from below those that were entered after it.

    While it hears of an operation it does not stand there.
    """
    from torch.overrides import _get_current_function_mode, _pop_mode, _push_mode

    above = []
    while (top := _get_current_function_mode()) is not None and top is not mode:
        above.append(_pop_mode())
    if top is mode:
        mode.__exit__(None, None, None)
    while above:
        _push_mode(above.pop())
    return top is mode


@lru_cache(maxsize=4096)
def _name_of(func: Any, name: str) -> str:
    """clownpiece's name of an operation; nothing for what is none."""
    if name == "__get__":
        return _ATTRIBUTES.get(getattr(getattr(func, "__self__", None), "__name__", ""), "")
    if name in _WRITING:
        name = f"{name[3:-2]}_"
    name = _RENAMED.get(name) or _REFLECTED.get(name, name)
    if name in _NO_OPERATIONS or name.startswith("_") or name.endswith("__"):
        return ""
    return name


def _tell(op: str, args: tuple, kwargs: dict[str, Any], output: Any, seconds: float) -> None:
    outputs = (args[0],) if op == "setitem" else tuple(_tensors(output))
    if not outputs:
        return
    name = op.rstrip("_")
    inputs, params = _bound(name, args, kwargs)
    wrote = op == "setitem" or op.endswith("_") or kwargs.get("out") is not None
    if wrote or (kwargs.get("inplace") and outputs[0] is inputs[0]):
        params["inplace"] = True
    elif any(output is each for each in inputs):
        return  # converted to what it is already, a tensor is returned itself: nothing ran
    for hook in tuple(_observed.hooks):
        hook(name, inputs, params, outputs, seconds)


def _bound(
    op: str, args: tuple, kwargs: dict[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Inputs and parameters, in the order and by the names of clownpiece's record if there is one.

    A call in a form that only PyTorch has is flattened: tensors are inputs, the rest parameters.
    """
    given = {name: value for name, value in kwargs.items() if name not in _NO_PARAMETERS}
    record = REGISTRY.get(op)
    if record is not None and not record.variadic:
        names = [*record.inputs, *record.parameters]
        if len(args) <= len(names) and not given.keys() & names[: len(args)]:
            given = dict(zip(names, args)) | given
            inputs = [given.pop(name, None) for name in record.inputs]
            while inputs and inputs[-1] is None:
                inputs.pop()
            # A mask that clownpiece counts as a parameter is an input, and keeps its name too.
            rest = [each for value in given.values() for each in _tensors(value)]
            return inputs + rest, {k: v for k, v in given.items() if v is not None}
    inputs = list(_tensors((args, tuple(given.values()))))
    places = {f"args[{at}]": value for at, value in enumerate(args)} | given
    return inputs, {name: value for name, value in places.items() if _is_plain(value)}


def _is_plain(value: Any) -> bool:
    return value is not None and next(_tensors(value), None) is None


def _tensors(nest: Any) -> Iterator[Any]:
    """The tensors of a nest of tuples and lists, in order, also those that stand in it twice."""
    if isinstance(nest, torch.Tensor):
        yield nest
    elif isinstance(nest, (tuple, list)):
        for item in nest:
            yield from _tensors(item)


register(TorchBackend())
