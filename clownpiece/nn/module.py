"""`Module`: computation and the state it needs, in one object; objects in a tree.

A module is a `forward` with parameters (learned), buffers (kept, not learned) and children
(modules again). Assigning one of these to an attribute registers it, and everything else
follows from the three tables: iteration, state_dict, conversion, printing.

>>> from clownpiece import nn
>>> class SimpleNet(nn.Module):
...     def __init__(self, input_size, hidden_size, output_size):
...         super().__init__()
...         self.layer1 = nn.Linear(input_size, hidden_size)
...         self.activation = nn.ReLU()
...         self.layer2 = nn.Linear(hidden_size, output_size)
...
...     def forward(self, x):
...         return self.layer2(self.activation(self.layer1(x)))
>>> SimpleNet(784, 128, 10)
SimpleNet(
  (layer1): Linear(in_features=784, out_features=128, bias=True)
  (activation): ReLU()
  (layer2): Linear(in_features=128, out_features=10, bias=True)
)
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

from ..autograd.mode import no_grad
from ..binding import asked_of_to
from ..creation import empty_like
from ..dtypes import as_dtype, float32, float64
from ..tensor import Tensor
from . import init
from .errors import MissingAttribute, note_module
from .hooks import Hookable, call_with_hooks, global_hooks, registered
from .observe import observed_call, observers
from .parameter import Buffer, Parameter
from .state import Stateful

__all__ = ["Module"]

TABLES = ("_parameters", "_buffers", "_modules")
HOOK_TABLES = (
    "_forward_pre_hooks",
    "_forward_hooks",
    "_backward_pre_hooks",
    "_backward_hooks",
    "_state_dict_pre_hooks",
    "_state_dict_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)


class Module(Hookable, Stateful):
    """The base of all neural-network modules.

    A subclass calls `super().__init__()` first, assigns its parts to attributes, and defines
    `forward`; it is run by calling it, so that hooks are run too.

    Attributes:
        training: True while training, False while evaluating; `train()` and `eval()` set it
            here and in all children. Dropout and batch normalization ask for it.
        call_super_init: True in a class whose `__init__` should go on to the next class of a
            multiple inheritance.
    """

    training: bool
    call_super_init: bool = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if (args or kwargs) and not self.call_super_init:
            given = [*map(repr, args), *(f"{name}={value!r}" for name, value in kwargs.items())]
            unexpected = "an unexpected keyword argument" if kwargs else "unexpected arguments"
            raise TypeError(
                f"{type(self).__name__}: Module.__init__() got {unexpected} ({', '.join(given)}); "
                "call super().__init__() without them"
            )
        # Straight into the dict: __setattr__ needs the tables that are being made.
        state = self.__dict__
        state["training"] = True
        for table in TABLES:
            state[table] = {}
        state["_non_persistent_buffers_set"] = set()
        for table in HOOK_TABLES:
            state[table] = OrderedDict()
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take back what was pickled, even if it was when there were fewer kinds of hooks."""
        self.__dict__.update(state)
        for table in HOOK_TABLES:
            self.__dict__.setdefault(table, OrderedDict())
        self.__dict__.setdefault("_non_persistent_buffers_set", set())

    # -- computation ------------------------------------------------------------------------

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass defines its own."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the hooks and `forward`; an error on its way out learns this module's path."""
        try:
            if observers:
                return observed_call(self, args, kwargs)
            # What `has_hooks` asks, without the price of a call.
            if (
                self._backward_hooks
                or self._backward_pre_hooks
                or self._forward_hooks
                or self._forward_pre_hooks
                or global_hooks.any_call
            ):
                return call_with_hooks(self, args, kwargs)
            return self.forward(*args, **kwargs)
        except Exception as error:
            note_module(error, self, args, kwargs)
            raise

    # -- registration -----------------------------------------------------------------------

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter, found as the attribute `name`; None keeps the place free.

        Raises:
            TypeError: not a Parameter.
            KeyError: the name is taken, empty or has a dot.
            ValueError: it was computed by an operation; a parameter is a leaf.
        """
        self._check_name("parameter", name, self._table("_parameters", name))
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"cannot assign {type(param).__name__!r} object to parameter {name!r} "
                    "(clownpiece.nn.Parameter or None required)"
                )
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter {name!r}: parameters must be "
                    "leaves; compute such a value in forward instead"
                )
            param = registered(global_hooks.parameter_registration, self, name, param)
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is kept but not learned, found as the attribute `name`.

        Args:
            name: the attribute.
            tensor: the values; None keeps the place free.
            persistent: whether it is part of `state_dict`.

        Raises:
            TypeError: not a Tensor.
            KeyError: the name is taken, empty or has a dot.
        """
        self._check_name("buffer", name, self._table("_buffers", name))
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign {type(tensor).__name__!r} object to buffer {name!r} "
                "(clownpiece Tensor or None required)"
            )
        self._buffers[name] = registered(global_hooks.buffer_registration, self, name, tensor)
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child, found as the attribute `name`; None keeps the place free.

        Raises:
            TypeError: not a Module.
            KeyError: the name is taken, empty or has a dot.
        """
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{_type_name(module)} is not a Module subclass")
        self._check_name("module", name, self._table("_modules", name))
        self._modules[name] = registered(global_hooks.module_registration, self, name, module)

    register_module = add_module

    def _table(self, table: str, name: str) -> dict[str, Any]:
        """One of the three tables, which is there once `Module.__init__` has run."""
        found = self.__dict__.get(table)
        if found is None:
            kind = {"_parameters": "parameters", "_buffers": "buffers"}.get(table, "module")
            raise AttributeError(
                f"cannot assign {kind} before Module.__init__() call: let "
                f"{type(self).__name__}.__init__ begin with super().__init__(), before {name!r}"
            )
        return found

    def _check_name(self, kind: str, name: str, table: dict[str, Any]) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {_type_name(name)}")
        if name not in table and self._has(name):
            raise KeyError(f"attribute {name!r} already exists in {type(self).__name__}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain ".", got: {name}')
        if not name:
            raise KeyError(f'{kind} name can\'t be empty string ""')

    def _has(self, name: str) -> bool:
        state = self.__dict__
        tables = any(name in state[table] for table in TABLES)
        return tables or name in state or hasattr(type(self), name)

    # -- attributes -------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        # Python asks here only after the instance and the class did not have the name.
        state = self.__dict__
        if "_modules" not in state:
            if name in TABLES or name in HOOK_TABLES or name == "training":
                raise AttributeError(
                    f"{type(self).__name__!r} object has no attribute {name!r}, because "
                    "Module.__init__() was not called: let its __init__ begin with "
                    "super().__init__()"
                )
            raise MissingAttribute(type(self), name, state)
        for table in TABLES:
            if name in state[table]:
                return state[table][name]
        described = getattr(type(self), name, None)
        if isinstance(described, property) and described.fget is not None:
            # A property that raised AttributeError: let its own error be seen.
            return described.fget(self)
        names = {*state, *(known for table in TABLES for known in state[table])}
        raise MissingAttribute(type(self), name, (known for known in names if known[:1] != "_"))

    def __setattr__(self, name: str, value: Any) -> None:
        state = self.__dict__
        if isinstance(value, Parameter):
            self._forget(name, but=self._table("_parameters", name))
            self.register_parameter(name, value)
        elif name in state.get("_parameters", ()):
            self._set_registered("parameter", name, value)
        elif isinstance(value, Module):
            modules = self._table("_modules", name)
            self._forget(name, but=modules)
            modules[name] = registered(global_hooks.module_registration, self, name, value)
        elif name in state.get("_modules", ()):
            self._set_registered("child module", name, value)
        elif isinstance(value, Buffer):
            self.register_buffer(name, value, value.persistent)
        elif name in state.get("_buffers", ()):
            self._set_registered("buffer", name, value)
        else:
            super().__setattr__(name, value)

    def _set_registered(self, kind: str, name: str, value: Any) -> None:
        """A new value for a name that is in a table already: it has to suit the table."""
        if kind == "buffer" and (value is None or isinstance(value, Tensor)):
            self.register_buffer(name, value, name not in self._non_persistent_buffers_set)
        elif kind == "parameter" and value is None:
            self.register_parameter(name, None)
        elif kind == "child module" and value is None:
            self._modules[name] = registered(global_hooks.module_registration, self, name, None)
        else:
            wanted = {"parameter": "Parameter", "buffer": "Tensor", "child module": "Module"}[kind]
            raise TypeError(
                f"cannot assign {_type_name(value)!r} as {kind} {name!r} of "
                f"{type(self).__name__} ({wanted} or None expected)"
            )

    def _forget(self, name: str, but: dict[str, Any]) -> None:
        """Remove a name wherever it is, except from one table: it lives in one place only."""
        state = self.__dict__
        for table in (state, *(state[table] for table in TABLES)):
            if table is not but:
                table.pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def __delattr__(self, name: str) -> None:
        for table in TABLES:
            if name in self.__dict__.get(table, ()):
                del self.__dict__[table][name]
                self._non_persistent_buffers_set.discard(name)
                return
        super().__delattr__(name)

    def __dir__(self) -> list[str]:
        names = {*super().__dir__(), *(name for t in TABLES for name in self.__dict__.get(t, ()))}
        return sorted(name for name in names if not name[:1].isdigit())

    # -- the tree ---------------------------------------------------------------------------

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module (under the name `prefix`) and all below it, parents first.

        Args:
            memo: modules to leave out; those that are met are added.
            prefix: put before each name.
            remove_duplicate: whether a module that is reached twice is given once.
        """
        seen = set() if memo is None else memo
        waiting: list[tuple[str, Module]] = [(prefix, self)]
        while waiting:
            path, module = waiting.pop()
            if remove_duplicate:
                if module in seen:
                    continue
                seen.add(module)
            yield path, module
            children = [
                (f"{path}.{name}" if path else name, child)
                for name, child in module._modules.items()
                if child is not None
            ]
            waiting.extend(reversed(children))

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """This module and all below it, parents first, each once."""
        return (module for _, module in self.named_modules(remove_duplicate=remove_duplicate))

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly below this one, each once."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """The modules directly below this one, each once."""
        return (module for _, module in self.named_children())

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters by path, a shared one once and under its first path.

        Args:
            prefix: put before each name.
            recurse: also those of all children.
            remove_duplicate: False gives a shared one under each of its paths.
        """
        return self._named_members(
            lambda module: module._parameters.items(), prefix, recurse, remove_duplicate
        )

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once; what an optimizer is given."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers by path, a shared one once; arguments as in `named_parameters`."""
        return self._named_members(
            lambda module: module._buffers.items(), prefix, recurse, remove_duplicate
        )

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, each once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _named_members(
        self,
        get_members_fn: Callable[[Module], Iterable[tuple[str, Any]]],
        prefix: str = "",
        recurse: bool = True,
        remove_duplicate: bool = True,
    ) -> Iterator[tuple[str, Any]]:
        seen = set()
        modules: Iterable[tuple[str, Module]] = [(prefix, self)]
        if recurse:
            modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
        for path, module in modules:
            for name, member in get_members_fn(module):
                if member is None or (remove_duplicate and id(member) in seen):
                    continue
                seen.add(id(member))
                yield (f"{path}.{name}" if path else name), member

    def get_submodule(self, target: str) -> Module:
        """The module at a dotted path; the empty path is this module.

        Raises:
            AttributeError: there is no module at that path.
        """
        module: Module = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise MissingAttribute(type(module), name, module._modules)
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not a Module, on the way to {target!r}")
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put `module` at a dotted path; with `strict` only where one is already.

        Raises:
            ValueError: the path is empty, or `module` is not a Module.
            AttributeError: the parent is not there, or (strict) the place is free.
        """
        parent_path, _, name = target.rpartition(".")
        if not name:
            raise ValueError(
                f"set_submodule needs the path of a child, such as 'layer1.0'; got {target!r}"
            )
        if not isinstance(module, Module):
            raise ValueError(f"set_submodule puts a Module in place; got {_type_name(module)}")
        parent = self.get_submodule(parent_path)
        if strict and not hasattr(parent, name):
            raise MissingAttribute(type(parent), name, parent._modules)
        if hasattr(parent, name) and not isinstance(getattr(parent, name), Module):
            raise AttributeError(f"`{name}` is not a Module, so {target!r} cannot be replaced")
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path.

        Raises:
            AttributeError: there is nothing at that path, or it is not a Parameter.
        """
        return self._get_member(target, "_parameters", "an nn.Parameter")

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a dotted path.

        Raises:
            AttributeError: there is nothing at that path, or it is not a buffer.
        """
        return self._get_member(target, "_buffers", "a buffer")

    def _get_member(self, target: str, table: str, what: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise MissingAttribute(type(module), name, getattr(module, table))
        found = getattr(module, table)
        if name not in found or (table == "_parameters" and found[name] is None):
            raise AttributeError(f"`{name}` is not {what}, at {target!r}")
        return found[name]

    # -- doing something to all of it -------------------------------------------------------

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call `fn` on every module below and then on this one; for initialisation."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Replace the values of all parameters, their gradients, and buffers by `fn` of them.

        Parameters stay the objects they are, so optimizers and ties keep hold of them.
        """
        if recurse:
            for module in self.children():
                module._apply(fn)
        with no_grad():
            for parameter in self._parameters.values():
                if parameter is not None:
                    grad = parameter.grad
                    parameter.data = fn(parameter)
                    if grad is not None:
                        grad.data = fn(grad)
        # With their history: a buffer may have been computed.
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Convert floating-point parameters and buffers: `to(dtype)`, `to(tensor)`.

        A device is accepted for the sake of code that names one, if it is the CPU.

        Raises:
            TypeError: the dtype is not a floating one.
            RuntimeError: the device is not the CPU, or a copy is asked for.
        """
        wanted, copy = asked_of_to(args, kwargs)
        if copy:
            raise RuntimeError(
                "Module.to() does not accept the copy argument: it converts the module itself; "
                "copy.deepcopy(module).to(...) makes another one"
            )
        if wanted is None:
            return self
        if not wanted.is_floating_point:
            raise TypeError(
                f"nn.Module.to only accepts floating point dtypes, but got desired dtype={wanted}"
            )
        return self._apply(lambda t: t.to(wanted) if t.is_floating_point() else t)

    def float(self) -> Self:
        """Convert all floating-point parameters and buffers to float32."""
        return self.to(float32)

    def double(self) -> Self:
        """Convert all floating-point parameters and buffers to float64."""
        return self.to(float64)

    def half(self) -> Self:
        """Convert all floating-point parameters and buffers to float16."""
        return self.to(as_dtype("float16"))

    def bfloat16(self) -> Self:
        """Convert all floating-point parameters and buffers to bfloat16, which there is not."""
        return self.to(as_dtype("bfloat16"))

    def to_empty(self, *, device: Any, recurse: bool = True) -> Self:
        """Give all parameters and buffers new memory, whose values are yet to be set."""
        return self._apply(lambda t: empty_like(t, device=device), recurse)

    def cpu(self) -> Self:
        """This module, which is on the CPU already."""
        return self

    def cuda(self, device: Any = None) -> Self:
        """Refused: there is only the CPU here."""
        return self.to("cuda")

    def type(self, dst_type: Any) -> Self:
        """Convert all parameters and buffers, of whatever dtype, to `dst_type`."""
        return self._apply(lambda t: t.type(dst_type))

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Say of all parameters whether they are to be trained; False freezes the module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to zero."""
        for parameter in self.parameters():
            grad = parameter.grad
            if set_to_none or grad is None:
                parameter.grad = None
            else:
                grad.detach_() if grad.grad_fn is not None else grad.requires_grad_(False)
                init.zeros_(grad)

    def train(self, mode: bool = True) -> Self:
        """Set training mode, or (False) evaluation mode, here and in all children."""
        if not isinstance(mode, bool):
            raise ValueError(f"training mode is expected to be boolean; got {mode!r}")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Self:
        """Set evaluation mode: dropout is off, normalization uses its running statistics."""
        return self.train(False)

    # -- printing ---------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What to print between the parentheses, such as `in_features=784`; to be overridden."""
        return ""

    def _child_lines(self) -> list[str]:
        return [f"({name}): {_indented(repr(module))}" for name, module in self._modules.items()]

    def __repr__(self) -> str:
        extra, children = self.extra_repr(), self._child_lines()
        extra_lines = extra.split("\n") if extra else []
        lines = extra_lines + children
        if not lines:
            return f"{self._get_name()}()"
        if not children and len(lines) == 1:
            return f"{self._get_name()}({lines[0]})"
        body = "\n".join(f"  {line}" for line in lines)
        return f"{self._get_name()}(\n{body}\n)"


def _indented(text: str) -> str:
    """The text with all lines after the first one moved to the right."""
    return text.replace("\n", "\n  ")


def _type_name(value: Any) -> str:
    return type(value).__name__
