"""A module's state as a flat dict of tensors, out (`state_dict`) and in (`load_state_dict`)."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ..autograd.mode import no_grad
from ..tensor import Tensor
from .hooks import HookTable, RemovableHandle, add_hook
from .parameter import Parameter, is_lazy

__all__ = ["IncompatibleKeys", "Stateful"]

EXTRA_STATE = "_extra_state"


class StateDict(OrderedDict[str, Any]):
    """What `state_dict` returns: names to tensors, and the version of each module's format."""

    _metadata: OrderedDict[str, dict[str, Any]]


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` could not match."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return (
            f"IncompatibleKeys(missing_keys={self.missing_keys}, "
            f"unexpected_keys={self.unexpected_keys})"
        )


class ReplacingHook(NamedTuple):
    """A hook of `_register_state_dict_hook`, which may return another dict."""

    function: Callable[..., Any]

    def __call__(self, *given: Any) -> Any:
        return self.function(*given)


class ModulelessHook(NamedTuple):
    """A hook of `_register_load_state_dict_pre_hook` that is not told the module."""

    function: Callable[..., Any]

    def __call__(self, module: Any, *given: Any) -> None:
        self.function(*given)


class Findings(NamedTuple):
    """What a load has come upon so far; the lists are those that hooks may add to."""

    missing: list[str]
    unexpected: list[str]
    errors: list[str]


class Stateful:
    """The part of a Module that gives its state away and takes it back."""

    _version: int = 1
    """The version of the module's own state format; raise it when that changes."""

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]
    _state_dict_pre_hooks: HookTable
    _state_dict_hooks: HookTable
    _load_state_dict_pre_hooks: HookTable
    _load_state_dict_post_hooks: HookTable

    # -- out --------------------------------------------------------------------------------

    def state_dict(
        self,
        *args: Any,
        destination: Any = None,
        prefix: str = "",
        keep_vars: bool = False,
    ) -> dict[str, Any]:
        """All parameters and persistent buffers, by path; they share the module's memory.

        The arguments are keywords; by their places they are taken with a warning.

        Args:
            destination: a dict to add to.
            prefix: what to put before each key.
            keep_vars: the tensors themselves instead of detached ones.
        """
        if args:
            warnings.warn(
                "positional arguments of state_dict are deprecated: name destination, prefix and "
                "keep_vars",
                FutureWarning,
                stacklevel=2,
            )
            named = (destination, prefix, keep_vars)
            destination, prefix, keep_vars = (*args, *named[len(args) :])[:3]
        if destination is None:
            destination = StateDict()
            destination._metadata = OrderedDict()
        local_metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local_metadata
        for hook in tuple(self._state_dict_pre_hooks.values()):
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(
                    destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars
                )
        for hook in tuple(self._state_dict_hooks.values()):
            changed = hook(self, destination, prefix, local_metadata)
            if isinstance(hook, ReplacingHook):
                destination = destination if changed is None else changed
            elif changed is not None:
                raise RuntimeError(
                    "state_dict post-hook must return None: change the dict it is given instead"
                )
        return destination

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """Write this module's own state, without its children's; a module may override it."""
        for name, tensor in self._own_state():
            as_it_is = keep_vars or is_lazy(tensor)
            destination[prefix + name] = tensor if as_it_is else tensor.detach()
        if type(self).get_extra_state is not Stateful.get_extra_state:
            destination[prefix + EXTRA_STATE] = self.get_extra_state()

    def _own_state(self) -> Iterator[tuple[str, Tensor]]:
        for name, parameter in self._parameters.items():
            if parameter is not None:
                yield name, parameter
        for name, buffer in self._buffers.items():
            if buffer is not None and name not in self._non_persistent_buffers_set:
                yield name, buffer

    def get_extra_state(self) -> Any:
        """State that is not a tensor, to be kept in the state_dict; with `set_extra_state`."""
        raise RuntimeError(
            f"{type(self).__name__} has no extra state; a module that wants some overrides both "
            "get_extra_state and set_extra_state"
        )

    def set_extra_state(self, state: Any) -> None:
        """Take back what `get_extra_state` returned."""
        raise RuntimeError(
            f"{type(self).__name__} cannot take extra state; a module that wants some overrides "
            "both get_extra_state and set_extra_state"
        )

    # -- in ---------------------------------------------------------------------------------

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy values into this module and its children; the dict given stays as it is.

        Args:
            state_dict: what `state_dict` returned, of this module or a like one.
            strict: whether a key too many or too few is an error.
            assign: take the tensors themselves instead of copying their values.

        Returns:
            The keys that are missing in the dict and those it has too many.

        Raises:
            TypeError: it is not a mapping.
            RuntimeError: anything did not fit; one message says all of it.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(
                f"load_state_dict takes a dict of names to tensors; got {type(state_dict).__name__}"
            )
        given = StateDict(state_dict)
        given._metadata = getattr(state_dict, "_metadata", None) or OrderedDict()
        found = Findings([], [], [])
        _load(self, given, given._metadata, "", assign, found)
        problems = [*_key_problems(found), *found.errors] if strict else found.errors
        if problems:
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t"
                + "\n\t".join(problems)
            )
        return IncompatibleKeys(found.missing, found.unexpected)

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Read this module's own state, without its children's; a module may override it.

        Nothing is raised: what does not fit is added to the three lists.
        """
        findings = (missing_keys, unexpected_keys, error_msgs)
        for hook in tuple(self._load_state_dict_pre_hooks.values()):
            hook(self, state_dict, prefix, local_metadata, strict, *findings)
        own = dict(self._own_state())
        for name, tensor in own.items():
            key = prefix + name
            if key in state_dict:
                assign = local_metadata.get("assign_to_params_buffers", False)
                error_msgs += self._load_one(name, tensor, state_dict[key], key, assign)
            elif strict:
                missing_keys.append(key)
        extra = prefix + EXTRA_STATE
        if type(self).set_extra_state is not Stateful.set_extra_state:
            if extra in state_dict:
                self.set_extra_state(state_dict[extra])
            elif strict:
                missing_keys.append(extra)
        elif strict and extra in state_dict:
            unexpected_keys.append(extra)
        for key in state_dict if strict else ():
            if key.startswith(prefix) and key != extra:
                name, dot, _ = key.removeprefix(prefix).partition(".")
                if name not in (self._modules if dot else own):
                    unexpected_keys.append(key)

    def _load_one(self, name: str, tensor: Tensor, given: Any, key: str, assign: bool) -> list[str]:
        """Set one tensor; the problem, if there is one."""
        if not isinstance(given, Tensor):
            return [
                f"{key}: expected a clownpiece Tensor, got {type(given).__name__}; "
                "make it one with clownpiece.as_tensor(value)"
            ]
        lazy = is_lazy(tensor)
        if is_lazy(given):
            return [] if lazy else [f"{key}: the state_dict was saved before this had a shape"]
        if not lazy and not tensor.shape and given.shape == (1,):
            given = given.reshape(())
        if not lazy and given.shape != tensor.shape:
            return [
                f"size mismatch for {key}: the state_dict has shape {given.shape}, "
                f"the current model has {tensor.shape}."
            ]
        try:
            with no_grad():
                if assign:
                    setattr(self, name, _like(tensor, given))
                    return []
                if lazy:
                    tensor.materialize(given.shape)  # type: ignore[attr-defined]
                tensor.copy_(given)
        except Exception as error:
            # Such as a registration hook that refuses it; the other tensors are to be loaded still.
            return [
                f'While copying the parameter named "{key}" of shape {tensor.shape} from shape '
                f"{given.shape}, an exception occurred: {error}"
            ]
        return []

    # -- hooks ------------------------------------------------------------------------------

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, prefix, keep_vars)` before this module's state is gathered."""
        return add_hook(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)` after; it returns None."""
        return add_hook(self._state_dict_hooks, hook)

    def _register_state_dict_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """The old form: what the hook of the module that is asked returns replaces the dict."""
        return add_hook(self._state_dict_hooks, ReplacingHook(hook))

    def _register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], with_module: bool = False
    ) -> RemovableHandle:
        """The old form of `register_load_state_dict_pre_hook`: without the module, unless asked."""
        table = self._load_state_dict_pre_hooks
        return add_hook(table, hook if with_module else ModulelessHook(hook))

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata, strict, missing_keys,
        unexpected_keys, error_msgs)` before this module's state is read.
        """
        return add_hook(self._load_state_dict_pre_hooks, hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, incompatible_keys)` after this module and its children have loaded.

        The hook may take keys out of the lists, to have them pass as matched.
        """
        return add_hook(self._load_state_dict_post_hooks, hook)


