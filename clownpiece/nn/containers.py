"""Modules that hold modules, and modules that hold parameters, in order or by name."""

from __future__ import annotations

import itertools
import operator
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from ..tensor import Tensor
from .errors import MissingAttribute
from .module import Module, _indented
from .parameter import Parameter

__all__ = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]


class _Numbered(Module):
    """Children named "0", "1", … that can be used as a list."""

    def _name_at(self, index: Any) -> str:
        try:
            index = operator.index(index)
        except TypeError:
            raise TypeError(
                f"{type(self).__name__} is indexed by an integer or a slice; got {index!r}"
            ) from None
        if not -len(self) <= index < len(self):
            raise IndexError(
                f"index {index} is out of range for a {type(self).__name__} of {len(self)}"
            )
        return next(itertools.islice(self._modules, index % len(self), None))

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not name.isdigit()]

    def append(self, module: Module) -> Self:
        """Add one at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add several at the end."""
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Any:
        """Add one before place `index`."""
        if not isinstance(module, Module):
            raise AssertionError(f"module should be of type Module; got {type(module).__name__}")
        if not -len(self) <= index <= len(self):
            raise IndexError(
                f"index {index} is out of range for a {type(self).__name__} of {len(self)}"
            )
        children = list(self)
        children.insert(index, module)
        self._renumber(children)

    def pop(self, key: int | slice) -> Any:
        """Remove one, and return it."""
        found = self[key]
        del self[key]
        return found

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._name_at(index), module)

    def __delitem__(self, index: int | slice) -> None:
        names = list(self._modules)
        chosen = names[index] if isinstance(index, slice) else [self._name_at(index)]
        for name in chosen:
            delattr(self, name)
        self._renumber(list(self))

    def _renumber(self, children: list[Module]) -> None:
        self._modules.clear()
        for number, child in enumerate(children):
            self._modules[str(number)] = child


class Sequential(_Numbered):
    """Modules that run one after the other, each on what the one before returned.

    Args:
        args: the modules in order, or one ordered dict of names to modules.

    >>> Sequential(Sequential(), Sequential())
    Sequential(
      (0): Sequential()
      (1): Sequential()
    )
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            for number, module in enumerate(args):
                self.add_module(str(number), module)

    def forward(self, input: Any) -> Any:
        for module in self:
            input = module(input)
        return input

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return type(self)(OrderedDict(list(self._modules.items())[index]))
        return self._modules[self._name_at(index)]

    def insert(self, index: int, module: Module) -> Self:
        """Add one before place `index`."""
        super().insert(index, module)
        return self

    def __add__(self, other: Sequential) -> Sequential:
        _check_sequential(other)
        return Sequential(*self, *other)

    def __iadd__(self, other: Sequential) -> Self:
        _check_sequential(other)
        return self.extend(other)

    def __mul__(self, other: int) -> Sequential:
        _check_times(other)
        return Sequential(*(module for _ in range(other) for module in self))

    __rmul__ = __mul__

    def __imul__(self, other: int) -> Self:
        _check_times(other)
        return self.extend([module for _ in range(other - 1) for module in self])


def _check_sequential(other: Any) -> None:
    if not isinstance(other, Sequential):
        raise ValueError(f"only another Sequential can be added; got {type(other).__name__}")


def _check_times(times: Any) -> None:
    if not isinstance(times, int):
        raise TypeError(f"a Sequential is repeated an int number of times; got {times!r}")
    if times <= 0:
        raise ValueError(f"a Sequential is repeated at least once; got {times}")


class ModuleList(_Numbered):
    """A list whose modules are registered; it has no forward of its own.

    >>> ModuleList([Sequential(), Sequential()])
    ModuleList(
      (0-1): 2 x Sequential()
    )
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self += modules

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return self._modules[self._name_at(index)]

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __iadd__(self, other: Iterable[Module]) -> Self:
        return self.extend(other)

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add several at the end."""
        if not isinstance(modules, Iterable):
            raise TypeError(
                f"ModuleList is extended by several modules; got {type(modules).__name__}"
            )
        return super().extend(modules)

    def _child_lines(self) -> list[str]:
        """Neighbours that print alike share a line: `(0-5): 6 x Block(...)`."""
        lines = []
        number = 0
        for text, alike in itertools.groupby(repr(module) for module in self):
            count = len(list(alike))
            if count == 1:
                lines.append(f"({number}): {_indented(text)}")
            else:
                folded = f"({number}-{number + count - 1}): {count} x {text}"
                lines.append(_indented(folded))
            number += count
        return lines


class ModuleDict(Module):
    """A dict whose modules are registered; it has no forward of its own."""

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Module:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Remove all."""
        self._modules.clear()

    def pop(self, key: str) -> Module:
        """Remove one, and return it."""
        return self._modules.pop(key)

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._modules.keys()

    def items(self) -> Iterable[tuple[str, Module]]:
        """The names and modules."""
        return self._modules.items()

    def values(self) -> Iterable[Module]:
        """The modules."""
        return self._modules.values()

    def update(self, modules: Any) -> None:
        """Add or replace those of a mapping, or of pairs of name and module."""
        for name, module in _pairs(modules, type(self).__name__):
            self[name] = module


