"""Hooks: functions of yours that a module calls before and after forward and backward.

In the order of events of one training step: forward-pre, forward, full-backward-pre (gradients
of the outputs have arrived), full-backward (those of the inputs are known too). Hooks of all
modules run before those of the one module, and each kind in the order of registration.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..autograd.mode import mode
from ..autograd.node import Node, RemovableHandle
from ..tensor import Tensor, wrap

__all__ = [
    "Hookable",
    "RemovableHandle",
    "call_with_hooks",
    "global_hooks",
    "has_hooks",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]


class Hook(NamedTuple):
    """A registered function and how it wants to be called."""

    function: Callable[..., Any]
    with_kwargs: bool = False
    always_call: bool = False


HookTable = OrderedDict[int, Any]


class Hookable:
    """The part of a Module that keeps its hooks."""

    _forward_pre_hooks: HookTable
    _forward_hooks: HookTable
    _backward_pre_hooks: HookTable
    _backward_hooks: HookTable

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before each forward.

        What it returns, unless None, replaces the positional arguments.

        Args:
            hook: the function.
            prepend: run before the hooks that are registered already.
            with_kwargs: call `hook(module, args, kwargs)`; it returns None or the pair of both.
        """
        return add_hook(self._forward_pre_hooks, Hook(hook, with_kwargs), prepend)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after each forward.

        What it returns, unless None, replaces the output.

        Args:
            hook: the function.
            prepend: run before the hooks that are registered already.
            with_kwargs: call `hook(module, args, kwargs, output)`.
            always_call: call it also when the forward raised; the output is then None.
        """
        return add_hook(self._forward_hooks, Hook(hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, grad_output)` when the gradients of the outputs are known.

        `grad_output` is a tuple, None where there is no gradient. A tuple that the hook returns
        replaces it.
        """
        return add_hook(self._backward_pre_hooks, hook, prepend)

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when all gradients are known.

        `grad_input` has an entry for each positional argument of forward, None where there is
        no gradient. A tuple that the hook returns replaces it.
        """
        return add_hook(self._backward_hooks, hook, prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """The old name of `register_full_backward_hook`.

        PyTorch's own calls the hook with the gradients of the module's last operation, and takes
        leave of it; here it gets those of the module.
        """
        return self.register_full_backward_hook(hook)


class GlobalHooks(Hookable):
    """Hooks that run for every module there is."""

    def __init__(self) -> None:
        self._forward_pre_hooks = OrderedDict()
        self._forward_hooks = OrderedDict()
        self._backward_pre_hooks = OrderedDict()
        self._backward_hooks = OrderedDict()
        self.parameter_registration: HookTable = OrderedDict()
        self.buffer_registration: HookTable = OrderedDict()
        self.module_registration: HookTable = OrderedDict()

    @property
    def any_call(self) -> bool:
        """Whether there is a hook to run when a module is called."""
        return bool(
            self._forward_pre_hooks
            or self._forward_hooks
            or self._backward_pre_hooks
            or self._backward_hooks
        )


global_hooks = GlobalHooks()


def add_hook(table: HookTable, hook: Any, prepend: bool = False) -> RemovableHandle:
    """Register `hook` in `table`, at its end or its beginning."""
    handle = RemovableHandle(table, hook)
    if prepend:
        table.move_to_end(handle.id, last=False)
    return handle


def register_module_forward_pre_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False
) -> RemovableHandle:
    """`Module.register_forward_pre_hook` for all modules at once; for debugging."""
    return global_hooks.register_forward_pre_hook(hook, with_kwargs=with_kwargs)


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """`Module.register_forward_hook` for all modules at once; for debugging."""
    return global_hooks.register_forward_hook(
        hook, with_kwargs=with_kwargs, always_call=always_call
    )


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """`Module.register_full_backward_pre_hook` for all modules at once; for debugging."""
    return global_hooks.register_full_backward_pre_hook(hook)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """`Module.register_full_backward_hook` for all modules at once; for debugging."""
    return global_hooks.register_full_backward_hook(hook)


def register_module_parameter_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, parameter)` at each registration; a result replaces it."""
    return add_hook(global_hooks.parameter_registration, hook)


