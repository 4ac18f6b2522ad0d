"""What clownpiece costs: operations against NumPy's own calls, layers and steps against PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from measure import Case

import clownpiece


def small_operations() -> Iterator[Case]:
    """The price of one call, where the arithmetic is nothing."""
    a, b = np.ones((4, 4), np.float32), np.ones((4, 4), np.float32)
    s, t = clownpiece.tensor(a), clownpiece.tensor(b)
    leaf = clownpiece.tensor(a, requires_grad=True)

    def numpy_add() -> Any:
        return np.add(a, b)

    yield Case("add 4×4, arrays", lambda: clownpiece.add(a, b), numpy_add, "NumPy")
    yield Case("add 4×4, tensors", lambda: s + t, numpy_add, "NumPy")
    yield Case("add 4×4, recorded", lambda: leaf + t, numpy_add, "NumPy")


def against_pytorch() -> Iterator[Case]:
    """The same work in both, forward and backward, on one thread."""
    try:
        import torch
    except ModuleNotFoundError:
        return
    torch.set_num_threads(1)
    for what, make in (
        ("chain of 1,000 additions", _chain),
        ("Linear 256→256, 512 rows", _linear),
        ("Conv2d 16→32, 3×3, on 28×28, batch 32", _convolution),
        ("LayerNorm, 4,096 × 256", _layer_norm),
        ("cross entropy, 4,096 × 100", _cross_entropy),
        ("attention, 8 heads, 128 positions", _attention),
        ("Adam step, 1 M parameters", _adam),
        ("training step of LeNet, batch 64", _lenet),
    ):
        yield Case(what, make(clownpiece), make(torch), "PyTorch")


def _chain(lib: Any) -> Any:
    x = lib.ones(4, 4, requires_grad=True)

    def run() -> None:
        y = x
        for _ in range(1000):
            y = y + x
        y.sum().backward()

    return run


def _forward_backward(lib: Any, function: Any, *shape: int) -> Any:
    x = lib.randn(*shape)
    x.requires_grad_()
    return lambda: function(x).sum().backward()


def _linear(lib: Any) -> Any:
    return _forward_backward(lib, lib.nn.Linear(256, 256), 512, 256)


def _convolution(lib: Any) -> Any:
    return _forward_backward(lib, lib.nn.Conv2d(16, 32, 3, padding=1), 32, 16, 28, 28)


def _layer_norm(lib: Any) -> Any:
    return _forward_backward(lib, lib.nn.LayerNorm(256), 4096, 256)


def _cross_entropy(lib: Any) -> Any:
    target = lib.randint(0, 100, (4096,))
    return _forward_backward(
        lib, lambda x: lib.nn.functional.cross_entropy(x, target), 4096, 100
    )


def _attention(lib: Any) -> Any:
    attend = lib.nn.functional.scaled_dot_product_attention
    return _forward_backward(lib, lambda x: attend(x, x, x, is_causal=True), 4, 8, 128, 32)


def _adam(lib: Any) -> Any:
    x = lib.zeros(1_000_000, requires_grad=True)
    x.grad = lib.randn(1_000_000)
    return lib.optim.Adam([x], lr=1e-3).step


def _lenet(lib: Any) -> Any:
    n = lib.nn
    model = n.Sequential(
        n.Conv2d(1, 6, 5, padding=2), n.ReLU(), n.MaxPool2d(2),
        n.Conv2d(6, 16, 5), n.ReLU(), n.MaxPool2d(2), n.Flatten(),
        n.Linear(400, 120), n.ReLU(), n.Linear(120, 84), n.ReLU(), n.Linear(84, 10),
    )  # fmt: skip
    optimizer = lib.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    x, target = lib.randn(64, 1, 28, 28), lib.randint(0, 10, (64,))

    def step() -> None:
        optimizer.zero_grad()
        n.functional.cross_entropy(model(x), target).backward()
        optimizer.step()

    return step


FAMILIES = {
    "One small operation": small_operations,
    "Forward and backward": against_pytorch,
}