def _load(
    module: Any,
    state_dict: dict[str, Any],
    metadata: Mapping[str, dict[str, Any]],
    prefix: str,
    assign: bool,
    found: Findings,
) -> None:
    """Load `module`, then its children, each with the part of the dict that is below it."""
    local_metadata = dict(metadata.get(prefix[:-1], {}))
    if assign:
        local_metadata["assign_to_params_buffers"] = True
    module._load_from_state_dict(state_dict, prefix, local_metadata, True, *found)
    for name, child in module._modules.items():
        if child is not None:
            below = f"{prefix}{name}."
            part = {key: value for key, value in state_dict.items() if key.startswith(below)}
            _load(child, part, metadata, below, assign, found)
    for hook in tuple(module._load_state_dict_post_hooks.values()):
        if hook(module, IncompatibleKeys(found.missing, found.unexpected)) is not None:
            raise AssertionError(
                "a hook of register_load_state_dict_post_hook must return None: change the lists "
                "it is given inplace instead"
            )


def _key_problems(found: Findings) -> Iterator[str]:
    for title, keys in (("Missing", found.missing), ("Unexpected", found.unexpected)):
        if keys:
            listed = ", ".join(f'"{key}"' for key in keys)
            yield f"{title} key(s) in state_dict: {listed}."


def _like(tensor: Tensor, given: Tensor) -> Tensor:
    """The given tensor as what it takes the place of: a parameter or a buffer."""
    if not isinstance(tensor, Parameter):
        return given
    if isinstance(given, Parameter):
        return given.requires_grad_(tensor.requires_grad)
    return Parameter(given, requires_grad=tensor.requires_grad)