def register_module_buffer_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, buffer)` at each registration; a result replaces it."""
    return add_hook(global_hooks.buffer_registration, hook)


def register_module_module_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, submodule)` at each registration; a result replaces it."""
    return add_hook(global_hooks.module_registration, hook)


def registered(table: HookTable, module: Any, name: str, value: Any) -> Any:
    """`value` as the registration hooks of `table` want it registered."""
    for hook in tuple(table.values()):
        replacement = hook(module, name, value)
        value = value if replacement is None else replacement
    return value


# -- one call of a module that has hooks ----------------------------------------------------


def has_hooks(module: Any) -> bool:
    """Whether there is a hook to run when this module is called."""
    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
        or global_hooks.any_call
    )


def call_with_hooks(module: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Run `module.forward` between its hooks."""
    call = _Call(module, args, kwargs)
    finished: set[int] = set()
    try:
        gates = _Gates.of(module)
        for _, hook in _items(global_hooks._forward_pre_hooks, module._forward_pre_hooks):
            call.run_pre_hook(hook)
        if gates is not None:
            call.args = gates.enter(call.args)
        call.result = module.forward(*call.args, **call.kwargs)
        for key, hook in _items(global_hooks._forward_hooks, module._forward_hooks):
            finished.add(key)
            call.run_hook(hook)
        return call.result if gates is None else gates.leave(call.result)
    except Exception:
        for key, hook in _items(global_hooks._forward_hooks, module._forward_hooks):
            if hook.always_call and key not in finished:
                call.run_in_spite(hook)
        raise


def _items(shared: HookTable, own: HookTable) -> Iterator[tuple[int, Any]]:
    # A hook may remove itself while it runs, so the loop goes over a copy.
    return iter((*shared.items(), *own.items()))


