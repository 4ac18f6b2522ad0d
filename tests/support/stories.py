"""Stories: a function that is told to PyTorch and to clownpiece, and the two logs compared."""

from __future__ import annotations

import itertools
import re
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import clownpiece

torch = pytest.importorskip("torch")

Story = Callable[[Any, "Log"], None]


class Seen(NamedTuple):
    """A tensor as it was when it was logged."""

    shape: tuple[int, ...]
    dtype: str
    requires_grad: bool
    is_leaf: bool
    values: np.ndarray


class Raised(NamedTuple):
    """An error as it was logged: the built-in class that it is of, and what it says."""

    kind: str
    message: str


class Log(list):
    """What happened, as plain values that can be compared.

    Attributes:
        names: what to call the objects with these ids; others go by the name of their class.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[int, str] = {}

    def __call__(self, *events: Any) -> None:
        self.append([self.plain(event) for event in events])

    def attempt(self, action: Callable[[], Any]) -> Any:
        """Do it; if it raises, log the error."""
        try:
            return action()
        except Exception as error:
            # Ours may be of a class of its own that derives from theirs.
            known = next(c for c in type(error).__mro__ if c.__module__ == "builtins")
            self.append([Raised(known.__name__, str(error))])
            return None

    def plain(self, value: Any) -> Any:
        """A picture of the value that later changes in place leave alone."""
        if id(value) in self.names and not hasattr(value, "detach"):
            return self.names[id(value)]
        if isinstance(value, (tuple, list)):
            return [type(value).__name__.lstrip("_"), *map(self.plain, value)]
        if isinstance(value, dict):
            return {name: self.plain(each) for name, each in value.items()}
        if hasattr(value, "requires_grad") and hasattr(value, "detach"):
            kind = str(value.dtype).partition(".")[2]
            values = np.array(value.detach().numpy())
            return Seen(tuple(value.shape), kind, value.requires_grad, value.is_leaf, values)
        if isinstance(value, str):
            return value.replace("clownpiece.", "torch.")
        return value if isinstance(value, (int, float, bool, type(None))) else type(value).__name__


def log_of(library: Any, tell: Story) -> list[Any]:
    """What a story logs with one library, warnings among the events."""
    log = Log()
    np.random.seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, category, *_: log("warned", category.__name__)
        tell(library, log)
    return list(log)


def stories() -> tuple[Callable[[Story], Story], Callable[[Story], None]]:
    """A decorator for the stories of a file, and the test that tells each to both libraries."""
    told: list[Any] = []

    def story(tell: Story) -> Story:
        told.append(pytest.param(tell, id=tell.__name__))
        return tell

    @pytest.mark.parametrize("tell", told)
    def test(tell: Story) -> None:
        assert_told_alike(tell)

    return story, test


def assert_told_alike(tell: Story, phrases: bool = True) -> None:
    """That both logs are the same, with or without the key phrases of errors."""
    theirs, ours = log_of(torch, tell), log_of(clownpiece, tell)
    assert theirs, "a story must log something"
    if not phrases:
        theirs = [[Raised(e.kind, "") if isinstance(e, Raised) else e for e in t] for t in theirs]
    for number, (expected, got) in enumerate(itertools.zip_longest(theirs, ours)):
        if difference := difference_of(expected, got):
            before = "".join(f"\n  {event}" for event in theirs[max(number - 5, 0) : number])
            raise AssertionError(
                f"event {number}, {difference}:\n  PyTorch    {expected}\n  clownpiece {got}\n"
                f"after{before}"
            )


def difference_of(theirs: Any, ours: Any) -> str | None:
    """In what two logged values differ; None if they tell the same."""
    if type(theirs) is not type(ours):
        return "one is of another kind"
    if isinstance(theirs, Seen):
        return _difference_of_tensors(theirs, ours)
    if isinstance(theirs, Raised):
        if theirs.kind != ours.kind:
            return "the errors are of different classes"
        missing = [each for each in key_phrases(theirs.message) if each not in said(ours.message)]
        return f"the message does not say {missing}" if missing else None
    if isinstance(theirs, dict):
        if list(theirs) != list(ours):
            return "the keys differ"
        return _first(difference_of(theirs[key], ours[key]) for key in theirs)
    if isinstance(theirs, list):
        if len(theirs) != len(ours):
            return "the lengths differ"
        return _first(map(difference_of, theirs, ours))
    return None if theirs == ours else "the values differ"


def _difference_of_tensors(theirs: Seen, ours: Seen) -> str | None:
    for name, expected, got in zip(Seen._fields[:-1], theirs, ours):
        if expected != got:
            return f"{name} differs"
    tolerance = 1e-9 if theirs.dtype == "float64" else 1e-4
    scale = max(1.0, float(np.abs(np.nan_to_num(theirs.values)).max(initial=0.0)))
    same = np.allclose(
        ours.values, theirs.values, rtol=tolerance, atol=tolerance * scale, equal_nan=True
    )
    return None if same else "the numbers differ"


def _first(differences: Any) -> str | None:
    return next((each for each in differences if each), None)


# Words of PyTorch's by which a person finds an error again; whoever raises its error says them too.
PHRASES = (
    "already exists",
    "backward through the graph a second time",
    "can't be empty",
    "can't contain",
    "cannot assign",
    "cannot be multiplied",
    "does not require grad",
    "has no attribute",
    "Inference tensor",
    "invalid number of grad_input",
    "invalid number of grad_output",
    "is being used in an in-place operation",
    "is not a Module subclass",
    "leaf Variable",
    "leaf variable",
    "Missing key(s) in state_dict",
    "missing the required",
    "inplace",
    "must return None",
    "not implemented",
    "only accepts floating point",
    "only Tensors of floating point",
    "out of range",
    "scalar outputs",
    "should be a string",
    "size mismatch for",
    "takes no arguments",
    "Unexpected key(s) in state_dict",
    "unexpected keyword argument",
)
QUOTED = re.compile(r"['\"`]([A-Za-z_][\w.]*|\d+)['\"`]")
OF_PYTHON = {"float", "int", "list", "str"}
SHAPE = re.compile(r"[\[(](\d+(?:, \d+)*)[,\])]")


def key_phrases(message: str) -> list[str]:
    """What PyTorch's message is known by: set phrases, the names it quotes, the shapes."""
    phrases = [phrase.lower() for phrase in PHRASES if phrase in message]
    names = [name.lower() for name in QUOTED.findall(message) if name not in OF_PYTHON]
    # Of a class it is the name that counts, not where it is defined.
    names = [n.rpartition(".")[2] if n.startswith(("torch.", "support.")) else n for n in names]
    # PyTorch calls a tensor by the class it once had: torch.DoubleTensor.
    names = [name for name in names if not name.endswith("tensor")]
    return [*phrases, *names, *SHAPE.findall(message)]


def said(message: str) -> str:
    """A message of ours as key phrases are looked for in it."""
    return message.lower()


def numbers(library: Any, *shape: int, requires_grad: bool = False) -> Any:
    """A float64 tensor that is the same in both libraries."""
    values = np.round(np.random.standard_normal(shape), 3)
    return library.tensor(values, requires_grad=requires_grad)
