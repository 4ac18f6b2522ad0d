"""`Optimizer`: parameter groups, state, hooks and the walk that all optimizers share."""

from __future__ import annotations

import copy
import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ..autograd.mode import enable_grad, no_grad
from ..autograd.node import RemovableHandle
from ..tensor import Tensor, wrap

__all__ = [
    "Optimizer",
    "ParamsT",
    "register_optimizer_step_post_hook",
    "register_optimizer_step_pre_hook",
]

ParamsT = Iterable[Any]
"""Tensors, pairs of name and tensor, or dicts that describe parameter groups."""

Hook = Callable[..., Any]

_global_pre_hooks: dict[int, Hook] = OrderedDict()
_global_post_hooks: dict[int, Hook] = OrderedDict()


class _Required:
    """The default of an option that has none: every group must give it."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


def register_optimizer_step_pre_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` before each step of every optimizer."""
    return RemovableHandle(_global_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` after each step of every optimizer."""
    return RemovableHandle(_global_post_hooks, hook)


def _hooked(step: Callable[..., Any]) -> Callable[..., Any]:
    """`step` between its hooks; a step that calls `super().step()` runs them once."""

    @functools.wraps(step)
    def wrapper(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        if self._stepping:
            return step(self, *args, **kwargs)
        self._stepping = True
        try:
            # As in PyTorch, the optimizer is the first of the arguments.
            args = (self, *args)
            for hook in (*_global_pre_hooks.values(), *self._step_pre_hooks.values()):
                args, kwargs = _replaced(hook(self, args, kwargs), args, kwargs)
            result = step(*args, **kwargs)
            self.steps_taken += 1
            for hook in (*self._step_post_hooks.values(), *_global_post_hooks.values()):
                hook(self, args, kwargs)
        finally:
            self._stepping = False
        return result

    return wrapper


def _replaced(result: Any, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    if result is None:
        return args, kwargs
    if isinstance(result, tuple) and len(result) == 2:
        return result
    raise RuntimeError(
        f"a step pre-hook must return None or a tuple (new_args, new_kwargs), but got {result!r}"
    )


class Optimizer:
    """The base of all optimizers.

    An optimizer of your own says its options' defaults in `__init__` and changes one parameter
    in `_update`. It may instead define `step` and do everything itself, as in PyTorch.

    Attributes:
        param_groups: a list of dicts: `params`, and every option with its value for them.
        state: what is remembered of each parameter, a dict of names and tensors.
        defaults: the options of a group that does not give them.
        steps_taken: how often `step` ran, for schedules that must come after it.

    >>> import clownpiece as cp
    >>> class SignSGD(cp.optim.Optimizer):
    ...     def __init__(self, params, lr):
    ...         super().__init__(params, {"lr": lr})
    ...     def _update(self, param, grad, state, group):
    ...         param -= group["lr"] * np.sign(grad)
    >>> x = cp.tensor([1.0, -2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> SignSGD([x], lr=0.5).step()
    >>> x
    tensor([ 0.5000, -1.5000], requires_grad=True)
    """

    _stepping = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _hooked(cls.__dict__["step"])  # type: ignore[method-assign]

    def __init__(self, params: ParamsT, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.state: defaultdict[Any, Any] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        self._forget_hooks()
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or "
                f"dicts, but got a {type(params).__name__}; put it in a list: [param]"
            )
        groups = list(params)
        if not groups:
            raise ValueError(
                "optimizer got an empty parameter list; was the iterator of model.parameters() "
                "used up already, or has the model no parameters?"
            )
        if not isinstance(groups[0], dict):
            # A set stays a set, for add_param_group to refuse it.
            groups = [{"params": params if isinstance(params, (set, frozenset)) else groups}]
        for group in groups:
            self.add_param_group(group)

    def _forget_hooks(self) -> None:
        self.steps_taken = 0
        self._step_pre_hooks: dict[int, Hook] = OrderedDict()
        self._step_post_hooks: dict[int, Hook] = OrderedDict()
        self._state_dict_pre_hooks: dict[int, Hook] = OrderedDict()
        self._state_dict_post_hooks: dict[int, Hook] = OrderedDict()
        self._load_pre_hooks: dict[int, Hook] = OrderedDict()
        self._load_post_hooks: dict[int, Hook] = OrderedDict()

    # -- groups -----------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Optimize more parameters from now on, such as layers that are no longer frozen.

        Raises:
            TypeError: something in it is not a tensor, or their order is not fixed.
            ValueError: a non-leaf, a missing option, or a parameter of another group.
        """
        if not isinstance(param_group, dict):
            raise TypeError(
                f"param_group must be a dict such as {{'params': [...], 'lr': 0.1}}, but got "
                f"{type(param_group).__name__}"
            )
        group = dict(param_group)
        group["params"], names = _listed(group["params"])
        if names:
            group["param_names"] = names
        _same_naming(self.param_groups, group)
        for param in group["params"]:
            _check_optimizable(param)
        for name, default in self.defaults.items():
            if default is required and name not in group:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization "
                    f"parameter {name}"
                )
            group.setdefault(name, default)
        known = {id(p) for other in self.param_groups for p in other["params"]}
        if any(id(param) in known for param in group["params"]):
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(_without_repeats(group))

    # -- the step ---------------------------------------------------------------------------

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to zero in place."""
        for group in self.param_groups:
            for param in group["params"]:
                if set_to_none:
                    param.grad = None
                elif param.grad is not None:
                    if param.grad.grad_fn is not None:
                        param.grad = param.grad.detach()
                    param.grad.array.fill(0)
                    param.grad.bump_version()

    @_hooked
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        Args:
            closure: computes the loss anew, with gradients, and returns it.

        Returns:
            What the closure returned, else None.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                for param in group["params"]:
                    if param.grad is not None and param.array.size:
                        self._update_in_place(param, group)
        return loss

    def _update_in_place(self, param: Tensor, group: dict[str, Any]) -> None:
        array, grad = param.array, param.grad.array  # type: ignore[union-attr]
        state = self.state.get(param, {})
        if array.flags.c_contiguous:
            self._update(array, grad, state, group)
        else:
            copied = np.ascontiguousarray(array)
            self._update(copied, grad, state, group)
            array[...] = copied
        if state:
            self.state[param] = state
        param.bump_version()

    def _update(
        self, param: np.ndarray, grad: np.ndarray, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        """Change `param`, a contiguous array, in place; `grad` must stay as it is."""
        raise NotImplementedError(
            f"{type(self).__name__} defines neither _update(param, grad, state, group) nor step()"
        )

    # -- hooks ------------------------------------------------------------------------------

    def register_step_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before each step; it may return new ones.

        The first of `args` is the optimizer.
        """
        return RemovableHandle(self._step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return RemovableHandle(self._step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` before `state_dict` collects."""
        return _registered(self._state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` after it; it may return another state_dict."""
        return _registered(self._state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Hook, prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` before loading; it may return another state_dict."""
        return _registered(self._load_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Hook, prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer)` after loading."""
        return _registered(self._load_post_hooks, hook, prepend)

    # -- the state --------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to continue, with parameters numbered in the order of the groups.

        Returns:
            `{"state": {number: {name: tensor}}, "param_groups": [{…, "params": [number]}]}`,
            PyTorch's layout. The tensors are the optimizer's own, not copies.
        """
        for hook in self._state_dict_pre_hooks.values():
            hook(self)
        numbers = {id(p): number for number, p in enumerate(self._params())}
        result: dict[str, Any] = {
            "state": {
                numbers[id(key)] if isinstance(key, Tensor) else key: value
                for key, value in self.state.items()
            },
            "param_groups": [
                {
                    **{name: value for name, value in group.items() if name != "params"},
                    "params": [numbers[id(p)] for p in group["params"]],
                }
                for group in self.param_groups
            ],
        }
        for hook in self._state_dict_post_hooks.values():
            changed = hook(self, result)
            result = result if changed is None else changed
        return result

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue where `state_dict` was taken; the caller's dict is copied, never kept.

        Its tensors may be ours, arrays or PyTorch's. They take their parameter's dtype.

        Raises:
            ValueError: its groups are not these groups: another number, or other sizes.
        """
        state_dict = dict(state_dict)
        for hook in self._load_pre_hooks.values():
            changed = hook(self, state_dict)
            state_dict = state_dict if changed is None else dict(changed)
        saved_groups = copy.deepcopy(state_dict["param_groups"])
        _check_same_sizes(self.param_groups, saved_groups)

        saved_numbers = [number for group in saved_groups for number in group["params"]]
        param_of = dict(zip(saved_numbers, self._params()))
        state: defaultdict[Any, Any] = defaultdict(dict)
        for number, value in state_dict["state"].items():
            if number in param_of:
                param = param_of[number]
                state[param] = _copied(value, param)
            else:
                state[number] = copy.deepcopy(value)
        for group, saved in zip(self.param_groups, saved_groups):
            saved["params"] = group["params"]
            if "param_names" in group and "param_names" not in saved:
                saved["param_names"] = group["param_names"]
        self.__setstate__({"state": state, "param_groups": saved_groups})
        for hook in self._load_post_hooks.values():
            hook(self)

    def _params(self) -> list[Tensor]:
        return [param for group in self.param_groups for param in group["params"]]

    def __getstate__(self) -> dict[str, Any]:
        return {
            "defaults": self.defaults,
            "state": self.state,
            "param_groups": self.param_groups,
            "steps_taken": self.steps_taken,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        if not hasattr(self, "_step_pre_hooks"):
            self._forget_hooks()
        self.__dict__.update(state)
        for group in self.param_groups:
            # A file written by an older version, or by PyTorch, may lack an option.
            for name, default in self.defaults.items():
                group.setdefault(name, default)

    def __repr__(self) -> str:
        groups = []
        for number, group in enumerate(self.param_groups):
            options = [f"    {name}: {group[name]}\n" for name in sorted(group) if name != "params"]
            groups.append(f"\nParameter Group {number}\n" + "".join(options))
        return f"{type(self).__name__} (" + "".join(groups) + ")"


def _listed(params: Any) -> tuple[list[Any], list[str]]:
    """The parameters as a list, and their names where they come as pairs of name and tensor."""
    if isinstance(params, Tensor):
        return [params], []
    if isinstance(params, (set, frozenset)):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering "
            "of tensors in sets will change between runs. Please use a list instead."
        )
    given = list(params)
    named = [isinstance(each, tuple) for each in given]
    if not any(named):
        return given, []
    if not all(named):
        raise ValueError(
            "all optimizer params should be with/without names. Some param names are missing"
        )
    return [param for _, param in given], [name for name, _ in given]


def _same_naming(groups: list[dict[str, Any]], new: dict[str, Any]) -> None:
    if groups and ("param_names" in groups[0]) != ("param_names" in new):
        with_or_without = "with" if "param_names" in new else "without"
        raise ValueError(
            "all optimizer param groups should be with/without names. "
            f"cannot add a group {with_or_without} names to this optimizer"
        )


def _check_optimizable(param: Any) -> None:
    if not isinstance(param, Tensor):
        raise TypeError(
            f"optimizer can only optimize Tensors, but one of the params is {type(param).__name__}"
        )
    if not (param.is_leaf or param.retains_grad):
        raise ValueError(
            "can't optimize a non-leaf Tensor: it came out of "
            f"{param.grad_fn.name()}, so give the optimizer what it was computed from"  # type: ignore[union-attr]
        )


def _without_repeats(group: dict[str, Any]) -> dict[str, Any]:
    """The group with each parameter once, so that a tied parameter is stepped once."""
    params = group["params"]
    first = {id(param): number for number, param in reversed(list(enumerate(params)))}
    if len(first) == len(params):
        return group
    warnings.warn(
        "optimizer contains a parameter group with duplicate parameters; each is updated once. "
        "model.parameters() gives every parameter once",
        stacklevel=4,
    )
    kept = sorted(first.values())
    group["params"] = [params[number] for number in kept]
    if "param_names" in group:
        group["param_names"] = [group["param_names"][number] for number in kept]
    return group


def _registered(hooks: dict[int, Hook], hook: Hook, prepend: bool) -> RemovableHandle:
    handle = RemovableHandle(hooks, hook)
    if prepend:
        hooks.move_to_end(handle.id, last=False)  # type: ignore[attr-defined]
    return handle


def _check_same_sizes(groups: list[dict[str, Any]], saved: list[dict[str, Any]]) -> None:
    if len(groups) != len(saved):
        raise ValueError(
            "loaded state dict has a different number of parameter groups: it has "
            f"{len(saved)}, this optimizer {len(groups)}"
        )
    for number, (group, other) in enumerate(zip(groups, saved)):
        if len(group["params"]) != len(other["params"]):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of "
                f"optimizer's group: group {number} has {len(other['params'])} parameters there "
                f"and {len(group['params'])} here"
            )


def _copied(value: Any, param: Tensor, name: str = "") -> Any:
    """A copy of saved state with arrays as tensors; all but `step` take the parameter's dtype."""
    if isinstance(value, Mapping):
        return {key: _copied(each, param, key) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_copied(each, param, name) for each in value)
    if not isinstance(value, (Tensor, np.ndarray)) and not hasattr(value, "__array__"):
        return copy.deepcopy(value)
    array = value.array if isinstance(value, Tensor) else np.asarray(value)
    keeps_type = name == "step" or array.dtype.kind != "f" or param.array.dtype.kind != "f"
    return wrap(np.array(array, array.dtype if keeps_type else param.array.dtype, order="C"))