class _Call:
    """One call on its way through the hooks, each of which sees what those before it made."""

    __slots__ = ("args", "kwargs", "module", "result")

    def __init__(self, module: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        self.module = module
        self.args = args
        self.kwargs = kwargs
        self.result: Any = None

    def run_pre_hook(self, hook: Hook) -> None:
        if hook.with_kwargs:
            changed = hook.function(self.module, self.args, self.kwargs)
            if changed is None:
                return
            if not (isinstance(changed, tuple) and len(changed) == 2):
                raise RuntimeError(
                    "forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                    f"but got {changed!r}"
                )
            self.args, self.kwargs = changed
        else:
            changed = hook.function(self.module, self.args)
            if changed is not None:
                self.args = changed if isinstance(changed, tuple) else (changed,)

    def run_hook(self, hook: Hook) -> None:
        given = (self.args, self.kwargs) if hook.with_kwargs else (self.args,)
        changed = hook.function(self.module, *given, self.result)
        if changed is not None:
            self.result = changed

    def run_in_spite(self, hook: Hook) -> None:
        """Run a hook while an error is on its way; an error of its own must not hide that one."""
        try:
            self.run_hook(hook)
        except Exception as error:
            warnings.warn(
                "a forward hook with always_call=True raised, which is silenced because another "
                f"error is being raised by forward: {error}",
                stacklevel=2,
            )


class Gate(Node):
    """An identity in the graph, at which the gradients of several tensors pass together."""

    __slots__ = ()

    def __init__(self, tensors: list[Tensor]) -> None:
        super().__init__(
            [tensor._edge() if tensor.requires_grad else None for tensor in tensors],
            [(tensor.array.shape, tensor.array.dtype) for tensor in tensors],
        )

    def name(self) -> str:
        return "BackwardHookFunctionBackward"

    def backward(self, grads: list[Any], differentiate: Any) -> list[Any]:
        # As at every node of several outputs, no gradient for one of them counts as zeros.
        passed = list(grads)
        for i, (shape, dtype) in enumerate(self.outputs):
            if passed[i] is None:
                nothing = np.zeros(shape, dtype)
                passed[i] = nothing if differentiate is None else wrap(nothing)
        return passed

    def pass_through(self, tensor: Tensor, slot: int) -> Tensor:
        """The tensor as it comes out on the other side."""
        out = wrap(tensor.array)
        out._become_view(
            tensor,
            None,
            "it went into or came out of a module with full backward hooks, which must see the "
            "gradient of what it is now: clone() it before changing it",
        )
        if tensor.requires_grad:
            out._node, out._slot, out._requires_grad = self, slot, True
        return out


class _Gates:
    """The full-backward hooks of one call: a gate around its inputs, another around its outputs.

    Backward comes to the gate of the outputs first, where the gradients of the outputs are
    complete and the pre-hooks run; then to that of the inputs, where all is known.
    """

    def __init__(self, module: Any, pre_hooks: list[Any], hooks: list[Any]) -> None:
        self.module = module
        self.pre_hooks = pre_hooks
        self.hooks = hooks
        self.inputs = 0
        self.entered: list[int] | None = None
        self.left: list[int] | None = None
        self.grad_outputs: tuple | None = None

    @classmethod
    def of(cls, module: Any) -> _Gates | None:
        shared = global_hooks
        pre_hooks = [*shared._backward_pre_hooks.values(), *module._backward_pre_hooks.values()]
        hooks = [*shared._backward_hooks.values(), *module._backward_hooks.values()]
        return cls(module, pre_hooks, hooks) if pre_hooks or hooks else None

    def enter(self, args: tuple) -> tuple:
        """The positional arguments of forward, seen through a gate."""
        self.inputs = len(args)
        args, gate, self.entered = _through_gate(args)
        if gate is not None:
            gate.register_hook(self._on_grad_inputs)
        return args

    def leave(self, result: Any) -> Any:
        """The result of forward, seen through a gate."""
        if not isinstance(result, (Tensor, tuple)):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of "
                f"Tensors but received {type(result)}",
                stacklevel=2,
            )
        results = result if isinstance(result, tuple) else (result,)
        passed, gate, self.left = _through_gate(results)
        if gate is not None:
            size = len(results)
            gate.register_hook(lambda _, grads: self._on_grad_outputs(grads, size))
        return passed if isinstance(result, tuple) else passed[0]

    def _on_grad_outputs(self, grads: tuple, size: int) -> tuple:
        assert self.left is not None
        self.grad_outputs = _spread(grads, self.left, size)
        for hook in self.pre_hooks:
            changed = hook(self.module, self.grad_outputs)
            if changed is not None:
                self.grad_outputs = _checked(changed, size, "pre hook", "grad_output")
        complete = self.grad_outputs
        if self.entered is None:
            self._finish_without_inputs()
        return tuple(complete[i] for i in self.left)

    def _finish_without_inputs(self) -> None:
        """No input wants a gradient, so backward will not come to a gate of inputs."""
        nothing = (None,) * self.inputs
        warnings.warn(
            f"no input of this {type(self.module).__name__} requires a gradient, so full backward "
            "hooks are called with grad_input None, once the gradients of the outputs are known",
            stacklevel=3,
        )
        for hook in self.hooks:
            changed = hook(self.module, nothing, self.grad_outputs)
            if changed is not None and any(each is not None for each in changed):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always "
                    "return None or None for all gradients."
                )
        self.grad_outputs = None

    def _on_grad_inputs(self, grads: tuple, _: tuple) -> tuple | None:
        if self.grad_outputs is None:
            # The gradient came to the input past the module's output, as in double backward.
            return None
        assert self.entered is not None
        grad_inputs = _spread(grads, self.entered, self.inputs)
        for hook in self.hooks:
            changed = hook(self.module, grad_inputs, self.grad_outputs)
            if changed is not None:
                grad_inputs = _checked(changed, self.inputs, "hook", "grad_input")
        self.grad_outputs = None
        return tuple(grad_inputs[i] for i in self.entered)


def _through_gate(values: tuple) -> tuple[tuple, Gate | None, list[int] | None]:
    """The values with the tensors among them seen through a gate, the gate, and their places."""
    places = [i for i, value in enumerate(values) if isinstance(value, Tensor)]
    tensors = [values[i] for i in places]
    if not (mode.grad and any(tensor.requires_grad for tensor in tensors)):
        return values, None, None
    gate = Gate(tensors)
    passed = list(values)
    for slot, (i, tensor) in enumerate(zip(places, tensors)):
        passed[i] = gate.pass_through(tensor, slot)
    # A named tuple takes its fields one by one.
    kind = type(values)
    return (kind._make(passed) if hasattr(kind, "_make") else tuple(passed)), gate, places


def _spread(grads: tuple, places: list[int], size: int) -> tuple:
    full: list[Any] = [None] * size
    for i, grad in zip(places, grads):
        full[i] = grad
    return tuple(full)


def _checked(changed: Any, size: int, kind: str, what: str) -> tuple:
    changed = changed if isinstance(changed, tuple) else (changed,)
    if len(changed) != size:
        raise RuntimeError(
            f"Backward {kind} returned an invalid number of {what}, got {len(changed)}, "
            f"but expected {size}"
        )
    return changed
