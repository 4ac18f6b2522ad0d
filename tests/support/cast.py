"""Who plays in the scripts: modules that do what a module may do, the same in both libraries.

Numbers are quarters, so that sums and products come out exactly alike in whatever order they
are made. All modules take tensors of shape (2, 2), as nested as they may be, and return such.
"""

from __future__ import annotations

from collections import namedtuple
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import clownpiece

torch = pytest.importorskip("torch")

Pair = namedtuple("Pair", "left right")


def quarters(library: Any, seed: int, *shape: int, dtype: str = "float64") -> Any:
    """A tensor of quarters between −1 and 1, none of them 0 in an even seed."""
    steps = (np.arange(int(np.prod(shape))) * 7 + seed * 5) % 9 - 4
    values = np.where((steps == 0) & (seed % 2 == 0), 2, steps) / 4
    return library.tensor(values.reshape(shape), dtype=getattr(library, dtype))


def tensors_in(value: Any) -> list[Any]:
    """The tensors in a nest of tuples, lists and dicts, in order."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        return [tensor for each in value for tensor in tensors_in(each)]
    return [value] if hasattr(value, "requires_grad") else []


def total(value: Any) -> Any:
    """The sum of the tensors in a nest; the one itself where there is one."""
    found = tensors_in(value)
    if not found:
        raise TypeError("there is no tensor to compute with")
    result = found[0]
    for each in found[1:]:
        result = result + each
    return result


WAYS = (
    *("chain", "fork", "dict", "nested", "pair", "keywords", "twice", "in place", "input"),
    *("view", "detached", "constant", "nothing", "without grad", "grown", "dotted"),
)
"""What a Part's forward can do with its input and its children."""


