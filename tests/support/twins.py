"""The same module in PyTorch and here: built from one line, with the same values, compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import clownpiece

torch = pytest.importorskip("torch")

Draw = Callable[[np.random.Generator], np.ndarray]


def f(*shape: int) -> Draw:
    """Normal numbers, with a gradient."""
    return lambda rng: rng.standard_normal(shape)


def positive(*shape: int) -> Draw:
    """Numbers between .05 and .95, with a gradient."""
    return lambda rng: rng.uniform(0.05, 0.95, shape)


def away(*shape: int) -> Draw:
    """Numbers that keep away from 0, where many functions have a corner."""
    return lambda rng: rng.choice([-1.0, 1.0], shape) * rng.uniform(0.1, 2.0, shape)


def distinct(*shape: int) -> Draw:
    """Numbers no two of which are near each other, for maxima."""
    return lambda rng: rng.permutation(int(np.prod(shape))).reshape(shape) / 4.0


def log_probs(*shape: int) -> Draw:
    """Logarithms of probabilities along the last dimension."""

    def draw(rng: np.random.Generator) -> np.ndarray:
        x = rng.standard_normal(shape)
        return x - np.log(np.exp(x).sum(-1, keepdims=True))

    return draw


def ints(high: int, *shape: int, low: int = 0) -> Draw:
    """Integers from low to high - 1."""
    return lambda rng: rng.integers(low, high, shape)


def signs(*shape: int) -> Draw:
    """1.0 or -1.0; a target, so without a gradient."""
    return lambda rng: rng.choice([-1, 1], shape)


def mask(*shape: int) -> Draw:
    """Booleans, never a whole row of True."""

    def draw(rng: np.random.Generator) -> np.ndarray:
        drawn = rng.random(shape) < 0.4
        drawn[..., 0] = False
        return drawn

    return draw


def given(value: Any) -> Draw:
    """Exactly this array."""
    return lambda rng: np.asarray(value)


@dataclass
class Case:
    """One line of the table: how to make the module, and what to call it with."""

    text: str
    inputs: tuple[Any, ...]
    keywords: dict[str, Any] = field(default_factory=dict)
    train: bool = True

    def __str__(self) -> str:
        return self.text


def case(text: str, *inputs: Any, train: bool = True, **keywords: Any) -> Case:
    return Case(text, inputs, keywords, train)


def build(text: str) -> tuple[Any, Any]:
    """The module in both, in float64, with PyTorch's values."""
    theirs = eval(f"nn.{text}", {"nn": torch.nn, "T": torch}).double()
    ours = eval(f"nn.{text}", {"nn": clownpiece.nn, "T": clownpiece}).double()
    copy_state(theirs, ours)
    return theirs, ours


def copy_state(theirs: Any, ours: Any) -> None:
    state = {name: to_ours(value) for name, value in theirs.state_dict().items()}
    ours.load_state_dict(state)


def to_ours(value: Any) -> Any:
    return clownpiece.tensor(value.detach().numpy()) if torch.is_tensor(value) else value


def draw(case: Case, library: Any, seed: int) -> tuple[list[Any], dict[str, Any], list[Any]]:
    """Arguments for one library, and the tensors among them that require gradients."""
    rng = np.random.default_rng(seed)
    leaves: list[Any] = []

    def make(argument: Any) -> Any:
        if isinstance(argument, tuple):
            return tuple(make(each) for each in argument)
        if not callable(argument):
            return argument
        made = library.tensor(argument(rng))
        if made.dtype == library.float64:
            made.requires_grad_()
            leaves.append(made)
        return made

    args = [make(each) for each in case.inputs]
    return args, {name: make(each) for name, each in case.keywords.items()}, leaves


def flat(result: Any) -> Iterator[Any]:
    """The tensors in a result, however nested."""
    if isinstance(result, (tuple, list)):
        for each in result:
            yield from flat(each)
    elif result is not None:
        yield result


def run(library: Any, module: Any, case: Case, seed: int = 0) -> dict[str, np.ndarray]:
    """All that one forward and backward gives: outputs, gradients, and the state afterwards."""
    args, kwargs, leaves = draw(case, library, seed)
    outputs = list(flat(module(*args, **kwargs)))
    weights = np.random.default_rng(seed + 1)
    total = 0.0
    for output in outputs:
        if output.requires_grad:
            weight = library.tensor(weights.standard_normal(tuple(output.shape)))
            total = total + (output * weight).sum()
    module.zero_grad()
    if outputs and not isinstance(total, float):
        total.backward()
    found = {f"output {i}": output.detach().numpy() for i, output in enumerate(outputs)}
    for i, leaf in enumerate(leaves):
        if leaf.grad is not None:
            found[f"gradient of input {i}"] = leaf.grad.numpy()
    for name, parameter in module.named_parameters():
        if parameter.grad is not None:
            found[f"gradient of {name}"] = parameter.grad.numpy()
    for name, buffer in module.named_buffers():
        found[f"buffer {name}"] = buffer.detach().numpy()
    return found


def assert_same(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray], tol: float) -> None:
    assert list(ours) == list(theirs)
    for name, expected in theirs.items():
        got = ours[name]
        assert got.shape == expected.shape, name
        assert got.dtype == expected.dtype, name
        np.testing.assert_allclose(got, expected, rtol=tol, atol=tol, err_msg=name)