def _pairs(given: Any, owner: str) -> Iterable[tuple[str, Any]]:
    if isinstance(given, (Mapping, ModuleDict, ParameterDict)):
        return list(given.items())
    if not isinstance(given, Iterable):
        raise TypeError(
            f"{owner}.update takes a mapping or pairs of name and value; got {type(given).__name__}"
        )
    pairs = [tuple(pair) for pair in given]
    for number, pair in enumerate(pairs):
        if len(pair) != 2:
            raise ValueError(
                f"{owner} update sequence element #{number} has length {len(pair)}; 2 is required"
            )
    return pairs


# -- parameters -----------------------------------------------------------------------------


class _Values(Module):
    """Values by name, parameters among them registered; tensors become parameters."""

    def _put(self, name: str, value: Any) -> None:
        if isinstance(value, Tensor) and not isinstance(value, Parameter):
            value = Parameter(value)
        setattr(self, name, value)

    def _named_values(self) -> list[tuple[Any, Any]]:
        raise NotImplementedError

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(f"{type(self).__name__} should not be called.")

    def _describe(self, value: Any) -> str:
        if not isinstance(value, Tensor):
            return f"Object of type: {type(value).__name__}"
        kind = "Parameter" if isinstance(value, Parameter) else "Tensor"
        size = "x".join(map(str, value.shape))
        return f"{kind} containing: [{self._type_of(value)} of size {size}]"

    def _type_of(self, tensor: Tensor) -> str:
        return str(tensor.dtype)

    def extra_repr(self) -> str:
        lines = (f"  ({name}): {self._describe(each)}" for name, each in self._named_values())
        return "\n".join(lines)


class ParameterList(_Values):
    """A list whose parameters are registered; tensors become parameters."""

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        if values is not None:
            self += values

    def _at(self, index: Any) -> str:
        index = operator.index(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range for a ParameterList of {len(self)}")
        return str(index % len(self))

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return type(self)(self[i] for i in range(*index.indices(len(self))))
        return getattr(self, self._at(index))

    def __setitem__(self, index: int, value: Any) -> None:
        self._put(self._at(index), value)

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return iter([self[i] for i in range(len(self))])

    def __iadd__(self, values: Iterable[Any]) -> Self:
        return self.extend(values)

    def append(self, value: Any) -> Self:
        """Add one at the end."""
        self._size += 1
        self[self._size - 1] = value
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Add several at the end."""
        if not isinstance(values, Iterable) or isinstance(values, Tensor):
            raise TypeError(
                f"ParameterList is extended by an iterable; got {type(values).__name__}"
            )
        for value in list(values):
            self.append(value)
        return self

    def _named_values(self) -> list[tuple[Any, Any]]:
        return list(enumerate(self))


class ParameterDict(_Values):
    """A dict whose parameters are registered; tensors become parameters."""

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, key: str) -> Any:
        if key not in self._keys:
            raise MissingAttribute(type(self), key, self._keys)
        return getattr(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise TypeError(
                f"Index given to ParameterDict cannot be used as a key as it is not a string "
                f"(type is {type(key).__name__})"
            )
        if key not in self._keys and key in dir(type(self)):
            raise KeyError(f"attribute {key!r} already exists in ParameterDict")
        self._put(key, value)
        self._keys[key] = None

    def __delitem__(self, key: str) -> None:
        del self._keys[key]
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __or__(self, other: Any) -> ParameterDict:
        joined = self.copy()
        joined.update(other)
        return joined

    def __ior__(self, other: Any) -> Self:
        self.update(other)
        return self

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._keys.keys()

    def items(self) -> Iterable[tuple[str, Any]]:
        """The names and values."""
        return [(key, self[key]) for key in self._keys]

    def values(self) -> Iterable[Any]:
        """The values."""
        return [self[key] for key in self._keys]

    def get(self, key: str, default: Any = None) -> Any:
        """One value, or `default`."""
        if key not in self._keys:
            return default
        return self[key]

    def setdefault(self, key: str, default: Any = None) -> Any:
        """One value, which is `default` if there was none."""
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: str) -> Any:
        """Remove one, and return it."""
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Remove the newest, and return its name and value."""
        if not self._keys:
            raise KeyError("popitem(): dictionary is empty")
        key = next(reversed(self._keys))
        return key, self.pop(key)

    def clear(self) -> None:
        """Remove all."""
        for key in list(self._keys):
            del self[key]

    def copy(self) -> ParameterDict:
        """Another dict of the same parameters."""
        return ParameterDict(OrderedDict(self.items()))

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """A dict of these names, all with the same value."""
        return ParameterDict((key, default) for key in keys)

    def update(self, parameters: Any) -> None:
        """Add or replace those of a mapping, or of pairs; a plain dict's in order of name."""
        pairs = _pairs(parameters, type(self).__name__)
        unordered = isinstance(parameters, Mapping) and not isinstance(parameters, OrderedDict)
        for key, value in sorted(pairs, key=lambda pair: pair[0]) if unordered else pairs:
            self[key] = value

    def _named_values(self) -> list[tuple[Any, Any]]:
        return list(self.items())

    def _type_of(self, tensor: Tensor) -> str:
        # PyTorch prints the type's old name in a dict and the dtype in a list.
        return tensor.type()