def _parts(library: Any) -> SimpleNamespace:
    """The classes of the cast, made for one library."""
    nn = library.nn

    class Part(nn.Module):
        """A weight, a count that is saved, a cache that is not, and children used in a `way`."""

        def __init__(self, way: str, seed: int) -> None:
            super().__init__()
            self.way, self.broken = way, False
            self.weight = nn.Parameter(quarters(library, seed, 2))
            self.register_buffer("count", library.tensor(0))
            self.register_buffer("cache", quarters(library, seed, 2), persistent=False)

        def extra_repr(self) -> str:
            return f"way={self.way!r}"

        def forward(self, x: Any, other: Any = None, *, scale: Any = None) -> Any:
            if self.broken == "early":
                raise ValueError("broken before anything was computed")
            if self.training and getattr(self, "count", None) is not None:
                self.count += 1
            x = total(x if other is None else (x, other))
            if scale is not None:
                x = x * total(scale)
            result = getattr(self, "_" + self.way.replace(" ", "_"))(x)
            if self.broken == "late":
                raise ValueError("broken after everything was computed")
            return result

        def _players(self) -> list[Any]:
            return [child for child in self._modules.values() if child is not None]

        def _own(self, x: Any) -> Any:
            weight = getattr(self, "weight", None)
            return x if weight is None else x * weight

        def _chain(self, x: Any) -> Any:
            x = self._own(x)
            for child in self._players():
                x = child(x)
            return x

        def _twice(self, x: Any) -> Any:
            return total([child(child(x)) for child in self._players()] or self._own(x))

        def _fork(self, x: Any) -> Any:
            return (self._own(x), *(child(x) for child in self._players()))

        def _dict(self, x: Any) -> Any:
            return {"own": self._own(x)} | {str(i): m(x) for i, m in enumerate(self._players())}

        def _nested(self, x: Any) -> Any:
            return self._own(x), {"below": [child(x) for child in self._players()], "n": 3}

        def _pair(self, x: Any) -> Any:
            return Pair(self._own(x), total([x, *(child(x) for child in self._players())]))

        def _keywords(self, x: Any) -> Any:
            for child in self._players():
                x = child(x, scale=self._own(x)) if isinstance(child, Part) else child(x)
            return x

        def _in_place(self, x: Any) -> Any:
            x += 1
            return self._chain(x)

        def _grown(self, x: Any) -> Any:
            y = self._chain(x)
            y *= 2
            return y

        def _input(self, x: Any) -> Any:
            return x

        def _view(self, x: Any) -> Any:
            return self._chain(x).transpose(0, 1)[:2].reshape(2, 2)

        def _detached(self, x: Any) -> Any:
            return self._chain(x).detach()

        def _constant(self, x: Any) -> Any:
            return quarters(library, 3, 2, 2)

        def _nothing(self, x: Any) -> Any:
            self._chain(x)

        def _without_grad(self, x: Any) -> Any:
            with library.no_grad():
                return self._chain(x)

        def _dotted(self, x: Any) -> Any:
            return x @ x + self._own(x)

    class Remembering(Part):
        """A Part with state that is no tensor, and with a format of its own."""

        _version = 3

        def __init__(self, seed: int) -> None:
            super().__init__("chain", seed)
            self.memory = seed

        def get_extra_state(self) -> Any:
            return {"memory": self.memory}

        def set_extra_state(self, state: Any) -> None:
            if not isinstance(state, dict):
                raise TypeError("there is no memory in this")
            self.memory = state["memory"]

    class Translating(Part):
        """A Part that saves its weight under another name, in the second version of a format."""

        _version = 2

        def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
            super()._save_to_state_dict(destination, prefix, keep_vars)
            if prefix + "weight" in destination:
                destination[prefix + "gain"] = destination.pop(prefix + "weight")

        def _load_from_state_dict(
            self, state: Any, prefix: str, metadata: Any, *rest: Any
        ) -> None:
            if metadata.get("version", 1) >= 2 and prefix + "gain" in state:
                state[prefix + "weight"] = state.pop(prefix + "gain")
            super()._load_from_state_dict(state, prefix, metadata, *rest)

    class Headless(nn.Module):
        """No forward."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Identity()

    return SimpleNamespace(
        Part=Part, Remembering=Remembering, Translating=Translating, Headless=Headless
    )


CASTS = {torch: _parts(torch), clownpiece: _parts(clownpiece)}

# Pickle finds a class by its module and qualified name, which differs between the libraries
# while the name that is printed does not.
torch_cast, clownpiece_cast = CASTS.values()
for _name, _cast in (("torch_cast", torch_cast), ("clownpiece_cast", clownpiece_cast)):
    for _kind in vars(_cast).values():
        _kind.__qualname__ = f"{_name}.{_kind.__name__}"


KINDS = (
    *(f"part {way}" for way in WAYS),
    *("linear", "linear without bias", "batch norm", "relu", "relu in place", "identity"),
    *("sequential", "module list", "module dict", "parameter list", "parameter dict"),
    *("remembering", "translating", "headless", "layer norm", "dropout", "max pool"),
)


def make(library: Any, kind: str, seed: int) -> Any:
    """A module of this kind, in float64, with the same numbers in both libraries."""
    nn, cast = library.nn, CASTS[library]
    if kind.startswith("part "):
        return cast.Part(kind.removeprefix("part "), seed)
    made = {
        "linear": lambda: nn.Linear(2, 2, dtype=library.float64),
        "linear without bias": lambda: nn.Linear(2, 2, bias=False, dtype=library.float64),
        "batch norm": lambda: nn.BatchNorm1d(2, dtype=library.float64),
        "layer norm": lambda: nn.LayerNorm(2, dtype=library.float64),
        "max pool": lambda: nn.MaxPool1d(1),
        "dropout": lambda: nn.Dropout(0.0),
        "relu": nn.ReLU,
        "relu in place": lambda: nn.ReLU(inplace=True),
        "identity": nn.Identity,
        "sequential": lambda: nn.Sequential(nn.Linear(2, 2, dtype=library.float64), nn.ReLU()),
        "module list": lambda: nn.ModuleList([nn.Identity(), nn.Identity()]),
        "module dict": lambda: nn.ModuleDict({"a": nn.Identity(), "b": nn.ReLU()}),
        "parameter list": lambda: nn.ParameterList([quarters(library, seed, 2)]),
        "parameter dict": lambda: nn.ParameterDict({"a": quarters(library, seed, 2)}),
        "remembering": lambda: cast.Remembering(seed),
        "translating": lambda: cast.Translating("chain", seed),
        "headless": cast.Headless,
    }[kind]()
    with library.no_grad():
        for at, parameter in enumerate(made.parameters()):
            parameter.copy_(quarters(library, seed + at, *parameter.shape))
    return made
